/*
 * One side of many calls: real UDP sockets that send and check RTP and RTCP.
 *
 *   rtp_peer caller|callee COMMANDS REPORT [MS]
 *
 * COMMANDS is a file that grows while SIPp runs (its log); it is followed to the end of the run:
 *
 *   open CALL-ID IP PORT     bind RTP on PORT and RTCP on PORT + 1, hear from now on
 *   start CALL-ID IP PORT    send to the relay there, and expect to hear from nowhere else
 *   move CALL-ID IP PORT     go on from another local address (a re-INVITE)
 *   stop CALL-ID             hang up: no more media
 *   probe CALL-ID            the BYE is answered: send packets that must not arrive any more
 *
 * MS is the time between two RTP packets of a call, 20 by default.
 *
 * Blank lines and lines that begin with # are passed over.
 *
 * On SIGTERM it waits for the calls that are still probing, then writes REPORT: one JSON object
 * a call and one for the process. It judges nothing: that takes both sides' reports.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "rtp_call.h"

#define FINISH_MS (3000 + 20 * rtp_interval_ms)
#define BUCKETS 4096

static enum side my_side;
static int epoll_fd;
static struct call *buckets[BUCKETS];
/* A call sends in one of as many slots of 1 ms as there are between two of its packets; they take turns. */
static struct call *slots[MAX_RTP_INTERVAL_MS];
static unsigned int next_slot;
static struct call *first_call, **last_call = &first_call;
static uint32_t open_calls, most_open, bad_commands;
static uint64_t tick, worst_lag_ns;
static volatile sig_atomic_t finishing;

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ull + now.tv_nsec;
}

static void complain(const char *line, const char *why)
{
	bad_commands++;
	warnx("%s: %s", why, line);
}

static struct call *find_call(const char *id)
{
	uint64_t hash = call_hash(id);
	struct call *call = buckets[hash % BUCKETS];

	while (call && (call->hash != hash || strcmp(call->id, id)))
		call = call->next_in_bucket;
	return call;
}

static void join_slot(struct call *call)
{
	struct call **slot = &slots[next_slot++ % rtp_interval_ms];

	call->next_in_slot = *slot;
	*slot = call;
}

static struct call *open_call(const char *id)
{
	struct call *call = call_new(id, my_side);

	call->next_in_bucket = buckets[call->hash % BUCKETS];
	buckets[call->hash % BUCKETS] = call;
	*last_call = call;
	last_call = &call->next;
	if (++open_calls > most_open)
		most_open = open_calls;
	return call;
}

static void command(char *line, uint64_t now)
{
	char verb[8], id[256], ip[32] = "";
	unsigned int port = 0;
	struct sockaddr_in address = { .sin_family = AF_INET };
	struct call *call;
	int fields = sscanf(line, "%7s %255s %31s %u", verb, id, ip, &port);

	if (fields < 1 || *line == '#')
		return;
	if (fields == 1 || fields == 3 || (fields == 4 && inet_pton(AF_INET, ip, &address.sin_addr) != 1)) {
		complain(line, "cannot read command");
		return;
	}
	address.sin_port = htons(port);
	call = find_call(id);
	if (!strcmp(verb, "open") && !call) {
		if (!call_bind(open_call(id), epoll_fd, address))
			complain(line, strerror(errno));
	} else if (!call || !call->open) {
		complain(line, "call is not open");
	} else if (!strcmp(verb, "start")) {
		if (!call->stream[RTP].relay.sin_port)
			join_slot(call);
		call_start(call, address, now);
	} else if (!strcmp(verb, "move")) {
		if (!call_bind(call, epoll_fd, address))
			complain(line, strerror(errno));
	} else if (!strcmp(verb, "stop")) {
		call_stop(call, now);
	} else if (!strcmp(verb, "probe")) {
		call_probe(call, now);
	} else {
		complain(line, "unknown or repeated command");
	}
}

/* Takes the whole lines that have been added to the file since the last time. */
static void follow(int fd, uint64_t now)
{
	static char text[65536];
	static size_t held;
	ssize_t got;

	while ((got = read(fd, text + held, sizeof(text) - held - 1)) > 0) {
		char *line = text, *end;

		held += got;
		text[held] = '\0';
		while ((end = strchr(line, '\n'))) {
			*end = '\0';
			command(line, now);
			line = end + 1;
		}
		held -= line - text;
		memmove(text, line, held);
	}
}

static void run_slot(struct call **link, uint64_t now)
{
	while (*link) {
		struct call *call = *link;

		if (call_serve(call, now)) {
			link = &call->next_in_slot;
		} else {
			*link = call->next_in_slot;
			open_calls--;
		}
	}
}

static void receive(void)
{
	static struct epoll_event events[512];
	uint64_t now = now_ns();
	int ready;

	/* Level-triggered: what a full batch leaves behind is reported again in the next millisecond. */
	ready = epoll_wait(epoll_fd, events, sizeof(events) / sizeof(events[0]), 0);
	for (int i = 0; i < ready; i++)
		stream_drain(events[i].data.ptr, now);
}

/*
 * After a stall of this machine, packets are left out rather than sent late and all at once:
 * a burst of all calls overflows the kernel's queues, and the relay would get the blame.
 */
static void skip_missed_rounds(uint64_t begin, uint64_t now)
{
	uint64_t now_tick = (now - begin) / MS;

	if (now_tick > tick + rtp_interval_ms)
		tick = now_tick - rtp_interval_ms;
}

/* One round a millisecond: sleeping in between gathers packets, where waking for each would not keep up. */
static void run(int commands)
{
	uint64_t begin = now_ns(), finish_by = 0;

	for (;;) {
		uint64_t due = begin + (tick + 1) * MS, now;
		struct timespec until = { .tv_sec = due / 1000000000, .tv_nsec = due % 1000000000 };

		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
		now = now_ns();
		if (now > due && now - due > worst_lag_ns)
			worst_lag_ns = now - due;
		follow(commands, now);
		skip_missed_rounds(begin, now);
		for (; begin + tick * MS < now; tick++)
			run_slot(&slots[tick % rtp_interval_ms], now);
		receive();
		if (finishing && !finish_by)
			finish_by = now + FINISH_MS * MS;
		if (finish_by && (!open_calls || now > finish_by))
			return;
	}
}

static void report(const char *path, double seconds)
{
	FILE *out = fopen(path, "w");
	struct rusage usage;
	double cpu;

	if (!out)
		err(1, "%s", path);
	getrusage(RUSAGE_SELF, &usage);
	cpu = usage.ru_utime.tv_sec + usage.ru_stime.tv_sec;
	cpu += (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
	for (struct call *call = first_call; call; call = call->next)
		call_print(call, out);
	fprintf(out,
		"{\"summary\":{\"badCommands\":%u,\"mostOpen\":%u,\"seconds\":%.1f,\"cpuSeconds\":%.2f,"
		"\"worstLagMs\":%.1f}}\n",
		bad_commands, most_open, seconds, cpu, worst_lag_ns / 1e6);
	if (fclose(out))
		err(1, "%s", path);
}

static void on_term(int signal)
{
	(void)signal;
	finishing = 1;
}

/* Two sockets a call; the usual limit of 1,024 files holds 500 calls. */
static void raise_file_limit(void)
{
	struct rlimit limit;

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

int main(int argc, char **argv)
{
	uint64_t begin = now_ns();
	int commands;

	if (argc == 5)
		rtp_interval_ms = atoi(argv[4]);
	if (argc < 4 || argc > 5 || (strcmp(argv[1], "caller") && strcmp(argv[1], "callee")) ||
	    rtp_interval_ms < 1 || rtp_interval_ms > MAX_RTP_INTERVAL_MS)
		errx(2, "usage: rtp_peer caller|callee COMMANDS REPORT [MS]");
	my_side = strcmp(argv[1], "caller") ? CALLEE : CALLER;
	commands = open(argv[2], O_RDONLY | O_CREAT | O_CLOEXEC, 0644);
	if (commands < 0)
		err(1, "%s", argv[2]);
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (epoll_fd < 0)
		err(1, "epoll_create1");
	raise_file_limit();
	signal(SIGTERM, on_term);
	run(commands);
	report(argv[3], (now_ns() - begin) / 1e9);
	return 0;
}
