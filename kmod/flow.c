// SPDX-License-Identifier: GPL-2.0
/* Memory of flows, and how many there may be. */
#include <linux/jiffies.h>
#include <linux/moduleparam.h>
#include <linux/slab.h>
#include <net/route.h>
#include "flow.h"
#include "table.h"

static unsigned int max_flows = 400000;
module_param(max_flows, uint, 0644);
MODULE_PARM_DESC(max_flows, "Flows of all network namespaces together (four a session; default 400000)");

static struct kmem_cache *lrk_flow_cache;
static atomic_t lrk_flow_count = ATOMIC_INIT(0);

/**
 * lrk_flow_init() - make what all flows come from
 *
 * Return: 0 or -ENOMEM.
 */
int __init lrk_flow_init(void)
{
	lrk_flow_cache = KMEM_CACHE(lrk_flow, SLAB_HWCACHE_ALIGN | SLAB_ACCOUNT);
	return lrk_flow_cache ? 0 : -ENOMEM;
}

/**
 * lrk_flow_exit() - free it, when no table has flows any more
 */
void lrk_flow_exit(void)
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
