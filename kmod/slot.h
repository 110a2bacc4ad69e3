/* SPDX-License-Identifier: GPL-2.0 */
/* How slots are written, and found by those who hold lrk_net.mutex or lrk_net.lock. */
#ifndef LRK_SLOT_H
#define LRK_SLOT_H

#include <linux/lockdep.h>
#include <linux/preempt.h>
#include <linux/rcupdate.h>
#include "table.h"

/* From here to lrk_slot_close() readers wait, so nothing may sleep or take long. */
static inline void lrk_slot_open(struct lrk_net *ln, struct lrk_slot *slot)
{
	lockdep_assert_held(&ln->lock);
	preempt_disable();
	WRITE_ONCE(slot->seq, slot->seq + 1);
	smp_wmb();	/* lrk_slot_read() */
}

static inline void lrk_slot_close(struct lrk_slot *slot)
{
	smp_wmb();	/* lrk_slot_read() */
	WRITE_ONCE(slot->seq, slot->seq + 1);
	preempt_enable();
}

/* The table as whoever holds the mutex or the lock sees it: one of both keeps it from being replaced. */
static inline struct lrk_table *lrk_table_held(const struct lrk_net *ln)
{
	return rcu_dereference_protected(ln->table, lockdep_is_held(&ln->mutex) ||
						    lockdep_is_held(&ln->lock));
}

static inline bool lrk_slot_is_flow(const struct lrk_slot *slot)
{
	return slot->remote_addr != LRK_EMPTY && slot->remote_addr != LRK_GONE;
}

static inline struct lrk_slot *lrk_slot_find(const struct lrk_net *ln,
					     const struct lrk_flow_key *key)
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
static inline struct lrk_slot *lrk_slot_vacant(u64 seed, struct lrk_table *table,
					       const struct lrk_flow_key *key)
{
	struct lrk_slot *slot;
	u32 i;

	for (i = lrk_hash(seed, key->remote_addr, key->local_addr, key->local_port);; i++) {
		slot = &table->slots[i & table->mask];
		if (!lrk_slot_is_flow(slot))
			return slot;
	}
}

/* The mutex or the lock keeps the slot a flow's; what softirq learns is read like a packet reads it. */
static inline void lrk_spec_of(const struct lrk_slot *slot, struct lrk_flow_spec *spec)
{
	struct lrk_hit hit;

	lrk_slot_read(slot, slot->remote_addr, slot->local_addr, slot->local_port, &hit);
	*spec = hit.flow->spec;
	spec->locked_port = hit.leaving.locked_port;
	spec->flags = hit.leaving.flags & LRK_FLOW_FLAGS;
	spec->dest_port = hit.leaving.dest_port;
}

#endif /* LRK_SLOT_H */
