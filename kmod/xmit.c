// SPDX-License-Identifier: GPL-2.0
/*
 * Sends packets without the way through FORWARD and POSTROUTING: over a route that the flow keeps, to
 * a neighbour that is looked up for each packet. dst_check() knows of all changes to routes, addresses
 * and links; neigh_output() of what has become of the neighbour.
 */
#include <net/arp.h>
#include <net/dst.h>
#include <net/ip.h>
#include <net/neighbour.h>
#include <net/route.h>
#include "xmit.h"

/* Through anything but a plain device to a plain host the slow path knows the way. */
static bool lrk_route_is_plain(const struct rtable *rt)
{
	return rt->rt_type == RTN_UNICAST && !(rt->dst.dev->flags & IFF_LOOPBACK) &&
	       !dst_xfrm(&rt->dst) && !rt->dst.lwtstate;
}

static struct rtable *lrk_route_find(struct net *net, const struct lrk_leaving *leaving)
{
	struct flowi4 fl4 = {
		.daddr = leaving->dest_addr,
		.saddr = leaving->source_addr,
		.flowi4_proto = IPPROTO_UDP,
		.flowi4_scope = RT_SCOPE_UNIVERSE,
		.flowi4_flags = FLOWI_FLAG_ANYSRC,	/* it need not be an address of ours */
	};
	struct rtable *rt;

	fl4.fl4_sport = leaving->source_port;
	fl4.fl4_dport = leaving->dest_port;
	rt = ip_route_output_key(net, &fl4);
	if (IS_ERR(rt))
		return NULL;
	if (lrk_route_is_plain(rt))
		return rt;
	ip_rt_put(rt);
	return NULL;
}

/**
 * lrk_route_renew() - find the way of a packet whose flow has none, or an old one
 * @ln: the namespace
 * @hit: its flow
 * @route: set if there is one that lrk_xmit() can take
 *
 * Context: softirq, rcu_read_lock().
 * Return: whether there is one.
 */
bool lrk_route_renew(struct lrk_net *ln, const struct lrk_hit *hit, struct lrk_route *route)
{
	struct rtable *rt = lrk_route_find(ln->net, &hit->leaving);

	if (!rt)
		return false;
	route->rt = rt;
	route->own = !lrk_flow_cache_route(ln, hit->flow, &hit->leaving, rt);
	return true;
}

/**
 * lrk_xmit() - send a packet
 * @skb: rewritten, with room for a link header; is used up
 * @route: from lrk_route_get(); is used up
 *
 * Context: softirq, rcu_read_lock().
 * Return: false if it was dropped, as there can be no neighbour.
 */
bool lrk_xmit(struct sk_buff *skb, const struct lrk_route *route)
{
	struct dst_entry *dst = &route->rt->dst;
	struct neighbour *neigh;
	bool is_v6gw = false;

	skb_dst_drop(skb);
	if (unlikely(route->own))
		skb_dst_set(skb, dst);
	else
		skb_dst_set_noref(skb, dst);
	skb->dev = dst->dev;
	skb->priority = rt_tos2priority(ip_hdr(skb)->tos);
	lrk_skb_clear_tstamp(skb);
	memset(IPCB(skb), 0, sizeof(*IPCB(skb)));
	IPCB(skb)->flags = IPSKB_FORWARDED;
	neigh = ip_neigh_for_gw(route->rt, skb, &is_v6gw);
	if (IS_ERR(neigh)) {
		kfree_skb(skb);
		return false;
	}
	neigh_output(neigh, skb, is_v6gw);
	return true;
}
