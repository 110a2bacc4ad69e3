// SPDX-License-Identifier: GPL-2.0
/*
 * Where packets come in, and what becomes of them. Whatever is not plainly a packet of one of our
 * flows goes on as it came: NF_ACCEPT.
 */
#include <linux/if_bridge.h>
#include <linux/ip.h>
#include <linux/netfilter_bridge.h>
#include <linux/netfilter_ipv4.h>
#include <linux/random.h>
#include <linux/udp.h>
#include <net/ip.h>
#include <net/netns/generic.h>
#include "ahead.h"
#include "events.h"
#include "expire.h"
#include "grow.h"
#include "hook.h"
#include "learn.h"
#include "rewrite.h"
#include "stats.h"
#include "table.h"
#include "xmit.h"

static unsigned int lrk_net_id;

/**
 * struct lrk_packet - what a hook knows of its packet
 * @ln: the namespace
 * @skb: the packet
 * @key: what it shows of its flow
 * @hit: its flow
 * @rtp: RTP's or RTCP's head, or NULL if it is neither
 * @source_port: its sender's
 * @len: of the IP packet
 */
struct lrk_packet {
	struct lrk_net *ln;
	struct sk_buff *skb;
	struct lrk_flow_key key;
	struct lrk_hit hit;
	const struct lrk_rtp_head *rtp;
	__be16 source_port;
	u32 len;
};

static unsigned int lrk_slow(struct lrk_packet *packet, unsigned int why)
{
	lrk_count(packet->ln, why);
	return NF_ACCEPT;
}

static unsigned int lrk_drop(struct lrk_packet *packet, unsigned int why)
{
	struct lrk_cold *cold = packet->hit.flow->cold;

	WRITE_ONCE(cold->dropped_packets, cold->dropped_packets + 1);
	lrk_count(packet->ln, why);
	return NF_DROP;
}

static noinline unsigned int lrk_refuse_stranger(struct lrk_packet *packet)
{
	struct lrk_cold *cold = packet->hit.flow->cold;

	WRITE_ONCE(cold->stranger_port, packet->source_port);
	WRITE_ONCE(cold->stranger_packets, cold->stranger_packets + 1);
	if (packet->hit.leaving.flags & LRK_FLOW_PASS_STRANGERS)
		return lrk_slow(packet, LRK_SLOW_STRANGER);
	lrk_count(packet->ln, LRK_DROP_STRANGER);
	return NF_DROP;
}

/* Find the packet's flow. Options may lie between the headers, so that we can tell whose they are. */
static bool lrk_packet_find(struct lrk_packet *packet)
{
	struct sk_buff *skb = packet->skb;
	const struct iphdr *ip = ip_hdr(skb);
	const struct udphdr *udp;

	if (ip->protocol != IPPROTO_UDP || ip_is_fragment(ip))
		return false;
	if (!pskb_may_pull(skb, ip->ihl * 4 + sizeof(*udp)))
		return false;
	ip = ip_hdr(skb);
	udp = (const struct udphdr *)((const u8 *)ip + ip->ihl * 4);
	packet->key.remote_addr = ip->saddr;
	packet->key.local_addr = ip->daddr;
	packet->key.local_port = udp->dest;
	packet->key.reserved = 0;
	packet->source_port = udp->source;
	return lrk_table_find(packet->ln, ip->saddr, ip->daddr, udp->dest, &packet->hit);
}

/* Find RTP's head, if it is there. May move headers. Return: whether UDP's length makes sense. */
static bool lrk_packet_parse(struct lrk_packet *packet)
{
	bool rtcp = packet->hit.leaving.flags & LRK_FLOW_RTCP;
	u32 need = rtcp ? offsetof(struct lrk_rtp_head, ssrc) : sizeof(struct lrk_rtp_head);
	struct sk_buff *skb = packet->skb;
	const struct udphdr *udp;
	u32 udp_len;

	packet->len = ntohs(ip_hdr(skb)->tot_len);
	udp = (const struct udphdr *)(ip_hdr(skb) + 1);
	udp_len = ntohs(udp->len);
	if (udp_len < sizeof(*udp) || udp_len > packet->len - sizeof(struct iphdr))
		return false;
	packet->rtp = NULL;
	if (udp_len < sizeof(*udp) + need || !pskb_may_pull(skb, LRK_HEADERS + need))
		return true;
	udp = (const struct udphdr *)(ip_hdr(skb) + 1);
	packet->rtp = (const struct lrk_rtp_head *)(udp + 1);
	if ((packet->rtp->first & 0xc0) != 0x80)
		packet->rtp = NULL;
	return true;
}

/* Is it what ip_forward() would take, and nothing that needs more than that? */
static bool lrk_packet_is_plain(const struct lrk_packet *packet, const struct nf_hook_state *state)
{
	const struct sk_buff *skb = packet->skb;

	return skb->pkt_type == PACKET_HOST && !skb->sk && !skb_is_gso(skb) &&
	       !nf_bridge_info_exists(skb) && !netif_is_l3_slave(state->in) &&
	       !netif_is_l3_master(state->in) && lrk_rewrite_fits(skb);
}

/* Nobody knows this port yet, or a new command has let others in. */
static noinline void lrk_packet_learn(struct lrk_packet *packet)
{
	struct lrk_cold *cold = packet->hit.flow->cold;
	struct lrk_flow_answer event;

	if (READ_ONCE(cold->candidate_port)) {
		if (READ_ONCE(cold->candidate_port) == packet->source_port)
			WRITE_ONCE(cold->candidate_packets, cold->candidate_packets + 1);
		return;
	}
	memset(&event, 0, sizeof(event));
	if (!lrk_table_learn(packet->ln, &packet->key, packet->source_port, &event))
		return;
	if (event.header.type == LRK_EVENT_CANDIDATE)
		WRITE_ONCE(cold->candidate_packets, 1);
	lrk_events_tell(packet->ln, &event);
}

static bool lrk_bucket(u64 *room, u32 max, u32 cost, u32 elapsed)
{
	u64 full = (u64)max * HZ;
	u64 now = min(*room + (u64)max * min_t(u32, elapsed, HZ), full);
	u64 price = (u64)cost * HZ;

	*room = now < price ? now : now - price;
	return now >= price;
}

/* Token buckets, each of a second's worth. Return: 0 or the counter of the drop. */
static noinline unsigned int lrk_limit(struct lrk_packet *packet)
{
	struct lrk_cold *cold = packet->hit.flow->cold;
	u32 max_packets = READ_ONCE(cold->max_packets);
	u32 max_bytes = READ_ONCE(cold->max_bytes);
	u32 now = jiffies, elapsed = now - cold->refilled;

	cold->refilled = now;
	if (max_packets && !lrk_bucket(&cold->packet_room, max_packets, 1, elapsed))
		return LRK_DROP_PACKET_RATE;
	if (max_bytes && !lrk_bucket(&cold->byte_room, max_bytes, packet->len, elapsed))
		return LRK_DROP_BYTE_RATE;
	return 0;
}

static void lrk_packet_note(struct lrk_packet *packet)
{
	const struct lrk_leaving *leaving = &packet->hit.leaving;
	struct lrk_flow *flow = packet->hit.flow;
	const unsigned long now = jiffies;

	WRITE_ONCE(flow->packets, flow->packets + 1);
	smp_store_release(&flow->bytes, flow->bytes + packet->len);	/* lrk_table_delta() */
	if (unlikely(packet->source_port != leaving->locked_port))
		WRITE_ONCE(flow->cold->open_packets, flow->cold->open_packets + 1);
	if (READ_ONCE(flow->last) != now)
		WRITE_ONCE(flow->last, now);
	lrk_count(packet->ln, LRK_RELAYED);
	this_cpu_add(packet->ln->counts->count[LRK_RELAYED_BYTES], packet->len);
	if (!packet->rtp)
		return;
	if (leaving->flags & LRK_FLOW_RTCP)
		lrk_stats_rtcp(flow, packet->rtp);
	else
		lrk_stats_rtp(flow, packet->rtp, leaving->clock_mult);
}

/* The packet has a way out: it leaves by it, or is dropped. */
static unsigned int lrk_packet_send(struct lrk_packet *packet, const struct lrk_route *route)
{
	const struct lrk_leaving *leaving = &packet->hit.leaving;
	struct sk_buff *skb = packet->skb;
	unsigned int why = 0;

	if (unlikely(leaving->flags & LRK_LIMITED))
		why = lrk_limit(packet);
	if (!why && unlikely(skb_cow(skb, LL_RESERVED_SPACE(route->rt->dst.dev))))
		why = LRK_DROP_MEMORY;
	if (unlikely(why)) {
		lrk_route_put(route);
		return lrk_drop(packet, why);
	}
	if (packet->rtp)	/* may have moved with the headers */
		packet->rtp = (const struct lrk_rtp_head *)(skb->data + LRK_HEADERS);
	lrk_packet_note(packet);
	lrk_rewrite(skb, leaving);
	if (unlikely(!lrk_xmit(skb, route)))
		lrk_count(packet->ln, LRK_DROP_NEIGHBOUR);
	return NF_STOLEN;
}

/* May this sender pass? Return: NF_STOLEN if so, for now; or the verdict on its packet. */
static unsigned int lrk_packet_admit(struct lrk_packet *packet)
{
	const struct lrk_leaving *leaving = &packet->hit.leaving;

	if (unlikely(leaving->flags & LRK_FLOW_HELD))
		return lrk_drop(packet, LRK_DROP_HELD);
	if (unlikely((leaving->flags & LRK_FLOW_ONLY_RTP) && !packet->rtp))
		return lrk_drop(packet, LRK_DROP_NOT_RTP);
	if (likely(leaving->locked_port == packet->source_port))
		return NF_STOLEN;
	if (!(leaving->flags & LRK_FLOW_OPEN))
		return lrk_refuse_stranger(packet);
	if (packet->rtp)
		lrk_packet_learn(packet);
	return NF_STOLEN;
}

/*
 * Relay one packet of a flow, or leave it alone.
 *
 * Context: softirq; netfilter holds rcu_read_lock().
 * Return: NF_ACCEPT if it is not ours or for the slow path, NF_DROP if it is ours and may not pass,
 * NF_STOLEN once sent.
 */
static unsigned int lrk_hook(void *priv, struct sk_buff *skb, const struct nf_hook_state *state)
{
	/* Not zeroed, not even where the compiler would: this is every UDP packet. */
	struct lrk_packet packet __uninitialized;
	struct lrk_route route __uninitialized;
	unsigned int verdict;

	lrk_ahead(priv);
	packet.ln = priv;
	packet.skb = skb;
	if (!lrk_packet_find(&packet))
		return NF_ACCEPT;
	if (unlikely(ip_hdr(skb)->ihl != 5))
		return lrk_slow(&packet, LRK_SLOW_OPTIONS);
	if (unlikely(!lrk_packet_is_plain(&packet, state) || !lrk_packet_parse(&packet)))
		return lrk_slow(&packet, LRK_SLOW_FORM);
	verdict = lrk_packet_admit(&packet);
	if (unlikely(verdict != NF_STOLEN))
		return verdict;
	if (unlikely(ip_hdr(skb)->ttl <= 1))
		return lrk_slow(&packet, LRK_SLOW_TTL);
	if (unlikely(!lrk_route_get(packet.ln, &packet.hit, &route)))
		return lrk_slow(&packet, LRK_SLOW_ROUTE);
	if (unlikely(!lrk_route_fits(&route, packet.len))) {
		lrk_route_put(&route);
		return lrk_slow(&packet, LRK_SLOW_MTU);
	}
	return lrk_packet_send(&packet, &route);
}

/**
 * lrk_net() - the relay of a namespace
 * @net: which
 *
 * Return: never NULL.
 */
struct lrk_net *lrk_net(const struct net *net)
{
	return net_generic(net, lrk_net_id);
}

/**
 * lrk_hook_open() - let packets in, if they are not yet
 * @ln: where
 *
 * Context: process, lrk_net.mutex.
 * Return: 0 or -errno.
 */
int lrk_hook_open(struct lrk_net *ln)
{
	int err;

	lockdep_assert_held(&ln->mutex);
	if (ln->hooked)
		return 0;
	err = nf_register_net_hook(ln->net, &ln->hook);
	ln->hooked = !err;
	return err;
}

/**
 * lrk_hook_settle() - do what the number of flows asks for; let no packets in, and free the table, if there are none
 * @ln: where
 *
 * Context: process, lrk_net.mutex.
 */
void lrk_hook_settle(struct lrk_net *ln)
{
	lockdep_assert_held(&ln->mutex);
	lrk_ahead_settle(ln);
	if (ln->flows)
		return;
	if (ln->hooked)
		nf_unregister_net_hook(ln->net, &ln->hook);
	ln->hooked = false;
	lrk_table_trim(ln);
}

static int __net_init lrk_net_init(struct net *net)
{
	struct lrk_net *ln = lrk_net(net);

	ln->counts = alloc_percpu(struct lrk_counts);
	if (!ln->counts)
		return -ENOMEM;
	ln->net = net;
	ln->seed = get_random_u64();
	spin_lock_init(&ln->lock);
	mutex_init(&ln->mutex);
	INIT_LIST_HEAD(&ln->listeners);
	spin_lock_init(&ln->listeners_lock);
	lrk_expire_init(ln);
	lrk_ahead_net_init(ln);
	/* Before defragmentation and connection tracking, which an RTP stream should not pay for. */
	ln->hook = (struct nf_hook_ops) {
		.hook = lrk_hook,
		.priv = ln,
		.pf = NFPROTO_IPV4,
		.hooknum = NF_INET_PRE_ROUTING,
		.priority = NF_IP_PRI_FIRST,
	};
	return 0;
}

/* A grace period lies between this and lrk_net_exit(): no hook runs any more then. */
static void __net_exit lrk_net_pre_exit(struct net *net)
{
	struct lrk_net *ln = lrk_net(net);

	lrk_expire_stop(ln);
	mutex_lock(&ln->mutex);
	lrk_table_clear(ln);
	lrk_hook_settle(ln);
	mutex_unlock(&ln->mutex);
	lrk_ahead_net_stop(ln);
}

static void __net_exit lrk_net_exit(struct net *net)
{
	free_percpu(lrk_net(net)->counts);
}

static struct pernet_operations lrk_net_ops = {
	.init = lrk_net_init,
	.pre_exit = lrk_net_pre_exit,
	.exit = lrk_net_exit,
	.id = &lrk_net_id,
	.size = sizeof(struct lrk_net),
};

/**
 * lrk_hook_init() - be there in all namespaces, now and later
 *
 * Return: 0 or -errno.
 */
int __init lrk_hook_init(void)
{
	return register_pernet_subsys(&lrk_net_ops);
}

/**
 * lrk_hook_exit() - be gone from all namespaces
 */
void lrk_hook_exit(void)
{
	unregister_pernet_subsys(&lrk_net_ops);
}
