// SPDX-License-Identifier: GPL-2.0
/*
 * Gives the module the flows of many sessions, four each, as a daemon does: locked, RTP checked, all statistics on.
 *
 *   flows add|delete SESSIONS      leaves them there, or takes them away
 *   flows time SESSIONS            adds, reads and deletes them, and prints what each took
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "../../../tests/vm/device.h"
#include "inject/flows.h"

#define FLOWS_OF_SESSION 4

static union request requests[LRK_BATCH_MAX];
static union answer answers[LRK_BATCH_MAX];

/* Of a session: caller's RTP and RTCP, callee's RTP and RTCP. */
static struct lrk_flow_spec flow_of(unsigned int session, unsigned int which)
{
	int rtcp = which & 1, back = which & 2;
	struct lrk_flow_spec flow = {
		.key.remote_addr = htonl(back ? callee_address(session) : caller_address(session)),
		.key.local_addr = htonl(back ? far_address(session) : near_address(session)),
		.key.local_port = htons(relay_port(session) + rtcp),
		.locked_port = htons((back ? CALLEE_PORT : CALLER_PORT) + rtcp),
		.source_addr = htonl(back ? near_address(session) : far_address(session)),
		.source_port = htons(relay_port(session) + rtcp),
		.dest_addr = htonl(back ? caller_address(session) : callee_address(session)),
		.dest_port = htons((back ? CALLER_PORT : CALLEE_PORT) + rtcp),
		.flags = LRK_FLOW_ONLY_RTP | (rtcp ? LRK_FLOW_RTCP : 0),
		.clock_hz = rtcp ? 0 : 8000,
		.owner = session,
	};

	return flow;
}

static void make_request(union request *request, int type, unsigned int n)
{
	struct lrk_flow_spec flow = flow_of(n / FLOWS_OF_SESSION, n % FLOWS_OF_SESSION);

	memset(request, 0, sizeof(*request));
	request->header.type = type;
	if (type == LRK_DELETE)
		request->flow.flow.key = flow.key;
	else
		request->flow.flow = flow;
}

static void write_requests(int device, unsigned int count)
{
	if (put(device, requests, count))
		err(1, "Cannot write %u requests", count);
}

static double now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1e3 + now.tv_nsec / 1e6;
}

/* Return: milliseconds in the kernel. */
static double change(int device, int type, unsigned int sessions)
{
	unsigned int flows = sessions * FLOWS_OF_SESSION, done = 0, count, i;
	double sum = 0, start;

	for (; done < flows; done += count) {
		count = flows - done < LRK_BATCH_MAX ? flows - done : LRK_BATCH_MAX;
		for (i = 0; i < count; i++)
			make_request(&requests[i], type, done + i);
		start = now_ms();
		write_requests(device, count);
		sum += now_ms() - start;
	}
	return sum;
}

/* Return: milliseconds in the kernel. */
static double dump(int device, unsigned int sessions)
{
	unsigned int flows = 0;
	double sum = 0, start;
	uint64_t cursor = 0;
	ssize_t size;

	do {
		memset(requests, 0, sizeof(*requests));
		requests->plain.header.type = LRK_DUMP;
		requests->plain.cursor = cursor;
		requests->plain.value = LRK_BATCH_MAX - 1;
		start = now_ms();
		write_requests(device, 1);
		size = read(device, answers, sizeof(answers));
		sum += now_ms() - start;
		if (size < LRK_ANSWER_SIZE)
			err(1, "Cannot read flows");
		cursor = answers[size / LRK_ANSWER_SIZE - 1].page.cursor;
		flows += size / LRK_ANSWER_SIZE - 1;
	} while (cursor);
	if (flows != sessions * FLOWS_OF_SESSION)
		errx(1, "%u flows are there, not %u", flows, sessions * FLOWS_OF_SESSION);
	return sum;
}

static void time_all(int device, unsigned int sessions)
{
	double add = change(device, LRK_ADD, sessions);
	double first = dump(device, sessions), second = dump(device, sessions);
	double remove = change(device, LRK_DELETE, sessions);

	printf("CONTROL sessions=%u add_ms=%.1f dump_ms=%.1f delete_ms=%.1f\n", sessions, add,
	       first < second ? first : second, remove);
}

int main(int argc, char **argv)
{
	unsigned int sessions = argc == 3 ? atoi(argv[2]) : 0;
	int device;

	if (!sessions)
		errx(2, "usage: flows add|delete|time SESSIONS");
	device = open(DEVICE, O_RDWR);
	if (device < 0)
		err(1, "Cannot open %s", DEVICE);
	if (!strcmp(argv[1], "add"))
		change(device, LRK_ADD, sessions);
	else if (!strcmp(argv[1], "delete"))
		change(device, LRK_DELETE, sessions);
	else
		time_all(device, sessions);
	return 0;
}
