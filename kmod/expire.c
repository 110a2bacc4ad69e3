// SPDX-License-Identifier: GPL-2.0
/* Deletes flows that have been silent for their idle_seconds: a daemon may never come back. */
#include "events.h"
#include "expire.h"
#include "flow.h"
#include "hook.h"
#include "list.h"
#include "table.h"

/* How many flows go before others may have the mutex. */
#define LRK_EXPIRE_AT_ONCE 256

static bool lrk_expire_some(struct lrk_net *ln, u32 *from)
{
	struct lrk_flow_answer event;
	int n;

	for (n = 0; n < LRK_EXPIRE_AT_ONCE; n++) {
		memset(&event, 0, sizeof(event));
		if (!lrk_table_next_silent(ln, from, &event))
			return false;
		event.header.type = LRK_EVENT_EXPIRED;
		lrk_flow_free(lrk_table_remove(ln, &event.flow.key));
		lrk_events_tell(ln, &event);
	}
	return true;
}

static void lrk_expire(struct work_struct *work)
{
	struct lrk_net *ln = container_of(to_delayed_work(work), struct lrk_net, expiry);
	bool more = true;
	u32 from = 0;

	while (more) {
		mutex_lock(&ln->mutex);
		more = ln->timed && lrk_expire_some(ln, &from);
		if (!more) {
			lrk_hook_settle(ln);
			lrk_expire_start(ln);
		}
		mutex_unlock(&ln->mutex);
	}
}

/**
 * lrk_expire_init() - prepare a namespace
 * @ln: which
 */
void lrk_expire_init(struct lrk_net *ln)
{
	INIT_DELAYED_WORK(&ln->expiry, lrk_expire);
}

/**
 * lrk_expire_start() - look for silent flows from now on, as long as some may expire
 * @ln: where
 *
 * Context: process, lrk_net.mutex.
 */
void lrk_expire_start(struct lrk_net *ln)
{
	lockdep_assert_held(&ln->mutex);
	if (ln->timed)
		queue_delayed_work(system_unbound_wq, &ln->expiry, HZ);
}

/**
 * lrk_expire_stop() - look no more, and wait for the end of a look
 * @ln: where; nobody adds flows any more
 *
 * Context: process.
 */
void lrk_expire_stop(struct lrk_net *ln)
{
	cancel_delayed_work_sync(&ln->expiry);
}
