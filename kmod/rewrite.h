/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LRK_REWRITE_H
#define LRK_REWRITE_H

#include <linux/skbuff.h>
#include "table.h"

/* An IP header without options, and that of UDP. */
#define LRK_HEADERS 28

bool lrk_rewrite_fits(const struct sk_buff *skb);
void lrk_rewrite(struct sk_buff *skb, const struct lrk_leaving *leaving);

#endif /* LRK_REWRITE_H */
