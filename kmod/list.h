/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LRK_LIST_H
#define LRK_LIST_H

#include "net.h"
#include "uapi/lrkproxy.h"

struct lrk_flow;

void lrk_answer_of(const struct lrk_flow *flow, struct lrk_flow_answer *answer);
void lrk_count_of(const struct lrk_flow *flow, struct lrk_count *count);
bool lrk_table_get(struct lrk_net *ln, const struct lrk_flow_key *key, struct lrk_flow_answer *answer);
int lrk_table_page(struct lrk_net *ln, u64 *cursor, u32 limit, struct lrk_flow_answer *answers);
int lrk_table_delta(struct lrk_net *ln, u64 *cursor, u64 since, u32 limit,
		    struct lrk_delta_answer *answers, u64 *now);
bool lrk_table_next_silent(struct lrk_net *ln, u32 *from, struct lrk_flow_answer *answer);

#endif /* LRK_LIST_H */
