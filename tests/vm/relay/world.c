/* The namespaces, their sockets, and how a check fails. */
#include "relay.h"
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sched.h>
#include <stdarg.h>
#include <sys/ioctl.h>
#include <time.h>

/* What comes after so many says nothing new. */
#define FAILURES_MAX 12

int failures, device, raw_a, raw_b, raw_c, local;
const char *test;

void check(int holds, const char *what, const char *file, int line)
{
	if (holds)
		return;
	printf("FAIL: %s: %s:%d: %s (errno %d)\n", test, file, line, what, errno);
	if (++failures == FAILURES_MAX)
		exit(1);
}

uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000ull + t.tv_nsec / 1000000;
}

void run(const char *format, ...)
{
	char command[512];
	va_list list;

	va_start(list, format);
	vsnprintf(command, sizeof(command), format, list);
	va_end(list);
	if (system(command)) {
		failures++;
		printf("FAIL: %s: %s\n", test, command);
	}
}

/* With the parameters in LRK_OPTIONS, if PID 1 has set any. */
void load_module(void)
{
	run("insmod /mod/lrkproxy.ko $LRK_OPTIONS");
}

void enter(const char *name)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/run/netns/%s", name);
	fd = open(strcmp(name, "relay") ? path : "/proc/1/ns/net", O_RDONLY);
	if (fd < 0 || setns(fd, CLONE_NEWNET))
		perror(path);
	close(fd);
}

/* A device with GRO hands packets on by eights, others one by one. */
void set_gro(const char *name, int on)
{
	struct ethtool_value value = { .cmd = ETHTOOL_SGRO, .data = on };
	struct ifreq request = { .ifr_data = (void *)&value };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	strncpy(request.ifr_name, name, sizeof(request.ifr_name) - 1);
	CHECK(!ioctl(fd, SIOCETHTOOL, &request));
	close(fd);
}

int raw_socket(const char *name)
{
	int fd, on = 1, room = 8 << 20;

	enter(name);
	fd = socket(AF_INET, SOCK_RAW | SOCK_NONBLOCK, IPPROTO_UDP);
	setsockopt(fd, IPPROTO_IP, IP_HDRINCL, &on, sizeof(on));
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
	enter("relay");
	return fd;
}

int udp_socket(const char *name, const char *address, int port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(port) };
	int fd;

	enter(name);
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	a.sin_addr.s_addr = inet_addr(address);
	if (bind(fd, (void *)&a, sizeof(a)))
		perror("bind");
	enter("relay");
	return fd;
}

static void link_to(const char *name, int net)
{
	run("/sbin/ip netns add %s && /sbin/ip link add v%s type veth peer name p%s netns %s", name, name, name, name);
	run("/sbin/ip addr add 10.%d.0.1/24 dev v%s && /sbin/ip link set v%s up", net, name, name);
	run("/sbin/ip -n %s addr add 10.%d.0.2/24 dev p%s && /sbin/ip -n %s link set p%s up", name, net, name, name, name);
	run("/sbin/ip -n %s route add default via 10.%d.0.1", name, net);
}

void set_up(void)
{
	test = "setting up";
	link_to("A", 1);
	link_to("B", 2);
	link_to("C", 3);
	raw_a = raw_socket("A");
	raw_b = raw_socket("B");
	raw_c = raw_socket("C");
	local = udp_socket("relay", RELAY_A, RTP_A);
	device = open(DEVICE, O_RDWR);
	CHECK(device >= 0);
}
