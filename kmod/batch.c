// SPDX-License-Identifier: GPL-2.0
/* Does the requests of one write, all or none: what was done is undone, backwards, if one fails. */
#include <net/net_namespace.h>
#include "batch.h"
#include "check.h"
#include "expire.h"
#include "flow.h"
#include "grow.h"
#include "hook.h"
#include "learn.h"
#include "list.h"
#include "place.h"
#include "stats.h"

static struct lrk_fault lrk_fault_of(int error)
{
	const u32 key = offsetof(struct lrk_flow_request, flow.key);

	switch (error) {
	case -EEXIST:
		return (struct lrk_fault) { error, LRK_REASON_EXISTS, key };
	case -ENOENT:
		return (struct lrk_fault) { error, LRK_REASON_UNKNOWN, key };
	case -ENOSPC:
		return (struct lrk_fault) { error, LRK_REASON_FULL, 0 };
	case -ESTALE:
		return (struct lrk_fault) { error, LRK_REASON_CURSOR,
					    offsetof(struct lrk_plain_request, cursor) };
	case -EINVAL:	/* a moment that is still to come */
		return (struct lrk_fault) { error, LRK_REASON_VALUE,
					    offsetof(struct lrk_plain_request, since) };
	default:
		return (struct lrk_fault) { error, LRK_REASON_MEMORY, 0 };
	}
}

static int lrk_batch_fail(struct lrk_batch *batch, u32 index, struct lrk_fault fault)
{
	batch->failed = index;
	batch->fault = fault;
	return fault.error;
}

/* LRK_DELETE and LRK_COUNT share theirs. */
static u32 lrk_answers_to(const union lrk_request *request)
{
	switch (request->header.type) {
	case LRK_HELLO:
	case LRK_GET:
	case LRK_STATS:
		return 1;
	case LRK_DUMP:
		return request->plain.value + 1;
	case LRK_DELTA:
		return DIV_ROUND_UP(request->plain.value, LRK_DELTAS) + 1;
	default:
		return 0;
	}
}

static bool lrk_is_counted(const union lrk_request *request)
{
	return request->header.type == LRK_DELETE || request->header.type == LRK_COUNT;
}

static bool lrk_goes_alone(const union lrk_request *request)
{
	return request->header.type == LRK_FLUSH || request->header.type == LRK_SUBSCRIBE;
}

/**
 * lrk_batch_check() - are all requests well formed?
 * @batch: which; fault and failed are set if not
 * @answers: set to how many there may be
 *
 * Return: 0 or -errno.
 */
int lrk_batch_check(struct lrk_batch *batch, u32 *answers)
{
	const union lrk_request *request;
	u32 i, counted = 0;
	struct lrk_fault fault;

	*answers = 0;
	for (i = 0; i < batch->count; i++) {
		request = &batch->requests[i];
		fault = lrk_check(request);
		if (!fault.error && batch->count > 1 && lrk_goes_alone(request))
			fault = (struct lrk_fault) { -EINVAL, LRK_REASON_ALONE, 0 };
		if (fault.error)
			return lrk_batch_fail(batch, i, fault);
		*answers += lrk_answers_to(request);
		if (lrk_is_counted(request) && counted++ % LRK_COUNTED == 0)
			(*answers)++;
		if (*answers > LRK_BATCH_MAX) {
			fault = (struct lrk_fault) { -E2BIG, LRK_REASON_ANSWERS, 0 };
			return lrk_batch_fail(batch, i, fault);
		}
	}
	return 0;
}

static union lrk_answer *lrk_answer_next(struct lrk_batch *batch, u16 type, u32 seq)
{
	union lrk_answer *answer = &batch->answers[batch->answered++];

	answer->header.type = type;
	answer->header.seq = seq;
	return answer;
}

static void lrk_do_hello(struct lrk_batch *batch, u32 seq)
{
	union lrk_answer *answer = lrk_answer_next(batch, LRK_ANSWER_HELLO, seq);

	answer->hello.version = LRK_ABI_VERSION;
	answer->hello.max_flows = lrk_flows_max();
	answer->hello.flows = lrk_flows_all();
	answer->hello.net_cookie = lrk_net_cookie(batch->ln->net);
}

static void lrk_do_stats(struct lrk_batch *batch, u32 seq)
{
	union lrk_answer *answer = lrk_answer_next(batch, LRK_ANSWER_STATS, seq);

	lrk_stats_sum(batch->ln, answer->stats.count);
	answer->stats.flows = batch->ln->flows;
}

static void lrk_do_get(struct lrk_batch *batch, const struct lrk_flow_request *request)
{
	union lrk_answer *answer = lrk_answer_next(batch, LRK_ANSWER_NONE, request->header.seq);

	if (!lrk_table_get(batch->ln, &request->flow.key, &answer->flow))
		answer->flow.flow.key = request->flow.key;
}

/* Tell what a flow has relayed: the next of seven; NULL if there is no such flow. */
static void lrk_do_count(struct lrk_batch *batch, const struct lrk_flow *flow, u32 seq)
{
	struct lrk_counts_answer *counts = batch->counts;

	if (!counts || counts->flows == LRK_COUNTED) {
		counts = &lrk_answer_next(batch, LRK_ANSWER_COUNTS, seq)->counts;
		batch->counts = counts;
	}
	if (flow) {
		counts->found |= BIT(counts->flows);
		lrk_count_of(flow, &counts->count[counts->flows]);
	}
	counts->flows++;
}

static int lrk_do_dump(struct lrk_batch *batch, const struct lrk_plain_request *request)
{
	union lrk_answer *answers = &batch->answers[batch->answered];
	u64 cursor = request->cursor;
	int i, flows;

	BUILD_BUG_ON(sizeof(*answers) != sizeof(answers->flow));
	flows = lrk_table_page(batch->ln, &cursor, request->value, &answers->flow);
	if (flows < 0)
		return flows;
	for (i = 0; i < flows; i++)
		lrk_answer_next(batch, LRK_ANSWER_FLOW, request->header.seq);
	answers = lrk_answer_next(batch, LRK_ANSWER_PAGE, request->header.seq);
	answers->page.cursor = cursor;
	answers->page.flows = flows;
	return 0;
}

static int lrk_do_delta(struct lrk_batch *batch, const struct lrk_plain_request *request)
{
	union lrk_answer *answers = &batch->answers[batch->answered];
	u64 cursor = request->cursor, now;
	int i, flows;

	BUILD_BUG_ON(sizeof(*answers) != sizeof(answers->delta));
	flows = lrk_table_delta(batch->ln, &cursor, request->since, request->value, &answers->delta, &now);
	if (flows < 0)
		return flows;
	for (i = 0; i < flows; i += LRK_DELTAS)
		lrk_answer_next(batch, LRK_ANSWER_DELTA, request->header.seq);
	answers = lrk_answer_next(batch, LRK_ANSWER_PAGE, request->header.seq);
	answers->page.cursor = cursor;
	answers->page.flows = flows;
	answers->page.now = now;
	return 0;
}

static int lrk_do_add(struct lrk_batch *batch, const struct lrk_flow_spec *spec)
{
	struct lrk_flow *flow = lrk_flow_alloc(spec);
	int err;

	if (IS_ERR(flow))
		return PTR_ERR(flow);
	err = lrk_table_add(batch->ln, flow);
	if (err)
		lrk_flow_discard(flow);
	return err;
}

static int lrk_do_update(struct lrk_batch *batch, struct lrk_flow_spec *spec)
{
	struct lrk_flow_spec old;
	int err = lrk_table_update(batch->ln, spec, &old);

	if (!err)
		*spec = old;
	return err;
}

static int lrk_do_delete(struct lrk_batch *batch, struct lrk_removed *removed)
{
	removed->flow = lrk_table_remove(batch->ln, &removed->key);
	if (!removed->flow)
		return -ENOENT;
	lrk_do_count(batch, removed->flow, removed->header.seq);
	return 0;
}

static int lrk_do(struct lrk_batch *batch, union lrk_request *request)
{
	const u32 seq = request->header.seq;

	switch (request->header.type) {
	case LRK_HELLO:
		lrk_do_hello(batch, seq);
		return 0;
	case LRK_STATS:
		lrk_do_stats(batch, seq);
		return 0;
	case LRK_GET:
		lrk_do_get(batch, &request->flow);
		return 0;
	case LRK_COUNT:
		lrk_do_count(batch, lrk_flow_find(batch->ln, &request->flow.flow.key), seq);
		return 0;
	case LRK_DUMP:
		return lrk_do_dump(batch, &request->plain);
	case LRK_DELTA:
		return lrk_do_delta(batch, &request->plain);
	case LRK_FLUSH:
		lrk_table_clear(batch->ln);
		return 0;
	case LRK_ADD:
		return lrk_do_add(batch, &request->flow.flow);
	case LRK_UPDATE:
		return lrk_do_update(batch, &request->flow.flow);
	case LRK_DELETE:
		return lrk_do_delete(batch, &request->removed);
	}
	return 0;
}

/* None of this can fail. */
static void lrk_undo(struct lrk_net *ln, const union lrk_request *request)
{
	struct lrk_flow_spec unused;

	switch (request->header.type) {
	case LRK_ADD:
		lrk_flow_free(lrk_table_remove(ln, &request->flow.flow.key));
		break;
	case LRK_UPDATE:
		lrk_table_update(ln, &request->flow.flow, &unused);
		break;
	case LRK_DELETE:
		lrk_table_add(ln, request->removed.flow);
		break;
	}
}

static u32 lrk_request_hash(const struct lrk_batch *batch, u32 i)
{
	return lrk_key_hash(batch->ln->seed, &batch->requests[i].flow.flow.key);
}

/* What later requests will look up is on its way meanwhile: the place, then the flow in it, then its cold part. */
static void lrk_batch_prefetch(const struct lrk_batch *batch, u32 i)
{
	const struct lrk_table *table = lrk_table_held(batch->ln);

	if (!table)
		return;
	if (i + 24 < batch->count)
		prefetch(&table->places[lrk_request_hash(batch, i + 24) & table->mask]);
	if (i + 16 < batch->count)
		lrk_place_prefetch(table, lrk_request_hash(batch, i + 16));
	if (i + 8 < batch->count && batch->requests[i + 8].header.type != LRK_COUNT)
		lrk_place_prefetch_cold(table, lrk_request_hash(batch, i + 8));
}

/* Learning is paused: what is undone would not be undone with a port that was learned meanwhile. */
static int lrk_do_all(struct lrk_batch *batch)
{
	int err = 0;
	u32 i;

	for (i = 0; i < batch->count && !err; i++) {
		lrk_batch_prefetch(batch, i);
		err = lrk_do(batch, &batch->requests[i]);
	}
	if (err) {
		lrk_batch_fail(batch, --i, lrk_fault_of(err));
		while (i--)
			lrk_undo(batch->ln, &batch->requests[i]);
		return err;
	}
	for (i = 0; i < batch->count; i++)
		if (batch->requests[i].header.type == LRK_DELETE)
			lrk_flow_free(batch->requests[i].removed.flow);
	return 0;
}

static u32 lrk_batch_adds(const struct lrk_batch *batch)
{
	u32 i, adds = 0;

	for (i = 0; i < batch->count; i++)
		adds += batch->requests[i].header.type == LRK_ADD;
	return adds;
}

static int lrk_batch_prepare(struct lrk_batch *batch)
{
	u32 adds = lrk_batch_adds(batch);
	int err;

	if (!adds)
		return 0;
	err = lrk_table_reserve(batch->ln, adds);
	if (!err)
		err = lrk_hook_open(batch->ln);
	return err ? lrk_batch_fail(batch, 0, lrk_fault_of(err)) : 0;
}

/**
 * lrk_batch_run() - do all requests, or none
 * @batch: passed lrk_batch_check(), and has room for that many answers, which is zeroed
 *
 * Context: process.
 * Return: 0 or -errno; fault and failed are set then.
 */
int lrk_batch_run(struct lrk_batch *batch)
{
	struct lrk_net *ln = batch->ln;
	int err;

	mutex_lock(&ln->mutex);
	err = lrk_batch_prepare(batch);
	if (!err) {
		lrk_learn_pause(ln);
		err = lrk_do_all(batch);
		lrk_learn_resume(ln);
	}
	lrk_hook_settle(ln);
	lrk_expire_start(ln);
	mutex_unlock(&ln->mutex);
	return err;
}
