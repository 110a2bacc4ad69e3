/* Noise, changes under packets, and the module unloaded under them. */
#include "relay.h"
#include <signal.h>
#include <sys/wait.h>

static uint32_t dice_state = 1;

static uint32_t dice(uint32_t sides)
{
	dice_state = dice_state * 1664525 + 1013904223;
	return (dice_state >> 8) % sides;
}

/* Random records, and good ones with a few bytes changed, in batches of all sizes. */
void withstands_noise(void)
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
	CHECK(!flush(device));
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

/* Packets on one CPU, by eights; add, update, delete, list, resize and route changes on the other. */
void withstands_churn(void)
{
	uint64_t end = now_ms() + 5000, before;
	int child, i, changes = 0;

	set_gro("vA", 1);
	child = fork();
	if (!child)
		flood();
	before = count(LRK_RELAYED);
	while (now_ms() < end) {
		for (i = 0; i < 16; i++)
			changes += !put1(device, sixteenth(1 + dice(3) + (dice(3) ? 0 : 1), i, dice(2)));
		if (!dice(50))
			CHECK(!flush(device));
		if (!dice(20))
			CHECK(plain(device, LRK_STATS, 0).header.type == LRK_ANSWER_STATS);
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
	set_gro("vA", 0);
	CHECK(!flush(device));
}

void unloads_under_traffic(void)
{
	uint64_t before;
	int child, i, j;

	for (i = 0; i < 3; i++) {
		before = count(LRK_RELAYED);
		for (j = 0; j < 16; j++)
			CHECK(!put1(device, sixteenth(LRK_ADD, j, 1)));
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
		load_module();
		device = open(DEVICE, O_RDWR);
		CHECK(plain(device, LRK_HELLO, LRK_ABI_VERSION).hello.flows == 0);
	}
	close(device);
	run("rmmod lrkproxy");
}
