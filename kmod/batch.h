/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LRK_BATCH_H
#define LRK_BATCH_H

#include "net.h"
#include "uapi/lrkproxy.h"

struct lrk_flow;

/**
 * struct lrk_removed - what becomes of an LRK_DELETE once it is done
 * @header: as it was
 * @key: as it was
 * @flow: not freed yet
 */
struct lrk_removed {
	struct lrk_header header;
	struct lrk_flow_key key;
	struct lrk_flow *flow;
};

/**
 * union lrk_request - one request of a write
 * @header: of all
 * @flow: of one flow; once LRK_UPDATE is done, what the flow did before
 * @plain: of anything else
 * @removed: LRK_DELETE that is done
 */
union lrk_request {
	struct lrk_header header;
	struct lrk_flow_request flow;
	struct lrk_plain_request plain;
	struct lrk_removed removed;
};

/**
 * union lrk_answer - one answer
 * @header: of all
 * @error: LRK_ANSWER_ERROR
 * @hello: LRK_ANSWER_HELLO
 * @flow: LRK_ANSWER_FLOW, LRK_ANSWER_NONE
 * @delta: LRK_ANSWER_DELTA
 * @counts: LRK_ANSWER_COUNTS
 * @page: LRK_ANSWER_PAGE
 * @stats: LRK_ANSWER_STATS
 */
union lrk_answer {
	struct lrk_header header;
	struct lrk_error_answer error;
	struct lrk_hello_answer hello;
	struct lrk_flow_answer flow;
	struct lrk_delta_answer delta;
	struct lrk_counts_answer counts;
	struct lrk_page_answer page;
	struct lrk_stats_answer stats;
};

/**
 * struct lrk_fault - why a request is refused
 * @error: a negative errno
 * @reason: LRK_REASON_…
 * @offset: the field at fault, in bytes from the beginning of the request
 */
struct lrk_fault {
	int error;
	u32 reason;
	u32 offset;
};

/**
 * struct lrk_batch - requests that are done together
 * @ln: where
 * @requests: what; changed as they are done, so that they tell how to undo them
 * @count: how many
 * @answers: room for as many answers as lrk_batch_check() has found
 * @answered: how many there are
 * @counts: the last LRK_ANSWER_COUNTS, or NULL
 * @failed: index of the request at fault
 * @fault: what is wrong with it
 */
struct lrk_batch {
	struct lrk_net *ln;
	union lrk_request *requests;
	u32 count;
	union lrk_answer *answers;
	u32 answered;
	struct lrk_counts_answer *counts;
	u32 failed;
	struct lrk_fault fault;
};

int lrk_batch_check(struct lrk_batch *batch, u32 *answers);
int lrk_batch_run(struct lrk_batch *batch);

#endif /* LRK_BATCH_H */
