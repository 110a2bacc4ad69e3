/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LRK_EVENTS_H
#define LRK_EVENTS_H

#include <linux/list.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include "net.h"
#include "uapi/lrkproxy.h"

/**
 * struct lrk_listener - a file that is told events
 * @entry: in lrk_net.listeners
 * @lock: guards the rest; also taken in softirq
 * @wait: who reads or polls
 * @ring: LRK_EVENTS_MAX events, or NULL before lrk_events_join()
 * @head: how many were ever put in
 * @tail: how many were ever taken out
 * @lost: how many did not fit, and nobody was told so yet
 */
struct lrk_listener {
	struct list_head entry;
	spinlock_t lock;	/* guards the rest */
	wait_queue_head_t *wait;
	struct lrk_flow_answer *ring;
	u32 head;
	u32 tail;
	u32 lost;
};

void lrk_listener_init(struct lrk_listener *listener, wait_queue_head_t *wait);
int lrk_events_join(struct lrk_net *ln, struct lrk_listener *listener);
void lrk_events_leave(struct lrk_net *ln, struct lrk_listener *listener);
void lrk_events_tell(struct lrk_net *ln, const struct lrk_flow_answer *event);
bool lrk_events_peek(struct lrk_listener *listener, struct lrk_flow_answer *event);
void lrk_events_drop(struct lrk_listener *listener, const struct lrk_flow_answer *event);
bool lrk_events_waiting(struct lrk_listener *listener);

#endif /* LRK_EVENTS_H */
