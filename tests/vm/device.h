/* The module's device as programs in C use it: its records, and requests that are written and answered. */
#ifndef DEVICE_H
#define DEVICE_H

#include <arpa/inet.h>
#include <poll.h>
#include <stdint.h>
#include <unistd.h>
#include "../../kmod/uapi/lrkproxy.h"

#define DEVICE "/dev/lrkproxy"
/* How long an answer or event is waited for; and the type of one that has not come. */
#define ANSWER_MS 5000
#define NO_ANSWER 0xffff

union request {
	struct lrk_header header;
	struct lrk_flow_request flow;
	struct lrk_plain_request plain;
};

union answer {
	struct lrk_header header;
	struct lrk_error_answer error;
	struct lrk_hello_answer hello;
	struct lrk_flow_answer flow;
	struct lrk_delta_answer delta;
	struct lrk_counts_answer counts;
	struct lrk_page_answer page;
	struct lrk_stats_answer stats;
};

/* A request about the flow of one sender to one socket of the relay's; of some types that is all of it. */
static inline union request keyed_request(int type, uint32_t seq, const char *remote, const char *to, int port)
{
	union request r = { .header.type = type, .header.seq = seq };

	r.flow.flow.key.remote_addr = inet_addr(remote);
	r.flow.flow.key.local_addr = inet_addr(to);
	r.flow.flow.key.local_port = htons(port);
	return r;
}

/* Return: 0 if all of them were taken at once, or -1. */
static inline int put(int fd, const union request *r, int n)
{
	return write(fd, r, n * sizeof(*r)) == (ssize_t)(n * sizeof(*r)) ? 0 : -1;
}

static inline int put1(int fd, union request r) { return put(fd, &r, 1); }

static inline int flush(int fd) { return put1(fd, (union request) { .header.type = LRK_FLUSH }); }

/* The next answer or event. */
static inline union answer take(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	union answer a = { 0 };

	if (poll(&p, 1, ANSWER_MS) != 1 || read(fd, &a, sizeof(a)) != sizeof(a))
		a.header.type = NO_ANSWER;
	return a;
}

static inline union answer ask(int fd, union request r)
{
	union answer none = { .header.type = NO_ANSWER };

	return put1(fd, r) ? none : take(fd);
}

/* LRK_HELLO or LRK_STATS; their `seq` is not 0, which is that of events. */
static inline union answer plain(int fd, int type, uint32_t value)
{
	union request r = { .header.type = type, .header.seq = 9 };

	r.plain.value = value;
	return ask(fd, r);
}

#endif /* DEVICE_H */
