/* Requests for flows between A and B. */
#include "relay.h"

union request flow_request(int type, const char *remote, const char *to, int port)
{
	return keyed_request(type, 7, remote, to, port);
}

union request flow(int type, const char *remote, const char *to, int port, const char *source, int source_port,
		   const char *dest, int dest_port, int locked)
{
	union request r = flow_request(type, remote, to, port);

	r.flow.flow.locked_port = htons(locked);
	r.flow.flow.flags = locked ? 0 : LRK_FLOW_OPEN;
	r.flow.flow.source_addr = inet_addr(source);
	r.flow.flow.dest_addr = inet_addr(dest);
	r.flow.flow.source_port = htons(source_port);
	r.flow.flow.dest_port = htons(dest_port);
	r.flow.flow.owner = 42;
	return r;
}

union request a_to_b(int type, int locked)
{
	return flow(type, A, RELAY_A, RTP_A, RELAY_B, RTP_B, B, 5004, locked);
}

union request b_to_a(int type, int locked)
{
	return flow(type, B, RELAY_B, RTP_B, RELAY_A, RTP_A, A, 5004, locked);
}

union request nth(int type, int i)
{
	union request r = type == LRK_ADD ? a_to_b(type, 5004) : flow_request(type, A, RELAY_A, RTP_A);

	r.flow.flow.key.remote_addr = htonl(0x0a400000 + i / 4);
	r.flow.flow.key.local_port = htons(10000 + i % 4);
	return r;
}

/* Writes as many at once as the device takes. */
void put_all(const union request *r, int n)
{
	const char *at = (const char *)r, *end = (const char *)(r + n);
	ssize_t done;

	for (; at < end; at += done) {
		done = write(device, at, end - at);
		CHECK(done > 0);
		if (done <= 0)
			return;
	}
}

uint64_t count(int which) { return plain(device, LRK_STATS, 0).stats.count[which]; }

int refused(union request r, int error, uint32_t reason, size_t offset)
{
	union answer a;

	if (put1(device, r) != -1 || errno != error)
		return 0;
	a = take(device);
	return a.header.type == LRK_ANSWER_ERROR && a.error.error == (uint32_t)error &&
	       a.error.reason == reason && a.error.offset == offset && a.header.seq == r.header.seq;
}
