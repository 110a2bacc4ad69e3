/* Flows that learn their sender's port, and strangers. */
#include "relay.h"

void learns(void)
{
	int events = open(DEVICE, O_RDWR);
	union request subscribe = { .header.type = LRK_SUBSCRIBE };
	uint8_t b[2048];
	union answer a;

	CHECK(!put(events, &subscribe, 1));
	CHECK(!put1(device, a_to_b(LRK_ADD, 0)) && !put1(device, b_to_a(LRK_ADD, 5004)));
	/* STUN passes, and tells nothing. */
	send_packet(raw_a, (struct packet) { .sport = 7009, .dport = RTP_A, .first = 1 });
	CHECK(reaches_b());
	CHECK(ask(device, flow_request(LRK_GET, A, RELAY_A, RTP_A)).flow.flow.locked_port == 0);
	from_a(7000, 1);
	CHECK(reaches_b());
	a = take(events);
	CHECK(a.header.type == LRK_EVENT_LEARNED && a.flow.flow.locked_port == htons(7000));
	CHECK(a.flow.flow.key.remote_addr == inet_addr(A) && !(a.flow.flow.flags & LRK_FLOW_OPEN));
	/* A second sender gets nothing through, and the other direction goes to the first. */
	from_a(7001, 2);
	CHECK(nothing(raw_b, 5004));
	a = ask(device, flow_request(LRK_GET, A, RELAY_A, RTP_A));
	CHECK(a.flow.stranger_packets == 1 && a.flow.stranger_port == htons(7001) && a.flow.open_packets == 2);
	send_packet(raw_b, (struct packet) { .sport = 5004, .dport = RTP_B, .from = B, .to = RELAY_B });
	CHECK(receive(raw_a, 7000, b, ARRIVES_MS) && is_good(b, RELAY_A, RTP_A, A));
	/* Opened again: the known port goes on, another one passes and is told once. */
	union request again = a_to_b(LRK_UPDATE, 7000);

	again.flow.flow.flags = LRK_FLOW_OPEN;
	CHECK(!put1(device, again));
	from_a(7000, 3);
	CHECK(reaches_b());
	from_a(7002, 4);
	CHECK(reaches_b());
	from_a(7002, 5);
	CHECK(reaches_b());
	a = take(events);
	CHECK(a.header.type == LRK_EVENT_CANDIDATE && a.flow.candidate_port == htons(7002));
	CHECK(a.flow.flow.locked_port == htons(7000));
	a = ask(device, flow_request(LRK_GET, A, RELAY_A, RTP_A));
	CHECK(a.flow.candidate_packets == 2 && a.flow.flow.locked_port == htons(7000));
	fcntl(events, F_SETFL, O_NONBLOCK);
	CHECK(read(events, &a, sizeof(a)) == -1 && errno == EAGAIN);
	close(events);
	CHECK(!flush(device));
}

void passes_strangers(void)
{
	union request passing = a_to_b(LRK_ADD, 5004);
	uint64_t passed = count(LRK_SLOW_STRANGER), dropped = count(LRK_DROP_STRANGER);

	passing.flow.flow.flags = LRK_FLOW_PASS_STRANGERS;
	CHECK(!put1(device, passing));
	from_a(7001, 1);
	CHECK(is_left(7001));
	from_a(5004, 2);
	CHECK(reaches_b());
	CHECK(count(LRK_SLOW_STRANGER) == passed + 1 && count(LRK_DROP_STRANGER) == dropped);
	CHECK(ask(device, flow_request(LRK_GET, A, RELAY_A, RTP_A)).flow.stranger_packets == 1);
	CHECK(!flush(device));
}
