// SPDX-License-Identifier: GPL-2.0
/*
 * The flows of a namespace. Softirq reads slots without a lock; whoever writes one holds
 * lrk_net.lock. Flows come and go under lrk_net.mutex, so memory is made without holding the lock.
 */
#include <linux/jiffies.h>
#include <linux/ktime.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/moduleparam.h>
#include <linux/prefetch.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <net/route.h>
#include "table.h"

#define LRK_TABLE_MIN 64

static unsigned int max_flows = 400000;
module_param(max_flows, uint, 0644);
MODULE_PARM_DESC(max_flows, "Flows of all network namespaces together (four a session; default 400000)");

static struct kmem_cache *lrk_flow_cache;
static atomic_t lrk_flow_count = ATOMIC_INIT(0);

/**
 * lrk_table_init() - make what all tables share
 *
 * Return: 0 or -ENOMEM.
 */
int __init lrk_table_init(void)
{
	lrk_flow_cache = KMEM_CACHE(lrk_flow, SLAB_HWCACHE_ALIGN | SLAB_ACCOUNT);
	return lrk_flow_cache ? 0 : -ENOMEM;
}

/**
 * lrk_table_exit() - free it, when all tables are gone
 */
void lrk_table_exit(void)
{
	rcu_barrier();	/* flows that wait for lrk_flow_release() */
	kmem_cache_destroy(lrk_flow_cache);
}

/**
 * lrk_flows_max() - how many flows there may be
 *
 * Return: max_flows as it is now.
 */
u32 lrk_flows_max(void)
{
	return READ_ONCE(max_flows);
}

/**
 * lrk_flows_all() - how many flows there are in all namespaces
 *
 * Return: their number, with those that are about to be added.
 */
u32 lrk_flows_all(void)
{
	return atomic_read(&lrk_flow_count);
}

/**
 * lrk_flow_alloc() - make a flow that is in no table
 * @spec: what it shall be
 *
 * Context: process.
 * Return: the flow, or an ERR_PTR(): -ENOSPC at max_flows, -ENOMEM.
 */
struct lrk_flow *lrk_flow_alloc(const struct lrk_flow_spec *spec)
{
	struct lrk_flow *flow;

	if (atomic_inc_return(&lrk_flow_count) > lrk_flows_max()) {
		atomic_dec(&lrk_flow_count);
		return ERR_PTR(-ENOSPC);
	}
	flow = kmem_cache_zalloc(lrk_flow_cache, GFP_KERNEL_ACCOUNT);
	if (!flow) {
		atomic_dec(&lrk_flow_count);
		return ERR_PTR(-ENOMEM);
	}
	flow->spec = *spec;
	flow->last = jiffies;
	flow->refilled = jiffies;
	flow->packet_room = (u64)spec->max_packets * HZ;
	flow->byte_room = (u64)spec->max_bytes * HZ;
	return flow;
}

/**
 * lrk_flow_discard() - free a flow that no packet has ever seen
 * @flow: not in any table
 */
void lrk_flow_discard(struct lrk_flow *flow)
{
	atomic_dec(&lrk_flow_count);
	kmem_cache_free(lrk_flow_cache, flow);
}

static void lrk_flow_release(struct rcu_head *rcu)
{
	struct lrk_flow *flow = container_of(rcu, struct lrk_flow, rcu);
	struct rtable *rt = rcu_dereference_protected(flow->rt, true);	/* nobody else has it */

	if (rt)
		dst_release(&rt->dst);
	kmem_cache_free(lrk_flow_cache, flow);
}

/**
 * lrk_flow_free() - free a flow when no packet uses it any more
 * @flow: removed from its table
 *
 * Context: any.
 */
void lrk_flow_free(struct lrk_flow *flow)
{
	atomic_dec(&lrk_flow_count);
	call_rcu(&flow->rcu, lrk_flow_release);
}

/* From here to lrk_slot_close() readers wait, so nothing may sleep or take long. */
static void lrk_slot_open(struct lrk_net *ln, struct lrk_slot *slot)
{
	lockdep_assert_held(&ln->lock);
	preempt_disable();
	WRITE_ONCE(slot->seq, slot->seq + 1);
	smp_wmb();	/* lrk_slot_read() */
}

static void lrk_slot_close(struct lrk_slot *slot)
{
	smp_wmb();	/* lrk_slot_read() */
	WRITE_ONCE(slot->seq, slot->seq + 1);
	preempt_enable();
}

static void lrk_slot_set_key(struct lrk_slot *slot, const struct lrk_flow_key *key)
{
	WRITE_ONCE(slot->local_addr, key->local_addr);
	WRITE_ONCE(slot->local_port, key->local_port);
	WRITE_ONCE(slot->remote_addr, key->remote_addr);
}

/* The table as whoever holds the mutex or the lock sees it: one of both keeps it from being replaced. */
static struct lrk_table *lrk_table_held(const struct lrk_net *ln)
{
	return rcu_dereference_protected(ln->table, lockdep_is_held(&ln->mutex) ||
						    lockdep_is_held(&ln->lock));
}

static bool lrk_slot_is_flow(const struct lrk_slot *slot)
{
	return slot->remote_addr != LRK_EMPTY && slot->remote_addr != LRK_GONE;
}

static struct lrk_slot *lrk_slot_find(const struct lrk_net *ln, const struct lrk_flow_key *key)
{
	struct lrk_table *table = lrk_table_held(ln);
	struct lrk_slot *slot;
	u32 i;

	if (!table)
		return NULL;
	for (i = lrk_hash(ln->seed, key->remote_addr, key->local_addr, key->local_port);; i++) {
		slot = &table->slots[i & table->mask];
		if (slot->remote_addr == key->remote_addr && slot->local_addr == key->local_addr &&
		    slot->local_port == key->local_port)
			return slot;
		if (slot->remote_addr == LRK_EMPTY)
			return NULL;
	}
}

/* A place for a key that is not in the table. */
static struct lrk_slot *lrk_slot_vacant(u64 seed, struct lrk_table *table, const struct lrk_flow_key *key)
{
	struct lrk_slot *slot;
	u32 i;

	for (i = lrk_hash(seed, key->remote_addr, key->local_addr, key->local_port);; i++) {
		slot = &table->slots[i & table->mask];
		if (!lrk_slot_is_flow(slot))
			return slot;
	}
}

static __wsum lrk_delta(const struct lrk_flow_spec *spec)
{
	__wsum old = csum_add((__force __wsum)spec->key.remote_addr, (__force __wsum)spec->key.local_addr);
	__wsum new = csum_add((__force __wsum)spec->source_addr, (__force __wsum)spec->dest_addr);

	return csum_sub(new, old);
}

static struct lrk_leaving lrk_leaving_of(const struct lrk_flow_spec *spec)
{
	bool limited = spec->max_packets || spec->max_bytes;

	return (struct lrk_leaving) {
		.source_addr = spec->source_addr,
		.dest_addr = spec->dest_addr,
		.source_port = spec->source_port,
		.dest_port = spec->dest_port,
		.delta = lrk_delta(spec),
		.clock_mult = div_u64((u64)spec->clock_hz << 32, NSEC_PER_SEC),
		.locked_port = spec->locked_port,
		.flags = spec->flags | (limited ? LRK_LIMITED : 0),
		.tos = spec->dscp << 2,
	};
}

/* The mutex or the lock keeps the slot a flow's; what softirq learns is read like a packet reads it. */
static void lrk_spec_of(const struct lrk_slot *slot, struct lrk_flow_spec *spec)
{
	struct lrk_hit hit;

	lrk_slot_read(slot, slot->remote_addr, slot->local_addr, slot->local_port, &hit);
	*spec = hit.flow->spec;
	spec->locked_port = hit.leaving.locked_port;
	spec->flags = hit.leaving.flags & LRK_FLOW_FLAGS;
	spec->dest_port = hit.leaving.dest_port;
}

static struct lrk_table *lrk_table_alloc(u32 slots)
{
	struct lrk_table *table = kvzalloc(struct_size(table, slots, slots), GFP_KERNEL_ACCOUNT);

	if (table)
		table->mask = slots - 1;
	return table;
}

static void lrk_table_copy(u64 seed, struct lrk_table *to, const struct lrk_table *from)
{
	const struct lrk_slot *slot;
	struct lrk_flow_key key;
	struct lrk_slot *place;
	u32 i;

	for (i = 0; i <= from->mask; i++) {
		slot = &from->slots[i];
		if (!lrk_slot_is_flow(slot))
			continue;
		key = slot->flow->spec.key;
		place = lrk_slot_vacant(seed, to, &key);
		*place = *slot;
		place->seq = 0;
		to->used++;
	}
}

/**
 * lrk_table_reserve() - make room, so that this many flows can be added without failing
 * @ln: the namespace
 * @more: how many
 *
 * Context: process, lrk_net.mutex.
 * Return: 0 or -ENOMEM.
 */
int lrk_table_reserve(struct lrk_net *ln, u32 more)
{
	struct lrk_table *old = lrk_table_held(ln), *new;
	u64 slots;

	lockdep_assert_held(&ln->mutex);
	if (old && (u64)old->used + more <= ((u64)old->mask + 1) / 4 * 3)
		return 0;
	slots = roundup_pow_of_two(max_t(u64, ((u64)ln->flows + more) * 2, LRK_TABLE_MIN));
	if (slots > BIT(30))
		return -ENOMEM;
	new = lrk_table_alloc(slots);
	if (!new)
		return -ENOMEM;
	/* Softirq does not wait for the lock: a port is learned from the next packet then. */
	spin_lock_bh(&ln->lock);
	if (old)
		lrk_table_copy(ln->seed, new, old);
	rcu_assign_pointer(ln->table, new);
	spin_unlock_bh(&ln->lock);
	ln->generation++;
	if (old)
		kvfree_rcu(old, rcu);
	return 0;
}

/**
 * lrk_table_add() - put a flow into the table
 * @ln: the namespace; there is room, by lrk_table_reserve() or since one was just removed
 * @spec: what it does
 * @flow: belongs to the table from now on, unless this fails
 *
 * Context: process, lrk_net.mutex.
 * Return: 0 or -EEXIST.
 */
int lrk_table_add(struct lrk_net *ln, const struct lrk_flow_spec *spec, struct lrk_flow *flow)
{
	struct lrk_table *table = lrk_table_held(ln);
	struct lrk_slot *slot;

	lockdep_assert_held(&ln->mutex);
	if (lrk_slot_find(ln, &spec->key))
		return -EEXIST;
	slot = lrk_slot_vacant(ln->seed, table, &spec->key);
	if (slot->remote_addr == LRK_EMPTY)
		table->used++;
	spin_lock_bh(&ln->lock);
	flow->spec = *spec;
	lrk_slot_open(ln, slot);
	slot->leaving = lrk_leaving_of(spec);
	slot->told = 0;	/* of a flow that is put back, what it has relayed is told once more */
	slot->moved = 0;
	WRITE_ONCE(slot->flow, flow);
	lrk_slot_set_key(slot, &spec->key);
	lrk_slot_close(slot);
	spin_unlock_bh(&ln->lock);
	ln->flows++;
	ln->timed += !!spec->idle_seconds;
	return 0;
}

static void lrk_route_forget(struct lrk_net *ln, struct lrk_flow *flow)
{
	struct rtable *rt = rcu_dereference_protected(flow->rt, lockdep_is_held(&ln->lock));

	RCU_INIT_POINTER(flow->rt, NULL);
	if (rt)
		dst_release(&rt->dst);	/* lives for a grace period more */
}

/**
 * lrk_table_update() - let a flow do something else
 * @ln: the namespace
 * @spec: what
 * @old: set to what it did until now
 *
 * Context: process, lrk_net.mutex.
 * Return: 0 or -ENOENT.
 */
int lrk_table_update(struct lrk_net *ln, const struct lrk_flow_spec *spec, struct lrk_flow_spec *old)
{
	struct lrk_slot *slot = lrk_slot_find(ln, &spec->key);
	struct lrk_flow *flow;

	lockdep_assert_held(&ln->mutex);
	if (!slot)
		return -ENOENT;
	flow = slot->flow;
	spin_lock_bh(&ln->lock);
	lrk_spec_of(slot, old);
	flow->spec = *spec;
	WRITE_ONCE(flow->candidate_port, 0);
	flow->candidate_packets = 0;
	lrk_slot_open(ln, slot);
	slot->leaving = lrk_leaving_of(spec);
	lrk_slot_close(slot);
	lrk_route_forget(ln, flow);
	spin_unlock_bh(&ln->lock);
	ln->timed += !!spec->idle_seconds - !!old->idle_seconds;
	return 0;
}

/* Searches that end at an empty slot may end here too, if the next one is empty. */
static void lrk_slot_vacate(struct lrk_net *ln, struct lrk_table *table, struct lrk_slot *slot)
{
	u32 i = slot - table->slots;
	bool last = table->slots[(i + 1) & table->mask].remote_addr == LRK_EMPTY;

	lrk_slot_open(ln, slot);
	WRITE_ONCE(slot->remote_addr, last ? LRK_EMPTY : LRK_GONE);
	WRITE_ONCE(slot->flow, NULL);
	lrk_slot_close(slot);
	if (!last)
		return;
	table->used--;
	for (i = (i - 1) & table->mask; table->slots[i].remote_addr == LRK_GONE; i = (i - 1) & table->mask) {
		WRITE_ONCE(table->slots[i].remote_addr, LRK_EMPTY);
		table->used--;
	}
}

/**
 * lrk_table_remove() - take a flow out of the table
 * @ln: the namespace
 * @key: which
 * @old: set to what it did, unless it is NULL
 *
 * Context: process, lrk_net.mutex.
 * Return: the flow, for lrk_flow_free(), which packets may go on using for a grace period; or NULL.
 */
struct lrk_flow *lrk_table_remove(struct lrk_net *ln, const struct lrk_flow_key *key,
				  struct lrk_flow_spec *old)
{
	struct lrk_slot *slot = lrk_slot_find(ln, key);
	struct lrk_flow *flow;

	lockdep_assert_held(&ln->mutex);
	if (!slot)
		return NULL;
	flow = slot->flow;
	spin_lock_bh(&ln->lock);
	if (old)
		lrk_spec_of(slot, old);
	lrk_slot_vacate(ln, lrk_table_held(ln), slot);
	spin_unlock_bh(&ln->lock);
	ln->flows--;
	ln->timed -= !!flow->spec.idle_seconds;
	return flow;
}

/* In jiffies. A packet that is relayed right now may be of a later tick than the one that was read. */
static u32 lrk_idle(const struct lrk_flow *flow)
{
	s32 idle = (u32)jiffies - READ_ONCE(flow->last);

	return max(idle, 0);
}

static void lrk_answer_of(const struct lrk_slot *slot, struct lrk_flow_answer *answer)
{
	const struct lrk_flow *flow = slot->flow;

	lrk_spec_of(slot, &answer->flow);
	answer->header.type = LRK_ANSWER_FLOW;
	answer->packets = READ_ONCE(flow->packets);
	answer->bytes = READ_ONCE(flow->bytes);
	answer->open_packets = READ_ONCE(flow->open_packets);
	answer->stranger_packets = READ_ONCE(flow->stranger_packets);
	answer->dropped_packets = READ_ONCE(flow->dropped_packets);
	answer->candidate_packets = READ_ONCE(flow->candidate_packets);
	answer->idle_ms = jiffies_to_msecs(lrk_idle(flow));
	answer->first_ssrc = READ_ONCE(flow->first_ssrc);
	answer->last_ssrc = READ_ONCE(flow->last_ssrc);
	answer->rtp_expected = READ_ONCE(flow->rtp_expected);
	answer->rtp_received = READ_ONCE(flow->rtp_received);
	answer->rtp_jitter = READ_ONCE(flow->jitter16) >> 4;
	answer->candidate_port = READ_ONCE(flow->candidate_port);
	answer->stranger_port = READ_ONCE(flow->stranger_port);
}

/**
 * lrk_table_get() - tell all of a flow
 * @ln: the namespace
 * @key: which
 * @answer: zeroed; set but for the header's seq
 *
 * Context: process, lrk_net.mutex.
 * Return: whether there is one.
 */
bool lrk_table_get(struct lrk_net *ln, const struct lrk_flow_key *key, struct lrk_flow_answer *answer)
{
	const struct lrk_slot *slot = lrk_slot_find(ln, key);

	lockdep_assert_held(&ln->mutex);
	if (!slot)
		return false;
	lrk_answer_of(slot, answer);
	return true;
}

/* Flows lie anywhere in memory: those of the next slots are on their way meanwhile. */
static void lrk_slot_ahead(const struct lrk_table *table, u32 i)
{
	const struct lrk_slot *slot = &table->slots[(i + 8) & table->mask];

	if (slot->flow)
		prefetch(slot->flow);
	if (!(i % 4096))
		cond_resched();
}

static bool lrk_cursor_is_good(const struct lrk_net *ln, const struct lrk_table *table, u64 cursor)
{
	return !cursor || (table && upper_32_bits(cursor) == ln->generation &&
			   lower_32_bits(cursor) <= table->mask);
}

static u64 lrk_cursor_of(const struct lrk_net *ln, const struct lrk_table *table, u32 i)
{
	return table && i <= table->mask ? (u64)ln->generation << 32 | i : 0;
}

/**
 * lrk_table_page() - tell of some flows
 * @ln: the namespace
 * @cursor: where to begin, and then where to go on: generation and index of a slot; 0 at both ends
 * @limit: how many at most
 * @answers: as many, zeroed
 *
 * Context: process, lrk_net.mutex.
 * Return: how many, or -ESTALE if the table is not that of the cursor.
 */
int lrk_table_page(struct lrk_net *ln, u64 *cursor, u32 limit, struct lrk_flow_answer *answers)
{
	const struct lrk_table *table = lrk_table_held(ln);
	u32 i = lower_32_bits(*cursor), n = 0;

	lockdep_assert_held(&ln->mutex);
	if (!lrk_cursor_is_good(ln, table, *cursor))
		return -ESTALE;
	for (; table && i <= table->mask && n < limit; i++) {
		lrk_slot_ahead(table, i);
		if (lrk_slot_is_flow(&table->slots[i]))
			lrk_answer_of(&table->slots[i], &answers[n++]);
	}
	*cursor = lrk_cursor_of(ln, table, i);
	return n;
}

static void lrk_delta_of(const struct lrk_flow *flow, u64 bytes, struct lrk_delta *delta)
{
	delta->key = flow->spec.key;
	delta->idle_ms = jiffies_to_msecs(lrk_idle(flow));
	delta->packets = READ_ONCE(flow->packets);
	delta->bytes = bytes;
}

/*
 * Ticks are too coarse to tell what was relayed before a page and what after it, and a CPU may write
 * one late. So it is the page that sees whether a flow has moved, and says when.
 */
static bool lrk_slot_moved(struct lrk_slot *slot, u64 bytes, u64 since, u64 now)
{
	if (slot->told != (u32)bytes) {
		slot->told = bytes;
		slot->moved = now;
	}
	return !since || slot->moved > since;
}

/**
 * lrk_table_delta() - tell in short of the flows that have relayed something
 * @ln: the namespace
 * @cursor: as in lrk_table_page()
 * @since: after which moment; 0 for all flows
 * @limit: how many at most
 * @answers: room for as many, zeroed; set but for the headers
 * @now: set to the moment of this page
 *
 * Context: process, lrk_net.mutex.
 * Return: how many flows, -ESTALE as lrk_table_page(), or -EINVAL if there was no such moment.
 */
int lrk_table_delta(struct lrk_net *ln, u64 *cursor, u64 since, u32 limit,
		    struct lrk_delta_answer *answers, u64 *now)
{
	const u64 moment = max(ln->moment + 1, ktime_get_boottime_ns());
	struct lrk_table *table = lrk_table_held(ln);
	u32 i = lower_32_bits(*cursor), n = 0;
	struct lrk_slot *slot;
	u64 bytes;

	lockdep_assert_held(&ln->mutex);
	if (since >= moment)
		return -EINVAL;
	if (!lrk_cursor_is_good(ln, table, *cursor))
		return -ESTALE;
	for (; table && i <= table->mask && n < limit; i++) {
		slot = &table->slots[i];
		lrk_slot_ahead(table, i);
		if (!lrk_slot_is_flow(slot))
			continue;
		bytes = smp_load_acquire(&slot->flow->bytes);	/* written after packets */
		if (!lrk_slot_moved(slot, bytes, since, moment))
			continue;
		lrk_delta_of(slot->flow, bytes, &answers[n / LRK_DELTAS].delta[n % LRK_DELTAS]);
		answers[n++ / LRK_DELTAS].flows++;
	}
	*cursor = lrk_cursor_of(ln, table, i);
	ln->moment = moment;
	*now = moment;
	return n;
}

/**
 * lrk_table_trim() - give the table back if there is nothing in it
 * @ln: the namespace
 *
 * Context: process, lrk_net.mutex.
 */
void lrk_table_trim(struct lrk_net *ln)
{
	struct lrk_table *table = lrk_table_held(ln);

	lockdep_assert_held(&ln->mutex);
	if (!table || ln->flows)
		return;
	spin_lock_bh(&ln->lock);
	RCU_INIT_POINTER(ln->table, NULL);
	spin_unlock_bh(&ln->lock);
	ln->generation++;
	kvfree_rcu(table, rcu);
}

/**
 * lrk_table_clear() - delete all flows
 * @ln: the namespace
 *
 * Context: process, lrk_net.mutex.
 */
void lrk_table_clear(struct lrk_net *ln)
{
	struct lrk_table *table = lrk_table_held(ln);
	u32 i;

	lockdep_assert_held(&ln->mutex);
	if (!table)
		return;
	for (i = 0; i <= table->mask; i++) {
		struct lrk_slot *slot = &table->slots[i];

		if (lrk_slot_is_flow(slot))
			lrk_flow_free(lrk_table_remove(ln, &slot->flow->spec.key, NULL));
	}
	lrk_table_trim(ln);
}

/**
 * lrk_table_next_silent() - find the next flow that has been silent for its idle_seconds
 * @ln: the namespace
 * @from: where to begin, and then where to go on
 * @answer: zeroed; set to all of the flow
 *
 * Context: process, lrk_net.mutex.
 * Return: whether there is one.
 */
bool lrk_table_next_silent(struct lrk_net *ln, u32 *from, struct lrk_flow_answer *answer)
{
	const struct lrk_table *table = lrk_table_held(ln);
	const struct lrk_slot *slot;

	lockdep_assert_held(&ln->mutex);
	for (; table && *from <= table->mask; (*from)++) {
		slot = &table->slots[*from];
		if (!lrk_slot_is_flow(slot) || !slot->flow->spec.idle_seconds)
			continue;
		if (lrk_idle(slot->flow) < (u64)slot->flow->spec.idle_seconds * HZ)
			continue;
		lrk_answer_of(slot, answer);
		return true;
	}
	return false;
}

/* The opposite flow sends to the port that was just heard. */
static void lrk_tell_opposite(struct lrk_net *ln, const struct lrk_slot *slot, __be16 port)
{
	const struct lrk_leaving *leaving = &slot->leaving;
	const struct lrk_flow_key key = {
		.remote_addr = leaving->dest_addr,
		.local_addr = leaving->source_addr,
		.local_port = leaving->source_port,
	};
	struct lrk_slot *opposite;

	if (leaving->flags & LRK_FLOW_HELD)
		return;
	opposite = lrk_slot_find(ln, &key);
	if (!opposite || opposite->leaving.source_addr != slot->local_addr ||
	    opposite->leaving.source_port != slot->local_port ||
	    opposite->leaving.dest_addr != slot->remote_addr)
		return;
	lrk_slot_open(ln, opposite);
	opposite->leaving.dest_port = port;
	lrk_slot_close(opposite);
}

/* Return: type of the event, or 0. */
static u16 lrk_learn(struct lrk_net *ln, struct lrk_slot *slot, __be16 port)
{
	struct lrk_leaving *leaving = &slot->leaving;
	struct lrk_flow *flow = slot->flow;

	if (!(leaving->flags & LRK_FLOW_OPEN) || leaving->locked_port == port)
		return 0;
	if (leaving->locked_port) {
		if (flow->candidate_port)
			return 0;
		WRITE_ONCE(flow->candidate_port, port);
		return LRK_EVENT_CANDIDATE;
	}
	lrk_slot_open(ln, slot);
	leaving->locked_port = port;
	leaving->flags &= ~LRK_FLOW_OPEN;
	lrk_slot_close(slot);
	lrk_tell_opposite(ln, slot, port);
	return LRK_EVENT_LEARNED;
}

/**
 * lrk_table_learn() - an open flow was heard from a port that it does not know
 * @ln: the namespace
 * @key: which
 * @port: source port of an RTP or RTCP packet
 * @event: zeroed; set to what has become of the flow
 *
 * Does nothing while somebody else writes: the next packet will do.
 *
 * Context: softirq.
 * Return: whether @event is to be told.
 */
bool lrk_table_learn(struct lrk_net *ln, const struct lrk_flow_key *key, __be16 port,
		     struct lrk_flow_answer *event)
{
	struct lrk_slot *slot;
	u16 type = 0;

	if (!spin_trylock_bh(&ln->lock))
		return false;
	slot = lrk_slot_find(ln, key);
	if (slot)
		type = lrk_learn(ln, slot, port);
	if (type)
		lrk_answer_of(slot, event);
	event->header.type = type;
	spin_unlock_bh(&ln->lock);
	return type;
}

/**
 * lrk_table_cache_route() - keep a route for a flow's next packets
 * @ln: the namespace
 * @key: which flow
 * @hit: what the route was looked up for; the flow may do something else by now
 * @rt: the caller's reference becomes the flow's, unless this fails
 *
 * Context: softirq, rcu_read_lock().
 * Return: whether it was kept; not while somebody else writes, the next packet will do.
 */
bool lrk_table_cache_route(struct lrk_net *ln, const struct lrk_flow_key *key,
			   const struct lrk_hit *hit, struct rtable *rt)
{
	const struct lrk_slot *slot;
	bool current_hit;

	if (!spin_trylock_bh(&ln->lock))
		return false;
	slot = lrk_slot_find(ln, key);
	current_hit = slot && slot->flow == hit->flow &&
		      slot->leaving.dest_addr == hit->leaving.dest_addr &&
		      slot->leaving.source_addr == hit->leaving.source_addr;
	if (current_hit) {
		lrk_route_forget(ln, hit->flow);
		rcu_assign_pointer(hit->flow->rt, rt);
	}
	spin_unlock_bh(&ln->lock);
	return current_hit;
}
