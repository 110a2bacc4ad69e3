/*
 * Runs in the test machine, in the relay's network namespace, and tests the module from outside: by
 * its device, and by packets that namespaces A, B and C send and receive. Prints `ok` or FAIL for
 * each test.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/udp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/io.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "../../kmod/uapi/lrkproxy.h"

#define A "10.1.0.2"
#define RELAY_A "10.1.0.1"
#define B "10.2.0.2"
#define RELAY_B "10.2.0.1"
#define RTP_A 40000
#define RTP_B 40002
/* Long enough for a packet to cross two veth pairs on a slow machine; absence is waited for as well. */
#define ARRIVES_MS 3000
#define ABSENT_MS 60
/* What comes after so many says nothing new. */
#define FAILURES_MAX 12

union request {
	struct lrk_header header;
	struct lrk_flow_request flow;
	struct lrk_plain_request plain;
};

union answer {
	struct lrk_header header;
	struct lrk_error_answer error;
	struct lrk_hello_answer hello;
	struct lrk_flow_answer flow;
	struct lrk_delta_answer delta;
	struct lrk_page_answer page;
	struct lrk_stats_answer stats;
};

static int failures, device, raw_a, raw_b, raw_c, local;
static const char *test;

#define CHECK(condition) check(condition, #condition, __LINE__)

static void check(int holds, const char *what, int line)
{
	if (holds)
		return;
	printf("FAIL: %s: line %d: %s (errno %d)\n", test, line, what, errno);
	if (++failures == FAILURES_MAX)
		exit(1);
}

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000ull + t.tv_nsec / 1000000;
}

static void run(const char *format, ...)
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

static void enter(const char *name)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/run/netns/%s", name);
	fd = open(strcmp(name, "relay") ? path : "/proc/1/ns/net", O_RDONLY);
	if (fd < 0 || setns(fd, CLONE_NEWNET))
		perror(path);
	close(fd);
}

/* ---- the device ---- */

static union request flow_request(int type, const char *remote, const char *to, int port)
{
	union request r = { .header.type = type, .header.seq = 7 };

	r.flow.flow.key.remote_addr = inet_addr(remote);
	r.flow.flow.key.local_addr = inet_addr(to);
	r.flow.flow.key.local_port = htons(port);
	return r;
}

static union request flow(int type, const char *remote, const char *to, int port, const char *source,
			  int source_port, const char *dest, int dest_port, int locked)
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

static union request a_to_b(int type, int locked)
{
	return flow(type, A, RELAY_A, RTP_A, RELAY_B, RTP_B, B, 5004, locked);
}

static union request b_to_a(int type, int locked)
{
	return flow(type, B, RELAY_B, RTP_B, RELAY_A, RTP_A, A, 5004, locked);
}

static int put(int fd, const union request *r, int n)
{
	return write(fd, r, n * sizeof(*r)) == (ssize_t)(n * sizeof(*r)) ? 0 : -1;
}

static int put1(union request r) { return put(device, &r, 1); }

static union answer take(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	union answer a = { 0 };

	if (poll(&p, 1, 5000) != 1 || read(fd, &a, sizeof(a)) != sizeof(a))
		a.header.type = 0xffff;
	return a;
}

static union answer ask(union request r)
{
	union answer none = { .header.type = 0xffff };

	return put1(r) ? none : take(device);
}

static union answer plain(int type, uint32_t value, uint64_t cursor)
{
	union request r = { .header.type = type, .header.seq = 9 };

	r.plain.value = value;
	r.plain.cursor = cursor;
	return ask(r);
}

static int flush(void)
{
	union request r = { .header.type = LRK_FLUSH };

	return put1(r);
}

static uint64_t count(int which) { return plain(LRK_STATS, 0, 0).stats.count[which]; }

static int refused(union request r, int error, uint32_t reason, size_t offset)
{
	union answer a;

	if (put1(r) != -1 || errno != error)
		return 0;
	a = take(device);
	return a.header.type == LRK_ANSWER_ERROR && a.error.error == (uint32_t)error &&
	       a.error.reason == reason && a.error.offset == offset && a.header.seq == r.header.seq;
}

/* ---- packets ---- */

struct packet {
	int sport, dport, ttl, tos, len, first, seq, no_checksum, options, fragment, ipid;
	const char *from, *to;
	uint32_t stamp;
};

static uint32_t add16(const void *data, int n, uint32_t sum)
{
	const uint8_t *p = data;
	int i;

	for (i = 0; i + 1 < n; i += 2)
		sum += p[i] << 8 | p[i + 1];
	return n & 1 ? sum + (p[n - 1] << 8) : sum;
}

static uint16_t fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

static uint32_t pseudo(const uint8_t *ip, int udp_len) { return add16(ip + 12, 8, 17 + udp_len); }

static int build(uint8_t *b, const struct packet *p)
{
	int hl = 20 + (p->options ? 4 : 0), ul = 8 + (p->len ? p->len : 172), i;
	uint32_t from = inet_addr(p->from ? p->from : A), to = inet_addr(p->to ? p->to : RELAY_A);
	uint8_t *u = b + hl;
	uint16_t sum;

	memset(b, 0, hl + ul);
	b[0] = 0x40 | hl / 4;
	b[1] = p->tos;
	b[2] = (hl + ul) >> 8;
	b[3] = hl + ul;
	b[4] = p->ipid >> 8;
	b[5] = p->ipid;
	b[8] = p->ttl ? p->ttl : 64;
	b[9] = 17;
	memcpy(b + 12, &from, 4);
	memcpy(b + 16, &to, 4);
	if (p->options)
		memset(b + 20, 1, 4);	/* no operation */
	u[0] = p->sport >> 8;
	u[1] = p->sport;
	u[2] = p->dport >> 8;
	u[3] = p->dport;
	u[4] = ul >> 8;
	u[5] = ul;
	for (i = 8; i < ul; i++)
		u[i] = i * 7;
	u[8] = p->first ? p->first : 0x80;
	u[9] = 0;
	u[10] = p->seq >> 8;
	u[11] = p->seq;
	i = htonl(p->stamp);
	memcpy(u + 12, &i, 4);
	i = htonl(0x11223344);
	memcpy(u + 16, &i, 4);
	if (!p->no_checksum) {
		sum = ~fold(add16(u, ul, pseudo(b, ul)));
		sum = sum ? sum : 0xffff;
		u[6] = sum >> 8;
		u[7] = sum;
	}
	return hl + ul;
}

static void send_raw(int fd, const void *b, int n)
{
	struct sockaddr_in to = { .sin_family = AF_INET };

	memcpy(&to.sin_addr, (const uint8_t *)b + 16, 4);
	if (sendto(fd, b, n, 0, (void *)&to, sizeof(to)) != n && errno != ENOBUFS)
		perror("sendto");
}

static void send_packet(int fd, struct packet p)
{
	uint8_t b[2048];
	int n = build(b, &p);

	send_raw(fd, b, n);
}

static void from_a(int sport, int seq)
{
	send_packet(raw_a, (struct packet) { .sport = sport, .dport = RTP_A, .seq = seq });
}

/* The next UDP packet of this destination port, IP header first; 0 if there is none in time. */
static int receive(int fd, int dport, uint8_t *b, int ms)
{
	uint64_t end = now_ms() + ms;
	struct pollfd p = { .fd = fd, .events = POLLIN };
	int n;

	for (;;) {
		int left = (int)(end - now_ms());

		if (left < 0 || poll(&p, 1, left) != 1)
			return 0;
		n = recv(fd, b, 2048, 0);
		if (n >= 28 && (b[22] << 8 | b[23]) == dport)
			return n;
	}
}

static int is_good(const uint8_t *b, const char *from, int sport, const char *to)
{
	uint32_t f = inet_addr(from), t = inet_addr(to);
	int ul = b[24] << 8 | b[25];

	if (memcmp(b + 12, &f, 4) || memcmp(b + 16, &t, 4) || (b[20] << 8 | b[21]) != sport)
		return 0;
	if (fold(add16(b, 20, 0)) != 0xffff)
		return 0;
	return (!b[26] && !b[27]) || fold(add16(b + 20, ul, pseudo(b, ul))) == 0xffff;
}

/* Does B get a packet of the flow A to B now? */
static int reaches_b(void)
{
	uint8_t b[2048];

	return receive(raw_b, 5004, b, ARRIVES_MS) && is_good(b, RELAY_B, RTP_B, B);
}

static int reaches(int fd, int port)
{
	uint8_t b[2048];

	return receive(fd, port, b, ARRIVES_MS) > 0;
}

static int nothing(int fd, int port)
{
	uint8_t b[2048];

	return !receive(fd, port, b, ABSENT_MS);
}

/* A packet that the module leaves alone is for the relay's own socket: unchanged? */
static int is_left(int sport)
{
	struct pollfd p = { .fd = local, .events = POLLIN };
	struct sockaddr_in from;
	socklen_t size = sizeof(from);
	uint8_t b[2048];

	return poll(&p, 1, ARRIVES_MS) == 1 && recvfrom(local, b, sizeof(b), 0, (void *)&from, &size) > 0 &&
	       from.sin_addr.s_addr == inet_addr(A) && ntohs(from.sin_port) == sport;
}

static int raw_socket(const char *name)
{
	int fd, on = 1, room = 8 << 20;

	enter(name);
	fd = socket(AF_INET, SOCK_RAW | SOCK_NONBLOCK, IPPROTO_UDP);
	setsockopt(fd, IPPROTO_IP, IP_HDRINCL, &on, sizeof(on));
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
	enter("relay");
	return fd;
}

static int udp_socket(const char *name, const char *address, int port)
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

/* ---- tests ---- */

static void hello(void)
{
	union answer a = plain(LRK_HELLO, LRK_ABI_VERSION, 0);
	union request r = { .header = { LRK_HELLO, 0, 3 } };

	CHECK(a.header.type == LRK_ANSWER_HELLO && a.header.seq == 9 && a.hello.version == 1);
	CHECK(a.hello.max_flows == 400000 && a.hello.flows == 0 && a.hello.net_cookie);
	r.plain.value = 2;
	CHECK(refused(r, EPROTO, LRK_REASON_VERSION, offsetof(struct lrk_plain_request, value)));
}

static void relays(void)
{
	uint8_t b[2048];
	union answer a;
	int i;

	CHECK(!put1(a_to_b(LRK_ADD, 5004)) && !put1(b_to_a(LRK_ADD, 5004)));
	for (i = 1; i <= 20; i++) {
		if (i % 5 == 0)
			continue;
		from_a(5004, i);
		CHECK(receive(raw_b, 5004, b, ARRIVES_MS) == 200);
		CHECK(is_good(b, RELAY_B, RTP_B, B) && b[8] == 63 && b[1] == 0 && (b[26] || b[27]));
	}
	a = ask(flow_request(LRK_GET, A, RELAY_A, RTP_A));
	CHECK(a.header.type == LRK_ANSWER_FLOW && a.flow.packets == 16 && a.flow.bytes == 16 * 200);
	/* The last one, 20, never came. */
	CHECK(a.flow.rtp_expected == 19 && a.flow.rtp_received == 16 && a.flow.first_ssrc == 0x11223344);
	CHECK(a.flow.flow.owner == 42 && a.flow.open_packets == 0);
	send_packet(raw_b, (struct packet) { .sport = 5004, .dport = RTP_B, .from = B, .to = RELAY_B, .tos = 0xb8 });
	CHECK(receive(raw_a, 5004, b, ARRIVES_MS) == 200);
	CHECK(is_good(b, RELAY_A, RTP_A, A) && b[8] == 63 && b[1] == 0xb8);
}

static void keeps_no_checksum(void)
{
	uint8_t b[2048];

	send_packet(raw_a, (struct packet) { .sport = 5004, .dport = RTP_A, .no_checksum = 1 });
	CHECK(receive(raw_b, 5004, b, ARRIVES_MS) && is_good(b, RELAY_B, RTP_B, B) && !b[26] && !b[27]);
}

/* A socket leaves the checksum to the device, and veth to whoever looks: it is the pseudo-header's alone. */
static void mends_partial_checksum(void)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(RTP_A) };
	int fd = udp_socket("A", A, 5004), i;
	uint8_t b[2048], payload[160] = { 0x80 };

	to.sin_addr.s_addr = inet_addr(RELAY_A);
	for (i = 0; i < 20; i++) {
		payload[3] = 100 + i;
		CHECK(sendto(fd, payload, sizeof(payload) - i, 0, (void *)&to, sizeof(to)) > 0);
		CHECK(receive(raw_b, 5004, b, ARRIVES_MS));
		CHECK((b[26] << 8 | b[27]) == fold(pseudo(b, 168 - i)));
	}
	close(fd);
}

static void sets_dscp(void)
{
	union request r = a_to_b(LRK_UPDATE, 5004);
	uint8_t b[2048];

	r.flow.flow.flags |= LRK_FLOW_SET_DSCP;
	r.flow.flow.dscp = 46;
	CHECK(!put1(r));
	send_packet(raw_a, (struct packet) { .sport = 5004, .dport = RTP_A, .tos = 0x03 });
	CHECK(receive(raw_b, 5004, b, ARRIVES_MS) && is_good(b, RELAY_B, RTP_B, B) && b[1] == (46 << 2 | 3));
	CHECK(flush() == 0);
	CHECK(plain(LRK_STATS, 0, 0).stats.flows == 0);
}

static void learns(void)
{
	int events = open("/dev/lrkproxy", O_RDWR);
	union request subscribe = { .header.type = LRK_SUBSCRIBE };
	uint8_t b[2048];
	union answer a;

	CHECK(!put(events, &subscribe, 1));
	CHECK(!put1(a_to_b(LRK_ADD, 0)) && !put1(b_to_a(LRK_ADD, 5004)));
	/* STUN passes, and tells nothing. */
	send_packet(raw_a, (struct packet) { .sport = 7009, .dport = RTP_A, .first = 1 });
	CHECK(reaches_b());
	CHECK(ask(flow_request(LRK_GET, A, RELAY_A, RTP_A)).flow.flow.locked_port == 0);
	from_a(7000, 1);
	CHECK(reaches_b());
	a = take(events);
	CHECK(a.header.type == LRK_EVENT_LEARNED && a.flow.flow.locked_port == htons(7000));
	CHECK(a.flow.flow.key.remote_addr == inet_addr(A) && !(a.flow.flow.flags & LRK_FLOW_OPEN));
	/* A second sender gets nothing through, and the other direction goes to the first. */
	from_a(7001, 2);
	CHECK(nothing(raw_b, 5004));
	a = ask(flow_request(LRK_GET, A, RELAY_A, RTP_A));
	CHECK(a.flow.stranger_packets == 1 && a.flow.stranger_port == htons(7001) && a.flow.open_packets == 2);
	send_packet(raw_b, (struct packet) { .sport = 5004, .dport = RTP_B, .from = B, .to = RELAY_B });
	CHECK(receive(raw_a, 7000, b, ARRIVES_MS) && is_good(b, RELAY_A, RTP_A, A));
	/* Opened again: the known port goes on, another one passes and is told once. */
	union request again = a_to_b(LRK_UPDATE, 7000);

	again.flow.flow.flags = LRK_FLOW_OPEN;
	CHECK(!put1(again));
	from_a(7000, 3);
	CHECK(reaches_b());
	from_a(7002, 4);
	CHECK(reaches_b());
	from_a(7002, 5);
	CHECK(reaches_b());
	a = take(events);
	CHECK(a.header.type == LRK_EVENT_CANDIDATE && a.flow.candidate_port == htons(7002));
	CHECK(a.flow.flow.locked_port == htons(7000));
	a = ask(flow_request(LRK_GET, A, RELAY_A, RTP_A));
	CHECK(a.flow.candidate_packets == 2 && a.flow.flow.locked_port == htons(7000));
	fcntl(events, F_SETFL, O_NONBLOCK);
	CHECK(read(events, &a, sizeof(a)) == -1 && errno == EAGAIN);
	close(events);
	CHECK(!flush());
}

static void passes_strangers(void)
{
	union request passing = a_to_b(LRK_ADD, 5004);
	uint64_t passed = count(LRK_SLOW_STRANGER), dropped = count(LRK_DROP_STRANGER);

	passing.flow.flow.flags = LRK_FLOW_PASS_STRANGERS;
	CHECK(!put1(passing));
	from_a(7001, 1);
	CHECK(is_left(7001));
	from_a(5004, 2);
	CHECK(reaches_b());
	CHECK(count(LRK_SLOW_STRANGER) == passed + 1 && count(LRK_DROP_STRANGER) == dropped);
	CHECK(ask(flow_request(LRK_GET, A, RELAY_A, RTP_A)).flow.stranger_packets == 1);
	CHECK(!flush());
}

static void holds(void)
{
	union request r = flow_request(LRK_ADD, A, RELAY_A, RTP_A);
	uint64_t before = count(LRK_DROP_HELD);

	r.flow.flow.flags = LRK_FLOW_HELD;
	CHECK(!put1(r));
	from_a(5004, 1);
	from_a(7777, 2);
	CHECK(nothing(raw_b, 5004) && count(LRK_DROP_HELD) == before + 2);
	CHECK(!put1(a_to_b(LRK_UPDATE, 5004)));
	from_a(5004, 3);
	CHECK(reaches_b());
	CHECK(!flush());
}

static void relays_rtcp(void)
{
	union request r = flow(LRK_ADD, A, RELAY_A, RTP_A + 1, RELAY_B, RTP_B + 1, B, 5005, 0);
	union answer a;

	r.flow.flow.flags |= LRK_FLOW_RTCP;
	CHECK(!put1(r));
	send_packet(raw_a, (struct packet) { .sport = 5005, .dport = RTP_A + 1, .len = 8, .stamp = 99 });
	CHECK(reaches(raw_b, 5005));
	a = ask(flow_request(LRK_GET, A, RELAY_A, RTP_A + 1));
	CHECK(a.flow.flow.locked_port == htons(5005) && a.flow.first_ssrc == 99 && !a.flow.rtp_expected);
	CHECK(!flush());
}

static void admits(void)
{
	union request r = a_to_b(LRK_ADD, 5004);
	uint8_t b[2048];
	uint64_t before = count(LRK_DROP_NOT_RTP);
	int i, got = 0;

	r.flow.flow.flags |= LRK_FLOW_ONLY_RTP;
	r.flow.flow.max_packets = 10;
	CHECK(!put1(r));
	send_packet(raw_a, (struct packet) { .sport = 5004, .dport = RTP_A, .first = 0x40 });
	CHECK(nothing(raw_b, 5004) && count(LRK_DROP_NOT_RTP) == before + 1);
	before = count(LRK_DROP_PACKET_RATE);
	for (i = 0; i < 100; i++)
		from_a(5004, i);
	while (receive(raw_b, 5004, b, ABSENT_MS))
		got++;
	CHECK(got >= 10 && got <= 40 && count(LRK_DROP_PACKET_RATE) - before == (uint64_t)(100 - got));
	r = a_to_b(LRK_UPDATE, 5004);
	r.flow.flow.max_bytes = 1000;
	CHECK(!put1(r));
	before = count(LRK_DROP_BYTE_RATE);
	for (i = 0; i < 100; i++)
		from_a(5004, i);
	while (receive(raw_b, 5004, b, ABSENT_MS)) {}
	CHECK(count(LRK_DROP_BYTE_RATE) > before);
	CHECK(!flush());
}

/* A steady stream of 20 ms at 8 kHz has little jitter beside what the machine itself adds. */
static void measures_jitter(void)
{
	union request r = a_to_b(LRK_ADD, 5004);
	uint32_t start;
	int i;

	r.flow.flow.clock_hz = 8000;
	CHECK(!put1(r));
	start = now_ms();
	for (i = 0; i < 50; i++) {
		usleep(4000);
		send_packet(raw_a, (struct packet) { .sport = 5004, .dport = RTP_A, .seq = i,
			.stamp = ((uint32_t)now_ms() - start) * 8 });
		CHECK(reaches_b());
	}
	i = ask(flow_request(LRK_GET, A, RELAY_A, RTP_A)).flow.rtp_jitter;
	printf("info jitter of a steady stream: %d ticks\n", i);
	CHECK(i < 80);
	for (i = 50; i < 100; i++) {
		send_packet(raw_a, (struct packet) { .sport = 5004, .dport = RTP_A, .seq = i, .stamp = (i & 1) * 8000 });
		CHECK(reaches_b());
	}
	CHECK(ask(flow_request(LRK_GET, A, RELAY_A, RTP_A)).flow.rtp_jitter > 4000);
	CHECK(!flush());
}

static void leaves_the_unusual(void)
{
	uint64_t ttl, options, mtu;
	uint8_t b[2048], f[2048];
	int n;

	CHECK(!put1(a_to_b(LRK_ADD, 5004)));
	ttl = count(LRK_SLOW_TTL);
	options = count(LRK_SLOW_OPTIONS);
	mtu = count(LRK_SLOW_MTU);
	send_packet(raw_a, (struct packet) { .sport = 5004, .dport = RTP_A, .ttl = 1 });
	CHECK(is_left(5004) && count(LRK_SLOW_TTL) == ttl + 1);
	send_packet(raw_a, (struct packet) { .sport = 5004, .dport = RTP_A, .options = 1 });
	CHECK(is_left(5004) && count(LRK_SLOW_OPTIONS) == options + 1);
	run("/sbin/ip link set vB mtu 600");
	send_packet(raw_a, (struct packet) { .sport = 5004, .dport = RTP_A, .len = 1000 });
	CHECK(is_left(5004) && count(LRK_SLOW_MTU) == mtu + 1);
	from_a(5004, 1);
	CHECK(reaches_b());
	run("/sbin/ip link set vB mtu 1500");
	send_packet(raw_a, (struct packet) { .sport = 5004, .dport = RTP_A, .len = 1000 });
	CHECK(reaches_b());
	/* Two fragments of one packet. */
	n = build(b, &(struct packet) { .sport = 5004, .dport = RTP_A, .len = 172, .ipid = 77 });
	memcpy(f, b, 20 + 96);
	f[3] = 20 + 96;
	f[2] = 0;
	f[6] = 0x20;
	send_raw(raw_a, f, 20 + 96);
	memcpy(f + 20, b + 20 + 96, n - 20 - 96);
	f[3] = n - 96;
	f[6] = 0;
	f[7] = 96 / 8;
	send_raw(raw_a, f, n - 96);
	CHECK(is_left(5004) && nothing(raw_b, 5004));
	/* UDP that says to be longer than the packet: nobody wants it. */
	n = build(b, &(struct packet) { .sport = 5004, .dport = RTP_A });
	b[24] = 4;
	send_raw(raw_a, b, n);
	CHECK(nothing(raw_b, 5004));
	CHECK(!flush());
}

/* A sender that hands over many packets as one: veth passes them on like that, as a card's GRO would. */
static void leaves_the_aggregated(void)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(RTP_A) };
	int fd = udp_socket("A", A, 5004), size = 100;
	uint64_t form = count(LRK_SLOW_FORM);
	uint8_t payload[300] = { 0x80 };

	to.sin_addr.s_addr = inet_addr(RELAY_A);
	CHECK(!put1(a_to_b(LRK_ADD, 5004)));
	CHECK(!setsockopt(fd, IPPROTO_UDP, UDP_SEGMENT, &size, sizeof(size)));
	CHECK(sendto(fd, payload, sizeof(payload), 0, (void *)&to, sizeof(to)) == sizeof(payload));
	CHECK(is_left(5004) && is_left(5004) && is_left(5004));
	CHECK(count(LRK_SLOW_FORM) == form + 1 && nothing(raw_b, 5004));
	close(fd);
	CHECK(!flush());
}

/* From a VRF the route may be another one: it is left to the kernel. */
static void leaves_a_vrf(void)
{
	uint64_t form = count(LRK_SLOW_FORM);

	CHECK(!put1(a_to_b(LRK_ADD, 5004)));
	run("/sbin/ip link add red type vrf table 77 && /sbin/ip link set red up && /sbin/ip link set vA master red");
	from_a(5004, 1);
	CHECK(nothing(raw_b, 5004));
	/* Once as the link's, and once as the VRF's. */
	CHECK(count(LRK_SLOW_FORM) == form + 2);
	run("/sbin/ip link del red");
	from_a(5004, 2);
	CHECK(reaches_b());
	CHECK(!flush());
}

/* A policy that comes in the middle of a stream: nothing leaves past it. */
static void obeys_ipsec(void)
{
	uint64_t route = count(LRK_SLOW_ROUTE);

	CHECK(!put1(a_to_b(LRK_ADD, 5004)));
	from_a(5004, 1);
	CHECK(reaches_b());
	run("/sbin/ip xfrm policy add dst 10.2.0.2/32 dir out action block");
	from_a(5004, 2);
	CHECK(is_left(5004) && nothing(raw_b, 5004) && count(LRK_SLOW_ROUTE) == route + 1);
	run("/sbin/ip xfrm policy deleteall");
	from_a(5004, 3);
	CHECK(reaches_b());
	CHECK(!flush());
}

/* Nobody answers for the address; and then somebody does. */
static void waits_for_a_neighbour(void)
{
	union request r = flow(LRK_ADD, A, RELAY_A, RTP_A, RELAY_B, RTP_B, "10.2.0.77", 5004, 5004);

	CHECK(!put1(r));
	from_a(5004, 1);
	from_a(5004, 2);
	CHECK(nothing(raw_b, 5004));
	run("/sbin/ip -n B addr add 10.2.0.77/32 dev pB && /sbin/ip neigh flush dev vB");
	from_a(5004, 3);
	CHECK(reaches(raw_b, 5004));
	run("/sbin/ip -n B addr del 10.2.0.77/32 dev pB");
	CHECK(!flush());
}

static void follows_changes(void)
{
	union request r = flow(LRK_ADD, A, RELAY_A, RTP_A, RELAY_B, RTP_B, "10.9.0.9", 5004, 5004);

	run("/sbin/ip route add 10.9.0.9 via 10.2.0.2 && /sbin/ip -n B addr add 10.9.0.9/32 dev lo && /sbin/ip -n C addr add 10.9.0.9/32 dev lo");
	CHECK(!put1(r));
	from_a(5004, 1);
	CHECK(reaches(raw_b, 5004));
	run("/sbin/ip route replace 10.9.0.9 via 10.3.0.2");
	from_a(5004, 2);
	CHECK(reaches(raw_c, 5004) && nothing(raw_b, 5004));
	/* The link goes down: there is no way, so it is left to others; and comes back. */
	run("/sbin/ip link set vC down");
	from_a(5004, 3);
	CHECK(is_left(5004));
	run("/sbin/ip link set vC up && /sbin/ip route add 10.9.0.9 via 10.3.0.2");
	from_a(5004, 4);
	CHECK(reaches(raw_c, 5004));
	/* The neighbour has another card, which is found out; and one that is set by hand. */
	run("/sbin/ip -n C link set pC down && /sbin/ip -n C link set pC address 02:00:00:00:00:77 && /sbin/ip -n C link set pC up");
	run("/sbin/ip neigh flush dev vC");
	from_a(5004, 5);
	CHECK(reaches(raw_c, 5004));
	run("/sbin/ip neigh replace 10.3.0.2 lladdr 02:00:00:00:00:78 dev vC nud permanent");
	from_a(5004, 6);
	CHECK(nothing(raw_c, 5004));
	run("/sbin/ip neigh replace 10.3.0.2 lladdr 02:00:00:00:00:77 dev vC nud permanent");
	from_a(5004, 7);
	CHECK(reaches(raw_c, 5004));
	/* The address goes, and with it the route. */
	run("/sbin/ip addr del 10.3.0.1/24 dev vC");
	from_a(5004, 8);
	CHECK(is_left(5004));
	run("/sbin/ip addr add 10.3.0.1/24 dev vC && /sbin/ip route add 10.9.0.9 via 10.3.0.2");
	from_a(5004, 9);
	CHECK(reaches(raw_c, 5004));
	/* The link is deleted with a flow over it. The kernel says so if somebody holds it. */
	run("/sbin/ip link del vC");
	from_a(5004, 10);
	CHECK(is_left(5004));
	run("/sbin/ip route add 10.9.0.9 via 10.2.0.2");
	from_a(5004, 11);
	CHECK(reaches(raw_b, 5004));
	run("/sbin/ip route add prohibit 10.9.0.9/32 metric 0 2>/dev/null || /sbin/ip route replace prohibit 10.9.0.9/32");
	CHECK(!flush());
}

static void refuses(void)
{
	union request good = a_to_b(LRK_ADD, 5004), r, two[2];
	union answer a;
	char odd[100] = { 0 };

#define REFUSES(change, reason, field) do { \
		r = good; change; \
		CHECK(refused(r, EINVAL, reason, offsetof(struct lrk_flow_request, field))); \
	} while (0)
	REFUSES(r.header.type = 77, LRK_REASON_TYPE, header.type);
	REFUSES(r.header.reserved = 1, LRK_REASON_RESERVED, header.reserved);
	REFUSES(r.flow.flow.key.remote_addr = 0, LRK_REASON_ADDRESS, flow.key.remote_addr);
	REFUSES(r.flow.flow.key.local_addr = inet_addr("239.1.1.1"), LRK_REASON_ADDRESS, flow.key.local_addr);
	REFUSES(r.flow.flow.key.local_port = 0, LRK_REASON_PORT, flow.key.local_port);
	REFUSES(r.flow.flow.key.reserved = 1, LRK_REASON_RESERVED, flow.key.reserved);
	REFUSES(r.flow.flow.flags = 0x8000, LRK_REASON_FLAGS, flow.flags);
	REFUSES(r.flow.flow.locked_port = 0, LRK_REASON_FLAGS, flow.flags);
	REFUSES(r.flow.flow.flags = LRK_FLOW_HELD, LRK_REASON_ADDRESS, flow.source_addr);
	REFUSES(r.flow.flow.dest_addr = 0xffffffff, LRK_REASON_ADDRESS, flow.dest_addr);
	REFUSES(r.flow.flow.source_port = 0, LRK_REASON_PORT, flow.source_port);
	REFUSES(r.flow.flow.dest_port = 0, LRK_REASON_PORT, flow.dest_port);
	REFUSES(r.flow.flow.dscp = 1, LRK_REASON_VALUE, flow.dscp);
	REFUSES(r.flow.flow.reserved[2] = 1, LRK_REASON_RESERVED, flow.reserved);
	REFUSES(r.flow.flow.idle_seconds = 1000001, LRK_REASON_VALUE, flow.idle_seconds);
	REFUSES(r.flow.flow.clock_hz = 1000001, LRK_REASON_VALUE, flow.clock_hz);
	REFUSES(r.flow.flow.reserved2[1] = 1, LRK_REASON_RESERVED, flow.reserved2);
	REFUSES(r.header.type = LRK_DELETE, LRK_REASON_RESERVED, flow.locked_port);
	CHECK(refused(a_to_b(LRK_UPDATE, 5004), ENOENT, LRK_REASON_UNKNOWN, 8));
	CHECK(refused(flow_request(LRK_DELETE, A, RELAY_A, RTP_A), ENOENT, LRK_REASON_UNKNOWN, 8));
	CHECK(write(device, odd, sizeof(odd)) == -1 && errno == EINVAL);
	CHECK(take(device).error.reason == LRK_REASON_SIZE);
	/* The second one is wrong: the first is not there either. */
	two[0] = good;
	two[1] = good;
	CHECK(put(device, two, 2) == -1 && errno == EEXIST);
	a = take(device);
	CHECK(a.error.index == 1 && a.error.reason == LRK_REASON_EXISTS);
	CHECK(ask(flow_request(LRK_GET, A, RELAY_A, RTP_A)).header.type == LRK_ANSWER_NONE);
	/* What was changed and deleted is as it was. */
	CHECK(!put1(good));
	union request three[4] = { a_to_b(LRK_UPDATE, 6000), flow_request(LRK_DELETE, A, RELAY_A, RTP_A),
				   b_to_a(LRK_ADD, 1), b_to_a(LRK_ADD, 1) };

	CHECK(put(device, three, 4) == -1 && errno == EEXIST && take(device).error.index == 3);
	a = ask(flow_request(LRK_GET, A, RELAY_A, RTP_A));
	CHECK(a.flow.flow.locked_port == htons(5004) && plain(LRK_STATS, 0, 0).stats.flows == 1);
	from_a(5004, 1);
	CHECK(reaches_b());
	two[0].header.type = LRK_FLUSH;
	memset(&two[0].flow.flow, 0, sizeof(two[0].flow.flow));
	CHECK(put(device, two, 2) == -1 && take(device).error.reason == LRK_REASON_ALONE);
	run("echo 1 >/sys/module/lrkproxy/parameters/max_flows");
	CHECK(refused(b_to_a(LRK_ADD, 5004), ENOSPC, LRK_REASON_FULL, 0));
	run("echo 400000 >/sys/module/lrkproxy/parameters/max_flows");
	CHECK(!flush());
}

#define MANY 40000

static union request nth(int type, int i)
{
	union request r = type == LRK_ADD ? a_to_b(type, 5004) : flow_request(type, A, RELAY_A, RTP_A);

	r.flow.flow.key.remote_addr = htonl(0x0a400000 + i / 4);
	r.flow.flow.key.local_port = htons(10000 + i % 4);
	return r;
}

/* Writes as many at once as the device takes. */
static void put_all(const union request *r, int n)
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

/* One page of LRK_DELTA: its answer LRK_ANSWER_PAGE; the others stay in pages[]. */
static union answer pages[LRK_BATCH_MAX];

static union answer delta(uint64_t cursor, uint64_t since, uint32_t limit)
{
	union answer none = { .header.type = 0xffff };
	union request r = { .header = { LRK_DELTA, 0, 11 } };
	ssize_t n;

	r.plain.cursor = cursor;
	r.plain.since = since;
	r.plain.value = limit;
	if (put1(r))
		return none;
	n = read(device, pages, sizeof(pages)) / (ssize_t)sizeof(*pages);
	if (n < 1 || pages[n - 1].page.flows > (n - 1) * LRK_DELTAS)
		return none;
	return pages[n - 1];
}

static const struct lrk_delta *delta_at(unsigned int i) { return &pages[i / LRK_DELTAS].delta.delta[i % LRK_DELTAS]; }

static void takes_many(void)
{
	union request *r = calloc(MANY, sizeof(*r));
	static union answer page[LRK_BATCH_MAX];
	uint64_t t = now_ms(), cursor = 0;
	int i, seen = 0, n;

	for (i = 0; i < MANY; i++)
		r[i] = nth(LRK_ADD, i);
	put_all(r, MANY);
	printf("info %d flows added in %d ms\n", MANY, (int)(now_ms() - t));
	t = now_ms();
	do {
		union request dump = { .header.type = LRK_DUMP };

		dump.plain.value = 10000;
		dump.plain.cursor = cursor;
		CHECK(!put1(dump));
		n = read(device, page, sizeof(page)) / sizeof(*page);
		CHECK(n > 0 && page[n - 1].header.type == LRK_ANSWER_PAGE);
		CHECK(page[n - 1].page.flows == (uint32_t)n - 1);
		seen += n - 1;
		cursor = page[n - 1].page.cursor;
	} while (cursor);
	CHECK(seen == MANY);
	printf("info %d flows listed in %d ms\n", MANY, (int)(now_ms() - t));
	t = now_ms();
	CHECK(delta(0, 0, 80000).page.flows == MANY);
	printf("info %d flows' numbers read in %d ms\n", MANY, (int)(now_ms() - t));
	t = now_ms();
	for (i = 0; i < MANY; i++)
		r[i] = nth(LRK_DELETE, i);
	put_all(r, MANY);
	printf("info %d flows deleted in %d ms\n", MANY, (int)(now_ms() - t));
	CHECK(plain(LRK_STATS, 0, 0).stats.flows == 0);
	free(r);
}

static void tells_what_has_moved(void)
{
	union request late = { .header.type = LRK_DELTA };
	uint64_t start, later, bytes = 0;
	union answer page;
	int i;

	page = delta(0, 0, 5);
	CHECK(page.header.type == LRK_ANSWER_PAGE && page.header.seq == 11 && !page.page.flows && page.page.now);
	CHECK(!put1(a_to_b(LRK_ADD, 5004)) && !put1(b_to_a(LRK_ADD, 5004)));
	for (i = 0; i < 10; i++)
		CHECK(!put1(nth(LRK_ADD, i)));
	/* All of them. */
	page = delta(0, 0, 100);
	start = page.page.now;
	CHECK(page.page.flows == 12 && !page.page.cursor);
	CHECK(pages[0].header.type == LRK_ANSWER_DELTA && pages[0].header.seq == 11);
	CHECK(pages[0].delta.flows == 5 && pages[2].delta.flows == 2 && !pages[2].delta.delta[2].key.local_port);
	/* None has moved; one moves. */
	CHECK(delta(0, start, 100).page.flows == 0);
	from_a(5004, 1);
	CHECK(reaches_b());
	page = delta(0, start, 100);
	CHECK(page.page.flows == 1 && page.page.now > start);
	CHECK(delta_at(0)->key.remote_addr == inet_addr(A) && delta_at(0)->key.local_addr == inet_addr(RELAY_A));
	CHECK(delta_at(0)->key.local_port == htons(RTP_A) && delta_at(0)->packets == 1 && delta_at(0)->bytes == 200);
	CHECK(delta_at(0)->idle_ms < 5000);
	/* Who asks with the old moment is told again; with the new one not. */
	later = page.page.now;
	CHECK(delta(0, start, 100).page.flows == 1 && delta(0, later, 100).page.flows == 0);
	/* What is put back by a write that fails has moved at most once more, and keeps its numbers. */
	union request two[2] = { flow_request(LRK_DELETE, A, RELAY_A, RTP_A), b_to_a(LRK_ADD, 5004) };

	CHECK(put(device, two, 2) == -1 && errno == EEXIST);
	CHECK(delta(0, later, 100).page.flows == 1 && delta_at(0)->packets == 1);
	/* A moment that is still to come. */
	late.plain.value = 1;
	late.plain.since = ~0ull;
	CHECK(refused(late, EINVAL, LRK_REASON_VALUE, offsetof(struct lrk_plain_request, since)));
	late.plain.since = 0;
	late.plain.value = 0;
	CHECK(refused(late, EINVAL, LRK_REASON_VALUE, offsetof(struct lrk_plain_request, value)));
	late.plain.value = (LRK_BATCH_MAX - 1) * LRK_DELTAS + 1;
	CHECK(refused(late, EINVAL, LRK_REASON_VALUE, offsetof(struct lrk_plain_request, value)));
	late.header.type = LRK_DUMP;
	late.plain.value = 1;
	late.plain.since = 1;
	CHECK(refused(late, EINVAL, LRK_REASON_RESERVED, offsetof(struct lrk_plain_request, since)));
	/* Pages; and a table that grows between two of them. */
	page = delta(0, 0, 7);
	CHECK(page.page.flows == 7 && page.page.cursor);
	page = delta(page.page.cursor, 0, 7);
	CHECK(page.page.flows == 5 && !page.page.cursor);
	late.header.type = LRK_DELTA;
	late.plain.since = 0;
	late.plain.cursor = delta(0, 0, 7).page.cursor;
	for (i = 10; i < 200; i++)
		CHECK(!put1(nth(LRK_ADD, i)));
	CHECK(refused(late, ESTALE, LRK_REASON_CURSOR, offsetof(struct lrk_plain_request, cursor)));
	CHECK(!flush());
	/* Each packet is told once or, in between, as part of a greater number: nothing is ever missed. */
	CHECK(!put1(a_to_b(LRK_ADD, 5004)));
	start = delta(0, 0, 100).page.now;
	for (i = 1; i <= 2000; i++) {
		from_a(5004, i);
		page = delta(0, start, 100);
		start = page.page.now;
		if (page.page.flows)
			bytes = delta_at(0)->bytes;
	}
	while (ask(flow_request(LRK_GET, A, RELAY_A, RTP_A)).flow.packets < 2000)
		usleep(1000);
	page = delta(0, start, 100);
	CHECK((page.page.flows ? delta_at(0)->bytes : bytes) == 2000 * 200);
	CHECK(!flush());
}

static void outlives_the_file(void)
{
	CHECK(!put1(a_to_b(LRK_ADD, 5004)));
	close(device);
	from_a(5004, 1);
	CHECK(reaches_b());
	device = open("/dev/lrkproxy", O_RDWR);
	CHECK(ask(flow_request(LRK_GET, A, RELAY_A, RTP_A)).flow.packets == 1);
	CHECK(!flush());
}

static void expires(void)
{
	int events = open("/dev/lrkproxy", O_RDWR);
	union request subscribe = { .header.type = LRK_SUBSCRIBE }, r = a_to_b(LRK_ADD, 5004);

	CHECK(!put(events, &subscribe, 1));
	r.flow.flow.idle_seconds = 1;
	CHECK(!put1(r));
	CHECK(take(events).header.type == LRK_EVENT_EXPIRED);
	CHECK(plain(LRK_STATS, 0, 0).stats.flows == 0);
	close(events);
}

/* More than wait to be read: their number is told, after those that were kept. */
static void tells_of_lost_events(void)
{
	int events = open("/dev/lrkproxy", O_RDWR | O_NONBLOCK), i, many = LRK_EVENTS_MAX + 904;
	union request subscribe = { .header.type = LRK_SUBSCRIBE }, *r = calloc(many, sizeof(*r));
	struct pollfd p = { .fd = events, .events = POLLIN };
	uint64_t end = now_ms() + 20000;
	union answer a;

	CHECK(!put(events, &subscribe, 1) && !put(events, &subscribe, 1));
	CHECK(poll(&p, 1, 0) == 0);
	for (i = 0; i < many; i++) {
		r[i] = nth(LRK_ADD, i);
		r[i].flow.flow.idle_seconds = 1;
	}
	put_all(r, many);
	free(r);
	CHECK(poll(&p, 1, 10000) == 1 && p.revents == POLLIN);
	while (plain(LRK_STATS, 0, 0).stats.flows && now_ms() < end)
		usleep(10000);
	for (i = 0; i < LRK_EVENTS_MAX; i++) {
		a = take(events);
		if (a.header.type != LRK_EVENT_EXPIRED)
			break;
	}
	CHECK(i == LRK_EVENTS_MAX);
	a = take(events);
	CHECK(a.header.type == LRK_EVENT_LOST && a.error.index == 904);
	CHECK(read(events, &a, sizeof(a)) == -1 && errno == EAGAIN && poll(&p, 1, 0) == 0);
	close(events);
}

/* A writer that is killed anywhere has written a batch or not. */
static void survives_a_killed_writer(void)
{
	const int many = 4096;
	union request *r = calloc(2 * many, sizeof(*r));
	int i, child, cut = 0;
	uint64_t flows;

	for (i = 0; i < many; i++) {
		r[i] = nth(LRK_ADD, i);
		r[many + i] = nth(LRK_DELETE, i);
	}
	for (i = 0; i < 30; i++) {
		child = fork();
		if (!child)
			for (;;) {
				put(device, r, many);
				put(device, r + many, many);
			}
		usleep(20000 + 1777 * i);
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
		flows = plain(LRK_STATS, 0, 0).stats.flows;
		CHECK(flows == 0 || flows == (uint64_t)many);
		cut += !!flows;
		CHECK(!flush());
	}
	printf("info killed writers: %d of 30 left their flows\n", cut);
	free(r);
}

/* Fewer than there are: they stay, and may change. */
static void keeps_flows_over_max_flows(void)
{
	CHECK(!put1(a_to_b(LRK_ADD, 5004)) && !put1(b_to_a(LRK_ADD, 5004)));
	run("echo 1 >/sys/module/lrkproxy/parameters/max_flows");
	CHECK(plain(LRK_HELLO, LRK_ABI_VERSION, 0).hello.max_flows == 1);
	CHECK(!put1(a_to_b(LRK_UPDATE, 5004)));
	CHECK(refused(nth(LRK_ADD, 1), ENOSPC, LRK_REASON_FULL, 0));
	from_a(5004, 1);
	CHECK(reaches_b());
	run("echo 400000 >/sys/module/lrkproxy/parameters/max_flows");
	CHECK(!flush());
}

static void needs_the_capability(void)
{
	int status, child;

	chmod("/dev/lrkproxy", 0666);
	child = fork();
	if (!child) {
		if (setresuid(65534, 65534, 65534))
			_exit(2);
		_exit(open("/dev/lrkproxy", O_RDWR) == -1 && errno == EPERM ? 0 : 1);
	}
	waitpid(child, &status, 0);
	CHECK(status == 0);
	chmod("/dev/lrkproxy", 0600);
}

/* What N gets it sends back, until it goes. */
static void flood_n(void)
{
	struct packet p = { .sport = 5004, .dport = RTP_A, .from = "10.4.0.1", .to = "10.4.0.2" };
	int fd = raw_socket("relay"), n, i;
	struct sockaddr_in to = { .sin_family = AF_INET };
	uint8_t b[2048];

	for (i = 0;; i++) {
		p.seq = i;
		n = build(b, &p);
		memcpy(&to.sin_addr, b + 16, 4);
		sendto(fd, b, n, 0, (void *)&to, sizeof(to));
	}
}

static void namespaces_go_under_traffic(void)
{
	union request r = flow(LRK_ADD, "10.4.0.1", "10.4.0.2", RTP_A, "10.4.0.2", RTP_B, "10.4.0.1", 5004, 5004);
	int i, j, child, saved = device;

	for (i = 0; i < 5; i++) {
		run("/sbin/ip netns add N && /sbin/ip link add vN type veth peer name pN netns N");
		run("/sbin/ip addr add 10.4.0.1/24 dev vN && /sbin/ip link set vN up");
		run("/sbin/ip -n N addr add 10.4.0.2/24 dev pN && /sbin/ip -n N link set pN up");
		enter("N");
		device = open("/dev/lrkproxy", O_RDWR);
		enter("relay");
		CHECK(device >= 0 && !put1(r));
		child = fork();
		if (!child) {
			close(device);
			flood_n();
		}
		for (j = 0; j < 1000 && count(LRK_RELAYED) < 100; j++)
			usleep(10000);
		CHECK(count(LRK_RELAYED) >= 100);
		close(device);
		device = saved;
		run("/sbin/ip netns del N");
		for (j = 0; j < 1000 && plain(LRK_HELLO, LRK_ABI_VERSION, 0).hello.flows; j++)
			usleep(10000);
		CHECK(plain(LRK_HELLO, LRK_ABI_VERSION, 0).hello.flows == 0);
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
	}
}

/* Namespaces see their own flows alone, and may go with flows in them. */
static void lives_in_namespaces(void)
{
	union answer a;
	int i, saved = device;

	CHECK(!put1(a_to_b(LRK_ADD, 5004)));
	for (i = 0; i < 10; i++) {
		run("/sbin/ip netns add N");
		enter("N");
		device = open("/dev/lrkproxy", O_RDWR);
		CHECK(device >= 0 && plain(LRK_STATS, 0, 0).stats.flows == 0);
		CHECK(!put1(a_to_b(LRK_ADD, 5004)) && !put1(b_to_a(LRK_ADD, 5004)));
		close(device);
		enter("relay");
		device = saved;
		run("/sbin/ip netns del N");
	}
	from_a(5004, 1);
	CHECK(reaches_b());
	CHECK(!flush());
	/* Namespaces are taken down a little later. */
	for (i = 0; i < 500; i++) {
		a = plain(LRK_HELLO, LRK_ABI_VERSION, 0);
		if (!a.hello.flows)
			break;
		usleep(10000);
	}
	CHECK(a.hello.flows == 0);
}

static uint32_t dice_state = 1;

static uint32_t dice(uint32_t sides)
{
	dice_state = dice_state * 1664525 + 1013904223;
	return (dice_state >> 8) % sides;
}

/* Random records, and good ones with a few bytes changed, in batches of all sizes. */
static void withstands_noise(void)
{
	union request r[16];
	static union answer answers[64];
	uint64_t end = now_ms() + 3000, taken = 0, bytes = 0;
	int i, j, n;

	fcntl(device, F_SETFL, O_NONBLOCK);
	while (now_ms() < end) {
		n = dice(2) ? 1 : 1 + dice(16);
		for (i = 0; i < n; i++) {
			r[i] = dice(2) ? a_to_b(1 + dice(10), dice(2) * 5004) :
					 flow_request(1 + dice(10), A, RELAY_A, RTP_A + dice(4));
			r[i].flow.flow.key.remote_addr = htonl(0x0a010000 + dice(64));
			for (j = dice(4); j > 0; j--)
				((uint8_t *)&r[i])[dice(sizeof(*r))] = dice(256);
			for (j = 0; !dice(8) && j < (int)sizeof(*r); j++)
				((uint8_t *)&r[i])[j] = dice(256);
		}
		j = dice(20) ? n * (int)sizeof(*r) : (int)dice(n * sizeof(*r) + 1);
		taken += write(device, r, j) > 0;
		bytes += j;
		while (dice(2) && read(device, answers, dice(sizeof(answers))) > 0) {}
	}
	fcntl(device, F_SETFL, 0);
	printf("info noise: %llu bytes, %llu writes taken\n", (unsigned long long)bytes, (unsigned long long)taken);
	CHECK(taken > 100);
	CHECK(!flush());
}

static void flood(void)
{
	uint8_t b[2048];
	int i, n;

	for (i = 0;; i++) {
		n = build(b, &(struct packet) { .sport = 5004 + i % 3, .dport = RTP_A + 2 * (i % 16), .seq = i });
		send_raw(raw_a, b, n);
	}
}

static union request sixteenth(int type, int i, int open)
{
	return type == LRK_DELETE ? flow_request(type, A, RELAY_A, RTP_A + 2 * i) :
		flow(type, A, RELAY_A, RTP_A + 2 * i, RELAY_B, RTP_B, B, 5004, open ? 0 : 5004);
}

/* Packets on one CPU; add, update, delete, list, resize and route changes on the other. */
static void withstands_churn(void)
{
	int child = fork(), i, changes = 0;
	uint64_t end = now_ms() + 5000, before;

	if (!child)
		flood();
	before = count(LRK_RELAYED);
	while (now_ms() < end) {
		for (i = 0; i < 16; i++)
			changes += !put1(sixteenth(1 + dice(3) + (dice(3) ? 0 : 1), i, dice(2)));
		if (!dice(50))
			CHECK(!flush());
		if (!dice(20))
			CHECK(plain(LRK_STATS, 0, 0).header.type == LRK_ANSWER_STATS);
		if (!dice(100)) {
			union request many[512];

			for (i = 0; i < 512; i++)
				many[i] = nth(LRK_ADD, i);
			put(device, many, 512);
		}
		if (!dice(200))
			run("/sbin/ip route replace 10.77.0.0/24 via 10.2.0.2");
	}
	printf("info churn: %d changes, %llu packets relayed\n", changes,
	       (unsigned long long)(count(LRK_RELAYED) - before));
	CHECK(changes > 100 && count(LRK_RELAYED) - before > 100);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	CHECK(!flush());
}

static void unloads_under_traffic(void)
{
	uint64_t before;
	int child, i, j;

	for (i = 0; i < 3; i++) {
		before = count(LRK_RELAYED);
		for (j = 0; j < 16; j++)
			CHECK(!put1(sixteenth(LRK_ADD, j, 1)));
		child = fork();
		if (!child) {
			close(device);
			flood();
		}
		/* The child has closed the device when its first packet comes. */
		for (j = 0; j < 1000 && count(LRK_RELAYED) - before < 100; j++)
			usleep(10000);
		CHECK(count(LRK_RELAYED) - before >= 100);
		close(device);
		run("rmmod lrkproxy");
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
		run("insmod /mod/lrkproxy.ko");
		device = open("/dev/lrkproxy", O_RDWR);
		CHECK(plain(LRK_HELLO, LRK_ABI_VERSION, 0).hello.flows == 0);
	}
	close(device);
	run("rmmod lrkproxy");
}

static const struct {
	const char *name;
	void (*run)(void);
} tests[] = {
	{ "hello", hello },
	{ "relays both directions", relays },
	{ "keeps a checksum of 0", keeps_no_checksum },
	{ "mends a checksum that is left to hardware", mends_partial_checksum },
	{ "sets DSCP", sets_dscp },
	{ "learns, locks, opens again", learns },
	{ "leaves strangers to others if it is told to", passes_strangers },
	{ "holds", holds },
	{ "relays RTCP", relays_rtcp },
	{ "admits by version and rate", admits },
	{ "measures jitter", measures_jitter },
	{ "leaves the unusual alone", leaves_the_unusual },
	{ "leaves what is aggregated alone", leaves_the_aggregated },
	{ "leaves a VRF alone", leaves_a_vrf },
	{ "obeys IPsec policies", obeys_ipsec },
	{ "waits for a neighbour", waits_for_a_neighbour },
	{ "follows route, link, neighbour and address changes", follows_changes },
	{ "refuses with a precise error, and nothing half-applied", refuses },
	{ "takes many", takes_many },
	{ "tells which flows have moved", tells_what_has_moved },
	{ "flows outlive the file", outlives_the_file },
	{ "flows expire", expires },
	{ "tells of lost events", tells_of_lost_events },
	{ "survives a killed writer", survives_a_killed_writer },
	{ "keeps flows over max_flows", keeps_flows_over_max_flows },
	{ "needs CAP_NET_ADMIN", needs_the_capability },
	{ "lives in namespaces", lives_in_namespaces },
	{ "namespaces go under traffic", namespaces_go_under_traffic },
	{ "withstands noise", withstands_noise },
	{ "withstands churn", withstands_churn },
	{ "unloads under traffic", unloads_under_traffic },
};

int main(int argc, char **argv)
{
	unsigned int i;
	int before;

	if (argc == 3 && !strcmp(argv[1], "exit")) {
		/* QEMU has a port for it, and is gone then; user-mode Linux ends when it is switched off. */
		if (!ioperm(0xf4, 1, 1))
			outb(atoi(argv[2]), 0xf4);
		reboot(RB_POWER_OFF);
		return 1;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	test = "setting up";
	link_to("A", 1);
	link_to("B", 2);
	link_to("C", 3);
	raw_a = raw_socket("A");
	raw_b = raw_socket("B");
	raw_c = raw_socket("C");
	local = udp_socket("relay", RELAY_A, RTP_A);
	device = open("/dev/lrkproxy", O_RDWR);
	CHECK(device >= 0);
	for (i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
		before = failures;
		test = tests[i].name;
		tests[i].run();
		if (failures == before)
			printf("ok %s\n", test);
	}
	return failures != 0;
}
