/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LRK_XMIT_H
#define LRK_XMIT_H

#include <linux/skbuff.h>
#include <net/route.h>
#include "table.h"

/**
 * struct lrk_route - how a packet leaves
 * @rt: the route
 * @own: whether the packet takes a reference of its own with it, which the caller has
 */
struct lrk_route {
	struct rtable *rt;
	bool own;
};

bool lrk_route_get(struct lrk_net *ln, const struct lrk_flow_key *key, const struct lrk_hit *hit,
		   struct lrk_route *route);
void lrk_route_put(const struct lrk_route *route);
bool lrk_xmit(struct sk_buff *skb, const struct lrk_route *route);

#endif /* LRK_XMIT_H */
