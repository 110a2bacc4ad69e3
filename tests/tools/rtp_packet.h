/*
 * The packets that rtp_peer sends: real RTP (12 + 160 bytes, PCMU) and a real RTCP compound
 * (SR, SDES, APP), each carrying a mark that says which call, which side and which packet it is.
 * The mark is what lets a receiver tell lost from doubled and its own call from a stranger's.
 */
#ifndef RTP_PACKET_H
#define RTP_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RTP_LEN 172
#define RTCP_LEN 88

enum side { CALLER, CALLEE };

/* A media packet belongs to the call; a probe is sent after hang-up and must never arrive. */
enum phase { MEDIA, PROBE };

struct mark {
	uint64_t call;		/* hash of the Call-ID */
	uint64_t sent_ns;	/* CLOCK_MONOTONIC: the same in all namespaces */
	uint32_t index;		/* counts from 0 over the whole call, never wraps */
	uint8_t side;
	uint8_t phase;
};

uint64_t call_hash(const char *call_id);

void rtp_build(uint8_t packet[RTP_LEN], const struct mark *mark);
void rtcp_build(uint8_t packet[RTCP_LEN], const struct mark *mark);

/* Both return false for anything that is not one of ours, whole and unharmed. */
bool rtp_parse(const uint8_t *packet, size_t len, struct mark *mark);
bool rtcp_parse(const uint8_t *packet, size_t len, struct mark *mark);

#endif
