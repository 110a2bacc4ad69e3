/* Packets of flows whose ports are known: what of them changes, what is counted, and what is dropped. */
#include "relay.h"

void relays(void)
{
	uint8_t b[2048];
	union answer a;
	int i;

	CHECK(!put1(device, a_to_b(LRK_ADD, 5004)) && !put1(device, b_to_a(LRK_ADD, 5004)));
	for (i = 1; i <= 20; i++) {
		if (i % 5 == 0)
			continue;
		from_a(5004, i);
		CHECK(receive(raw_b, 5004, b, ARRIVES_MS) == 200);
		CHECK(is_good(b, RELAY_B, RTP_B, B) && b[8] == 63 && b[1] == 0 && (b[26] || b[27]));
	}
	a = ask(device, flow_request(LRK_GET, A, RELAY_A, RTP_A));
	CHECK(a.header.type == LRK_ANSWER_FLOW && a.flow.packets == 16 && a.flow.bytes == 16 * 200);
	/* The last one, 20, never came. */
	CHECK(a.flow.rtp_expected == 19 && a.flow.rtp_received == 16 && a.flow.first_ssrc == 0x11223344);
	CHECK(a.flow.flow.owner == 42 && a.flow.open_packets == 0);
	send_packet(raw_b, (struct packet) { .sport = 5004, .dport = RTP_B, .from = B, .to = RELAY_B, .tos = 0xb8 });
	CHECK(receive(raw_a, 5004, b, ARRIVES_MS) == 200);
	CHECK(is_good(b, RELAY_A, RTP_A, A) && b[8] == 63 && b[1] == 0xb8);
}

void keeps_no_checksum(void)
{
	uint8_t b[2048];

	send_packet(raw_a, (struct packet) { .sport = 5004, .dport = RTP_A, .no_checksum = 1 });
	CHECK(receive(raw_b, 5004, b, ARRIVES_MS) && is_good(b, RELAY_B, RTP_B, B) && !b[26] && !b[27]);
}

/* A socket leaves the checksum to the device, and veth to whoever looks: it is the pseudo-header's alone. */
void mends_partial_checksum(void)
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

void sets_dscp(void)
{
	union request r = a_to_b(LRK_UPDATE, 5004);
	uint8_t b[2048];

	r.flow.flow.flags |= LRK_FLOW_SET_DSCP;
	r.flow.flow.dscp = 46;
	CHECK(!put1(device, r));
	send_packet(raw_a, (struct packet) { .sport = 5004, .dport = RTP_A, .tos = 0x03 });
	CHECK(receive(raw_b, 5004, b, ARRIVES_MS) && is_good(b, RELAY_B, RTP_B, B) && b[1] == (46 << 2 | 3));
	CHECK(flush(device) == 0);
	CHECK(plain(device, LRK_STATS, 0).stats.flows == 0);
}

void holds(void)
{
	union request r = flow_request(LRK_ADD, A, RELAY_A, RTP_A);
	uint64_t before = count(LRK_DROP_HELD);

	r.flow.flow.flags = LRK_FLOW_HELD;
	CHECK(!put1(device, r));
	from_a(5004, 1);
	from_a(7777, 2);
	CHECK(nothing(raw_b, 5004) && count(LRK_DROP_HELD) == before + 2);
	CHECK(!put1(device, a_to_b(LRK_UPDATE, 5004)));
	from_a(5004, 3);
	CHECK(reaches_b());
	CHECK(!flush(device));
}

void relays_rtcp(void)
{
	union request r = flow(LRK_ADD, A, RELAY_A, RTP_A + 1, RELAY_B, RTP_B + 1, B, 5005, 0);
	union answer a;

	r.flow.flow.flags |= LRK_FLOW_RTCP;
	CHECK(!put1(device, r));
	send_packet(raw_a, (struct packet) { .sport = 5005, .dport = RTP_A + 1, .len = 8, .stamp = 99 });
	CHECK(reaches(raw_b, 5005));
	a = ask(device, flow_request(LRK_GET, A, RELAY_A, RTP_A + 1));
	CHECK(a.flow.flow.locked_port == htons(5005) && a.flow.first_ssrc == 99 && !a.flow.rtp_expected);
	CHECK(!flush(device));
}

void admits(void)
{
	union request r = a_to_b(LRK_ADD, 5004);
	uint8_t b[2048];
	uint64_t before = count(LRK_DROP_NOT_RTP);
	int i, got = 0;

	r.flow.flow.flags |= LRK_FLOW_ONLY_RTP;
	r.flow.flow.max_packets = 10;
	CHECK(!put1(device, r));
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
	CHECK(!put1(device, r));
	before = count(LRK_DROP_BYTE_RATE);
	for (i = 0; i < 100; i++)
		from_a(5004, i);
	while (receive(raw_b, 5004, b, ABSENT_MS)) {}
	CHECK(count(LRK_DROP_BYTE_RATE) > before);
	CHECK(!flush(device));
}

/* A steady stream of 20 ms at 8 kHz has little jitter beside what the machine itself adds. */
void measures_jitter(void)
{
	union request r = a_to_b(LRK_ADD, 5004);
	uint32_t start;
	int i;

	r.flow.flow.clock_hz = 8000;
	CHECK(!put1(device, r));
	start = now_ms();
	for (i = 0; i < 50; i++) {
		usleep(4000);
		send_packet(raw_a, (struct packet) { .sport = 5004, .dport = RTP_A, .seq = i,
			.stamp = ((uint32_t)now_ms() - start) * 8 });
		CHECK(reaches_b());
	}
	i = ask(device, flow_request(LRK_GET, A, RELAY_A, RTP_A)).flow.rtp_jitter;
	printf("info jitter of a steady stream: %d ticks\n", i);
	CHECK(i < 80);
	for (i = 50; i < 100; i++) {
		send_packet(raw_a, (struct packet) { .sport = 5004, .dport = RTP_A, .seq = i, .stamp = (i & 1) * 8000 });
		CHECK(reaches_b());
	}
	CHECK(ask(device, flow_request(LRK_GET, A, RELAY_A, RTP_A)).flow.rtp_jitter > 4000);
	CHECK(!flush(device));
}
