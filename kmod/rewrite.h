/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LRK_REWRITE_H
#define LRK_REWRITE_H

#include <linux/ip.h>
#include <linux/skbuff.h>
#include <linux/udp.h>
#include "table.h"

/* An IP header without options, and that of UDP. */
#define LRK_HEADERS 28

/**
 * lrk_rewrite_fits() - is this a packet whose checksums lrk_rewrite() can mend?
 * @skb: whose IP header has no options, and whose headers are linear
 *
 * A checksum that hardware is still to make has to be that of this UDP header, not of something inside.
 *
 * Return: whether.
 */
static inline bool lrk_rewrite_fits(const struct sk_buff *skb)
{
	if (skb->ip_summed != CHECKSUM_PARTIAL)
		return true;
	return skb_checksum_start_offset(skb) == skb_network_offset(skb) + (int)sizeof(struct iphdr) &&
	       skb->csum_offset == offsetof(struct udphdr, check);
}

void lrk_rewrite(struct sk_buff *skb, const struct lrk_leaving *leaving);

#endif /* LRK_REWRITE_H */
