/* SPDX-License-Identifier: GPL-2.0 */
/* How places are found by those who hold lrk_net.mutex or lrk_net.lock. */
#ifndef LRK_PLACE_H
#define LRK_PLACE_H

#include <linux/lockdep.h>
#include "table.h"

/* The table as whoever holds the mutex or the lock sees it: one of both keeps it from being replaced. */
static inline struct lrk_table *lrk_table_held(const struct lrk_net *ln)
{
	return rcu_dereference_protected(ln->table, lockdep_is_held(&ln->mutex) ||
						    lockdep_is_held(&ln->lock));
}

static inline bool lrk_place_is_flow(unsigned long place)
{
	return place & LRK_TAG;
}

static inline u32 lrk_key_hash(u64 seed, const struct lrk_flow_key *key)
{
	return lrk_hash(seed, key->remote_addr, key->local_addr, key->local_port);
}

/* Return: the place of the flow with this key, or NULL. */
static inline unsigned long *lrk_place_find(const struct lrk_net *ln, const struct lrk_flow_key *key)
{
	struct lrk_table *table = lrk_table_held(ln);
	u32 hash = lrk_key_hash(ln->seed, key), i;
	unsigned long *place;

	if (!table)
		return NULL;
	for (i = hash;; i++) {
		place = &table->places[i & table->mask];
		if ((*place & LRK_TAG) == lrk_tag(hash) &&
		    lrk_flow_is(lrk_place_flow(*place), key->remote_addr, key->local_addr, key->local_port))
			return place;
		if (*place == LRK_EMPTY)
			return NULL;
	}
}

/* Return: the flow with this key, or NULL. */
static inline struct lrk_flow *lrk_flow_find(const struct lrk_net *ln, const struct lrk_flow_key *key)
{
	const unsigned long *place = lrk_place_find(ln, key);

	return place ? lrk_place_flow(*place) : NULL;
}

/* Put a flow where no other is, which no packet may see halfway. Return: what was there. */
static inline unsigned long lrk_place_take(u64 seed, struct lrk_table *table, struct lrk_flow *flow)
{
	u32 hash = lrk_key_hash(seed, &flow->key), i;
	unsigned long *place, old;

	for (i = hash;; i++) {
		place = &table->places[i & table->mask];
		old = *place;
		if (lrk_place_is_flow(old))
			continue;
		/* The flow before its address; lrk_table_find() */
		smp_store_release(place, (unsigned long)flow | lrk_tag(hash));
		return old;
	}
}

/* Have the flow of a place come that is needed later, if there is one: flows lie anywhere in memory. */
static inline void lrk_place_prefetch(const struct lrk_table *table, u32 i)
{
	unsigned long place = table->places[i & table->mask];

	if (!lrk_place_is_flow(place))
		return;
	prefetch(lrk_place_flow(place));
	prefetch(&lrk_place_flow(place)->packets);
}

/* And then its cold part. */
static inline void lrk_place_prefetch_cold(const struct lrk_table *table, u32 i)
{
	unsigned long place = table->places[i & table->mask];
	const struct lrk_cold *cold;

	if (!lrk_place_is_flow(place))
		return;
	cold = lrk_place_flow(place)->cold;
	prefetch(cold);
	prefetch(&cold->idle_seconds);
}

#endif /* LRK_PLACE_H */
