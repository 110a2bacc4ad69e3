// SPDX-License-Identifier: GPL-2.0
/* Flows: their memory, how many there may be, and what they do. */
#include <linux/jiffies.h>
#include <linux/math64.h>
#include <linux/moduleparam.h>
#include <linux/slab.h>
#include <net/route.h>
#include "flow.h"

static unsigned int max_flows = 400000;
module_param(max_flows, uint, 0644);
MODULE_PARM_DESC(max_flows, "Flows of all network namespaces together (four a session; default 400000)");

/**
 * struct lrk_whole - all of a flow of RTCP
 * @flow: …
 * @cold: …
 *
 * RTP comes a hundred times more often. So its flows lie by themselves, and without their cold parts: what is looked at
 * all the time takes less of the processor's caches of memory and of page tables.
 */
struct lrk_whole {
	struct lrk_flow flow;
	struct lrk_cold cold;
};

static struct kmem_cache *lrk_flow_cache;
static struct kmem_cache *lrk_cold_cache;
static struct kmem_cache *lrk_whole_cache;
static atomic_t lrk_flow_count = ATOMIC_INIT(0);

/**
 * lrk_flow_init() - make what all flows come from
 *
 * Return: 0 or -ENOMEM.
 */
int __init lrk_flow_init(void)
{
	lrk_flow_cache = KMEM_CACHE(lrk_flow, SLAB_ACCOUNT);
	lrk_cold_cache = KMEM_CACHE(lrk_cold, SLAB_ACCOUNT);
	lrk_whole_cache = KMEM_CACHE(lrk_whole, SLAB_ACCOUNT);
	if (lrk_flow_cache && lrk_cold_cache && lrk_whole_cache)
		return 0;
	lrk_flow_exit();
	return -ENOMEM;
}

/**
 * lrk_flow_exit() - free it, when no table has flows any more
 */
void lrk_flow_exit(void)
{
	rcu_barrier();	/* flows that wait for lrk_flow_release() */
	kmem_cache_destroy(lrk_flow_cache);
	kmem_cache_destroy(lrk_cold_cache);
	kmem_cache_destroy(lrk_whole_cache);
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

static void lrk_flow_set_rest(struct lrk_flow *flow, const struct lrk_flow_spec *spec)
{
	struct lrk_cold *cold = flow->cold;

	cold->idle_seconds = spec->idle_seconds;
	WRITE_ONCE(cold->max_packets, spec->max_packets);
	WRITE_ONCE(cold->max_bytes, spec->max_bytes);
	cold->clock_hz = spec->clock_hz;
	cold->owner = spec->owner;
}

/* Return: zeroed, or NULL. */
static struct lrk_flow *lrk_flow_alloc_rtcp(void)
{
	struct lrk_whole *whole = kmem_cache_zalloc(lrk_whole_cache, GFP_KERNEL_ACCOUNT);

	if (!whole)
		return NULL;
	whole->cold.whole = true;
	whole->flow.cold = &whole->cold;
	return &whole->flow;
}

/* Return: zeroed, or NULL. */
static struct lrk_flow *lrk_flow_alloc_rtp(void)
{
	struct lrk_cold *cold = kmem_cache_zalloc(lrk_cold_cache, GFP_KERNEL_ACCOUNT);
	struct lrk_flow *flow;

	if (!cold)
		return NULL;
	flow = kmem_cache_zalloc(lrk_flow_cache, GFP_KERNEL_ACCOUNT);
	if (!flow) {
		kmem_cache_free(lrk_cold_cache, cold);
		return NULL;
	}
	flow->cold = cold;
	return flow;
}

static void lrk_flow_free_memory(struct lrk_flow *flow)
{
	struct lrk_cold *cold = flow->cold;

	if (cold->whole) {
		kmem_cache_free(lrk_whole_cache, container_of(flow, struct lrk_whole, flow));
		return;
	}
	kmem_cache_free(lrk_flow_cache, flow);
	kmem_cache_free(lrk_cold_cache, cold);
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
	flow = spec->flags & LRK_FLOW_RTCP ? lrk_flow_alloc_rtcp() : lrk_flow_alloc_rtp();
	if (!flow) {
		atomic_dec(&lrk_flow_count);
		return ERR_PTR(-ENOMEM);
	}
	flow->cold->flow = flow;
	flow->key = spec->key;
	flow->leaving = lrk_leaving_of(spec);
	lrk_flow_set_rest(flow, spec);
	flow->last = jiffies;
	flow->cold->refilled = jiffies;
	flow->cold->packet_room = (u64)spec->max_packets * HZ;
	flow->cold->byte_room = (u64)spec->max_bytes * HZ;
	return flow;
}

/**
 * lrk_flow_discard() - free a flow that no packet has ever seen
 * @flow: not in any table
 */
void lrk_flow_discard(struct lrk_flow *flow)
{
	atomic_dec(&lrk_flow_count);
	lrk_flow_free_memory(flow);
}

static void lrk_flow_release(struct rcu_head *rcu)
{
	struct lrk_flow *flow = container_of(rcu, struct lrk_cold, rcu)->flow;
	struct rtable *rt = rcu_dereference_protected(flow->rt, true);	/* nobody else has it */

	if (rt)
		dst_release(&rt->dst);
	lrk_flow_free_memory(flow);
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
	call_rcu(&flow->cold->rcu, lrk_flow_release);
}

/**
 * lrk_flow_change() - let a flow do something else
 * @ln: its namespace
 * @flow: which
 * @spec: what; the key is the same
 *
 * Context: lrk_net.mutex and lrk_net.lock.
 */
void lrk_flow_change(struct lrk_net *ln, struct lrk_flow *flow, const struct lrk_flow_spec *spec)
{
	const struct lrk_leaving leaving = lrk_leaving_of(spec);

	lrk_flow_set_rest(flow, spec);
	WRITE_ONCE(flow->cold->candidate_port, 0);
	flow->cold->candidate_packets = 0;
	lrk_flow_open(ln, flow);
	flow->leaving = leaving;
	lrk_flow_close(flow);
	lrk_flow_forget_route(ln, flow);
}

/**
 * lrk_flow_spec() - what does a flow do?
 * @flow: which
 * @spec: set
 *
 * Context: lrk_net.mutex, or lrk_net.lock.
 */
void lrk_flow_spec(const struct lrk_flow *flow, struct lrk_flow_spec *spec)
{
	struct lrk_leaving leaving;

	lrk_flow_read(flow, &leaving);
	*spec = (struct lrk_flow_spec) {
		.key = flow->key,
		.locked_port = leaving.locked_port,
		.flags = leaving.flags & LRK_FLOW_FLAGS,
		.source_addr = leaving.source_addr,
		.dest_addr = leaving.dest_addr,
		.source_port = leaving.source_port,
		.dest_port = leaving.dest_port,
		.dscp = leaving.tos >> 2,
		.idle_seconds = flow->cold->idle_seconds,
		.max_packets = flow->cold->max_packets,
		.max_bytes = flow->cold->max_bytes,
		.clock_hz = flow->cold->clock_hz,
		.owner = flow->cold->owner,
	};
}

/**
 * lrk_flow_forget_route() - have the next packet look its route up
 * @ln: its namespace
 * @flow: which
 *
 * Context: lrk_net.lock.
 */
void lrk_flow_forget_route(struct lrk_net *ln, struct lrk_flow *flow)
{
	struct rtable *rt = rcu_dereference_protected(flow->rt, lockdep_is_held(&ln->lock));

	RCU_INIT_POINTER(flow->rt, NULL);
	if (rt)
		dst_release(&rt->dst);	/* lives for a grace period more */
}

/**
 * lrk_flow_cache_route() - keep a route for a flow's next packets
 * @ln: its namespace
 * @flow: which; may have left its table by now
 * @leaving: what the route was looked up for; the flow may do something else by now
 * @rt: the caller's reference becomes the flow's, unless this fails
 *
 * Context: softirq, rcu_read_lock().
 * Return: whether it was kept; not while somebody else writes, the next packet will do.
 */
bool lrk_flow_cache_route(struct lrk_net *ln, struct lrk_flow *flow,
			  const struct lrk_leaving *leaving, struct rtable *rt)
{
	bool current_leaving;

	if (!spin_trylock_bh(&ln->lock))
		return false;
	current_leaving = flow->leaving.dest_addr == leaving->dest_addr &&
			  flow->leaving.source_addr == leaving->source_addr;
	if (current_leaving) {
		lrk_flow_forget_route(ln, flow);
		rcu_assign_pointer(flow->rt, rt);
	}
	spin_unlock_bh(&ln->lock);
	return current_leaving;
}
