// SPDX-License-Identifier: GPL-2.0
/* Which requests are refused, and what is said of them. The layout itself is tools/check_wire.sh's. */
#include <kunit/test.h>
#include <linux/random.h>
#include "../check.c"

static union lrk_request good(u16 type)
{
	union lrk_request r = { .header.type = type, .header.seq = 5 };

	r.flow.flow = (struct lrk_flow_spec) {
		.key = { cpu_to_be32(0x0a000001), cpu_to_be32(0x0a000002), cpu_to_be16(4000), 0 },
		.locked_port = cpu_to_be16(5004),
		.flags = LRK_FLOW_SET_DSCP,
		.source_addr = cpu_to_be32(0x0a000003),
		.dest_addr = cpu_to_be32(0x0a000004),
		.source_port = cpu_to_be16(4002),
		.dest_port = cpu_to_be16(5006),
		.dscp = 63,
		.idle_seconds = LRK_IDLE_MAX,
		.max_packets = U32_MAX,
		.max_bytes = U32_MAX,
		.clock_hz = LRK_CLOCK_MAX,
		.owner = U64_MAX,
	};
	return r;
}

static union lrk_request key_alone(u16 type)
{
	union lrk_request r = { .header.type = type };

	r.flow.flow.key = good(type).flow.flow.key;
	return r;
}

static union lrk_request plain(u16 type, u64 cursor, u64 since, u32 value)
{
	union lrk_request r = { .header.type = type };

	r.plain.cursor = cursor;
	r.plain.since = since;
	r.plain.value = value;
	return r;
}

static void takes(struct kunit *test, union lrk_request r)
{
	struct lrk_fault fault = lrk_check(&r);

	KUNIT_EXPECT_EQ_MSG(test, fault.error, 0, "type %u, reason %u, offset %u", r.header.type, fault.reason,
			    fault.offset);
}

static void refuses(struct kunit *test, union lrk_request r, int error, u32 reason, u32 offset)
{
	struct lrk_fault fault = lrk_check(&r);

	KUNIT_EXPECT_EQ_MSG(test, fault.error, error, "type %u, offset %u", r.header.type, offset);
	KUNIT_EXPECT_EQ_MSG(test, fault.reason, reason, "type %u, offset %u", r.header.type, offset);
	KUNIT_EXPECT_EQ_MSG(test, fault.offset, offset, "type %u, reason %u", r.header.type, reason);
}

static void takes_what_is_right(struct kunit *test)
{
	union lrk_request r = key_alone(LRK_ADD);

	takes(test, good(LRK_ADD));
	takes(test, good(LRK_UPDATE));
	takes(test, key_alone(LRK_DELETE));
	takes(test, key_alone(LRK_GET));
	takes(test, key_alone(LRK_COUNT));
	takes(test, plain(LRK_HELLO, 0, 0, LRK_ABI_VERSION));
	takes(test, plain(LRK_DUMP, U64_MAX, 0, LRK_BATCH_MAX - 1));
	takes(test, plain(LRK_DELTA, U64_MAX, U64_MAX, (LRK_BATCH_MAX - 1) * LRK_DELTAS));
	takes(test, plain(LRK_FLUSH, 0, 0, 0));
	takes(test, plain(LRK_STATS, 0, 0, 0));
	takes(test, plain(LRK_SUBSCRIBE, 0, 0, 0));
	r.flow.flow.flags = LRK_FLOW_HELD;
	takes(test, r);
	r.flow.flow.locked_port = cpu_to_be16(1);	/* remembered for later */
	takes(test, r);
	r = good(LRK_ADD);
	r.flow.flow.locked_port = 0;
	r.flow.flow.flags |= LRK_FLOW_OPEN;
	takes(test, r);
}

/* A request that is good but for one field. */
#define REFUSES(request, field, wrong, reason) do { \
	union lrk_request changed = request; \
	__auto_type at = &changed.flow.field; \
	*at = wrong; \
	refuses(test, changed, -EINVAL, reason, (u8 *)at - (u8 *)&changed); \
} while (0)
#define REFUSES_FLOW(field, wrong, reason) REFUSES(good(LRK_ADD), flow.field, wrong, reason)

static void refuses_wrong_flows(struct kunit *test)
{
	const __be32 bad_addr[] = { 0, cpu_to_be32(0xe0000001), cpu_to_be32(0xefffffff), cpu_to_be32(0xffffffff) };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad_addr); i++) {
		REFUSES_FLOW(key.remote_addr, bad_addr[i], LRK_REASON_ADDRESS);
		REFUSES_FLOW(key.local_addr, bad_addr[i], LRK_REASON_ADDRESS);
		REFUSES_FLOW(source_addr, bad_addr[i], LRK_REASON_ADDRESS);
		REFUSES_FLOW(dest_addr, bad_addr[i], LRK_REASON_ADDRESS);
		REFUSES(key_alone(LRK_GET), flow.key.remote_addr, bad_addr[i], LRK_REASON_ADDRESS);
		REFUSES(key_alone(LRK_DELETE), flow.key.local_addr, bad_addr[i], LRK_REASON_ADDRESS);
		REFUSES(key_alone(LRK_COUNT), flow.key.local_addr, bad_addr[i], LRK_REASON_ADDRESS);
	}
	REFUSES(good(LRK_ADD), header.reserved, 1, LRK_REASON_RESERVED);
	REFUSES_FLOW(key.local_port, 0, LRK_REASON_PORT);
	REFUSES_FLOW(key.reserved, 0x8000, LRK_REASON_RESERVED);
	REFUSES_FLOW(source_port, 0, LRK_REASON_PORT);
	REFUSES_FLOW(dest_port, 0, LRK_REASON_PORT);
	REFUSES_FLOW(dscp, 64, LRK_REASON_VALUE);
	REFUSES_FLOW(reserved[0], 1, LRK_REASON_RESERVED);
	REFUSES_FLOW(idle_seconds, LRK_IDLE_MAX + 1, LRK_REASON_VALUE);
	REFUSES_FLOW(clock_hz, LRK_CLOCK_MAX + 1, LRK_REASON_VALUE);
	REFUSES_FLOW(reserved2[0], 1, LRK_REASON_RESERVED);
	for (i = 0; i < 16; i++)
		if (!(BIT(i) & LRK_FLOW_FLAGS))
			REFUSES_FLOW(flags, BIT(i), LRK_REASON_FLAGS);
}

static void refuses_contradictions(struct kunit *test)
{
	union lrk_request r;

	/* Closed, and nobody may come in. */
	r = good(LRK_ADD);
	r.flow.flow.locked_port = 0;
	refuses(test, r, -EINVAL, LRK_REASON_FLAGS, LRK_AT(flags));
	r = good(LRK_ADD);
	r.flow.flow.flags = 0;
	refuses(test, r, -EINVAL, LRK_REASON_VALUE, LRK_AT(dscp));
	r = good(LRK_ADD);
	r.flow.flow.flags |= LRK_FLOW_RTCP;
	refuses(test, r, -EINVAL, LRK_REASON_VALUE, LRK_AT(clock_hz));
	/* On hold, and sends. */
	r = key_alone(LRK_ADD);
	r.flow.flow.flags = LRK_FLOW_HELD;
	REFUSES(r, flow.source_addr, cpu_to_be32(1), LRK_REASON_ADDRESS);
}

static void refuses_wrong_plain_ones(struct kunit *test)
{
	refuses(test, plain(0, 0, 0, 0), -EINVAL, LRK_REASON_TYPE, 0);
	refuses(test, plain(LRK_COUNT + 1, 0, 0, 0), -EINVAL, LRK_REASON_TYPE, 0);
	refuses(test, plain(0xffff, 0, 0, 0), -EINVAL, LRK_REASON_TYPE, 0);
	refuses(test, plain(LRK_HELLO, 1, 0, LRK_ABI_VERSION), -EINVAL, LRK_REASON_RESERVED, LRK_PLAIN_AT(cursor));
	refuses(test, plain(LRK_HELLO, 0, 1, LRK_ABI_VERSION), -EINVAL, LRK_REASON_RESERVED, LRK_PLAIN_AT(since));
	refuses(test, plain(LRK_HELLO, 0, 0, LRK_ABI_VERSION + 1), -EPROTO, LRK_REASON_VERSION, LRK_PLAIN_AT(value));
	refuses(test, plain(LRK_DUMP, 0, 1, 1), -EINVAL, LRK_REASON_RESERVED, LRK_PLAIN_AT(since));
	refuses(test, plain(LRK_DUMP, 0, 0, 0), -EINVAL, LRK_REASON_VALUE, LRK_PLAIN_AT(value));
	refuses(test, plain(LRK_DUMP, 0, 0, LRK_BATCH_MAX), -EINVAL, LRK_REASON_VALUE, LRK_PLAIN_AT(value));
	refuses(test, plain(LRK_DELTA, 0, 0, 0), -EINVAL, LRK_REASON_VALUE, LRK_PLAIN_AT(value));
	refuses(test, plain(LRK_DELTA, 0, 0, (LRK_BATCH_MAX - 1) * LRK_DELTAS + 1), -EINVAL, LRK_REASON_VALUE,
		LRK_PLAIN_AT(value));
	refuses(test, plain(LRK_FLUSH, 1, 0, 0), -EINVAL, LRK_REASON_RESERVED, LRK_PLAIN_AT(cursor));
	refuses(test, plain(LRK_STATS, 0, 1, 0), -EINVAL, LRK_REASON_RESERVED, LRK_PLAIN_AT(since));
	refuses(test, plain(LRK_SUBSCRIBE, 0, 0, 1), -EINVAL, LRK_REASON_RESERVED, LRK_PLAIN_AT(value));
}

/* Each byte behind what a request uses. */
static void refuses_reserved_bytes(struct kunit *test)
{
	union lrk_request requests[] = {
		key_alone(LRK_DELETE), key_alone(LRK_GET), key_alone(LRK_COUNT),
		plain(LRK_HELLO, 0, 0, LRK_ABI_VERSION), plain(LRK_DUMP, 0, 0, 1), plain(LRK_DELTA, 0, 0, 1),
		plain(LRK_FLUSH, 0, 0, 0), plain(LRK_STATS, 0, 0, 0), plain(LRK_SUBSCRIBE, 0, 0, 0),
	};
	u32 from[] = { 20, 20, 20, 28, 28, 28, 8, 8, 8 };
	union lrk_request r;
	unsigned int i;
	u32 at;

	for (i = 0; i < ARRAY_SIZE(requests); i++) {
		takes(test, requests[i]);
		for (at = from[i]; at < LRK_REQUEST_SIZE; at++) {
			r = requests[i];
			((u8 *)&r)[at] = 0x80;
			refuses(test, r, -EINVAL, LRK_REASON_RESERVED, at);
		}
	}
}

/* Whatever comes, what is said of it is a place within it. */
static void withstands_noise(struct kunit *test)
{
	union lrk_request r;
	struct lrk_fault fault;
	int i;

	for (i = 0; i < 100000; i++) {
		get_random_bytes(&r, sizeof(r));
		r.header.type %= LRK_COUNT + 2;
		if (i % 2)
			r.header.reserved = 0;
		fault = lrk_check(&r);
		KUNIT_ASSERT_TRUE(test, fault.error ? fault.reason && fault.offset < sizeof(r) : !fault.reason);
	}
}

static struct kunit_case uapi_cases[] = {
	KUNIT_CASE(takes_what_is_right),
	KUNIT_CASE(refuses_wrong_flows),
	KUNIT_CASE(refuses_contradictions),
	KUNIT_CASE(refuses_wrong_plain_ones),
	KUNIT_CASE(refuses_reserved_bytes),
	KUNIT_CASE(withstands_noise),
	{}
};

static struct kunit_suite uapi_suite = {
	.name = "lrk_uapi",
	.test_cases = uapi_cases,
};

kunit_test_suite(uapi_suite);
