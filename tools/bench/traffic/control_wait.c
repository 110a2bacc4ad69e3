/*
 * control_wait PORT SECONDS: ping the daemon every 5 ms until it answers.
 * Prints the milliseconds that took. Exit status 1 when it never did.
 */
#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

static double milliseconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

int main(int argc, char **argv)
{
	struct sockaddr_in daemon = { .sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct pollfd fd = { .events = POLLIN };
	double start = milliseconds();
	char reply[64];

	if (argc != 3)
		return 2;
	daemon.sin_port = htons(atoi(argv[1]));
	fd.fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	while (milliseconds() - start < atof(argv[2]) * 1e3) {
		sendto(fd.fd, "1_wait P", 8, 0, (struct sockaddr *)&daemon, sizeof(daemon));
		poll(&fd, 1, 5);
		if (recv(fd.fd, reply, sizeof(reply), 0) == 13) {
			printf("%.0f\n", milliseconds() - start);
			return 0;
		}
	}
	return 1;
}
