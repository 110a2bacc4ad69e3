// SPDX-License-Identifier: GPL-2.0
/* Is a request well formed? Says nothing of flows that are there or not. */
#include <linux/in.h>
#include <linux/stddef.h>
#include <linux/string.h>
#include "check.h"

/* More is a mistake: RTP's fastest clocks have some 100 kHz. */
#define LRK_CLOCK_MAX 1000000
/* 11 days. */
#define LRK_IDLE_MAX 1000000

#define LRK_AT(field) offsetof(struct lrk_flow_request, flow.field)
#define LRK_PLAIN_AT(field) offsetof(struct lrk_plain_request, field)

static struct lrk_fault lrk_invalid(u32 reason, u32 offset)
{
	return (struct lrk_fault) { .error = -EINVAL, .reason = reason, .offset = offset };
}

static const struct lrk_fault lrk_no_fault;

static bool lrk_is_unicast(__be32 addr)
{
	return addr && !ipv4_is_multicast(addr) && !ipv4_is_lbcast(addr);
}

/* All bytes of a request from an offset on have to be 0. */
static struct lrk_fault lrk_check_zero(const union lrk_request *request, u32 from)
{
	const u8 *bytes = (const u8 *)request;
	const u8 *bad = memchr_inv(bytes + from, 0, sizeof(*request) - from);

	return bad ? lrk_invalid(LRK_REASON_RESERVED, bad - bytes) : lrk_no_fault;
}

static struct lrk_fault lrk_check_key(const struct lrk_flow_key *key)
{
	if (!lrk_is_unicast(key->remote_addr))
		return lrk_invalid(LRK_REASON_ADDRESS, LRK_AT(key.remote_addr));
	if (!lrk_is_unicast(key->local_addr))
		return lrk_invalid(LRK_REASON_ADDRESS, LRK_AT(key.local_addr));
	if (!key->local_port)
		return lrk_invalid(LRK_REASON_PORT, LRK_AT(key.local_port));
	if (key->reserved)
		return lrk_invalid(LRK_REASON_RESERVED, LRK_AT(key.reserved));
	return lrk_no_fault;
}

/* A flow on hold sends nowhere. */
static struct lrk_fault lrk_check_held(const struct lrk_flow_spec *flow)
{
	if (flow->source_addr)
		return lrk_invalid(LRK_REASON_ADDRESS, LRK_AT(source_addr));
	if (flow->dest_addr)
		return lrk_invalid(LRK_REASON_ADDRESS, LRK_AT(dest_addr));
	if (flow->source_port)
		return lrk_invalid(LRK_REASON_PORT, LRK_AT(source_port));
	if (flow->dest_port)
		return lrk_invalid(LRK_REASON_PORT, LRK_AT(dest_port));
	return lrk_no_fault;
}

static struct lrk_fault lrk_check_leaving(const struct lrk_flow_spec *flow)
{
	if (!flow->locked_port && !(flow->flags & LRK_FLOW_OPEN))
		return lrk_invalid(LRK_REASON_FLAGS, LRK_AT(flags));
	if (!lrk_is_unicast(flow->source_addr))
		return lrk_invalid(LRK_REASON_ADDRESS, LRK_AT(source_addr));
	if (!lrk_is_unicast(flow->dest_addr))
		return lrk_invalid(LRK_REASON_ADDRESS, LRK_AT(dest_addr));
	if (!flow->source_port)
		return lrk_invalid(LRK_REASON_PORT, LRK_AT(source_port));
	if (!flow->dest_port)
		return lrk_invalid(LRK_REASON_PORT, LRK_AT(dest_port));
	return lrk_no_fault;
}

static struct lrk_fault lrk_check_values(const struct lrk_flow_spec *flow)
{
	if (flow->dscp > (flow->flags & LRK_FLOW_SET_DSCP ? 63 : 0))
		return lrk_invalid(LRK_REASON_VALUE, LRK_AT(dscp));
	if (memchr_inv(flow->reserved, 0, sizeof(flow->reserved)))
		return lrk_invalid(LRK_REASON_RESERVED, LRK_AT(reserved));
	if (flow->idle_seconds > LRK_IDLE_MAX)
		return lrk_invalid(LRK_REASON_VALUE, LRK_AT(idle_seconds));
	if (flow->clock_hz > (flow->flags & LRK_FLOW_RTCP ? 0 : LRK_CLOCK_MAX))
		return lrk_invalid(LRK_REASON_VALUE, LRK_AT(clock_hz));
	if (flow->reserved2[0] || flow->reserved2[1])
		return lrk_invalid(LRK_REASON_RESERVED, LRK_AT(reserved2));
	return lrk_no_fault;
}

static struct lrk_fault lrk_check_flow(const struct lrk_flow_spec *flow)
{
	struct lrk_fault fault = lrk_check_key(&flow->key);

	if (fault.error)
		return fault;
	if (flow->flags & ~LRK_FLOW_FLAGS)
		return lrk_invalid(LRK_REASON_FLAGS, LRK_AT(flags));
	fault = flow->flags & LRK_FLOW_HELD ? lrk_check_held(flow) : lrk_check_leaving(flow);
	return fault.error ? fault : lrk_check_values(flow);
}

static struct lrk_fault lrk_check_key_alone(const union lrk_request *request)
{
	struct lrk_fault fault = lrk_check_key(&request->flow.flow.key);

	return fault.error ? fault : lrk_check_zero(request, LRK_AT(locked_port));
}

static struct lrk_fault lrk_check_hello(const union lrk_request *request)
{
	if (request->plain.cursor)
		return lrk_invalid(LRK_REASON_RESERVED, LRK_PLAIN_AT(cursor));
	if (request->plain.since)
		return lrk_invalid(LRK_REASON_RESERVED, LRK_PLAIN_AT(since));
	if (request->plain.value != LRK_ABI_VERSION)
		return (struct lrk_fault) { -EPROTO, LRK_REASON_VERSION, LRK_PLAIN_AT(value) };
	return lrk_check_zero(request, LRK_PLAIN_AT(reserved));
}

static struct lrk_fault lrk_check_page(const union lrk_request *request, u32 flows_max)
{
	if (request->plain.since && request->header.type != LRK_DELTA)
		return lrk_invalid(LRK_REASON_RESERVED, LRK_PLAIN_AT(since));
	if (!request->plain.value || request->plain.value > flows_max)
		return lrk_invalid(LRK_REASON_VALUE, LRK_PLAIN_AT(value));
	return lrk_check_zero(request, LRK_PLAIN_AT(reserved));
}

/**
 * lrk_check() - is a request well formed?
 * @request: which
 *
 * Return: what is wrong with it; error is 0 if nothing is.
 */
struct lrk_fault lrk_check(const union lrk_request *request)
{
	if (request->header.reserved)
		return lrk_invalid(LRK_REASON_RESERVED, offsetof(struct lrk_header, reserved));
	switch (request->header.type) {
	case LRK_HELLO:
		return lrk_check_hello(request);
	case LRK_ADD:
	case LRK_UPDATE:
		return lrk_check_flow(&request->flow.flow);
	case LRK_DELETE:
	case LRK_GET:
	case LRK_COUNT:
		return lrk_check_key_alone(request);
	case LRK_DUMP:
		return lrk_check_page(request, LRK_BATCH_MAX - 1);
	case LRK_DELTA:
		return lrk_check_page(request, (LRK_BATCH_MAX - 1) * LRK_DELTAS);
	case LRK_FLUSH:
	case LRK_STATS:
	case LRK_SUBSCRIBE:
		return lrk_check_zero(request, sizeof(struct lrk_header));
	default:
		return lrk_invalid(LRK_REASON_TYPE, offsetof(struct lrk_header, type));
	}
}
