// SPDX-License-Identifier: GPL-2.0
/* Events on their way from softirq to the files that asked for them. Each file has a ring. */
#include <linux/mm.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include <linux/string.h>
#include "events.h"

/**
 * lrk_listener_init() - make a listener that listens to nothing yet
 * @listener: which
 * @wait: woken for each event
 */
void lrk_listener_init(struct lrk_listener *listener, wait_queue_head_t *wait)
{
	INIT_LIST_HEAD(&listener->entry);
	spin_lock_init(&listener->lock);
	listener->wait = wait;
}

/**
 * lrk_events_join() - be told events from now on; a second time changes nothing
 * @ln: of which namespace
 * @listener: who
 *
 * Context: process; the caller keeps two calls apart.
 * Return: 0 or -ENOMEM.
 */
int lrk_events_join(struct lrk_net *ln, struct lrk_listener *listener)
{
	if (listener->ring)
		return 0;
	listener->ring = kvcalloc(LRK_EVENTS_MAX, sizeof(*listener->ring), GFP_KERNEL_ACCOUNT);
	if (!listener->ring)
		return -ENOMEM;
	spin_lock_bh(&ln->listeners_lock);
	list_add_tail(&listener->entry, &ln->listeners);
	spin_unlock_bh(&ln->listeners_lock);
	return 0;
}

/**
 * lrk_events_leave() - be told no more, and free the ring
 * @ln: of which namespace
 * @listener: who
 *
 * Context: process.
 */
void lrk_events_leave(struct lrk_net *ln, struct lrk_listener *listener)
{
	spin_lock_bh(&ln->listeners_lock);
	list_del_init(&listener->entry);
	spin_unlock_bh(&ln->listeners_lock);
	kvfree(listener->ring);
}

static void lrk_listener_put(struct lrk_listener *listener, const struct lrk_flow_answer *event)
{
	spin_lock_bh(&listener->lock);
	if (listener->head - listener->tail < LRK_EVENTS_MAX)
		listener->ring[listener->head++ % LRK_EVENTS_MAX] = *event;
	else
		listener->lost++;
	spin_unlock_bh(&listener->lock);
	wake_up_interruptible_poll(listener->wait, EPOLLIN | EPOLLRDNORM);
}

/**
 * lrk_events_tell() - tell all who listen
 * @ln: of which namespace
 * @event: what
 *
 * Context: any but hard interrupts.
 */
void lrk_events_tell(struct lrk_net *ln, const struct lrk_flow_answer *event)
{
	struct lrk_listener *listener;

	spin_lock_bh(&ln->listeners_lock);
	list_for_each_entry(listener, &ln->listeners, entry)
		lrk_listener_put(listener, event);
	spin_unlock_bh(&ln->listeners_lock);
}

static_assert(sizeof(struct lrk_error_answer) == sizeof(struct lrk_flow_answer));

/**
 * lrk_events_peek() - look at the next event
 * @listener: whose
 * @event: set if there is one
 *
 * That some were lost is told after those that were kept.
 *
 * Context: process; one reader at a time.
 * Return: whether there is one.
 */
bool lrk_events_peek(struct lrk_listener *listener, struct lrk_flow_answer *event)
{
	struct lrk_error_answer lost = { .header.type = LRK_EVENT_LOST };
	bool found = true;

	spin_lock_bh(&listener->lock);
	lost.index = listener->lost;
	if (listener->head != listener->tail)
		*event = listener->ring[listener->tail % LRK_EVENTS_MAX];
	else if (listener->lost)
		memcpy(event, &lost, sizeof(lost));
	else
		found = false;
	spin_unlock_bh(&listener->lock);
	return found;
}

/**
 * lrk_events_drop() - the event has reached its reader
 * @listener: whose
 * @event: from lrk_events_peek()
 *
 * Context: process; the same reader.
 */
void lrk_events_drop(struct lrk_listener *listener, const struct lrk_flow_answer *event)
{
	struct lrk_error_answer lost;

	memcpy(&lost, event, sizeof(lost));
	spin_lock_bh(&listener->lock);
	if (lost.header.type == LRK_EVENT_LOST)
		listener->lost -= lost.index;	/* not to 0: there may be more since */
	else
		listener->tail++;
	spin_unlock_bh(&listener->lock);
}

/**
 * lrk_events_waiting() - is there something to read?
 * @listener: whose
 *
 * Context: any but hard interrupts.
 * Return: whether.
 */
bool lrk_events_waiting(struct lrk_listener *listener)
{
	bool waiting;

	spin_lock_bh(&listener->lock);
	waiting = listener->head != listener->tail || listener->lost;
	spin_unlock_bh(&listener->lock);
	return waiting;
}
