// SPDX-License-Identifier: GPL-2.0
/* Memory of tables: a greater one is made before flows are added, and given back when there are none. */
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include "grow.h"
#include "learn.h"
#include "place.h"

#define LRK_TABLE_MIN 64
/* Hashes have more bits than that, of which lrk_tag() takes the rest. */
#define LRK_TABLE_MAX BIT(24)

static struct lrk_table *lrk_table_alloc(u32 places)
{
	struct lrk_table *table = kvzalloc(struct_size(table, places, places), GFP_KERNEL_ACCOUNT);

	if (table)
		table->mask = places - 1;
	return table;
}

/* Takes milliseconds, in which nobody else changes places, and packets come and go. */
static void lrk_table_copy(u64 seed, struct lrk_table *to, const struct lrk_table *from)
{
	u32 i;

	for (i = 0; i <= from->mask; i++) {
		if (!(i % 4096))
			cond_resched();
		lrk_place_prefetch(from, i + 16);
		if (!lrk_place_is_flow(from->places[i]))
			continue;
		lrk_place_take(seed, to, lrk_place_flow(from->places[i]));
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
	u64 places;

	lockdep_assert_held(&ln->mutex);
	if (old && (u64)old->used + more <= ((u64)old->mask + 1) / 4 * 3)
		return 0;
	/* Small, since it should stay in the processor's caches; and with room before it is replaced again. */
	places = roundup_pow_of_two(max_t(u64, ((u64)ln->flows + more) * 3 / 2, LRK_TABLE_MIN));
	if (places > LRK_TABLE_MAX)
		return -ENOMEM;
	new = lrk_table_alloc(places);
	if (!new)
		return -ENOMEM;
	lrk_learn_pause(ln);
	if (old)
		lrk_table_copy(ln->seed, new, old);
	spin_lock_bh(&ln->lock);
	rcu_assign_pointer(ln->table, new);
	spin_unlock_bh(&ln->lock);
	lrk_learn_resume(ln);
	ln->generation++;
	if (old)
		kvfree_rcu(old, rcu);
	return 0;
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
