/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LRK_AHEAD_H
#define LRK_AHEAD_H

#include <linux/compiler.h>
#include "net.h"

#ifdef CONFIG_NETFILTER_INGRESS
void lrk_ahead_fetch(const struct lrk_net *ln);
void lrk_ahead_settle(struct lrk_net *ln);
void lrk_ahead_net_init(struct lrk_net *ln);
void lrk_ahead_net_stop(struct lrk_net *ln);
int lrk_ahead_init(void);
void lrk_ahead_exit(void);

/* Have what the next packets need come, if this is the first of some. Context: softirq, rcu_read_lock(). */
static __always_inline void lrk_ahead(const struct lrk_net *ln)
{
	if (unlikely(READ_ONCE(ln->looks_ahead)))
		lrk_ahead_fetch(ln);
}
#else
static inline void lrk_ahead_settle(struct lrk_net *ln) { }
static inline void lrk_ahead_net_init(struct lrk_net *ln) { }
static inline void lrk_ahead_net_stop(struct lrk_net *ln) { }
static inline int lrk_ahead_init(void) { return 0; }
static inline void lrk_ahead_exit(void) { }
static inline void lrk_ahead(const struct lrk_net *ln) { }
#endif

#endif /* LRK_AHEAD_H */
