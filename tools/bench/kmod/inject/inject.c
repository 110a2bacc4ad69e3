// SPDX-License-Identifier: GPL-2.0
/*
 * Gives RTP packets to the receive path as a network driver does, and times that alone: packets are
 * made before the clock is started. Sessions are visited in a random order, the same in every run.
 *
 * Loading it is the measurement; /sys/module/inject/parameters/ has the results, in tenths of a
 * nanosecond for a packet. Numbering of addresses and ports as in flows.h.
 */
#include <linux/etherdevice.h>
#include <linux/ip.h>
#include <linux/ktime.h>
#include <linux/minmax.h>
#include <linux/module.h>
#include <linux/netdevice.h>
#include <linux/netfilter_ipv4.h>
#include <linux/udp.h>
#include <linux/vmalloc.h>
#include <net/ip.h>
#include <net/udp.h>
#include "flows.h"

/* What a driver collects before it hands packets on: gro_normal_batch. */
#define INJ_LIST 8
/* Packets that are made before the clock is started. */
#define INJ_BATCH 64
/* A frame of G.711 for 20 ms, as RTP. */
#define INJ_RTP_HEAD 12
#define INJ_PAYLOAD (INJ_RTP_HEAD + 160)
#define INJ_IP_LEN (sizeof(struct iphdr) + sizeof(struct udphdr) + INJ_PAYLOAD)

static unsigned int sessions = 100;
module_param(sessions, uint, 0444);
static unsigned int packets = 4000;
module_param(packets, uint, 0444);
MODULE_PARM_DESC(packets, "in each round");
static unsigned int rounds = 5;
module_param(rounds, uint, 0444);
static bool direct;
module_param(direct, bool, 0444);
MODULE_PARM_DESC(direct, "straight to the other party, not to the relay");
static bool drop;
module_param(drop, bool, 0444);
MODULE_PARM_DESC(drop, "drop everything where the relay's hook is");
static unsigned int least;
module_param(least, uint, 0444);
MODULE_PARM_DESC(least, "result: of the fastest round");
static unsigned int middle;
module_param(middle, uint, 0444);
MODULE_PARM_DESC(middle, "result: of the median round");

/**
 * struct injector - what is needed to make packets
 * @dev: where they come in
 * @order: sessions in random order
 * @at: where in @order
 * @pass: how often all sessions were visited
 * @batch: packets that are ready
 */
struct injector {
	struct net_device *dev;
	u32 *order;
	u32 at;
	u32 pass;
	struct sk_buff *batch[INJ_BATCH];
};

static void inj_write_ip(struct iphdr *ip, u32 session)
{
	*ip = (struct iphdr) {
		.version = 4,
		.ihl = 5,
		.ttl = 64,
		.protocol = IPPROTO_UDP,
		.tot_len = htons(INJ_IP_LEN),
		.frag_off = htons(IP_DF),
		.saddr = htonl(caller_address(session)),
		.daddr = htonl(direct ? callee_address(session) : near_address(session)),
	};
	ip->check = ip_fast_csum((u8 *)ip, ip->ihl);
}

static void inj_write_rtp(u8 *rtp, u32 session, u32 pass)
{
	const __be32 stamp = htonl(pass * 160), ssrc = htonl(session + 1);
	const __be16 seq = htons(pass);

	memset(rtp, 0x55, INJ_PAYLOAD);
	rtp[0] = 0x80;
	rtp[1] = 0;
	memcpy(rtp + 2, &seq, sizeof(seq));
	memcpy(rtp + 4, &stamp, sizeof(stamp));
	memcpy(rtp + 8, &ssrc, sizeof(ssrc));
}

static void inj_write_udp(struct udphdr *udp, const struct iphdr *ip, u32 session)
{
	const u32 len = sizeof(*udp) + INJ_PAYLOAD;

	*udp = (struct udphdr) {
		.source = htons(CALLER_PORT),
		.dest = htons(direct ? CALLEE_PORT : relay_port(session)),
		.len = htons(len),
	};
	udp->check = csum_tcpudp_magic(ip->saddr, ip->daddr, len, IPPROTO_UDP, csum_partial(udp, len, 0));
	if (!udp->check)
		udp->check = CSUM_MANGLED_0;
}

static struct sk_buff *inj_packet(struct injector *injector, u32 session)
{
	struct sk_buff *skb = netdev_alloc_skb_ip_align(injector->dev, NET_SKB_PAD + ETH_HLEN + INJ_IP_LEN);
	struct ethhdr *eth;
	struct iphdr *ip;
	struct udphdr *udp;

	if (!skb)
		return NULL;
	skb_reserve(skb, NET_SKB_PAD);
	eth = skb_put_zero(skb, ETH_HLEN);
	ether_addr_copy(eth->h_dest, injector->dev->dev_addr);
	eth->h_source[0] = 2;
	eth->h_proto = htons(ETH_P_IP);
	ip = skb_put(skb, INJ_IP_LEN);
	udp = (struct udphdr *)(ip + 1);
	inj_write_ip(ip, session);
	inj_write_rtp((u8 *)(udp + 1), session, injector->pass);
	inj_write_udp(udp, ip, session);
	skb->ip_summed = CHECKSUM_UNNECESSARY;	/* as a network card that has looked at it says */
	skb->protocol = eth_type_trans(skb, injector->dev);
	skb_reset_network_header(skb);
	return skb;
}

static bool inj_make_batch(struct injector *injector, u32 count)
{
	u32 i;

	for (i = 0; i < count; i++) {
		injector->batch[i] = inj_packet(injector, injector->order[injector->at]);
		if (!injector->batch[i])
			break;
		if (++injector->at < sessions)
			continue;
		injector->at = 0;
		injector->pass++;
	}
	if (i == count)
		return true;
	while (i--)
		kfree_skb(injector->batch[i]);
	return false;
}

static u64 inj_time_batch(struct injector *injector, u32 count)
{
	LIST_HEAD(list);
	u64 start, end;
	u32 i = 0, j;

	local_bh_disable();
	start = ktime_get_ns();
	while (i < count) {
		INIT_LIST_HEAD(&list);
		for (j = 0; j < INJ_LIST && i < count; j++, i++)
			list_add_tail(&injector->batch[i]->list, &list);
		netif_receive_skb_list(&list);
	}
	end = ktime_get_ns();
	local_bh_enable();
	return end - start;
}

/* Return: tenths of a nanosecond a packet, or -ENOMEM. */
static s64 inj_round(struct injector *injector, u32 total)
{
	u32 done, count;
	u64 sum = 0;

	for (done = 0; done < total; done += count) {
		count = min_t(u32, INJ_BATCH, total - done);
		if (!inj_make_batch(injector, count))
			return -ENOMEM;
		sum += inj_time_batch(injector, count);
		cond_resched();
	}
	return div_u64(sum * 10, total);
}

static int inj_measure(struct injector *injector)
{
	unsigned int results[32], i, j;
	s64 result;

	/* The first packet of each session looks up its route, and more such. */
	for (i = 0; i < 2; i++)
		if (inj_round(injector, sessions) < 0)
			return -ENOMEM;
	for (i = 0; i < min_t(u32, rounds, ARRAY_SIZE(results)); i++) {
		result = inj_round(injector, packets);
		if (result < 0)
			return result;
		for (j = i; j && results[j - 1] > result; j--)
			results[j] = results[j - 1];
		results[j] = result;
	}
	least = results[0];
	middle = results[i / 2];
	return 0;
}

static void inj_shuffle(u32 *order)
{
	u32 i, j, state = 12345;

	for (i = 0; i < sessions; i++)
		order[i] = i;
	for (i = sessions - 1; i > 0; i--) {
		state = state * 1664525u + 1013904223u;
		j = ((u64)state * (i + 1)) >> 32;
		swap(order[i], order[j]);
	}
}

static unsigned int inj_drop(void *priv, struct sk_buff *skb, const struct nf_hook_state *state)
{
	return NF_DROP;
}

static const struct nf_hook_ops inj_drop_ops = {
	.hook = inj_drop,
	.pf = NFPROTO_IPV4,
	.hooknum = NF_INET_PRE_ROUTING,
	.priority = NF_IP_PRI_FIRST,
};

static int inj_run(struct injector *injector)
{
	int err;

	if (drop) {
		err = nf_register_net_hook(&init_net, &inj_drop_ops);
		if (err)
			return err;
	}
	err = inj_measure(injector);
	if (drop)
		nf_unregister_net_hook(&init_net, &inj_drop_ops);
	return err;
}

static int __init inj_init(void)
{
	struct injector *injector;
	int err = -ENOMEM;

	if (!sessions || !packets || !rounds)
		return -EINVAL;
	injector = kzalloc(sizeof(*injector), GFP_KERNEL);
	if (!injector)
		return -ENOMEM;
	injector->order = vmalloc(array_size(sessions, sizeof(*injector->order)));
	if (!injector->order)
		goto err_injector;
	inj_shuffle(injector->order);
	err = -ENODEV;
	injector->dev = dev_get_by_name(&init_net, IN_DEVICE);
	if (!injector->dev)
		goto err_order;
	err = inj_run(injector);
	dev_put(injector->dev);
err_order:
	vfree(injector->order);
err_injector:
	kfree(injector);
	return err;
}

static void __exit inj_exit(void)
{
}

module_init(inj_init);
module_exit(inj_exit);
MODULE_DESCRIPTION("Times the receive path of RTP packets");
MODULE_LICENSE("GPL");
