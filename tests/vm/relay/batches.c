/* A write is done wholly or not at all; and the limit on flows. */
#include "relay.h"
#include <signal.h>
#include <sys/wait.h>

void refuses(void)
{
	union request good = a_to_b(LRK_ADD, 5004), r, two[2];
	union answer a;
	char odd[100] = { 0 };

#define REFUSES(change, reason, field) do { \
		r = good; change; \
		CHECK(refused(r, EINVAL, reason, offsetof(struct lrk_flow_request, field))); \
	} while (0)
	REFUSES(r.header.type = 77, LRK_REASON_TYPE, header.type);
	REFUSES(r.header.reserved = 1, LRK_REASON_RESERVED, header.reserved);
	REFUSES(r.flow.flow.key.remote_addr = 0, LRK_REASON_ADDRESS, flow.key.remote_addr);
	REFUSES(r.flow.flow.key.local_addr = inet_addr("239.1.1.1"), LRK_REASON_ADDRESS, flow.key.local_addr);
	REFUSES(r.flow.flow.key.local_port = 0, LRK_REASON_PORT, flow.key.local_port);
	REFUSES(r.flow.flow.key.reserved = 1, LRK_REASON_RESERVED, flow.key.reserved);
	REFUSES(r.flow.flow.flags = 0x8000, LRK_REASON_FLAGS, flow.flags);
	REFUSES(r.flow.flow.locked_port = 0, LRK_REASON_FLAGS, flow.flags);
	REFUSES(r.flow.flow.flags = LRK_FLOW_HELD, LRK_REASON_ADDRESS, flow.source_addr);
	REFUSES(r.flow.flow.dest_addr = 0xffffffff, LRK_REASON_ADDRESS, flow.dest_addr);
	REFUSES(r.flow.flow.source_port = 0, LRK_REASON_PORT, flow.source_port);
	REFUSES(r.flow.flow.dest_port = 0, LRK_REASON_PORT, flow.dest_port);
	REFUSES(r.flow.flow.dscp = 1, LRK_REASON_VALUE, flow.dscp);
	REFUSES(r.flow.flow.reserved[2] = 1, LRK_REASON_RESERVED, flow.reserved);
	REFUSES(r.flow.flow.idle_seconds = 1000001, LRK_REASON_VALUE, flow.idle_seconds);
	REFUSES(r.flow.flow.clock_hz = 1000001, LRK_REASON_VALUE, flow.clock_hz);
	REFUSES(r.flow.flow.reserved2[1] = 1, LRK_REASON_RESERVED, flow.reserved2);
	REFUSES(r.header.type = LRK_DELETE, LRK_REASON_RESERVED, flow.locked_port);
	REFUSES(r.header.type = LRK_COUNT, LRK_REASON_RESERVED, flow.locked_port);
	CHECK(refused(a_to_b(LRK_UPDATE, 5004), ENOENT, LRK_REASON_UNKNOWN, 8));
	CHECK(refused(flow_request(LRK_DELETE, A, RELAY_A, RTP_A), ENOENT, LRK_REASON_UNKNOWN, 8));
	CHECK(write(device, odd, sizeof(odd)) == -1 && errno == EINVAL);
	CHECK(take(device).error.reason == LRK_REASON_SIZE);
	/* The second one is wrong: the first is not there either. */
	two[0] = good;
	two[1] = good;
	CHECK(put(device, two, 2) == -1 && errno == EEXIST);
	a = take(device);
	CHECK(a.error.index == 1 && a.error.reason == LRK_REASON_EXISTS);
	CHECK(ask(device, flow_request(LRK_GET, A, RELAY_A, RTP_A)).header.type == LRK_ANSWER_NONE);
	/* What was changed and deleted is as it was. */
	CHECK(!put1(device, good));
	union request three[4] = { a_to_b(LRK_UPDATE, 6000), flow_request(LRK_DELETE, A, RELAY_A, RTP_A),
				   b_to_a(LRK_ADD, 1), b_to_a(LRK_ADD, 1) };

	CHECK(put(device, three, 4) == -1 && errno == EEXIST && take(device).error.index == 3);
	a = ask(device, flow_request(LRK_GET, A, RELAY_A, RTP_A));
	CHECK(a.flow.flow.locked_port == htons(5004) && plain(device, LRK_STATS, 0).stats.flows == 1);
	from_a(5004, 1);
	CHECK(reaches_b());
	two[0].header.type = LRK_FLUSH;
	memset(&two[0].flow.flow, 0, sizeof(two[0].flow.flow));
	CHECK(put(device, two, 2) == -1 && take(device).error.reason == LRK_REASON_ALONE);
	run("echo 1 >/sys/module/lrkproxy/parameters/max_flows");
	CHECK(refused(b_to_a(LRK_ADD, 5004), ENOSPC, LRK_REASON_FULL, 0));
	run("echo 400000 >/sys/module/lrkproxy/parameters/max_flows");
	CHECK(!flush(device));
}

/* A writer that is killed anywhere has written a batch or not. */
void survives_a_killed_writer(void)
{
	const int many = 4096;
	union request *r = calloc(2 * many, sizeof(*r));
	int i, child, cut = 0;
	uint64_t flows;

	for (i = 0; i < many; i++) {
		r[i] = nth(LRK_ADD, i);
		r[many + i] = nth(LRK_DELETE, i);
	}
	for (i = 0; i < 30; i++) {
		child = fork();
		if (!child)
			for (;;) {
				put(device, r, many);
				put(device, r + many, many);
			}
		usleep(20000 + 1777 * i);
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
		flows = plain(device, LRK_STATS, 0).stats.flows;
		CHECK(flows == 0 || flows == (uint64_t)many);
		cut += !!flows;
		CHECK(!flush(device));
	}
	printf("info killed writers: %d of 30 left their flows\n", cut);
	free(r);
}

/* Fewer than there are: they stay, and may change. */
void keeps_flows_over_max_flows(void)
{
	CHECK(!put1(device, a_to_b(LRK_ADD, 5004)) && !put1(device, b_to_a(LRK_ADD, 5004)));
	run("echo 1 >/sys/module/lrkproxy/parameters/max_flows");
	CHECK(plain(device, LRK_HELLO, LRK_ABI_VERSION).hello.max_flows == 1);
	CHECK(!put1(device, a_to_b(LRK_UPDATE, 5004)));
	CHECK(refused(nth(LRK_ADD, 1), ENOSPC, LRK_REASON_FULL, 0));
	from_a(5004, 1);
	CHECK(reaches_b());
	run("echo 400000 >/sys/module/lrkproxy/parameters/max_flows");
	CHECK(!flush(device));
}
