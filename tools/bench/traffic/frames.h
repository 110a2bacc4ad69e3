/*
 * The sessions a benchmark run relays, and the frames that carry them. Shared
 * by the BPF generator, the programs that load or check, and the user-space
 * relay, so that all of them mean the same flow by "session i".
 *
 *   A = phone  <->  snat_ip:snat_port [relay] dst_ip:dst_port  <->  B = phone
 *
 * RTCP runs on port + 1 everywhere. The relay is given one address pair for
 * every SESSIONS_PER_PAIR sessions: a session takes four ports of the pair.
 * Numbers are in host byte order.
 */
#ifndef BENCH_FRAMES_H
#define BENCH_FRAMES_H

#include <linux/types.h>

#define SESSIONS_PER_PAIR 10000u
#define FIRST_PORT 20000u
#define RELAY_A_NET 0x0a010001u /* 10.1.0.1, one for each pair */
#define RELAY_B_NET 0x0a020001u /* 10.2.0.1, one for each pair */
#define PHONE_A_NET 0x0a400001u /* 10.64.0.1: callers each have their own address */
#define PHONE_B_NET 0x0a800001u /* 10.128.0.1: callees share few, as behind a trunk */
#define PHONE_B_COUNT 250u

#define RTP_BYTES 172u /* G.711, 20 ms */
#define UDP_BYTES (8u + RTP_BYTES)
#define IP_BYTES (20u + UDP_BYTES)
#define FRAME_BYTES (14u + IP_BYTES)

enum side { SIDE_A, SIDE_B };

struct endpoint {
	__u32 ip;
	__u32 port;
};

/* What a frame says on the wire: who it is from and where it goes. */
struct flow {
	struct endpoint from;
	struct endpoint to;
};

struct frame_headers {
	__u8 to_mac[6], from_mac[6];
	__u16 ether_type;
	__u8 version_ihl, tos;
	__u16 ip_length, ip_id, fragment;
	__u8 ttl, protocol;
	__u16 ip_checksum;
	__u32 from_ip, to_ip;
	__u16 from_port, to_port, udp_length, udp_checksum;
} __attribute__((packed));

static inline __attribute__((always_inline)) struct endpoint phone(enum side side, __u32 i)
{
	struct endpoint e;

	e.ip = side == SIDE_A ? PHONE_A_NET + i : PHONE_B_NET + i % PHONE_B_COUNT;
	e.port = side == SIDE_A ? 4000u + 2u * (i % 1000u) : 20000u + 2u * (i / PHONE_B_COUNT);
	return e;
}

/* The relay endpoint that faces `side`: snat for A, dst for B. */
static inline __attribute__((always_inline)) struct endpoint relay(enum side side, __u32 i)
{
	struct endpoint e;

	e.ip = (side == SIDE_A ? RELAY_A_NET : RELAY_B_NET) + i / SESSIONS_PER_PAIR;
	e.port = FIRST_PORT + 4u * (i % SESSIONS_PER_PAIR) + (side == SIDE_A ? 2u : 0u);
	return e;
}

/* A frame as the phone on `side` sends it to the relay. */
static inline __attribute__((always_inline)) struct flow sent_flow(enum side side, __u32 i)
{
	struct flow f;

	f.from = phone(side, i);
	f.to = relay(side, i);
	return f;
}

/* A frame between the two phones themselves: for plain forwarding. */
static inline __attribute__((always_inline)) struct flow direct_flow(enum side side, __u32 i)
{
	struct flow f;

	f.from = phone(side, i);
	f.to = phone(side == SIDE_A ? SIDE_B : SIDE_A, i);
	return f;
}

/* A frame as the phone opposite to the sender must get it from the relay. */
static inline __attribute__((always_inline)) struct flow relayed_flow(enum side sender, __u32 i)
{
	enum side receiver = sender == SIDE_A ? SIDE_B : SIDE_A;
	struct flow f;

	f.from = relay(receiver, i);
	f.to = phone(receiver, i);
	return f;
}

#endif
