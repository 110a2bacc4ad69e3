/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LRK_TABLE_H
#define LRK_TABLE_H

#include <linux/cache.h>
#include <linux/rcupdate.h>
#include <linux/types.h>
#include <net/checksum.h>
#include "net.h"
#include "uapi/lrkproxy.h"

struct rtable;

/* Beside LRK_FLOW_…, in struct lrk_leaving: the flow has max_packets or max_bytes. */
#define LRK_LIMITED 0x8000

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
 * struct lrk_flow - what a flow has done, and its route
 * @rt: the route, or NULL; read under RCU, replaced under lrk_net.lock
 * @packets: relayed
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
 * @heard_ssrc: @first_ssrc is set
 * @open_packets: the rest is not touched by the packets of a locked flow without limits
 * @stranger_packets: dropped, as not from the locked port
 * @dropped_packets: dropped for other reasons
 * @candidate_packets: from @candidate_port
 * @candidate_port: who asks to replace the locked port, or 0
 * @stranger_port: the last stranger
 * @first_ssrc: of the first packet
 * @packet_room: of max_packets, times HZ
 * @byte_room: of max_bytes, times HZ
 * @refilled: when the rooms were, in jiffies
 * @spec: what was asked for last; the slot knows better about port, flags and destination port
 * @rcu: frees it
 */
struct lrk_flow {
	struct rtable __rcu *rt;
	u64 packets;
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

	u64 open_packets ____cacheline_aligned;
	u64 stranger_packets;
	u64 dropped_packets;
	u64 candidate_packets;
	__be16 candidate_port;
	__be16 stranger_port;
	u32 refilled;
	u32 first_ssrc;
	u64 packet_room;
	u64 byte_room;
	struct lrk_flow_spec spec;
	struct rcu_head rcu;
};

static_assert(offsetof(struct lrk_flow, open_packets) == 64);	/* a packet takes this one line */

/**
 * struct lrk_slot - one place of the table, and all that a look-up reads: a cache line
 * @seq: odd while somebody writes
 * @remote_addr: key; LRK_EMPTY, or LRK_GONE where a search has to go on
 * @local_addr: key
 * @local_port: key
 * @leaving: …
 * @told: what lrk_table_delta() has last seen of lrk_flow.bytes. Under lrk_net.mutex, as the next
 * @flow: lives for a grace period longer than it is here
 * @moved: when lrk_table_delta() saw that @told had changed
 */
struct lrk_slot {
	u32 seq;
	__be32 remote_addr;
	__be32 local_addr;
	__be16 local_port;
	struct lrk_leaving leaving;
	u32 told;
	struct lrk_flow *flow;
	u64 moved;
} __aligned(64);

static_assert(sizeof(struct lrk_slot) == 64);

#define LRK_EMPTY cpu_to_be32(0)
#define LRK_GONE cpu_to_be32(0xffffffff)

/**
 * struct lrk_table - open addressing with linear probing; never more than three quarters full
 * @mask: number of slots, less one
 * @used: slots that are not LRK_EMPTY. Under lrk_net.mutex
 * @rcu: frees it
 * @slots: …
 */
struct lrk_table {
	u32 mask;
	u32 used;
	struct rcu_head rcu;
	struct lrk_slot slots[] __aligned(64);
};

/**
 * struct lrk_hit - what a look-up has found
 * @leaving: a copy, which is whole
 * @flow: valid until rcu_read_unlock()
 */
struct lrk_hit {
	struct lrk_leaving leaving;
	struct lrk_flow *flow;
};

/* Nobody outside chooses keys, so this need not withstand attacks; it has to be fast. */
static __always_inline u32 lrk_hash(u64 seed, __be32 remote, __be32 local, __be16 port)
{
	u64 h = ((u64)(__force u32)remote << 32 | (__force u32)local) ^ seed;

	h = (h + (__force u16)port) * 0x9e3779b97f4a7c15ULL;
	h ^= h >> 32;
	return (h * 0xd6e8feb86659fd93ULL) >> 32;
}

/*
 * Copy a slot if it is still that of the key. Writers run with preemption off, so an odd number
 * lasts for nanoseconds.
 */
static __always_inline bool lrk_slot_read(const struct lrk_slot *slot, __be32 remote, __be32 local,
					  __be16 port, struct lrk_hit *hit)
{
	bool ours;
	u32 seq;

	do {
		while (unlikely((seq = READ_ONCE(slot->seq)) & 1))
			cpu_relax();
		smp_rmb();	/* the number before what it guards; lrk_slot_open() */
		hit->leaving = slot->leaving;
		hit->flow = READ_ONCE(slot->flow);
		ours = READ_ONCE(slot->remote_addr) == remote &&
		       READ_ONCE(slot->local_addr) == local && READ_ONCE(slot->local_port) == port;
		smp_rmb();	/* and again; lrk_slot_close() */
	} while (unlikely(READ_ONCE(slot->seq) != seq));
	return ours && hit->flow;	/* a vacant slot may look like the key of a forged packet */
}

/**
 * lrk_table_find() - look a packet's flow up
 * @ln: the namespace
 * @remote: source address
 * @local: destination address
 * @port: destination port
 * @hit: set if there is one
 *
 * Context: rcu_read_lock().
 * Return: whether there is one.
 */
static __always_inline bool lrk_table_find(const struct lrk_net *ln, __be32 remote, __be32 local,
					   __be16 port, struct lrk_hit *hit)
{
	const struct lrk_table *table = rcu_dereference(ln->table);
	const struct lrk_slot *slot;
	__be32 found;
	u32 i;

	if (!table)
		return false;
	for (i = lrk_hash(ln->seed, remote, local, port);; i++) {
		slot = &table->slots[i & table->mask];
		found = READ_ONCE(slot->remote_addr);
		if (found == remote && READ_ONCE(slot->local_addr) == local &&
		    READ_ONCE(slot->local_port) == port &&
		    lrk_slot_read(slot, remote, local, port, hit))
			return true;
		if (found == LRK_EMPTY)
			return false;
	}
}

int lrk_table_add(struct lrk_net *ln, const struct lrk_flow_spec *spec, struct lrk_flow *flow);
int lrk_table_update(struct lrk_net *ln, const struct lrk_flow_spec *spec, struct lrk_flow_spec *old);
struct lrk_flow *lrk_table_remove(struct lrk_net *ln, const struct lrk_flow_key *key,
				  struct lrk_flow_spec *old);
void lrk_table_clear(struct lrk_net *ln);
bool lrk_table_cache_route(struct lrk_net *ln, const struct lrk_flow_key *key,
			   const struct lrk_hit *hit, struct rtable *rt);

#endif /* LRK_TABLE_H */
