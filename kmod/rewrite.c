// SPDX-License-Identifier: GPL-2.0
/* Addresses, ports, TTL, DSCP and checksums of one packet. No look-ups. */
#include <linux/ip.h>
#include <linux/udp.h>
#include <net/inet_ecn.h>
#include <net/ip.h>
#include "rewrite.h"

/* What a changed pair of ports, or any four bytes, adds to a checksum. */
static __wsum lrk_ports_delta(__be16 source, __be16 dest, const struct lrk_leaving *leaving)
{
	__wsum old = csum_add((__force __wsum)source, (__force __wsum)dest);
	__wsum new = csum_add((__force __wsum)leaving->source_port, (__force __wsum)leaving->dest_port);

	return csum_sub(new, old);
}

static void lrk_udp(struct sk_buff *skb, struct udphdr *udp, const struct lrk_leaving *leaving)
{
	if (skb->ip_summed == CHECKSUM_PARTIAL) {
		/* So far it is the sum of the pseudo-header alone, and not inverted. */
		udp->check = ~csum_fold(csum_add(csum_unfold(udp->check), leaving->delta));
	} else if (udp->check) {	/* 0 says that the sender made none: RFC 768 */
		csum_replace_by_diff(&udp->check,
				     csum_add(leaving->delta,
					      lrk_ports_delta(udp->source, udp->dest, leaving)));
		if (!udp->check)
			udp->check = CSUM_MANGLED_0;
	}
	udp->source = leaving->source_port;
	udp->dest = leaving->dest_port;
}

/**
 * lrk_rewrite() - let a packet leave for the other party
 * @skb: lrk_rewrite_fits(), its headers may be written, its TTL is greater than 1
 * @leaving: what it leaves with
 *
 * Header pointers from before are still good.
 */
void lrk_rewrite(struct sk_buff *skb, const struct lrk_leaving *leaving)
{
	struct iphdr *ip = ip_hdr(skb);

	skb_forward_csum(skb);	/* a sum over the whole packet would be wrong from now on */
	lrk_udp(skb, (struct udphdr *)(ip + 1), leaving);
	csum_replace_by_diff(&ip->check, leaving->delta);
	ip->saddr = leaving->source_addr;
	ip->daddr = leaving->dest_addr;
	ip_decrease_ttl(ip);
	if (leaving->flags & LRK_FLOW_SET_DSCP)
		ipv4_change_dsfield(ip, INET_ECN_MASK, leaving->tos);
}
