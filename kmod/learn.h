/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LRK_LEARN_H
#define LRK_LEARN_H

#include "net.h"
#include "uapi/lrkproxy.h"

void lrk_learn_pause(struct lrk_net *ln);
void lrk_learn_resume(struct lrk_net *ln);
bool lrk_table_learn(struct lrk_net *ln, const struct lrk_flow_key *key, __be16 port,
		     struct lrk_flow_answer *event);

#endif /* LRK_LEARN_H */
