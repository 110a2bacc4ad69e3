/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LRK_TABLE_H
#define LRK_TABLE_H

#include <linux/prefetch.h>
#include <linux/rcupdate.h>
#include <linux/types.h>
#include "flow.h"
#include "net.h"
#include "uapi/lrkproxy.h"

/*
 * A place of the table: a flow's address, whose low bits are a tag of its key's hash, so that few
 * flows are looked at in vain. Eight places share a cache line.
 */
#define LRK_TAG (LRK_FLOW_ALIGN - 1)
#define LRK_EMPTY 0UL
/* Where a search has to go on. Neither has a tag that any key has. */
#define LRK_GONE ((unsigned long)LRK_FLOW_ALIGN)

/**
 * struct lrk_table - open addressing with linear probing; never more than three quarters full
 * @mask: number of places, less one
 * @used: places that are not LRK_EMPTY. Under lrk_net.mutex
 * @rcu: frees it
 * @places: …
 */
struct lrk_table {
	u32 mask;
	u32 used;
	struct rcu_head rcu;
	unsigned long places[];
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

/* The bits of a hash that no table is large enough to go by; never 0. */
static __always_inline unsigned long lrk_tag(u32 hash)
{
	return hash >> 25 ?: 1;
}

static __always_inline struct lrk_flow *lrk_place_flow(unsigned long place)
{
	return (struct lrk_flow *)(place & ~(unsigned long)LRK_TAG);
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
	const u32 hash = lrk_hash(ln->seed, remote, local, port);
	const unsigned long tag = lrk_tag(hash);
	struct lrk_flow *flow;
	unsigned long place;
	u32 i;

	if (!table)
		return false;
	for (i = hash;; i++) {
		place = READ_ONCE(table->places[i & table->mask]);
		if ((place & LRK_TAG) == tag) {
			flow = lrk_place_flow(place);
			prefetchw(&flow->packets);
			if (likely(lrk_flow_is(flow, remote, local, port))) {
				lrk_flow_read(flow, &hit->leaving);
				hit->flow = flow;
				return true;
			}
		}
		if (place == LRK_EMPTY)
			return false;
	}
}

int lrk_table_add(struct lrk_net *ln, struct lrk_flow *flow);
int lrk_table_update(struct lrk_net *ln, const struct lrk_flow_spec *spec, struct lrk_flow_spec *old);
struct lrk_flow *lrk_table_remove(struct lrk_net *ln, const struct lrk_flow_key *key);
void lrk_table_clear(struct lrk_net *ln);

#endif /* LRK_TABLE_H */
