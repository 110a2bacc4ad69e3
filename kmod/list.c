// SPDX-License-Identifier: GPL-2.0
/* Tells of flows: one, all by pages, those that have moved, those that are silent. */
#include <linux/jiffies.h>
#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/sched.h>
#include "list.h"
#include "place.h"

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
 * @flow: whose
 * @answer: zeroed; set but for the header's seq
 *
 * Context: lrk_net.mutex or lrk_net.lock.
 */
void lrk_answer_of(const struct lrk_flow *flow, struct lrk_flow_answer *answer)
{
	const struct lrk_cold *cold = flow->cold;

	lrk_flow_spec(flow, &answer->flow);
	answer->header.type = LRK_ANSWER_FLOW;
	answer->packets = READ_ONCE(flow->packets);
	answer->bytes = READ_ONCE(flow->bytes);
	answer->open_packets = READ_ONCE(cold->open_packets);
	answer->stranger_packets = READ_ONCE(cold->stranger_packets);
	answer->dropped_packets = READ_ONCE(cold->dropped_packets);
	answer->candidate_packets = READ_ONCE(cold->candidate_packets);
	answer->idle_ms = lrk_idle_ms(flow);
	answer->first_ssrc = READ_ONCE(cold->first_ssrc);
	answer->last_ssrc = READ_ONCE(flow->last_ssrc);
	answer->rtp_expected = READ_ONCE(flow->rtp_expected);
	answer->rtp_received = READ_ONCE(flow->rtp_received);
	answer->rtp_jitter = READ_ONCE(flow->jitter16) >> 4;
	answer->candidate_port = READ_ONCE(cold->candidate_port);
	answer->stranger_port = READ_ONCE(cold->stranger_port);
}

/**
 * lrk_count_of() - tell what a flow has relayed
 * @flow: whose
 * @count: set
 *
 * Context: lrk_net.mutex or lrk_net.lock.
 */
void lrk_count_of(const struct lrk_flow *flow, struct lrk_count *count)
{
	count->packets = READ_ONCE(flow->packets);
	count->bytes = READ_ONCE(flow->bytes);
	count->rtp_expected = READ_ONCE(flow->rtp_expected);
	count->rtp_received = READ_ONCE(flow->rtp_received);
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
	const struct lrk_flow *flow = lrk_flow_find(ln, key);

	lockdep_assert_held(&ln->mutex);
	if (!flow)
		return false;
	lrk_answer_of(flow, answer);
	return true;
}

/* Those of the next places are on their way meanwhile: flows, then their cold parts. */
static void lrk_place_ahead(const struct lrk_table *table, u32 i)
{
	if (!(i % 4096))
		cond_resched();
	lrk_place_prefetch(table, i + 16);
	lrk_place_prefetch_cold(table, i + 8);
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
 * @cursor: where to begin, and then where to go on: generation and index of a place; 0 at both ends
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
		lrk_place_ahead(table, i);
		if (lrk_place_is_flow(table->places[i]))
			lrk_answer_of(lrk_place_flow(table->places[i]), &answers[n++]);
	}
	*cursor = lrk_cursor_of(ln, table, i);
	return n;
}

static void lrk_delta_of(const struct lrk_flow *flow, u64 bytes, struct lrk_delta *delta)
{
	delta->key = flow->key;
	delta->idle_ms = min_t(u64, lrk_idle_ms(flow), U32_MAX);
	delta->packets = READ_ONCE(flow->packets);
	delta->bytes = bytes;
}

/*
 * Ticks are too coarse to tell what was relayed before a page and what after it, and a CPU may write
 * one late. So it is the page that sees whether a flow has moved, and says when.
 */
static bool lrk_flow_has_moved(struct lrk_flow *flow, u64 bytes, u64 since, u64 now)
{
	struct lrk_cold *cold = flow->cold;

	if (cold->told != (u32)bytes) {
		cold->told = bytes;
		cold->moved = now;
	}
	return !since || cold->moved > since;
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
	const struct lrk_table *table = lrk_table_held(ln);
	u32 i = lower_32_bits(*cursor), n = 0;
	struct lrk_flow *flow;
	u64 bytes;

	lockdep_assert_held(&ln->mutex);
	if (since >= moment)
		return -EINVAL;
	if (!lrk_cursor_is_good(ln, table, *cursor))
		return -ESTALE;
	for (; table && i <= table->mask && n < limit; i++) {
		lrk_place_ahead(table, i);
		if (!lrk_place_is_flow(table->places[i]))
			continue;
		flow = lrk_place_flow(table->places[i]);
		bytes = smp_load_acquire(&flow->bytes);	/* written after packets */
		if (!lrk_flow_has_moved(flow, bytes, since, moment))
			continue;
		lrk_delta_of(flow, bytes, &answers[n / LRK_DELTAS].delta[n % LRK_DELTAS]);
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
	const struct lrk_flow *flow;

	lockdep_assert_held(&ln->mutex);
	for (; table && *from <= table->mask; (*from)++) {
		if (!lrk_place_is_flow(table->places[*from]))
			continue;
		flow = lrk_place_flow(table->places[*from]);
		if (!flow->cold->idle_seconds || lrk_idle(flow) < (u64)flow->cold->idle_seconds * HZ)
			continue;
		lrk_answer_of(flow, answer);
		return true;
	}
	return false;
}
