/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * What a daemon and lrkproxy.ko say to each other through /dev/lrkproxy, version 2.
 *
 * Opening the device needs CAP_NET_ADMIN in the user namespace of the caller's network namespace,
 * and an open file speaks of that network namespace for good. Closing it leaves all flows running.
 *
 * A write(2) takes requests, each exactly LRK_REQUEST_SIZE bytes; any number of them, up to
 * LRK_BATCH_MAX of which are taken at once: the call returns how many bytes were taken, and the
 * rest is to be written again. What was taken is done wholly, in its order; or, if one request is
 * wrong, none of it: write(2) fails, and one LRK_ANSWER_ERROR says which request, which field and
 * why. Flows change one after the other, each at one instant; a packet never sees half a change.
 *
 * A read(2) gives answers, each exactly LRK_ANSWER_SIZE bytes, as many as there are and fit. First
 * come the answers to the last write (a write forgets those to the one before), then events. With
 * neither it waits, or fails with EAGAIN under O_NONBLOCK. poll(2) tells POLLIN. `seq` of an
 * answer is that of its request; events have 0.
 *
 * A flow is one direction of RTP or RTCP, known by who sends (remote address) and where to (local
 * address and port). A flow with a locked port carries packets from that source port alone; one
 * that is LRK_FLOW_OPEN takes any. The first RTP or RTCP packet (version 2) of an open flow without
 * a locked port locks it to its source port and closes it; the opposite flow, which is the one
 * whose key is this one's destination address, source address and source port, sends to that port
 * from then on, and LRK_EVENT_LEARNED is told. A flow that is open and locked carries both, and
 * LRK_EVENT_CANDIDATE is told of the first other port; only an update changes anything then.
 *
 * Addresses and ports are in network byte order (__be16, __be32), all else in the machine's.
 * Everything reserved must be 0, and is 0 in answers.
 */
#ifndef _UAPI_LRKPROXY_H
#define _UAPI_LRKPROXY_H

#include <linux/types.h>

#define LRK_ABI_VERSION 2
#define LRK_REQUEST_SIZE 72
#define LRK_ANSWER_SIZE 192
/* Requests that are taken at once, and answers that wait to be read. */
#define LRK_BATCH_MAX 16384
/* Events that wait to be read; of more, only their number is told. */
#define LRK_EVENTS_MAX 4096

/* Types of requests. */
#define LRK_HELLO	1	/* plain; value is the daemon's ABI version: LRK_ANSWER_HELLO */
#define LRK_ADD		2	/* flow; fails with EEXIST if there is one of this key */
#define LRK_UPDATE	3	/* flow; ENOENT if there is none. Statistics go on, a candidate is forgotten */
#define LRK_DELETE	4	/* flow, of which the key alone is read; ENOENT if there is none: LRK_ANSWER_COUNTS */
#define LRK_GET		5	/* flow's key: LRK_ANSWER_FLOW, or LRK_ANSWER_NONE if there is none */
#define LRK_DUMP	6	/* plain; cursor, value flows at most: LRK_ANSWER_FLOW for each, LRK_ANSWER_PAGE */
#define LRK_FLUSH	7	/* plain; deletes all flows of the namespace */
#define LRK_STATS	8	/* plain: LRK_ANSWER_STATS */
#define LRK_SUBSCRIBE	9	/* plain; from now on events of the namespace are told through this file */
#define LRK_DELTA	10	/* plain; as LRK_DUMP, and since: LRK_ANSWER_DELTA for five flows each, a page */
#define LRK_COUNT	11	/* flow's key: LRK_ANSWER_COUNTS */

/* Types of answers. */
#define LRK_ANSWER_ERROR	1
#define LRK_ANSWER_HELLO	2
#define LRK_ANSWER_FLOW		3
#define LRK_ANSWER_NONE		4	/* a flow that is not there: its key alone is set */
#define LRK_ANSWER_PAGE		5
#define LRK_ANSWER_STATS	6
#define LRK_ANSWER_DELTA	7
#define LRK_ANSWER_COUNTS	8	/* for seven LRK_DELETE and LRK_COUNT of a write, where the first one is */
#define LRK_EVENT_LEARNED	16	/* flow.locked_port is the port; an LRK_ANSWER_FLOW in all else */
#define LRK_EVENT_CANDIDATE	17	/* candidate_port asks to replace flow.locked_port */
#define LRK_EVENT_EXPIRED	18	/* silent for idle_seconds, and deleted */
#define LRK_EVENT_LOST		19	/* error.index events were told to nobody: dump, to know all */

/* Flags of a flow. */
#define LRK_FLOW_OPEN		0x0001	/* takes any source port */
#define LRK_FLOW_HELD		0x0002	/* swallows everything; the rewrite must be 0 */
#define LRK_FLOW_RTCP		0x0004	/* no sequence numbers and time stamps in it */
#define LRK_FLOW_ONLY_RTP	0x0008	/* drops what is not of RTP's version 2 */
#define LRK_FLOW_SET_DSCP	0x0010	/* sends with `dscp`; otherwise it stays as it came */
#define LRK_FLOW_PASS_STRANGERS	0x0020	/* leaves strangers to the rest of the kernel, which then judges them */
#define LRK_FLOW_FLAGS		0x003f

/* Why a write failed, beside its errno. */
#define LRK_REASON_TYPE		1	/* EINVAL: no such request */
#define LRK_REASON_RESERVED	2	/* EINVAL: not 0 */
#define LRK_REASON_ADDRESS	3	/* EINVAL: not a unicast address */
#define LRK_REASON_PORT		4	/* EINVAL: is 0, or not 0 where nothing can go there */
#define LRK_REASON_FLAGS	5	/* EINVAL: unknown flags, or a contradiction */
#define LRK_REASON_VALUE	6	/* EINVAL: out of range */
#define LRK_REASON_VERSION	7	/* EPROTO: value is not the module's ABI version */
#define LRK_REASON_EXISTS	8	/* EEXIST */
#define LRK_REASON_UNKNOWN	9	/* ENOENT */
#define LRK_REASON_FULL		10	/* ENOSPC: the module's max_flows is reached */
#define LRK_REASON_MEMORY	11	/* ENOMEM */
#define LRK_REASON_CURSOR	12	/* ESTALE: flows have moved; dump anew from cursor 0 */
#define LRK_REASON_ANSWERS	13	/* E2BIG: more than LRK_BATCH_MAX answers */
#define LRK_REASON_SIZE		14	/* EINVAL: no requests, or not a whole number of them */
#define LRK_REASON_ALONE	15	/* EINVAL: LRK_FLUSH and LRK_SUBSCRIBE go in a write of their own */

/* What became of packets; indexes of lrk_stats_answer.count. */
#define LRK_RELAYED		0
#define LRK_RELAYED_BYTES	1	/* IP and UDP headers included */
/* Dropped: */
#define LRK_DROP_HELD		2
#define LRK_DROP_STRANGER	3	/* not from the locked port */
#define LRK_DROP_NOT_RTP	4	/* LRK_FLOW_ONLY_RTP */
#define LRK_DROP_PACKET_RATE	5	/* max_packets */
#define LRK_DROP_BYTE_RATE	6	/* max_bytes */
#define LRK_DROP_MEMORY		7
#define LRK_DROP_NEIGHBOUR	8	/* no neighbour entry could be made */
/* Left, unchanged, to the rest of the kernel: */
#define LRK_SLOW_OPTIONS	9	/* IP options */
#define LRK_SLOW_TTL		10
#define LRK_SLOW_FORM		11	/* aggregated, damaged, bridged, or a checksum of something else */
#define LRK_SLOW_ROUTE		12	/* no route, not to a host, or through IPsec or a tunnel route */
#define LRK_SLOW_MTU		13
#define LRK_SLOW_STRANGER	14	/* LRK_FLOW_PASS_STRANGERS */
#define LRK_COUNTS		15

/**
 * struct lrk_header - begins each request and answer
 * @type: LRK_… above
 * @reserved: 0
 * @seq: the daemon's own, repeated in answers
 */
struct lrk_header {
	__u16 type;
	__u16 reserved;
	__u32 seq;
};

/**
 * struct lrk_flow_key - what a packet shows of its flow, whatever port its sender uses
 * @remote_addr: who sends
 * @local_addr: where to
 * @local_port: where to
 * @reserved: 0
 */
struct lrk_flow_key {
	__be32 remote_addr;
	__be32 local_addr;
	__be16 local_port;
	__u16 reserved;
};

/**
 * struct lrk_flow_spec - a flow as the daemon wants it
 * @key: what it is known by
 * @locked_port: the source port that alone is carried; 0 while none is known, then LRK_FLOW_OPEN
 * @flags: LRK_FLOW_…
 * @source_addr: what the packet leaves with, as the next three; all four are 0 if LRK_FLOW_HELD
 * @dest_addr: where the other party is
 * @source_port: the relay's port towards the other party
 * @dest_port: the other party's port
 * @dscp: 0 … 63, with LRK_FLOW_SET_DSCP; else 0
 * @reserved: 0
 * @idle_seconds: silence after which the flow is deleted; 0 for never
 * @max_packets: packets a second, in bursts of a second's worth; 0 for no limit
 * @max_bytes: bytes a second, IP and UDP headers included; 0 for no limit
 * @clock_hz: the RTP clock, for jitter; 0 leaves it uncounted
 * @reserved2: 0
 * @owner: the daemon's own, to know its flows again
 */
struct lrk_flow_spec {
	struct lrk_flow_key key;
	__be16 locked_port;
	__u16 flags;
	__be32 source_addr;
	__be32 dest_addr;
	__be16 source_port;
	__be16 dest_port;
	__u8 dscp;
	__u8 reserved[3];
	__u32 idle_seconds;
	__u32 max_packets;
	__u32 max_bytes;
	__u32 clock_hz;
	__u32 reserved2[2];
	__u64 owner;
};

/**
 * struct lrk_flow_request - LRK_ADD, LRK_UPDATE; LRK_DELETE, LRK_GET and LRK_COUNT, where all but the key is 0
 */
struct lrk_flow_request {
	struct lrk_header header;
	struct lrk_flow_spec flow;
};

/**
 * struct lrk_plain_request - all other requests
 * @cursor: LRK_DUMP, LRK_DELTA: 0, or lrk_page_answer.cursor of the page before
 * @since: LRK_DELTA: 0 for all flows; or lrk_page_answer.now of the first page of the round before,
 *	for those alone that have relayed anything since. The numbers are totals, so that it does no
 *	harm if a flow is told twice
 * @value: LRK_HELLO: version; LRK_DUMP, LRK_DELTA: how many flows at most, whose answers are LRK_BATCH_MAX
 *	at most, with the page's own
 * @reserved: 0
 */
struct lrk_plain_request {
	struct lrk_header header;
	__u64 cursor;
	__u64 since;
	__u32 value;
	__u32 reserved[11];
};

/**
 * struct lrk_error_answer - LRK_ANSWER_ERROR, LRK_EVENT_LOST
 * @index: which request of the write, from 0; LRK_EVENT_LOST: how many
 * @error: a positive errno, the same that write(2) failed with
 * @reason: LRK_REASON_…
 * @offset: the field at fault, in bytes from the beginning of its request
 */
struct lrk_error_answer {
	struct lrk_header header;
	__u32 index;
	__u32 error;
	__u32 reason;
	__u32 offset;
	__u64 reserved[21];
};

/**
 * struct lrk_hello_answer - LRK_ANSWER_HELLO
 * @version: LRK_ABI_VERSION of the module
 * @max_flows: how many flows the module takes, of all namespaces together
 * @flows: how many it has
 * @net_cookie: which network namespace this file speaks of
 */
struct lrk_hello_answer {
	struct lrk_header header;
	__u32 version;
	__u32 max_flows;
	__u32 flows;
	__u32 reserved;
	__u64 net_cookie;
	__u64 reserved2[20];
};

/**
 * struct lrk_flow_answer - LRK_ANSWER_FLOW, LRK_ANSWER_NONE and events of a flow
 * @flow: the flow as it is now; in LRK_ANSWER_NONE the key alone
 * @packets: relayed
 * @bytes: of these, IP and UDP headers included
 * @open_packets: those of @packets that came from another port than the locked one
 * @stranger_packets: not from the locked port: dropped, or passed on (LRK_FLOW_PASS_STRANGERS)
 * @dropped_packets: dropped for any other reason
 * @candidate_packets: those of @open_packets that came from @candidate_port
 * @idle_ms: since the last packet was relayed, or since the flow was added
 * @first_ssrc: SSRC of the first RTP or RTCP packet
 * @last_ssrc: SSRC of the last one
 * @rtp_expected: packets that the sender has sent by its sequence numbers (RFC 3550, A.3)
 * @rtp_received: those that have arrived; lost is the difference
 * @rtp_jitter: interarrival jitter in units of @flow.clock_hz (RFC 3550, A.8)
 * @candidate_port: another port that the flow was heard from while open and locked
 * @stranger_port: the port of the last stranger
 */
struct lrk_flow_answer {
	struct lrk_header header;
	struct lrk_flow_spec flow;
	__u64 packets;
	__u64 bytes;
	__u64 open_packets;
	__u64 stranger_packets;
	__u64 dropped_packets;
	__u64 candidate_packets;
	__u64 idle_ms;
	__u32 first_ssrc;
	__u32 last_ssrc;
	__u32 rtp_expected;
	__u32 rtp_received;
	__u32 rtp_jitter;
	__be16 candidate_port;
	__be16 stranger_port;
	__u64 reserved[5];
};

/**
 * struct lrk_delta - what a flow has relayed, in short
 * @key: which flow
 * @idle_ms: as in struct lrk_flow_answer; 2^32 - 1 for more than that
 * @packets: relayed, ever since the flow was added
 * @bytes: of these, IP and UDP headers included
 */
struct lrk_delta {
	struct lrk_flow_key key;
	__u32 idle_ms;
	__u64 packets;
	__u64 bytes;
};

#define LRK_DELTAS 5

/**
 * struct lrk_delta_answer - LRK_ANSWER_DELTA
 * @flows: how many of @delta are there; fewer than all in the last one of a page only
 * @delta: the others are 0
 */
struct lrk_delta_answer {
	struct lrk_header header;
	__u32 flows;
	__u32 reserved;
	struct lrk_delta delta[LRK_DELTAS];
	__u64 reserved2[2];
};

/**
 * struct lrk_count - what one flow has relayed; as in struct lrk_flow_answer
 * @packets: …
 * @bytes: …
 * @rtp_expected: …
 * @rtp_received: …
 */
struct lrk_count {
	__u64 packets;
	__u64 bytes;
	__u32 rtp_expected;
	__u32 rtp_received;
};

#define LRK_COUNTED 7

/**
 * struct lrk_counts_answer - LRK_ANSWER_COUNTS; seq is that of the first request
 * @flows: how many of @count are told; fewer than all in the last one of a write only
 * @found: bit n is set if the flow of @count n is there, or was until it was deleted
 * @count: in the order of the requests; 0 for a flow that is not there, and for the others
 */
struct lrk_counts_answer {
	struct lrk_header header;
	__u32 flows;
	__u32 found;
	struct lrk_count count[LRK_COUNTED];
	__u64 reserved;
};

/**
 * struct lrk_page_answer - LRK_ANSWER_PAGE, the last answer to LRK_DUMP and LRK_DELTA
 * @cursor: where the next page begins; 0 if this was the last one
 * @flows: how many were in this page
 * @now: LRK_DELTA: the moment of this page, which no other page shares; never 0. Nanoseconds since
 *	the machine was started, but for comparison alone
 */
struct lrk_page_answer {
	struct lrk_header header;
	__u64 cursor;
	__u32 flows;
	__u32 reserved;
	__u64 now;
	__u64 reserved2[20];
};

/**
 * struct lrk_stats_answer - LRK_ANSWER_STATS
 * @count: by LRK_RELAYED and so on; each only grows while the module is loaded
 * @flows: how many this namespace has
 */
struct lrk_stats_answer {
	struct lrk_header header;
	__u64 count[LRK_COUNTS];
	__u64 flows;
	__u64 reserved[7];
};

#ifdef __cplusplus
#define LRK_STATIC_ASSERT(x) static_assert(x, #x)
#else
#define LRK_STATIC_ASSERT(x) _Static_assert(x, #x)
#endif

LRK_STATIC_ASSERT(sizeof(struct lrk_header) == 8);
LRK_STATIC_ASSERT(sizeof(struct lrk_flow_key) == 12);
LRK_STATIC_ASSERT(sizeof(struct lrk_flow_spec) == 64);
LRK_STATIC_ASSERT(sizeof(struct lrk_flow_request) == LRK_REQUEST_SIZE);
LRK_STATIC_ASSERT(sizeof(struct lrk_plain_request) == LRK_REQUEST_SIZE);
LRK_STATIC_ASSERT(sizeof(struct lrk_error_answer) == LRK_ANSWER_SIZE);
LRK_STATIC_ASSERT(sizeof(struct lrk_hello_answer) == LRK_ANSWER_SIZE);
LRK_STATIC_ASSERT(sizeof(struct lrk_flow_answer) == LRK_ANSWER_SIZE);
LRK_STATIC_ASSERT(sizeof(struct lrk_delta) == 32);
LRK_STATIC_ASSERT(sizeof(struct lrk_delta_answer) == LRK_ANSWER_SIZE);
LRK_STATIC_ASSERT(sizeof(struct lrk_count) == 24);
LRK_STATIC_ASSERT(sizeof(struct lrk_counts_answer) == LRK_ANSWER_SIZE);
LRK_STATIC_ASSERT(sizeof(struct lrk_page_answer) == LRK_ANSWER_SIZE);
LRK_STATIC_ASSERT(sizeof(struct lrk_stats_answer) == LRK_ANSWER_SIZE);

#endif /* _UAPI_LRKPROXY_H */
