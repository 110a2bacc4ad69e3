/*
 * control_load: play requests to the daemon as Kamailio's workers would, each
 * from its own socket, and say how it answered. Never repeats a request: what
 * is not answered within a second, when Kamailio would repeat it, is lost.
 *
 *   control_load [-p PORT] [-s SOCKETS] [-r RATE] [-w WINDOW] < REQUESTS
 *
 *   -p PORT     of the daemon on 127.0.0.1 (8080)
 *   -s SOCKETS  requests take turns (1)
 *   -r RATE     requests a second (0: as fast as the window lets them)
 *   -w WINDOW   requests under way at most (1)
 *
 * A request is a line of stdin without its cookie: "P", "G", "S … ", "D … ".
 * Prints: requests ok refused wrong lost seconds p50_us p99_us max_us
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <err.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MAX_SOCKETS 64
#define LOST_NS 1000000000ull
#define CONFIG_BYTES 52
/* Requests due within this go out together, so that pacing costs little CPU. */
#define TICK_NS 200000ull

struct options {
	unsigned int port, sockets, window;
	unsigned long long rate;
};

struct request {
	char *text;
	size_t length;
	unsigned long long sent, answered;
};

struct load {
	struct options o;
	struct pollfd sockets[MAX_SOCKETS];
	struct request *requests;
	size_t count, next, oldest, under_way;
	size_t ok, refused, wrong, lost;
};

static struct options parse(int argc, char **argv)
{
	struct options o = { .port = 8080, .sockets = 1, .window = 1 };
	int c;

	while ((c = getopt(argc, argv, "p:s:r:w:")) > 0)
		switch (c) {
		case 'p': o.port = strtoul(optarg, NULL, 10); break;
		case 's': o.sockets = strtoul(optarg, NULL, 10); break;
		case 'r': o.rate = strtoull(optarg, NULL, 10); break;
		case 'w': o.window = strtoul(optarg, NULL, 10); break;
		default: exit(2);
		}
	if (o.sockets < 1 || o.sockets > MAX_SOCKETS)
		errx(2, "Between 1 and %d sockets", MAX_SOCKETS);
	return o;
}

static unsigned long long now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

/* The cookie is the request's number: a reply says by itself whose it is. */
static void read_requests(struct load *l)
{
	char *line = NULL;
	size_t room = 0, capacity = 0;
	ssize_t length;

	while ((length = getline(&line, &room, stdin)) > 0) {
		struct request *r;

		if (line[length - 1] == '\n')
			line[length - 1] = 0;
		if (l->count == capacity) {
			capacity = capacity ? 2 * capacity : 4096;
			l->requests = reallocarray(l->requests, capacity, sizeof(*r));
		}
		r = &l->requests[l->count];
		*r = (struct request){ 0 };
		r->length = asprintf(&r->text, "%zu_bench %s", l->count, line);
		l->count++;
	}
	free(line);
}

static void open_sockets(struct load *l)
{
	struct sockaddr_in daemon = { .sin_family = AF_INET, .sin_port = htons(l->o.port),
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

	for (unsigned int i = 0; i < l->o.sockets; i++) {
		int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0), room = 8 << 20;

		setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
		if (connect(fd, (struct sockaddr *)&daemon, sizeof(daemon)))
			err(1, "Cannot connect to port %u", l->o.port);
		l->sockets[i] = (struct pollfd){ .fd = fd, .events = POLLIN };
	}
}

static int reply_is(const struct request *r, const char *reply, size_t length, const char *end)
{
	size_t tail = strlen(end);

	return length == r->length + tail && !memcmp(reply + r->length, end, tail);
}

static void judge(struct load *l, struct request *r, const char *reply, size_t length)
{
	int config = r->text[r->length - 1] == 'G';

	if (length < r->length || memcmp(reply, r->text, r->length))
		l->wrong++;
	else if (reply_is(r, reply, length, "OK") || reply_is(r, reply, length, " PONG") ||
		 (config && length == r->length + 1 + CONFIG_BYTES))
		l->ok++;
	else if (reply_is(r, reply, length, "ER"))
		l->refused++;
	else
		l->wrong++;
}

static void take_reply(struct load *l, const char *reply, size_t length, unsigned long long at)
{
	size_t i = strtoul(reply, NULL, 10);

	if (i >= l->next || l->requests[i].answered)
		return;
	l->requests[i].answered = at;
	l->under_way--;
	judge(l, &l->requests[i], reply, length);
}

static void take_replies(struct load *l)
{
	char reply[512];
	ssize_t length;

	for (unsigned int s = 0; s < l->o.sockets; s++)
		while ((length = recv(l->sockets[s].fd, reply, sizeof(reply) - 1, 0)) >= 0) {
			reply[length] = 0;
			take_reply(l, reply, length, now());
		}
}

/* Requests age in the order in which they were sent. */
static void give_up(struct load *l, unsigned long long at)
{
	while (l->oldest < l->next) {
		struct request *r = &l->requests[l->oldest];

		if (!r->answered) {
			if (at - r->sent < LOST_NS)
				return;
			r->answered = r->sent; /* a late answer counts for nothing */
			l->lost++;
			l->under_way--;
		}
		l->oldest++;
	}
}

static unsigned long long due(const struct load *l, unsigned long long start)
{
	return l->o.rate ? start + l->next * 1000000000ull / l->o.rate : start;
}

static void send_due(struct load *l, unsigned long long start)
{
	while (l->next < l->count && l->under_way < l->o.window && due(l, start) <= now()) {
		struct request *r = &l->requests[l->next];

		r->sent = now();
		/* A daemon that is not there refuses: its request is lost like any other. */
		(void)!send(l->sockets[l->next % l->o.sockets].fd, r->text, r->length, 0);
		l->next++;
		l->under_way++;
	}
}

static void wait_for_work(struct load *l, unsigned long long start)
{
	unsigned long long at = now(), until = at + LOST_NS / 10;
	struct timespec t = { 0 };

	if (l->next < l->count && l->under_way < l->o.window)
		until = due(l, start) > at + TICK_NS ? due(l, start) : at + TICK_NS;
	t.tv_nsec = until - at < LOST_NS ? until - at : LOST_NS - 1;
	ppoll(l->sockets, l->o.sockets, &t, NULL);
}

static int by_value(const void *a, const void *b)
{
	unsigned long long x = *(const unsigned long long *)a, y = *(const unsigned long long *)b;

	return x < y ? -1 : x > y;
}

static void report(struct load *l, double seconds)
{
	unsigned long long *ns = calloc(l->count + 1, sizeof(*ns));
	size_t n = 0;

	for (size_t i = 0; i < l->count; i++)
		if (l->requests[i].answered > l->requests[i].sent)
			ns[n++] = l->requests[i].answered - l->requests[i].sent;
	qsort(ns, n, sizeof(*ns), by_value);
	printf("%zu %zu %zu %zu %zu %.3f %.0f %.0f %.0f\n", l->count, l->ok, l->refused, l->wrong,
	       l->lost, seconds, ns[n / 2] / 1e3, ns[n - n / 100 - (n > 0)] / 1e3,
	       ns[n - (n > 0)] / 1e3);
	free(ns);
}

int main(int argc, char **argv)
{
	struct load l = { .o = parse(argc, argv) };
	unsigned long long start;

	read_requests(&l);
	open_sockets(&l);
	start = now();
	while (l.next < l.count || l.under_way) {
		send_due(&l, start);
		wait_for_work(&l, start);
		take_replies(&l);
		give_up(&l, now());
	}
	report(&l, (now() - start) / 1e9);
	return 0;
}
