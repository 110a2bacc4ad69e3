/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LRK_FLOW_H
#define LRK_FLOW_H

#include <linux/cache.h>
#include <linux/lockdep.h>
#include <linux/preempt.h>
#include <linux/rcupdate.h>
#include <linux/types.h>
#include <net/checksum.h>
#include "net.h"
#include "uapi/lrkproxy.h"

struct rtable;

/* Beside LRK_FLOW_…, in struct lrk_leaving: the flow has max_packets or max_bytes. */
#define LRK_LIMITED 0x8000

/* Leaves as many bits of a flow's address free as a place of the table needs for its tag. */
#define LRK_FLOW_ALIGN 128

/**
 * struct lrk_leaving - what a packet of a flow leaves with, and whether it may
 * @source_addr: new source address, as the next three
 * @dest_addr: …
 * @source_port: …
 * @dest_port: …
 * @delta: what the new addresses add to a checksum over the old ones
 * @clock_mult: RTP clock ticks in a nanosecond, times 2^32
 * @locked_port: source port that alone may pass, or 0
 * @flags: LRK_FLOW_…, LRK_LIMITED
 * @tos: DSCP in its place in the IP header, with LRK_FLOW_SET_DSCP
 */
struct lrk_leaving {
	__be32 source_addr;
	__be32 dest_addr;
	__be16 source_port;
	__be16 dest_port;
	__wsum delta;
	u32 clock_mult;
	__be16 locked_port;
	u16 flags;
	u8 tos;
};

/**
 * struct lrk_cold - what the packets of a locked flow without limits leave alone
 * @open_packets: relayed, from another port than the locked one
 * @stranger_packets: dropped, as not from the locked port
 * @dropped_packets: dropped for other reasons
 * @candidate_packets: from @candidate_port
 * @candidate_port: who asks to replace the locked port, or 0
 * @stranger_port: the last stranger
 * @first_ssrc: of the first packet
 * @refilled: when the rooms were, in jiffies
 * @told: what lrk_table_delta() has last seen of lrk_flow.bytes. Under lrk_net.mutex, as the next
 * @moved: when it saw that @told had changed
 * @packet_room: of max_packets, times HZ
 * @byte_room: of max_bytes, times HZ
 * @idle_seconds: as in struct lrk_flow_spec, and the next
 * @max_packets: …
 * @max_bytes: …
 * @clock_hz: …
 * @owner: …
 * @flow: whose
 * @whole: it is part of a struct lrk_whole
 * @rcu: frees both
 */
struct lrk_cold {
	u64 open_packets;
	u64 stranger_packets;
	u64 dropped_packets;
	u64 candidate_packets;
	__be16 candidate_port;
	__be16 stranger_port;
	u32 first_ssrc;
	u32 refilled;
	u32 told;
	u64 moved;
	u64 packet_room;
	u64 byte_room;
	u32 idle_seconds;
	u32 max_packets;
	u32 max_bytes;
	u32 clock_hz;
	u64 owner;
	struct lrk_flow *flow;
	bool whole;
	struct rcu_head rcu;
};

/**
 * struct lrk_flow - a flow, as its packets need it; it never moves
 * @seq: odd while somebody writes @leaving
 * @key: never changes
 * @leaving: read by lrk_flow_read(), written between lrk_flow_open() and lrk_flow_close()
 * @rt: the route, or NULL; read under RCU, replaced under lrk_net.lock
 * @cold: the rest of it, never NULL
 * @packets: relayed; the second cache line begins here
 * @bytes: relayed
 * @last: when the last packet was relayed, in jiffies
 * @last_ssrc: of the last one
 * @seq_ssrc: whose sequence numbers these are
 * @rtp_expected: by sequence numbers
 * @rtp_received: …
 * @transit: of the last packet, in RTP clock ticks
 * @jitter16: sixteen times the jitter
 * @bad_seq: what would follow a number that was far off
 * @max_seq: highest sequence number
 * @has_seq: @max_seq is set
 * @has_transit: @transit is set
 * @heard_ssrc: lrk_cold.first_ssrc is set
 */
struct lrk_flow {
	u32 seq;
	struct lrk_flow_key key;
	struct lrk_leaving leaving;
	struct rtable __rcu *rt;
	struct lrk_cold *cold;

	u64 packets __aligned(64);
	u64 bytes;
	unsigned long last;
	u32 last_ssrc;
	u32 seq_ssrc;
	u32 rtp_expected;
	u32 rtp_received;
	u32 transit;
	u32 jitter16;
	u32 bad_seq;
	u16 max_seq;
	u8 has_seq : 1;
	u8 has_transit : 1;
	u8 heard_ssrc : 1;
} __aligned(LRK_FLOW_ALIGN);

/* A packet takes two lines, which lie side by side: a processor that fetches one often fetches both. */
static_assert(offsetof(struct lrk_flow, packets) == 64);
static_assert(sizeof(struct lrk_flow) == 128);

/* From here to lrk_flow_close() readers wait, so nothing may sleep or take long. */
static inline void lrk_flow_open(struct lrk_net *ln, struct lrk_flow *flow)
{
	lockdep_assert_held(&ln->lock);
	preempt_disable();
	WRITE_ONCE(flow->seq, flow->seq + 1);
	smp_wmb();	/* lrk_flow_read() */
}

static inline void lrk_flow_close(struct lrk_flow *flow)
{
	smp_wmb();	/* lrk_flow_read() */
	WRITE_ONCE(flow->seq, flow->seq + 1);
	preempt_enable();
}

/* Copy what may change. Writers run with preemption off, so an odd number lasts for nanoseconds. */
static __always_inline void lrk_flow_read(const struct lrk_flow *flow, struct lrk_leaving *leaving)
{
	u32 seq;

	do {
		while (unlikely((seq = READ_ONCE(flow->seq)) & 1))
			cpu_relax();
		smp_rmb();	/* the number before what it guards; lrk_flow_open() */
		*leaving = flow->leaving;
		smp_rmb();	/* and again; lrk_flow_close() */
	} while (unlikely(READ_ONCE(flow->seq) != seq));
}

static __always_inline bool lrk_flow_is(const struct lrk_flow *flow, __be32 remote, __be32 local,
					__be16 port)
{
	return flow->key.remote_addr == remote && flow->key.local_addr == local &&
	       flow->key.local_port == port;
}

int lrk_flow_init(void);
void lrk_flow_exit(void);
u32 lrk_flows_max(void);
u32 lrk_flows_all(void);

struct lrk_flow *lrk_flow_alloc(const struct lrk_flow_spec *spec);
void lrk_flow_discard(struct lrk_flow *flow);
void lrk_flow_free(struct lrk_flow *flow);
void lrk_flow_change(struct lrk_net *ln, struct lrk_flow *flow, const struct lrk_flow_spec *spec);
void lrk_flow_spec(const struct lrk_flow *flow, struct lrk_flow_spec *spec);
void lrk_flow_forget_route(struct lrk_net *ln, struct lrk_flow *flow);
bool lrk_flow_cache_route(struct lrk_net *ln, struct lrk_flow *flow,
			  const struct lrk_leaving *leaving, struct rtable *rt);

#endif /* LRK_FLOW_H */
