/* Packets that are left to the rest of the kernel. */
#include "relay.h"
#include <netinet/udp.h>

void leaves_the_unusual(void)
{
	uint64_t ttl, options, mtu;
	uint8_t b[2048], f[2048];
	int n;

	CHECK(!put1(device, a_to_b(LRK_ADD, 5004)));
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
	CHECK(!flush(device));
}

/* A sender that hands over many packets as one: veth passes them on like that, as a card's GRO would. */
void leaves_the_aggregated(void)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(RTP_A) };
	int fd = udp_socket("A", A, 5004), size = 100;
	uint64_t form = count(LRK_SLOW_FORM);
	uint8_t payload[300] = { 0x80 };

	to.sin_addr.s_addr = inet_addr(RELAY_A);
	CHECK(!put1(device, a_to_b(LRK_ADD, 5004)));
	CHECK(!setsockopt(fd, IPPROTO_UDP, UDP_SEGMENT, &size, sizeof(size)));
	CHECK(sendto(fd, payload, sizeof(payload), 0, (void *)&to, sizeof(to)) == sizeof(payload));
	CHECK(is_left(5004) && is_left(5004) && is_left(5004));
	CHECK(count(LRK_SLOW_FORM) == form + 1 && nothing(raw_b, 5004));
	close(fd);
	CHECK(!flush(device));
}

/* From a VRF the route may be another one: it is left to the kernel. */
void leaves_a_vrf(void)
{
	uint64_t form = count(LRK_SLOW_FORM);

	CHECK(!put1(device, a_to_b(LRK_ADD, 5004)));
	run("/sbin/ip link add red type vrf table 77 && /sbin/ip link set red up && /sbin/ip link set vA master red");
	from_a(5004, 1);
	CHECK(nothing(raw_b, 5004));
	/* Once as the link's, and once as the VRF's. */
	CHECK(count(LRK_SLOW_FORM) == form + 2);
	run("/sbin/ip link del red");
	from_a(5004, 2);
	CHECK(reaches_b());
	CHECK(!flush(device));
}

/* A policy that comes in the middle of a stream: nothing leaves past it. */
void obeys_ipsec(void)
{
	uint64_t route = count(LRK_SLOW_ROUTE);

	CHECK(!put1(device, a_to_b(LRK_ADD, 5004)));
	from_a(5004, 1);
	CHECK(reaches_b());
	run("/sbin/ip xfrm policy add dst 10.2.0.2/32 dir out action block");
	from_a(5004, 2);
	CHECK(is_left(5004) && nothing(raw_b, 5004) && count(LRK_SLOW_ROUTE) == route + 1);
	run("/sbin/ip xfrm policy deleteall");
	from_a(5004, 3);
	CHECK(reaches_b());
	CHECK(!flush(device));
}
