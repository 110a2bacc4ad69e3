// SPDX-License-Identifier: GPL-2.0
/*
 * With many flows, what a packet needs is in none of the processor's caches, and it would wait for
 * memory twice: for its place in the table, then for its flow. Drivers hand packets on by eights, and
 * all eight pass the ingress hook of their device before the first of them comes to PRE_ROUTING. So
 * places are asked for there, and flows with the first packet: eight wait as long as one.
 *
 * These are hints. Nothing depends on them, so that they may be wrong, old, or of another namespace.
 */
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/moduleparam.h>
#include <linux/netdevice.h>
#include <linux/rtnetlink.h>
#include <linux/slab.h>
#include <linux/udp.h>
#include "ahead.h"
#include "hook.h"
#include "table.h"

/* Packets that drivers hand on at once, and as many again: they may come through two devices, as of a bond. */
#define LRK_AHEAD_MAX 16
/* A search that goes further is rare. */
#define LRK_AHEAD_PLACES 4

static unsigned int ahead_flows = 32768;
module_param(ahead_flows, uint, 0644);
MODULE_PARM_DESC(ahead_flows, "Flows of a network namespace from which on packets are looked up ahead (default 32768; 0 for never)");

static unsigned int ahead_devices;
module_param(ahead_devices, uint, 0444);
MODULE_PARM_DESC(ahead_devices, "Network devices whose packets are looked up ahead now");

/**
 * struct lrk_ahead_packets - those that have passed the ingress hook of a CPU, and not PRE_ROUTING
 * @count: how many
 * @hashes: of their keys
 */
struct lrk_ahead_packets {
	u32 count;
	u32 hashes[LRK_AHEAD_MAX];
};

/**
 * struct lrk_ahead_device - a device of a namespace, and the hook on it
 * @list: lrk_net.ahead_devices
 * @hook: …
 * @rcu: frees it; who lists the kernel's hooks may look at it meanwhile
 */
struct lrk_ahead_device {
	struct list_head list;
	struct nf_hook_ops hook;
	struct rcu_head rcu;
};

static DEFINE_PER_CPU(struct lrk_ahead_packets, lrk_ahead_packets);
/* The module goes. Read under RTNL. */
static bool lrk_ahead_ends;

/* Context: softirq; netfilter holds rcu_read_lock(). IP has checked nothing of the packet yet. */
static unsigned int lrk_ahead_hook(void *priv, struct sk_buff *skb, const struct nf_hook_state *state)
{
	struct lrk_ahead_packets *packets = this_cpu_ptr(&lrk_ahead_packets);
	const struct iphdr *ip = (const struct iphdr *)skb->data;
	const struct udphdr *udp = (const struct udphdr *)(ip + 1);
	const struct lrk_net *ln = priv;
	const struct lrk_table *table = rcu_dereference(ln->table);
	u32 count = packets->count, hash;

	if (!table || count >= LRK_AHEAD_MAX || skb->protocol != htons(ETH_P_IP))
		return NF_ACCEPT;
	if (skb_headlen(skb) < sizeof(*ip) + sizeof(*udp) || ip->protocol != IPPROTO_UDP)
		return NF_ACCEPT;
	hash = lrk_hash(ln->seed, ip->saddr, ip->daddr, udp->dest);
	prefetch(&table->places[hash & table->mask]);
	packets->hashes[count] = hash;
	packets->count = count + 1;
	return NF_ACCEPT;
}

static void lrk_ahead_fetch_flow(const struct lrk_table *table, u32 hash)
{
	unsigned long place;
	u32 i;

	for (i = 0; i < LRK_AHEAD_PLACES; i++) {
		place = READ_ONCE(table->places[(hash + i) & table->mask]);
		if (place == LRK_EMPTY)
			return;
		if ((place & LRK_TAG) != lrk_tag(hash))
			continue;
		prefetch(lrk_place_flow(place));
		prefetchw(&lrk_place_flow(place)->packets);
		return;
	}
}

/**
 * lrk_ahead_fetch() - have the flows come of all packets that have passed the ingress hook
 * @ln: the namespace
 *
 * Context: softirq, rcu_read_lock(); for each packet, of which all but the first find nothing to do.
 */
void lrk_ahead_fetch(const struct lrk_net *ln)
{
	struct lrk_ahead_packets *packets = this_cpu_ptr(&lrk_ahead_packets);
	const struct lrk_table *table = rcu_dereference(ln->table);
	const u32 count = packets->count;
	u32 i;

	packets->count = 0;
	/* A single one is this very packet. */
	if (!table || count < 2)
		return;
	for (i = 0; i < count; i++)
		lrk_ahead_fetch_flow(table, packets->hashes[i]);
}

static struct lrk_ahead_device *lrk_ahead_find(const struct lrk_net *ln, const struct net_device *dev)
{
	struct lrk_ahead_device *device;

	ASSERT_RTNL();
	list_for_each_entry(device, &ln->ahead_devices, list)
		if (device->hook.dev == dev)
			return device;
	return NULL;
}

/* Without memory, packets of this device wait as they would anyway. */
static void lrk_ahead_join(struct lrk_net *ln, struct net_device *dev)
{
	struct lrk_ahead_device *device;

	if (dev->flags & IFF_LOOPBACK || lrk_ahead_find(ln, dev))
		return;
	device = kzalloc(sizeof(*device), GFP_KERNEL);
	if (!device)
		return;
	device->hook = (struct nf_hook_ops) {
		.hook = lrk_ahead_hook,
		.dev = dev,
		.priv = ln,
		.pf = NFPROTO_NETDEV,
		.hooknum = NF_NETDEV_INGRESS,
		.priority = INT_MAX,	/* what others take here does not come to PRE_ROUTING */
	};
	if (nf_register_net_hook(ln->net, &device->hook)) {
		kfree(device);
		return;
	}
	list_add(&device->list, &ln->ahead_devices);
	WRITE_ONCE(ahead_devices, ahead_devices + 1);
}

static void lrk_ahead_leave(struct lrk_net *ln, struct lrk_ahead_device *device)
{
	WRITE_ONCE(ahead_devices, ahead_devices - 1);
	list_del(&device->list);
	nf_unregister_net_hook(ln->net, &device->hook);
	kfree_rcu(device, rcu);
}

static void lrk_ahead_leave_all(struct lrk_net *ln)
{
	struct lrk_ahead_device *device, *next;

	ASSERT_RTNL();
	list_for_each_entry_safe(device, next, &ln->ahead_devices, list)
		lrk_ahead_leave(ln, device);
}

static void lrk_ahead_work(struct work_struct *work)
{
	struct lrk_net *ln = container_of(work, struct lrk_net, ahead);
	struct net_device *dev;

	rtnl_lock();
	if (READ_ONCE(ln->looks_ahead) && !lrk_ahead_ends) {
		for_each_netdev(ln->net, dev)
			lrk_ahead_join(ln, dev);
	} else {
		lrk_ahead_leave_all(ln);
	}
	rtnl_unlock();
}

/**
 * lrk_ahead_settle() - look ahead if there are many flows, soon
 * @ln: where
 *
 * Context: process, lrk_net.mutex.
 */
void lrk_ahead_settle(struct lrk_net *ln)
{
	const u32 enough = READ_ONCE(ahead_flows);
	bool wanted;

	lockdep_assert_held(&ln->mutex);
	/* Half as many will do to go on, so that it does not come and go. */
	wanted = enough && ln->flows >= (ln->looks_ahead ? DIV_ROUND_UP(enough, 2) : enough);
	if (wanted == ln->looks_ahead)
		return;
	WRITE_ONCE(ln->looks_ahead, wanted);
	/* RTNL may be held for long, and is not for those who hold the mutex. */
	queue_work(system_unbound_wq, &ln->ahead);
}

/**
 * lrk_ahead_net_init() - prepare a namespace
 * @ln: which
 */
void lrk_ahead_net_init(struct lrk_net *ln)
{
	INIT_LIST_HEAD(&ln->ahead_devices);
	INIT_WORK(&ln->ahead, lrk_ahead_work);
}

/**
 * lrk_ahead_net_stop() - look ahead no more
 * @ln: where; nobody adds or deletes flows any more
 *
 * Context: process.
 */
void lrk_ahead_net_stop(struct lrk_net *ln)
{
	WRITE_ONCE(ln->looks_ahead, false);
	cancel_work_sync(&ln->ahead);
	rtnl_lock();
	lrk_ahead_leave_all(ln);
	rtnl_unlock();
}

/* Devices come, go, and move between namespaces, which is both. Context: RTNL. */
static int lrk_ahead_event(struct notifier_block *notifier, unsigned long event, void *info)
{
	struct net_device *dev = netdev_notifier_info_to_dev(info);
	struct lrk_net *ln = lrk_net(dev_net(dev));
	struct lrk_ahead_device *device;

	if (event == NETDEV_REGISTER && READ_ONCE(ln->looks_ahead) && !lrk_ahead_ends)
		lrk_ahead_join(ln, dev);
	if (event == NETDEV_UNREGISTER) {
		device = lrk_ahead_find(ln, dev);
		if (device)
			lrk_ahead_leave(ln, device);
	}
	return NOTIFY_DONE;
}

static struct notifier_block lrk_ahead_notifier = { .notifier_call = lrk_ahead_event };

/**
 * lrk_ahead_init() - follow the devices of all namespaces, which lrk_net() knows
 *
 * Return: 0 or -errno.
 */
int __init lrk_ahead_init(void)
{
	return register_netdevice_notifier(&lrk_ahead_notifier);
}

/**
 * lrk_ahead_exit() - look ahead nowhere any more; lrk_net() still knows all namespaces
 */
void lrk_ahead_exit(void)
{
	rtnl_lock();
	lrk_ahead_ends = true;
	rtnl_unlock();
	/* Tells of each device once more, as if it went. */
	unregister_netdevice_notifier(&lrk_ahead_notifier);
}
