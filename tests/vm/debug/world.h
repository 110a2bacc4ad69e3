/*
 * What fuzz.c and stress.c share: the device, and a call between the namespaces A and B whose every
 * packet has to arrive. init.sh makes the namespaces.
 */
#ifndef WORLD_H
#define WORLD_H

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "../device.h"

#define A "10.1.0.2"
#define RELAY_A "10.1.0.1"
#define B "10.2.0.2"
#define RELAY_B "10.2.0.1"
/* The call's ports at the relay; all others are for noise. */
#define CALL_A 40000
#define CALL_B 40002
#define PARTY 5004
#define NOISE_PORTS 32

/* Of all processes together. Only added to, atomically. */
struct tally {
	uint64_t bytes, huge_bytes, taken, refused, called, lost, flooded;
	int stop, answers;
};

static struct tally *tally;

#define COUNT(field, n) __atomic_fetch_add(&tally->field, (n), __ATOMIC_RELAXED)

static void fail(const char *what)
{
	printf("FAIL: %s (errno %d)\n", what, errno);
	exit(1);
}

#define CHECK(condition) do { if (!(condition)) fail(#condition); } while (0)

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000ull + t.tv_nsec / 1000000;
}

static __thread uint32_t dice_state;

static uint32_t dice(uint32_t sides)
{
	dice_state = dice_state * 1664525 + 1013904223;
	return (dice_state >> 8) % sides;
}

static void enter(const char *path)
{
	int fd = open(path, O_RDONLY);

	CHECK(fd >= 0 && !setns(fd, CLONE_NEWNET));
	close(fd);
}

/* ---- requests ---- */

static union request flow_request(int type, const char *remote, const char *to, int port)
{
	return keyed_request(type, dice(1000), remote, to, port);
}

static union request to_b(int type, int port, int source_port, int locked)
{
	union request r = flow_request(type, A, RELAY_A, port);

	r.flow.flow.locked_port = htons(locked);
	r.flow.flow.flags = locked ? 0 : LRK_FLOW_OPEN;
	r.flow.flow.source_addr = inet_addr(RELAY_B);
	r.flow.flow.dest_addr = inet_addr(B);
	r.flow.flow.source_port = htons(source_port);
	/* Noise shall not fill the buffers of the call's sockets. */
	r.flow.flow.dest_port = htons(port == CALL_A || port == CALL_B ? PARTY : PARTY + 20);
	return r;
}

static union request to_a(int type, int port, int source_port, int locked)
{
	union request r = to_b(type, port, source_port, locked);

	r.flow.flow.key.remote_addr = inet_addr(B);
	r.flow.flow.key.local_addr = inet_addr(RELAY_B);
	r.flow.flow.source_addr = inet_addr(RELAY_A);
	r.flow.flow.dest_addr = inet_addr(A);
	return r;
}

static void add_call(int fd)
{
	CHECK(!put1(fd, to_b(LRK_ADD, CALL_A, CALL_B, PARTY)) && !put1(fd, to_a(LRK_ADD, CALL_B, CALL_A, PARTY)));
}

/* ---- traffic ---- */

static int udp_socket(const char *address, int port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = inet_addr(address) };
	struct timeval patience = { .tv_sec = 10 };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	CHECK(fd >= 0 && !bind(fd, (void *)&a, sizeof(a)));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	return fd;
}

static int is_from(const struct sockaddr_in *a, const char *address, int port)
{
	return a->sin_addr.s_addr == inet_addr(address) && a->sin_port == htons(port);
}

/* B sends everything back. */
static void answer_call(void)
{
	struct sockaddr_in from;
	socklen_t size;
	char b[256];
	ssize_t n;
	int fd;

	enter("/run/netns/B");
	fd = udp_socket(B, PARTY);
	__atomic_store_n(&tally->answers, 1, __ATOMIC_RELEASE);
	for (;;) {
		size = sizeof(from);
		n = recvfrom(fd, b, sizeof(b), 0, (void *)&from, &size);
		if (n > 0 && is_from(&from, RELAY_B, CALL_B))
			sendto(fd, b, n, 0, (void *)&from, size);
	}
}

/* A sends the next packet when the one before is back; nothing else may ever arrive at its port. */
static void make_call(void)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(CALL_A), .sin_addr.s_addr = inet_addr(RELAY_A) };
	struct sockaddr_in from;
	socklen_t size = sizeof(from);
	uint32_t sent[43] = { 0x80 }, got[43];
	uint32_t i;
	ssize_t n;
	int fd;

	enter("/run/netns/A");
	fd = udp_socket(A, PARTY);
	while (!__atomic_load_n(&tally->answers, __ATOMIC_ACQUIRE))
		usleep(1000);
	for (i = 0; !__atomic_load_n(&tally->stop, __ATOMIC_RELAXED); i++) {
		sent[1] = i;
		CHECK(sendto(fd, sent, sizeof(sent), 0, (void *)&to, sizeof(to)) == sizeof(sent));
		n = recvfrom(fd, got, sizeof(got), 0, (void *)&from, &size);
		if (n != sizeof(got) || memcmp(sent, got, sizeof(sent)) || !is_from(&from, RELAY_A, CALL_A)) {
			COUNT(lost, 1);
			printf("FAIL: packet %u of the call %s\n", i, n < 0 ? "is lost" : "came back as another");
			exit(1);
		}
		COUNT(called, 1);
		usleep(500);
	}
	exit(0);
}

/* RTP to all ports that noise may have made flows of. */
static void flood(void)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_addr.s_addr = inet_addr(RELAY_A) };
	uint32_t b[43] = { htonl(0x80000000) };
	int fd[3], i;

	enter("/run/netns/A");
	for (i = 0; i < 3; i++)
		fd[i] = udp_socket(A, PARTY + 2 + i);
	for (i = 0;; i++) {
		to.sin_port = htons(CALL_B + 2 + i % NOISE_PORTS);
		b[0] = htonl(0x80000000 | (i & 0xffff));
		b[1] = i;
		if (sendto(fd[i / NOISE_PORTS % 3], b, sizeof(b), 0, (void *)&to, sizeof(to)) > 0)
			COUNT(flooded, 1);
	}
}

/* ---- processes ---- */

static int spawn(void (*run)(void), int cpu)
{
	int child = fork();
	cpu_set_t set;

	if (child)
		return child;
	CPU_ZERO(&set);
	CPU_SET(cpu % sysconf(_SC_NPROCESSORS_ONLN), &set);
	sched_setaffinity(0, sizeof(set), &set);
	dice_state = getpid();
	run();
	exit(0);
}

static int ends_well(int child)
{
	int status;

	return waitpid(child, &status, 0) == child && status == 0;
}

static void end(int child)
{
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
}

static void tally_init(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	tally = mmap(NULL, sizeof(*tally), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(tally != MAP_FAILED);
}

/* Objects of a cache that the kernel's memory still holds; -1 if that cannot be told. */
static long objects_in_memory(const char *cache)
{
	char path[64];
	long objects = -1;
	FILE *f;

	snprintf(path, sizeof(path), "/sys/kernel/slab/%s/shrink", cache);
	f = fopen(path, "w");
	if (!f || fputs("1", f) < 0 || fclose(f))
		return -1;
	snprintf(path, sizeof(path), "/sys/kernel/slab/%s/objects", cache);
	f = fopen(path, "r");
	if (f && fscanf(f, "%ld", &objects) != 1)
		objects = -1;
	if (f)
		fclose(f);
	return objects;
}

/* Parts of flows that are still in memory; -1 if that cannot be told. */
static long flows_in_memory(void)
{
	static const char *const caches[] = { "lrk_flow", "lrk_cold", "lrk_whole" };
	long sum = 0, objects;
	int i;

	for (i = 0; i < 3; i++) {
		objects = objects_in_memory(caches[i]);
		if (objects < 0)
			return -1;
		sum += objects;
	}
	return sum;
}

/* All flows go, of all namespaces, and their memory with them: after a grace period, and once a namespace has ended. */
static void nothing_is_left(int fd)
{
	uint64_t end_ms = now_ms() + 30000;
	long objects;

	CHECK(!flush(fd));
	CHECK(plain(fd, LRK_STATS, 0).stats.flows == 0);
	do {
		usleep(20000);
		objects = flows_in_memory();
	} while ((objects || plain(fd, LRK_HELLO, LRK_ABI_VERSION).hello.flows) && now_ms() < end_ms);
	printf("info after a flush: %u flows, %ld in memory\n", plain(fd, LRK_HELLO, LRK_ABI_VERSION).hello.flows, objects);
	CHECK(plain(fd, LRK_HELLO, LRK_ABI_VERSION).hello.flows == 0 && objects == 0);
}

#endif /* WORLD_H */
