/*
 * user_relay: the least a relay in user space can do, to compare with. Two
 * sockets a session (RTP only), epoll, batches of what a socket holds, the
 * phone's port taken from its first packet. Run in the relay's namespace.
 *
 *   user_relay FIRST COUNT
 *
 * Relays COUNT sessions from FIRST on; several processes share more sessions
 * than one may have open files. Prints "ready", then relays until killed.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include "frames.h"

#define BATCH 64
#define PACKET_BYTES 2048

struct leg {
	int fd;
	int locked;
	struct sockaddr_in phone;
	struct leg *other;
};

static struct sockaddr_in socket_address(struct endpoint e)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(e.port),
				 .sin_addr.s_addr = htonl(e.ip) };
	return a;
}

static void open_leg(struct leg *leg, enum side side, unsigned int i)
{
	struct sockaddr_in local = socket_address(relay(side, i));
	int room = 4 << 20;

	leg->phone = socket_address(phone(side, i));
	leg->fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	if (leg->fd < 0 || bind(leg->fd, (struct sockaddr *)&local, sizeof(local)))
		err(1, "Cannot open session %u", i);
	setsockopt(leg->fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
}

static void open_sessions(int epoll, unsigned int first, unsigned int count)
{
	struct leg *legs = calloc(count, 2 * sizeof(*legs));

	for (unsigned int i = 0; i < count; i++)
		for (int side = SIDE_A; side <= SIDE_B; side++) {
			struct leg *leg = &legs[2 * i + side];
			struct epoll_event event = { .events = EPOLLIN, .data.ptr = leg };

			open_leg(leg, side, first + i);
			leg->other = &legs[2 * i + !side];
			if (epoll_ctl(epoll, EPOLL_CTL_ADD, leg->fd, &event))
				err(1, "Cannot watch session %u", first + i);
		}
}

static unsigned char packets[BATCH][PACKET_BYTES];
static struct sockaddr_in senders[BATCH];
static struct iovec parts[BATCH];
static struct mmsghdr messages[BATCH];

static int receive(const struct leg *leg)
{
	for (int i = 0; i < BATCH; i++) {
		parts[i].iov_base = packets[i];
		parts[i].iov_len = PACKET_BYTES;
		messages[i].msg_hdr = (struct msghdr){ .msg_name = &senders[i],
						       .msg_namelen = sizeof(senders[i]),
						       .msg_iov = &parts[i], .msg_iovlen = 1 };
	}
	return recvmmsg(leg->fd, messages, BATCH, MSG_DONTWAIT, NULL);
}

/* Only what comes from the signalled address, and once locked from the locked port. */
static int is_from_phone(struct leg *leg, const struct sockaddr_in *sender)
{
	if (sender->sin_addr.s_addr != leg->phone.sin_addr.s_addr)
		return 0;
	if (!leg->locked) {
		leg->phone.sin_port = sender->sin_port;
		leg->locked = 1;
	}
	return sender->sin_port == leg->phone.sin_port;
}

static void relay_waiting(struct leg *leg)
{
	int received = receive(leg), kept = 0;

	for (int i = 0; i < received; i++) {
		if (!is_from_phone(leg, &senders[i]))
			continue;
		parts[kept].iov_base = packets[i];
		parts[kept].iov_len = messages[i].msg_len;
		messages[kept].msg_hdr.msg_name = &leg->other->phone;
		messages[kept].msg_hdr.msg_namelen = sizeof(leg->other->phone);
		kept++;
	}
	if (kept)
		sendmmsg(leg->other->fd, messages, kept, 0);
}

int main(int argc, char **argv)
{
	struct epoll_event events[256];
	int epoll = epoll_create1(0);

	if (argc != 3)
		return 2;
	open_sessions(epoll, strtoul(argv[1], NULL, 10), strtoul(argv[2], NULL, 10));
	puts("ready");
	fflush(stdout);
	for (;;) {
		int n = epoll_wait(epoll, events, 256, -1);

		for (int i = 0; i < n; i++)
			relay_waiting(events[i].data.ptr);
	}
}
