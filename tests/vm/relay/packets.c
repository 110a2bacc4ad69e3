/* Packets that A, B and C send, and what arrives there and at the relay. */
#include "relay.h"
#include <poll.h>

static uint32_t add16(const void *data, int n, uint32_t sum)
{
	const uint8_t *p = data;
	int i;

	for (i = 0; i + 1 < n; i += 2)
		sum += p[i] << 8 | p[i + 1];
	return n & 1 ? sum + (p[n - 1] << 8) : sum;
}

uint16_t fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

uint32_t pseudo(const uint8_t *ip, int udp_len) { return add16(ip + 12, 8, 17 + udp_len); }

int build(uint8_t *b, const struct packet *p)
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

void send_raw(int fd, const void *b, int n)
{
	struct sockaddr_in to = { .sin_family = AF_INET };

	memcpy(&to.sin_addr, (const uint8_t *)b + 16, 4);
	if (sendto(fd, b, n, 0, (void *)&to, sizeof(to)) != n && errno != ENOBUFS)
		perror("sendto");
}

void send_packet(int fd, struct packet p)
{
	uint8_t b[2048];
	int n = build(b, &p);

	send_raw(fd, b, n);
}

void from_a(int sport, int seq)
{
	send_packet(raw_a, (struct packet) { .sport = sport, .dport = RTP_A, .seq = seq });
}

/* The next UDP packet of this destination port, IP header first; 0 if there is none in time. */
int receive(int fd, int dport, uint8_t *b, int ms)
{
	uint64_t end = now_ms() + ms;
	struct pollfd p = { .fd = fd, .events = POLLIN };
	int n;

	for (;;) {
		int left = (int)(end - now_ms());

		if (left < 0 || poll(&p, 1, left) != 1)
			return 0;
		n = recv(fd, b, 2048, 0);
		if (n >= 28 && (!dport || (b[22] << 8 | b[23]) == dport))
			return n;
	}
}

int is_good(const uint8_t *b, const char *from, int sport, const char *to)
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
int reaches_b(void)
{
	uint8_t b[2048];

	return receive(raw_b, 5004, b, ARRIVES_MS) && is_good(b, RELAY_B, RTP_B, B);
}

int reaches(int fd, int port)
{
	uint8_t b[2048];

	return receive(fd, port, b, ARRIVES_MS) > 0;
}

int nothing(int fd, int port)
{
	uint8_t b[2048];

	return !receive(fd, port, b, ABSENT_MS);
}

/* A packet that the module leaves alone is for the relay's own socket: unchanged? */
int is_left(int sport)
{
	struct pollfd p = { .fd = local, .events = POLLIN };
	struct sockaddr_in from;
	socklen_t size = sizeof(from);
	uint8_t b[2048];

	return poll(&p, 1, ARRIVES_MS) == 1 && recvfrom(local, b, sizeof(b), 0, (void *)&from, &size) > 0 &&
	       from.sin_addr.s_addr == inet_addr(A) && ntohs(from.sin_port) == sport;
}
