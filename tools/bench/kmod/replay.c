// SPDX-License-Identifier: GPL-2.0
/*
 * Sends recorded transactions to nf_tables again: replay FILE. The file has, for each, its length in four bytes of this
 * machine's order, and then what is sent.
 */
#include <err.h>
#include <errno.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define TRANSACTION_MAX (32 << 20)

static char transaction[TRANSACTION_MAX];
static char answer[1 << 18];

static int netlink_open(void)
{
	struct sockaddr_nl address = { .nl_family = AF_NETLINK };
	struct timeval patience = { .tv_usec = 1000 };
	int fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER), bytes = TRANSACTION_MAX;

	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)))
		err(1, "Cannot open a netlink socket");
	/* The kernel answers before send(2) returns. */
	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof(bytes)) ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)))
		err(1, "Cannot set up a netlink socket");
	return fd;
}

static void look_for_errors(ssize_t size, unsigned int number)
{
	struct nlmsghdr *message = (struct nlmsghdr *)answer;
	unsigned int left = size;

	for (; NLMSG_OK(message, left); message = NLMSG_NEXT(message, left)) {
		struct nlmsgerr *error = NLMSG_DATA(message);

		if (message->nlmsg_type != NLMSG_ERROR || !error->error)
			continue;
		errno = -error->error;
		err(1, "Transaction %u is refused", number);
	}
}

static void commit(int fd, uint32_t length, unsigned int number)
{
	ssize_t size;

	if (send(fd, transaction, length, 0) != (ssize_t)length)
		err(1, "Cannot send transaction %u", number);
	while ((size = recv(fd, answer, sizeof(answer), 0)) > 0)
		look_for_errors(size, number);
	if (errno != EAGAIN)
		err(1, "Cannot read the answer to transaction %u", number);
}

int main(int argc, char **argv)
{
	FILE *file = argc == 2 ? fopen(argv[1], "r") : NULL;
	unsigned int number;
	uint32_t length;
	int fd;

	if (!file)
		err(1, "usage: replay FILE");
	fd = netlink_open();
	for (number = 1; fread(&length, sizeof(length), 1, file) == 1; number++) {
		if (length > sizeof(transaction) || fread(transaction, 1, length, file) != length)
			errx(1, "The file is damaged");
		commit(fd, length, number);
	}
	return number == 1;
}
