// SPDX-License-Identifier: GPL-2.0
/* Tells of flows: one, all by pages, those that have moved, those that are silent. */
#include <linux/jiffies.h>
#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/prefetch.h>
#include <linux/sched.h>
#include "list.h"
#include "slot.h"

/* In jiffies. A packet that is relayed right now may be of a later tick than the one that was read. */
static unsigned long lrk_idle(const struct lrk_flow *flow)
{
	long idle = jiffies - READ_ONCE(flow->last);

	return max(idle, 0L);
}

/* jiffies_to_msecs() has 32 bits. */
static u64 lrk_idle_ms(const struct lrk_flow *flow)
{
	return div_u64((u64)lrk_idle(flow) * MSEC_PER_SEC, HZ);
}

/**
 * lrk_answer_of() - tell all of a flow
 * @slot: whose; not being written
 * @answer: zeroed; set but for the header's seq
 *
 * Context: lrk_net.mutex or lrk_net.lock.
 */
void lrk_answer_of(const struct lrk_slot *slot, struct lrk_flow_answer *answer)
{
	const struct lrk_flow *flow = slot->flow;

	lrk_spec_of(slot, &answer->flow);
	answer->header.type = LRK_ANSWER_FLOW;
	answer->packets = READ_ONCE(flow->packets);
	answer->bytes = READ_ONCE(flow->bytes);
	answer->open_packets = READ_ONCE(flow->open_packets);
	answer->stranger_packets = READ_ONCE(flow->stranger_packets);
	answer->dropped_packets = READ_ONCE(flow->dropped_packets);
	answer->candidate_packets = READ_ONCE(flow->candidate_packets);
	answer->idle_ms = lrk_idle_ms(flow);
	answer->first_ssrc = READ_ONCE(flow->first_ssrc);
	answer->last_ssrc = READ_ONCE(flow->last_ssrc);
	answer->rtp_expected = READ_ONCE(flow->rtp_expected);
	answer->rtp_received = READ_ONCE(flow->rtp_received);
	answer->rtp_jitter = READ_ONCE(flow->jitter16) >> 4;
	answer->candidate_port = READ_ONCE(flow->candidate_port);
	answer->stranger_port = READ_ONCE(flow->stranger_port);
}

/**
 * lrk_table_get() - tell all of a flow
 * @ln: the namespace
 * @key: which
 * @answer: zeroed; set but for the header's seq
 *
 * Context: process, lrk_net.mutex.
 * Return: whether there is one.
 */
bool lrk_table_get(struct lrk_net *ln, const struct lrk_flow_key *key, struct lrk_flow_answer *answer)
{
	const struct lrk_slot *slot = lrk_slot_find(ln, key);

	lockdep_assert_held(&ln->mutex);
	if (!slot)
		return false;
	lrk_answer_of(slot, answer);
	return true;
}

/* Flows lie anywhere in memory: those of the next slots are on their way meanwhile. */
static void lrk_slot_ahead(const struct lrk_table *table, u32 i)
{
	const struct lrk_slot *slot = &table->slots[(i + 8) & table->mask];

	if (slot->flow)
		prefetch(slot->flow);
	if (!(i % 4096))
		cond_resched();
}

static bool lrk_cursor_is_good(const struct lrk_net *ln, const struct lrk_table *table, u64 cursor)
{
	return !cursor || (table && upper_32_bits(cursor) == ln->generation &&
			   lower_32_bits(cursor) <= table->mask);
}

static u64 lrk_cursor_of(const struct lrk_net *ln, const struct lrk_table *table, u32 i)
{
	return table && i <= table->mask ? (u64)ln->generation << 32 | i : 0;
}

/**
 * lrk_table_page() - tell of some flows
 * @ln: the namespace
 * @cursor: where to begin, and then where to go on: generation and index of a slot; 0 at both ends
 * @limit: how many at most
 * @answers: as many, zeroed
 *
 * Context: process, lrk_net.mutex.
 * Return: how many, or -ESTALE if the table is not that of the cursor.
 */
int lrk_table_page(struct lrk_net *ln, u64 *cursor, u32 limit, struct lrk_flow_answer *answers)
{
	const struct lrk_table *table = lrk_table_held(ln);
	u32 i = lower_32_bits(*cursor), n = 0;

	lockdep_assert_held(&ln->mutex);
	if (!lrk_cursor_is_good(ln, table, *cursor))
		return -ESTALE;
	for (; table && i <= table->mask && n < limit; i++) {
		lrk_slot_ahead(table, i);
		if (lrk_slot_is_flow(&table->slots[i]))
			lrk_answer_of(&table->slots[i], &answers[n++]);
	}
	*cursor = lrk_cursor_of(ln, table, i);
	return n;
}

static void lrk_delta_of(const struct lrk_flow *flow, u64 bytes, struct lrk_delta *delta)
{
	delta->key = flow->spec.key;
	delta->idle_ms = min_t(u64, lrk_idle_ms(flow), U32_MAX);
	delta->packets = READ_ONCE(flow->packets);
	delta->bytes = bytes;
}

/*
 * Ticks are too coarse to tell what was relayed before a page and what after it, and a CPU may write
 * one late. So it is the page that sees whether a flow has moved, and says when.
 */
static bool lrk_slot_moved(struct lrk_slot *slot, u64 bytes, u64 since, u64 now)
{
	if (slot->told != (u32)bytes) {
		slot->told = bytes;
		slot->moved = now;
	}
	return !since || slot->moved > since;
}

/**
 * lrk_table_delta() - tell in short of the flows that have relayed something
 * @ln: the namespace
 * @cursor: as in lrk_table_page()
 * @since: after which moment; 0 for all flows
 * @limit: how many at most
 * @answers: room for as many, zeroed; set but for the headers
 * @now: set to the moment of this page
 *
 * Context: process, lrk_net.mutex.
 * Return: how many flows, -ESTALE as lrk_table_page(), or -EINVAL if there was no such moment.
 */
int lrk_table_delta(struct lrk_net *ln, u64 *cursor, u64 since, u32 limit,
		    struct lrk_delta_answer *answers, u64 *now)
{
	const u64 moment = max(ln->moment + 1, ktime_get_boottime_ns());
	struct lrk_table *table = lrk_table_held(ln);
	u32 i = lower_32_bits(*cursor), n = 0;
	struct lrk_slot *slot;
	u64 bytes;

	lockdep_assert_held(&ln->mutex);
	if (since >= moment)
		return -EINVAL;
	if (!lrk_cursor_is_good(ln, table, *cursor))
		return -ESTALE;
	for (; table && i <= table->mask && n < limit; i++) {
		slot = &table->slots[i];
		lrk_slot_ahead(table, i);
		if (!lrk_slot_is_flow(slot))
			continue;
		bytes = smp_load_acquire(&slot->flow->bytes);	/* written after packets */
		if (!lrk_slot_moved(slot, bytes, since, moment))
			continue;
		lrk_delta_of(slot->flow, bytes, &answers[n / LRK_DELTAS].delta[n % LRK_DELTAS]);
		answers[n++ / LRK_DELTAS].flows++;
	}
	*cursor = lrk_cursor_of(ln, table, i);
	ln->moment = moment;
	*now = moment;
	return n;
}

/**
 * lrk_table_next_silent() - find the next flow that has been silent for its idle_seconds
 * @ln: the namespace
 * @from: where to begin, and then where to go on
 * @answer: zeroed; set to all of the flow
 *
 * Context: process, lrk_net.mutex.
 * Return: whether there is one.
 */
bool lrk_table_next_silent(struct lrk_net *ln, u32 *from, struct lrk_flow_answer *answer)
{
	const struct lrk_table *table = lrk_table_held(ln);
	const struct lrk_slot *slot;

	lockdep_assert_held(&ln->mutex);
	for (; table && *from <= table->mask; (*from)++) {
		slot = &table->slots[*from];
		if (!lrk_slot_is_flow(slot) || !slot->flow->spec.idle_seconds)
			continue;
		if (lrk_idle(slot->flow) < (u64)slot->flow->spec.idle_seconds * HZ)
			continue;
		lrk_answer_of(slot, answer);
		return true;
	}
	return false;
}
