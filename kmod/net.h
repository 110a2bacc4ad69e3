/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LRK_NET_H
#define LRK_NET_H

#include <linux/mutex.h>
#include <linux/netfilter.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>
#include <net/net_namespace.h>

struct lrk_table;
struct lrk_counts;

/**
 * struct lrk_net - the relay of one network namespace
 * @net: whose it is; no reference, since it ends with it
 * @table: the flows, or NULL while there are none
 * @lock: taken to change @table's places, what a flow does and its route, also in softirq, there by trylock alone
 * @mutex: taken by everyone who adds, deletes or lists flows; outer to @lock
 * @seed: what the hash begins with
 * @looks_ahead: whether packets are to be looked up ahead. Changed under @mutex
 * @paused: packets teach nothing until it is 0; see lrk_learn_pause(). Under @lock
 * @generation: how often @table was replaced; see LRK_DUMP. Under @mutex
 * @moment: of the last page of LRK_DELTA, which no two share. Under @mutex
 * @flows: how many there are. Under @mutex
 * @timed: of these, how many may expire. Under @mutex
 * @hooked: whether @hook is registered. Under @mutex
 * @hook: the way in for packets
 * @counts: what became of packets, for each CPU
 * @listeners: files that are told events
 * @listeners_lock: guards @listeners; also taken in softirq
 * @expiry: looks for silent flows
 * @ahead: makes it so
 * @ahead_devices: whose packets are, see ahead.c. Under RTNL
 */
struct lrk_net {
	struct net *net;
	struct lrk_table __rcu *table;
	u64 seed;
	struct lrk_counts __percpu *counts;
	bool looks_ahead;
	spinlock_t lock;		/* places, flows, routes */
	struct mutex mutex;		/* who comes and goes */
	u64 moment;
	u32 paused;
	u32 generation;
	u32 flows;
	u32 timed;
	bool hooked;
	struct nf_hook_ops hook;
	struct list_head listeners;
	spinlock_t listeners_lock;	/* listeners */
	struct delayed_work expiry;
	struct work_struct ahead;
	struct list_head ahead_devices;
};

struct lrk_net *lrk_net(const struct net *net);

#endif /* LRK_NET_H */
