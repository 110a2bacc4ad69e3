#include "rtp_packet.h"

#include <arpa/inet.h>
#include <endian.h>
#include <string.h>

#define RTP_HEADER 12
#define SAMPLES_PER_PACKET 160
#define SR_LEN 28
#define SDES_LEN 20
#define APP_LEN (8 + sizeof(struct wire_mark))

/* Wire form of struct mark, the last part of both packets. */
struct wire_mark {
	char magic[4];
	uint32_t index;
	uint64_t call;
	uint64_t sent_ns;
	uint8_t side;
	uint8_t phase;
	uint8_t zero[6];
};

_Static_assert(sizeof(struct wire_mark) == 32, "a mark is 32 bytes on the wire");
_Static_assert(SR_LEN + SDES_LEN + APP_LEN == RTCP_LEN, "SR, SDES and APP fill the compound");

static const char magic[4] = "LRKT";

/* FNV-1a, 64 bits. */
uint64_t call_hash(const char *call_id)
{
	uint64_t hash = 0xcbf29ce484222325;

	while (*call_id)
		hash = (hash ^ (uint8_t)*call_id++) * 0x100000001b3;
	return hash;
}

/* The SSRC names call and side, so that a mixed-up stream shows in a plain packet dump too. */
static uint32_t ssrc_of(const struct mark *mark)
{
	return (uint32_t)mark->call << 1 | (mark->side == CALLEE);
}

static void put32(uint8_t *to, uint32_t value)
{
	value = htonl(value);
	memcpy(to, &value, 4);
}

static uint32_t get32(const uint8_t *from)
{
	uint32_t value;

	memcpy(&value, from, 4);
	return ntohl(value);
}

static void put_mark(uint8_t *to, const struct mark *mark)
{
	struct wire_mark wire = {
		.index = htonl(mark->index),
		.call = htobe64(mark->call),
		.sent_ns = htobe64(mark->sent_ns),
		.side = mark->side,
		.phase = mark->phase,
	};

	memcpy(wire.magic, magic, 4);
	memcpy(to, &wire, sizeof(wire));
}

static bool get_mark(const uint8_t *from, struct mark *mark)
{
	struct wire_mark wire;

	memcpy(&wire, from, sizeof(wire));
	if (memcmp(wire.magic, magic, 4))
		return false;
	mark->index = ntohl(wire.index);
	mark->call = be64toh(wire.call);
	mark->sent_ns = be64toh(wire.sent_ns);
	mark->side = wire.side;
	mark->phase = wire.phase;
	return true;
}

void rtp_build(uint8_t packet[RTP_LEN], const struct mark *mark)
{
	packet[0] = 2 << 6;
	packet[1] = 0; /* PCMU */
	packet[2] = mark->index >> 8;
	packet[3] = mark->index;
	put32(packet + 4, mark->index * SAMPLES_PER_PACKET);
	put32(packet + 8, ssrc_of(mark));
	memset(packet + RTP_HEADER, mark->index, SAMPLES_PER_PACKET);
	put_mark(packet + RTP_LEN - sizeof(struct wire_mark), mark);
}

bool rtp_parse(const uint8_t *packet, size_t len, struct mark *mark)
{
	if (len != RTP_LEN || packet[0] != 2 << 6)
		return false;
	if (!get_mark(packet + RTP_LEN - sizeof(struct wire_mark), mark))
		return false;
	return get32(packet + 8) == ssrc_of(mark) && packet[3] == (uint8_t)mark->index;
}

static void rtcp_header(uint8_t *to, uint8_t count, uint8_t type, size_t len)
{
	to[0] = 2 << 6 | count;
	to[1] = type;
	to[2] = (len / 4 - 1) >> 8;
	to[3] = len / 4 - 1;
}

void rtcp_build(uint8_t packet[RTCP_LEN], const struct mark *mark)
{
	uint8_t *sdes = packet + SR_LEN, *app = sdes + SDES_LEN;

	memset(packet, 0, RTCP_LEN);
	rtcp_header(packet, 0, 200, SR_LEN);
	put32(packet + 4, ssrc_of(mark));
	put32(packet + 20, mark->index);

	rtcp_header(sdes, 1, 202, SDES_LEN);
	put32(sdes + 4, ssrc_of(mark));
	memcpy(sdes + 8, "\1\10rtp_peer", 10);

	rtcp_header(app, 0, 204, APP_LEN);
	put32(app + 4, ssrc_of(mark));
	put_mark(app + 8, mark); /* its magic is the name of the APP packet */
}

bool rtcp_parse(const uint8_t *packet, size_t len, struct mark *mark)
{
	if (len != RTCP_LEN || packet[0] != 2 << 6 || packet[1] != 200)
		return false;
	if (!get_mark(packet + RTCP_LEN - sizeof(struct wire_mark), mark))
		return false;
	return get32(packet + 4) == ssrc_of(mark);
}
