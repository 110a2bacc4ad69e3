/*
 * frame_check: run a command that injects every session's frames, and verify
 * what arrives at the far ends.
 *
 *   frame_check -p PREFIX -n SESSIONS [-F] [-R] -- COMMAND ARG...
 *
 * -F and -R as frame_inject's. Every frame must carry right addresses, ports,
 * checksums and payload, and every session must be heard on both sides.
 * Exit status: 0 all well, 1 not. Prints what it counted.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <err.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include "frames.h"

/* After the command has ended: how long a frame may still be on its way. */
#define QUIET_MS 500

struct options {
	const char *prefix;
	unsigned int sessions;
	int direct, rtcp;
};

struct tally {
	unsigned long frames, bad_address, bad_checksum, bad_payload;
	unsigned int heard;
	unsigned char *sessions;
};

static struct options parse(int argc, char **argv)
{
	struct options o = { .prefix = "bench", .sessions = 100 };
	int c;

	while ((c = getopt(argc, argv, "+p:n:FR")) > 0)
		switch (c) {
		case 'p': o.prefix = optarg; break;
		case 'n': o.sessions = strtoul(optarg, NULL, 10); break;
		case 'F': o.direct = 1; break;
		case 'R': o.rtcp = 1; break;
		default: exit(2);
		}
	return o;
}

/* All protocols: a socket for IP alone would sit behind the sink, which drops the frames. */
static int listen_at(const char *prefix, enum side side)
{
	int fd, room = 256 << 20, on = 1;
	struct sockaddr_ll link = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL) };
	char path[128];

	snprintf(path, sizeof(path), "/run/netns/%s-%c", prefix, side == SIDE_A ? 'a' : 'b');
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || setns(fd, CLONE_NEWNET))
		err(1, "Cannot enter %s", path);
	close(fd);
	fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	link.sll_ifindex = if_nametoindex("relay0");
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
	setsockopt(fd, SOL_PACKET, PACKET_AUXDATA, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&link, sizeof(link)))
		err(1, "Cannot listen in %s", path);
	return fd;
}

static unsigned int sum(const void *data, unsigned int length, unsigned int start)
{
	const unsigned char *bytes = data;
	unsigned int s = start;

	for (unsigned int i = 0; i + 1 < length; i += 2)
		s += bytes[i] << 8 | bytes[i + 1];
	while (s >> 16)
		s = (s & 0xffff) + (s >> 16);
	return s;
}

static int checksums_hold(const struct frame_headers *h)
{
	unsigned int pseudo = sum(&h->from_ip, 8, 17 + UDP_BYTES);

	return sum(&h->version_ihl, 20, 0) == 0xffff &&
	       sum(&h->from_port, UDP_BYTES, pseudo) == 0xffff;
}

static int payload_holds(const unsigned char *rtp, int rtcp)
{
	if (rtp[0] != 0x80 || rtp[1] != (rtcp ? 200 : 8))
		return 0;
	for (unsigned int i = 2; i < RTP_BYTES; i++)
		if (rtp[i] != (unsigned char)(i * 7))
			return 0;
	return 1;
}

/* The session whose phone on `side` is this endpoint; UINT_MAX if none is. */
static unsigned int session_of(enum side side, const struct endpoint *e, unsigned int sessions)
{
	unsigned int i = side == SIDE_A ? e->ip - PHONE_A_NET :
		(e->port - 20000u) / 2 * PHONE_B_COUNT + (e->ip - PHONE_B_NET);
	struct endpoint expected = phone(side, i);

	return i < sessions && expected.ip == e->ip && expected.port == e->port ? i : ~0u;
}

static unsigned int match(const struct frame_headers *h, enum side receiver,
			  const struct options *o)
{
	enum side sender = receiver == SIDE_A ? SIDE_B : SIDE_A;
	struct flow got = { { ntohl(h->from_ip), ntohs(h->from_port) - o->rtcp },
			    { ntohl(h->to_ip), ntohs(h->to_port) - o->rtcp } };
	unsigned int i = session_of(receiver, &got.to, o->sessions);
	struct flow expected;

	if (i == ~0u)
		return i;
	expected = o->direct ? direct_flow(sender, i) : relayed_flow(sender, i);
	return expected.from.ip == got.from.ip && expected.from.port == got.from.port ? i : ~0u;
}

/* 0 when the checksum is still the network card's to make (a user-space relay's frame). */
static int has_checksum(struct msghdr *m)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		struct tpacket_auxdata aux;

		if (c->cmsg_level != SOL_PACKET || c->cmsg_type != PACKET_AUXDATA)
			continue;
		memcpy(&aux, CMSG_DATA(c), sizeof(aux));
		return !(aux.tp_status & TP_STATUS_CSUMNOTREADY);
	}
	return 1;
}

static void check(const unsigned char *frame, int checksum, enum side receiver,
		  const struct options *o, struct tally *t)
{
	const struct frame_headers *h = (const void *)frame;
	unsigned int i = match(h, receiver, o);

	t->frames++;
	if (i == ~0u)
		t->bad_address++;
	if (checksum && !checksums_hold(h))
		t->bad_checksum++;
	if (!payload_holds(frame + sizeof(*h), o->rtcp))
		t->bad_payload++;
	if (i != ~0u && !t->sessions[i]) {
		t->sessions[i] = 1;
		t->heard++;
	}
}

static void drain(int fd, enum side side, const struct options *o, struct tally *t)
{
	unsigned char frame[2048], control[256];
	struct sockaddr_ll from;

	for (;;) {
		struct iovec part = { frame, sizeof(frame) };
		struct msghdr m = { .msg_name = &from, .msg_namelen = sizeof(from),
				    .msg_iov = &part, .msg_iovlen = 1,
				    .msg_control = control, .msg_controllen = sizeof(control) };
		ssize_t got;

		got = recvmsg(fd, &m, 0);
		if (got < 0)
			return;
		if (got == FRAME_BYTES && from.sll_pkttype != PACKET_OUTGOING && frame[23] == 17)
			check(frame, has_checksum(&m), side, o, t);
	}
}

static pid_t start(char **command)
{
	pid_t pid = fork();

	if (pid < 0)
		err(1, "Cannot fork");
	if (pid == 0) {
		execv(command[0], command);
		err(127, "Cannot run %s", command[0]);
	}
	return pid;
}

static int report(const struct tally *t, enum side side, unsigned int sessions)
{
	printf("side %c: %lu frames, %u of %u sessions heard", side == SIDE_A ? 'A' : 'B',
	       t->frames, t->heard, sessions);
	printf(", bad: %lu addresses, %lu checksums, %lu payloads\n", t->bad_address,
	       t->bad_checksum, t->bad_payload);
	return t->heard == sessions && !t->bad_address && !t->bad_checksum && !t->bad_payload;
}

int main(int argc, char **argv)
{
	struct options o = parse(argc, argv);
	struct tally tally[2] = { 0 };
	struct pollfd wait[2];
	int running = 1, status = 0;
	pid_t pid;

	for (int side = SIDE_A; side <= SIDE_B; side++) {
		wait[side].fd = listen_at(o.prefix, side);
		wait[side].events = POLLIN;
		tally[side].sessions = calloc(o.sessions, 1);
	}
	pid = start(argv + optind);
	for (;;) {
		int some = poll(wait, 2, running ? 50 : QUIET_MS);

		for (int side = SIDE_A; side <= SIDE_B; side++)
			drain(wait[side].fd, side, &o, &tally[side]);
		if (running)
			running = waitpid(pid, &status, WNOHANG) == 0;
		else if (some == 0)
			break;
	}
	if (status)
		errx(1, "The injector failed");
	return report(&tally[0], SIDE_A, o.sessions) & report(&tally[1], SIDE_B, o.sessions) ? 0 : 1;
}
