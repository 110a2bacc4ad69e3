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

bool lrk_route_renew(struct lrk_net *ln, const struct lrk_hit *hit, struct lrk_route *route);
bool lrk_xmit(struct sk_buff *skb, const struct lrk_route *route);

/**
 * lrk_route_get() - find the way of a packet
 * @ln: the namespace
 * @hit: its flow
 * @route: set if there is one that lrk_xmit() can take
 *
 * Context: softirq, rcu_read_lock().
 * Return: whether there is one.
 */
static inline bool lrk_route_get(struct lrk_net *ln, const struct lrk_hit *hit,
				 struct lrk_route *route)
{
	struct rtable *rt = rcu_dereference(hit->flow->rt);

	route->own = false;
	route->rt = rt;
	if (likely(rt && dst_check(&rt->dst, 0)))
		return true;
	return lrk_route_renew(ln, hit, route);
}

/**
 * lrk_route_fits() - is a packet small enough for its way?
 * @route: from lrk_route_get()
 * @len: of the IP packet
 *
 * As dst_mtu() says, but without calls where neither a path nor a route has an MTU of its own.
 *
 * Return: whether.
 */
static inline bool lrk_route_fits(const struct lrk_route *route, u32 len)
{
	const struct rtable *rt = route->rt;

	if (likely(!rt->rt_pmtu && !dst_metric_raw(&rt->dst, RTAX_MTU)))
		return len <= READ_ONCE(rt->dst.dev->mtu);
	return len <= dst_mtu(&rt->dst);
}

/**
 * lrk_route_put() - the packet does not take its way after all
 * @route: from lrk_route_get()
 */
static inline void lrk_route_put(const struct lrk_route *route)
{
	if (unlikely(route->own))
		ip_rt_put(route->rt);
}

#endif /* LRK_XMIT_H */
