// SPDX-License-Identifier: GPL-2.0
/*
 * The flows of a namespace. Softirq reads slots without a lock; whoever writes one holds
 * lrk_net.lock. Flows come and go under lrk_net.mutex, so memory is made without holding the lock.
 */
#include <linux/math64.h>
#include <linux/sched.h>
#include <net/route.h>
#include "flow.h"
#include "grow.h"
#include "slot.h"

static void lrk_slot_set_key(struct lrk_slot *slot, const struct lrk_flow_key *key)
{
	WRITE_ONCE(slot->local_addr, key->local_addr);
	WRITE_ONCE(slot->local_port, key->local_port);
	WRITE_ONCE(slot->remote_addr, key->remote_addr);
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

		if (!(i % 4096))
			cond_resched();
		if (lrk_slot_is_flow(slot))
			lrk_flow_free(lrk_table_remove(ln, &slot->flow->spec.key, NULL));
	}
	lrk_table_trim(ln);
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
