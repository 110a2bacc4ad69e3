/*
 * One side of one call: its two sockets, what it sends from them and what it makes of what arrives.
 */
#ifndef RTP_CALL_H
#define RTP_CALL_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "rtp_packet.h"
#include "rtp_track.h"

#define MS 1000000ull
#define MAX_RTP_INTERVAL_MS 1000

/* Between two RTP packets of a stream; 20 unless a machine is too slow for that. */
extern unsigned int rtp_interval_ms;

enum { RTP, RTCP, STREAMS };

struct call;

struct stream {
	struct call *call;
	struct track track;
	int fd;
	struct sockaddr_in relay, old_relay;	/* sin_port 0: not known yet */
	struct sockaddr_in early_source;	/* heard before the relay's address was known */
	uint32_t early;
	uint32_t next_index;
};

struct call {
	char *id;
	uint64_t hash;
	enum side side;
	char local[32];
	struct stream stream[STREAMS];
	bool open, sending;
	int probes_left;
	uint64_t next_rtcp_ns, switched_ns, stopped_ns, linger_until_ns;
	struct call *next_in_bucket, *next_in_slot, *next;
};

struct call *call_new(const char *id, enum side side);

/* Binds RTP to the address and RTCP one port above, in place of what was bound. False: see errno. */
bool call_bind(struct call *call, int epoll_fd, struct sockaddr_in local);

void call_start(struct call *call, struct sockaddr_in relay, uint64_t now);
void call_stop(struct call *call, uint64_t now);
void call_probe(struct call *call, uint64_t now);

/* To be called every rtp_interval_ms. False when the call is over and has left its sockets. */
bool call_serve(struct call *call, uint64_t now);

/* Reads and checks what has arrived, a batch at most. */
void stream_drain(struct stream *stream, uint64_t now);

void call_print(const struct call *call, FILE *out);

#endif
