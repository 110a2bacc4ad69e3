/* Flows that expire, and events that nobody reads in time. */
#include "relay.h"
#include <poll.h>

void expires(void)
{
	int events = open(DEVICE, O_RDWR);
	union request subscribe = { .header.type = LRK_SUBSCRIBE }, r = a_to_b(LRK_ADD, 5004);

	CHECK(!put(events, &subscribe, 1));
	r.flow.flow.idle_seconds = 1;
	CHECK(!put1(device, r));
	CHECK(take(events).header.type == LRK_EVENT_EXPIRED);
	CHECK(plain(device, LRK_STATS, 0).stats.flows == 0);
	close(events);
}

/* More than wait to be read: their number is told, after those that were kept. */
void tells_of_lost_events(void)
{
	int events = open(DEVICE, O_RDWR | O_NONBLOCK), i, many = LRK_EVENTS_MAX + 904;
	union request subscribe = { .header.type = LRK_SUBSCRIBE }, *r = calloc(many, sizeof(*r));
	struct pollfd p = { .fd = events, .events = POLLIN };
	uint64_t end = now_ms() + 20000;
	union answer a;

	CHECK(!put(events, &subscribe, 1) && !put(events, &subscribe, 1));
	CHECK(poll(&p, 1, 0) == 0);
	for (i = 0; i < many; i++) {
		r[i] = nth(LRK_ADD, i);
		r[i].flow.flow.idle_seconds = 1;
	}
	put_all(r, many);
	free(r);
	CHECK(poll(&p, 1, 10000) == 1 && p.revents == POLLIN);
	while (plain(device, LRK_STATS, 0).stats.flows && now_ms() < end)
		usleep(10000);
	for (i = 0; i < LRK_EVENTS_MAX; i++) {
		a = take(events);
		if (a.header.type != LRK_EVENT_EXPIRED)
			break;
	}
	CHECK(i == LRK_EVENTS_MAX);
	a = take(events);
	CHECK(a.header.type == LRK_EVENT_LOST && a.error.index == 904);
	CHECK(read(events, &a, sizeof(a)) == -1 && errno == EAGAIN && poll(&p, 1, 0) == 0);
	close(events);
}
