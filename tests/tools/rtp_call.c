#define _GNU_SOURCE
#include "rtp_call.h"

#include <arpa/inet.h>
#include <err.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define RTCP_INTERVAL_MS 500	/* and not more often than every fifth RTP packet */
#define PROBES 15
#define LINGER_MS 300		/* the other side may probe a little later */
#define SWITCH_GRACE_MS 500	/* a re-INVITE reaches the two sides one after the other */
#define BATCH 8

unsigned int rtp_interval_ms = 20;

struct call *call_new(const char *id, enum side side)
{
	struct call *call = calloc(1, sizeof(*call));

	if (!call || !(call->id = strdup(id)))
		err(1, "malloc");
	call->hash = call_hash(id);
	call->side = side;
	call->open = true;
	for (int i = 0; i < STREAMS; i++) {
		call->stream[i].call = call;
		call->stream[i].fd = -1;
	}
	return call;
}

static void close_sockets(struct call *call)
{
	for (int i = 0; i < STREAMS; i++)
		if (call->stream[i].fd >= 0)
			close(call->stream[i].fd);
	call->stream[RTP].fd = call->stream[RTCP].fd = -1;
}

static bool bind_stream(struct stream *stream, int epoll_fd, struct sockaddr_in local)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = stream };

	stream->fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (stream->fd < 0)
		err(1, "socket");
	if (bind(stream->fd, (struct sockaddr *)&local, sizeof(local)))
		return false;
	if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, stream->fd, &event))
		err(1, "epoll_ctl");
	return true;
}

static struct sockaddr_in plus_one(struct sockaddr_in address)
{
	address.sin_port = htons(ntohs(address.sin_port) + 1);
	return address;
}

bool call_bind(struct call *call, int epoll_fd, struct sockaddr_in local)
{
	close_sockets(call);
	snprintf(call->local, sizeof(call->local), "%s:%d", inet_ntoa(local.sin_addr),
		 ntohs(local.sin_port));
	return bind_stream(&call->stream[RTP], epoll_fd, local) &&
	       bind_stream(&call->stream[RTCP], epoll_fd, plus_one(local));
}

static bool same_address(const struct sockaddr_in *a, const struct sockaddr_in *b)
{
	return a->sin_port == b->sin_port && a->sin_addr.s_addr == b->sin_addr.s_addr;
}

static void set_relay(struct stream *stream, struct sockaddr_in relay)
{
	stream->old_relay = stream->relay;
	stream->relay = relay;
	if (stream->early && !same_address(&stream->early_source, &relay))
		stream->track.wrong_source += stream->early;
	stream->early = 0;
}

void call_start(struct call *call, struct sockaddr_in relay, uint64_t now)
{
	set_relay(&call->stream[RTP], relay);
	set_relay(&call->stream[RTCP], plus_one(relay));
	call->switched_ns = now;
	call->sending = true;
}

void call_stop(struct call *call, uint64_t now)
{
	call->sending = false;
	call->stopped_ns = now;
}

void call_probe(struct call *call, uint64_t now)
{
	call->sending = false;
	call->probes_left = PROBES;
	call->linger_until_ns = now + (PROBES * rtp_interval_ms + LINGER_MS) * MS;
}

static void send_one(struct stream *stream, enum phase phase, bool rtcp, uint64_t now)
{
	uint8_t packet[RTP_LEN];
	size_t len = rtcp ? RTCP_LEN : RTP_LEN;
	struct mark mark = {
		.call = stream->call->hash,
		.sent_ns = now,
		.index = stream->next_index,
		.side = stream->call->side,
		.phase = phase,
	};

	if (rtcp)
		rtcp_build(packet, &mark);
	else
		rtp_build(packet, &mark);
	if (sendto(stream->fd, packet, len, 0, (struct sockaddr *)&stream->relay,
		   sizeof(stream->relay)) < 0) {
		stream->track.send_errors++;
		return;
	}
	stream->next_index++;
	track_sent(&stream->track, &mark);
}

static uint64_t rtcp_interval_ns(void)
{
	return (5 * rtp_interval_ms > RTCP_INTERVAL_MS ? 5 * rtp_interval_ms : RTCP_INTERVAL_MS) * MS;
}

bool call_serve(struct call *call, uint64_t now)
{
	if (call->sending) {
		send_one(&call->stream[RTP], MEDIA, false, now);
		if (now >= call->next_rtcp_ns) {
			send_one(&call->stream[RTCP], MEDIA, true, now);
			call->next_rtcp_ns = now + rtcp_interval_ns();
		}
	} else if (call->probes_left) {
		call->probes_left--;
		send_one(&call->stream[RTP], PROBE, false, now);
		send_one(&call->stream[RTCP], PROBE, true, now);
	} else if (call->linger_until_ns && now >= call->linger_until_ns) {
		close_sockets(call);
		call->open = false;
		return false;
	}
	return true;
}

static bool from_relay(struct stream *stream, const struct sockaddr_in *source, uint64_t now)
{
	if (!stream->relay.sin_port) {
		if (stream->early++ && !same_address(source, &stream->early_source))
			return false;
		stream->early_source = *source;
		return true;
	}
	if (same_address(source, &stream->relay))
		return true;
	return same_address(source, &stream->old_relay) &&
	       now < stream->call->switched_ns + SWITCH_GRACE_MS * MS;
}

static void check(struct stream *stream, const uint8_t *packet, size_t len,
		  const struct sockaddr_in *source, uint64_t now)
{
	bool rtcp = stream == &stream->call->stream[RTCP];
	struct mark mark;

	if (!from_relay(stream, source, now))
		stream->track.wrong_source++;
	if (rtcp ? !rtcp_parse(packet, len, &mark) : !rtp_parse(packet, len, &mark))
		stream->track.malformed++;
	else if (mark.call != stream->call->hash || mark.side == stream->call->side)
		stream->track.foreign++;
	else
		track_received(&stream->track, &mark, now);
}

void stream_drain(struct stream *stream, uint64_t now)
{
	static uint8_t packets[BATCH][RTP_LEN + 4];
	struct sockaddr_in sources[BATCH];
	struct iovec parts[BATCH];
	struct mmsghdr messages[BATCH] = { 0 };
	int got;

	if (stream->fd < 0) /* closed earlier in the same round */
		return;
	for (int i = 0; i < BATCH; i++) {
		parts[i] = (struct iovec){ packets[i], sizeof(packets[i]) };
		messages[i].msg_hdr = (struct msghdr){
			.msg_name = &sources[i],
			.msg_namelen = sizeof(sources[i]),
			.msg_iov = &parts[i],
			.msg_iovlen = 1,
		};
	}
	got = recvmmsg(stream->fd, messages, BATCH, MSG_DONTWAIT, NULL);
	for (int i = 0; i < got; i++)
		check(stream, packets[i], messages[i].msg_len, &sources[i], now);
}

void call_print(const struct call *call, FILE *out)
{
	const struct sockaddr_in *relay = &call->stream[RTP].relay;

	fprintf(out, "{\"call\":\"%s\",\"local\":\"%s\",\"relay\":\"%s:%d\",\"over\":%s,\"stoppedMs\":%.1f,",
		call->id, call->local, inet_ntoa(relay->sin_addr), ntohs(relay->sin_port),
		call->open ? "false" : "true", call->stopped_ns / 1e6);
	track_print(&call->stream[RTP].track, "rtp", out);
	fputc(',', out);
	track_print(&call->stream[RTCP].track, "rtcp", out);
	fputs("}\n", out);
}
