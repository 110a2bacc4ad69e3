// SPDX-License-Identifier: GPL-2.0
/*
 * The flows of a namespace. Softirq looks them up without a lock; whoever changes a place holds
 * lrk_net.lock. Flows come and go under lrk_net.mutex, so memory is made without holding the lock.
 */
#include <linux/sched.h>
#include "flow.h"
#include "grow.h"
#include "place.h"

/**
 * lrk_table_add() - put a flow into the table
 * @ln: the namespace; there is room, by lrk_table_reserve() or since one was just removed
 * @flow: belongs to the table from now on, unless this fails
 *
 * Context: process, lrk_net.mutex.
 * Return: 0 or -EEXIST.
 */
int lrk_table_add(struct lrk_net *ln, struct lrk_flow *flow)
{
	struct lrk_table *table = lrk_table_held(ln);

	lockdep_assert_held(&ln->mutex);
	if (lrk_flow_find(ln, &flow->key))
		return -EEXIST;
	spin_lock_bh(&ln->lock);
	if (lrk_place_take(ln->seed, table, flow) == LRK_EMPTY)
		table->used++;
	spin_unlock_bh(&ln->lock);
	ln->flows++;
	ln->timed += !!flow->cold->idle_seconds;
	return 0;
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
	struct lrk_flow *flow = lrk_flow_find(ln, &spec->key);

	lockdep_assert_held(&ln->mutex);
	if (!flow)
		return -ENOENT;
	spin_lock_bh(&ln->lock);
	lrk_flow_spec(flow, old);
	lrk_flow_change(ln, flow, spec);
	spin_unlock_bh(&ln->lock);
	ln->timed += !!spec->idle_seconds - !!old->idle_seconds;
	return 0;
}

/* Searches that end at an empty place may end here too, if the next one is empty. */
static void lrk_place_vacate(struct lrk_table *table, unsigned long *place)
{
	u32 i = place - table->places;
	bool last = table->places[(i + 1) & table->mask] == LRK_EMPTY;

	WRITE_ONCE(*place, last ? LRK_EMPTY : LRK_GONE);
	if (!last)
		return;
	table->used--;
	for (i = (i - 1) & table->mask; table->places[i] == LRK_GONE; i = (i - 1) & table->mask) {
		WRITE_ONCE(table->places[i], LRK_EMPTY);
		table->used--;
	}
}

static struct lrk_flow *lrk_table_remove_at(struct lrk_net *ln, unsigned long *place)
{
	struct lrk_flow *flow = lrk_place_flow(*place);

	spin_lock_bh(&ln->lock);
	lrk_place_vacate(lrk_table_held(ln), place);
	spin_unlock_bh(&ln->lock);
	ln->flows--;
	ln->timed -= !!flow->cold->idle_seconds;
	return flow;
}

/**
 * lrk_table_remove() - take a flow out of the table
 * @ln: the namespace
 * @key: which
 *
 * Context: process, lrk_net.mutex.
 * Return: the flow, for lrk_flow_free(), which packets may go on using for a grace period; or NULL.
 */
struct lrk_flow *lrk_table_remove(struct lrk_net *ln, const struct lrk_flow_key *key)
{
	unsigned long *place = lrk_place_find(ln, key);

	lockdep_assert_held(&ln->mutex);
	return place ? lrk_table_remove_at(ln, place) : NULL;
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
		if (!(i % 4096))
			cond_resched();
		if (lrk_place_is_flow(table->places[i]))
			lrk_flow_free(lrk_table_remove_at(ln, &table->places[i]));
	}
	lrk_table_trim(ln);
}
