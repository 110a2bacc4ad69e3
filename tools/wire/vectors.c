/*
 * Prints one record of each type as bytes, by name: `vectors NAME`; without one, the names. No two fields of a record
 * have the same value, so that a field in the wrong place is noticed.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include "lrkproxy.h"

/* A literal address, as 10.1.2.3 is IP(10, 1, 2, 3). */
#define IP(a, b, c, d) __builtin_bswap32((__u32)(a) << 24 | (b) << 16 | (c) << 8 | (d))
#define PORT(n) __builtin_bswap16(n)
#define KEY { .remote_addr = IP(198, 51, 100, 7), .local_addr = IP(203, 0, 113, 9), .local_port = PORT(20002) }

/* Leaves nothing out but what is reserved. */
static const struct lrk_flow_spec flow = {
	.key = KEY,
	.locked_port = PORT(30004),
	.flags = LRK_FLOW_OPEN | LRK_FLOW_ONLY_RTP | LRK_FLOW_SET_DSCP,
	.source_addr = IP(203, 0, 113, 10),
	.dest_addr = IP(192, 0, 2, 11),
	.source_port = PORT(20006),
	.dest_port = PORT(40008),
	.dscp = 46,
	.idle_seconds = 3601,
	.max_packets = 1002,
	.max_bytes = 2000003,
	.clock_hz = 48000,
	.owner = 0x0012345678abcdefULL,
};

static const struct lrk_flow_spec held = {
	.key = KEY,
	.flags = LRK_FLOW_HELD | LRK_FLOW_RTCP,
	.owner = 7,
};

#define FLOW_ANSWER(t, s, f) { \
	.header = { .type = (t), .seq = (s) }, \
	.flow = f, \
	.packets = 0x100000001ULL, .bytes = 0x200000002ULL, .open_packets = 0x300000003ULL, \
	.stranger_packets = 0x400000004ULL, .dropped_packets = 0x500000005ULL, \
	.candidate_packets = 0x600000006ULL, .idle_ms = 0x700000007ULL, \
	.first_ssrc = 0xdeadbeef, .last_ssrc = 0xfeedface, \
	.rtp_expected = 90001, .rtp_received = 89002, .rtp_jitter = 123, \
	.candidate_port = PORT(50010), .stranger_port = PORT(50012) }

static const struct lrk_plain_request hello = { { LRK_HELLO, 0, 1 }, .value = LRK_ABI_VERSION };
static const struct lrk_flow_request add = { { LRK_ADD, 0, 2 }, flow };
static const struct lrk_flow_request add_held = { { LRK_ADD, 0, 0x80000003 }, held };
static const struct lrk_flow_request update = { { LRK_UPDATE, 0, 4 }, flow };
static const struct lrk_flow_request delete = { { LRK_DELETE, 0, 5 }, { .key = KEY } };
static const struct lrk_flow_request get = { { LRK_GET, 0, 6 }, { .key = KEY } };
static const struct lrk_plain_request dump = { { LRK_DUMP, 0, 7 }, .cursor = 0x0000000900000080ULL, .value = 1000 };
static const struct lrk_plain_request flush = { { LRK_FLUSH, 0, 8 } };
static const struct lrk_plain_request stats = { { LRK_STATS, 0, 9 } };
static const struct lrk_plain_request subscribe = { { LRK_SUBSCRIBE, 0, 10 } };
static const struct lrk_plain_request delta = {
	{ LRK_DELTA, 0, 11 }, .cursor = 0x0000000a00000081ULL, .since = 0x000123456789abcdULL, .value = 80000,
};
static const struct lrk_flow_request count = { { LRK_COUNT, 0, 12 }, { .key = KEY } };

static const struct lrk_error_answer answer_error = {
	.header = { LRK_ANSWER_ERROR, 0, 101 },
	.index = 102,
	.error = 17,
	.reason = LRK_REASON_EXISTS,
	.offset = 24,
};
static const struct lrk_hello_answer answer_hello = {
	.header = { LRK_ANSWER_HELLO, 0, 103 },
	.version = LRK_ABI_VERSION,
	.max_flows = 400000,
	.flows = 1234,
	.net_cookie = 0x0000111122223333ULL,
};
static const struct lrk_flow_answer answer_flow = FLOW_ANSWER(LRK_ANSWER_FLOW, 104, flow);
static const struct lrk_flow_answer answer_none = { { LRK_ANSWER_NONE, 0, 105 }, { .key = KEY } };
static const struct lrk_page_answer answer_page = {
	.header = { LRK_ANSWER_PAGE, 0, 106 },
	.cursor = 0x0000000b00000082ULL,
	.flows = 999,
	.now = 0x000223456789abcdULL,
};
static const struct lrk_stats_answer answer_stats = {
	.header = { LRK_ANSWER_STATS, 0, 107 },
	.count = { 0x100000100ULL, 0x200000101ULL, 102, 103, 104, 105, 106, 107, 108, 109, 110, 111, 112, 113, 115 },
	.flows = 114,
};
static const struct lrk_delta_answer answer_delta = {
	.header = { LRK_ANSWER_DELTA, 0, 108 },
	.flows = 3,
	.delta = {
		{ KEY, 21, 0x100000016ULL, 0x200000017ULL },
		{ { IP(198, 51, 100, 8), IP(203, 0, 113, 12), PORT(20014), 0 }, 0xffffffff, 25, 26 },
		{ { IP(198, 51, 100, 9), IP(203, 0, 113, 13), PORT(20016), 0 }, 27, 28, 29 },
	},
};
static const struct lrk_counts_answer answer_counts = {
	.header = { LRK_ANSWER_COUNTS, 0, 109 },
	.flows = 3,
	.found = 5,
	.count = { { 0x100000021ULL, 0x200000022ULL, 35, 36 }, { 0 }, { 37, 38, 39, 40 } },
};
static const struct lrk_flow_answer event_learned = FLOW_ANSWER(LRK_EVENT_LEARNED, 0, flow);
static const struct lrk_flow_answer event_candidate = FLOW_ANSWER(LRK_EVENT_CANDIDATE, 0, flow);
static const struct lrk_flow_answer event_expired = FLOW_ANSWER(LRK_EVENT_EXPIRED, 0, held);
static const struct lrk_error_answer event_lost = { .header.type = LRK_EVENT_LOST, .index = 4097 };

#define VECTOR(name) { #name, &(name), sizeof(name) }

static const struct {
	const char *name;
	const void *bytes;
	unsigned int size;
} vectors[] = {
	VECTOR(hello), VECTOR(add), VECTOR(add_held), VECTOR(update), VECTOR(delete), VECTOR(get), VECTOR(dump),
	VECTOR(flush), VECTOR(stats), VECTOR(subscribe), VECTOR(delta), VECTOR(count), VECTOR(answer_error), VECTOR(answer_hello),
	VECTOR(answer_flow), VECTOR(answer_none), VECTOR(answer_page), VECTOR(answer_stats), VECTOR(answer_delta), VECTOR(answer_counts),
	VECTOR(event_learned), VECTOR(event_candidate), VECTOR(event_expired), VECTOR(event_lost),
};

static void print(const unsigned char *bytes, unsigned int size)
{
	unsigned int i;

	for (i = 0; i < size; i++)
		printf("%02x%s", bytes[i], i % 8 == 7 ? "\n" : " ");
}

int main(int argc, char **argv)
{
	unsigned int i;

	for (i = 0; i < sizeof(vectors) / sizeof(*vectors); i++) {
		if (argc < 2)
			puts(vectors[i].name);
		else if (!strcmp(vectors[i].name, argv[1]))
			print(vectors[i].bytes, vectors[i].size);
	}
	return 0;
}
