/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LRK_FLOW_H
#define LRK_FLOW_H

#include <linux/types.h>

struct lrk_flow;
struct lrk_flow_spec;

int lrk_flow_init(void);
void lrk_flow_exit(void);
u32 lrk_flows_max(void);
u32 lrk_flows_all(void);

struct lrk_flow *lrk_flow_alloc(const struct lrk_flow_spec *spec);
void lrk_flow_discard(struct lrk_flow *flow);
void lrk_flow_free(struct lrk_flow *flow);

#endif /* LRK_FLOW_H */
