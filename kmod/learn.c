// SPDX-License-Identifier: GPL-2.0
/* What packets tell of flows: from which port a party sends. */
#include "learn.h"
#include "list.h"
#include "place.h"

/**
 * lrk_learn_pause() - from now on flows change by those alone who hold lrk_net.mutex
 * @ln: the namespace
 *
 * A port is learned from the next packet then. May be nested.
 *
 * Context: process, lrk_net.mutex.
 */
void lrk_learn_pause(struct lrk_net *ln)
{
	lockdep_assert_held(&ln->mutex);
	spin_lock_bh(&ln->lock);
	ln->paused++;
	spin_unlock_bh(&ln->lock);
}

/**
 * lrk_learn_resume() - packets may teach ports again
 * @ln: the namespace
 *
 * Context: process, lrk_net.mutex.
 */
void lrk_learn_resume(struct lrk_net *ln)
{
	lockdep_assert_held(&ln->mutex);
	spin_lock_bh(&ln->lock);
	ln->paused--;
	spin_unlock_bh(&ln->lock);
}

/* The opposite flow sends to the port that was just heard. */
static void lrk_tell_opposite(struct lrk_net *ln, const struct lrk_flow *flow, __be16 port)
{
	const struct lrk_leaving *leaving = &flow->leaving;
	const struct lrk_flow_key key = {
		.remote_addr = leaving->dest_addr,
		.local_addr = leaving->source_addr,
		.local_port = leaving->source_port,
	};
	struct lrk_flow *opposite;

	if (leaving->flags & LRK_FLOW_HELD)
		return;
	opposite = lrk_flow_find(ln, &key);
	if (!opposite || opposite->leaving.source_addr != flow->key.local_addr ||
	    opposite->leaving.source_port != flow->key.local_port ||
	    opposite->leaving.dest_addr != flow->key.remote_addr)
		return;
	lrk_flow_open(ln, opposite);
	opposite->leaving.dest_port = port;
	lrk_flow_close(opposite);
}

/* Return: type of the event, or 0. */
static u16 lrk_learn(struct lrk_net *ln, struct lrk_flow *flow, __be16 port)
{
	struct lrk_leaving *leaving = &flow->leaving;

	if (!(leaving->flags & LRK_FLOW_OPEN) || leaving->locked_port == port)
		return 0;
	if (leaving->locked_port) {
		if (flow->cold->candidate_port)
			return 0;
		WRITE_ONCE(flow->cold->candidate_port, port);
		return LRK_EVENT_CANDIDATE;
	}
	lrk_flow_open(ln, flow);
	leaving->locked_port = port;
	leaving->flags &= ~LRK_FLOW_OPEN;
	lrk_flow_close(flow);
	lrk_tell_opposite(ln, flow, port);
	return LRK_EVENT_LEARNED;
}

/**
 * lrk_table_learn() - an open flow was heard from a port that it does not know
 * @ln: the namespace
 * @key: which
 * @port: source port of an RTP or RTCP packet
 * @event: zeroed; set to what has become of the flow
 *
 * Does nothing while somebody else writes, or in a pause: the next packet will do.
 *
 * Context: softirq.
 * Return: whether @event is to be told.
 */
bool lrk_table_learn(struct lrk_net *ln, const struct lrk_flow_key *key, __be16 port,
		     struct lrk_flow_answer *event)
{
	struct lrk_flow *flow;
	u16 type = 0;

	if (!spin_trylock_bh(&ln->lock))
		return false;
	flow = ln->paused ? NULL : lrk_flow_find(ln, key);
	if (flow)
		type = lrk_learn(ln, flow, port);
	if (type)
		lrk_answer_of(flow, event);
	event->header.type = type;
	spin_unlock_bh(&ln->lock);
	return type;
}
