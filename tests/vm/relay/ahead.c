/* Packets that are looked up ahead of time, and the devices that they come in by. */
#include "relay.h"
#include <net/if.h>

#define PARAMETER "/sys/module/lrkproxy/parameters/"
#define MANY 200

static int parameter(const char *name)
{
	char path[128];
	int n = -1;
	FILE *file;

	snprintf(path, sizeof(path), PARAMETER "%s", name);
	file = fopen(path, "r");
	if (!file || fscanf(file, "%d", &n) != 1)
		n = -1;
	if (file)
		fclose(file);
	return n;
}

/* But for lo. */
static int devices_here(void)
{
	struct if_nameindex *all = if_nameindex();
	int n = 0;

	while (all[n].if_index)
		n++;
	if_freenameindex(all);
	return n - 1;
}

/* It is done a little later. */
static int becomes(int devices)
{
	uint64_t end = now_ms() + 5000;

	while (parameter("ahead_devices") != devices) {
		if (now_ms() > end)
			return 0;
		usleep(2000);
	}
	return 1;
}

/* Of four flows in turn, and each comes out where it belongs. */
static void relays_many(void)
{
	uint8_t b[2048];
	int i, n, of[4] = { 0 };

	/* What earlier tests have not looked at. */
	while (receive(raw_b, 0, b, ABSENT_MS)) {}
	for (i = 0; i < MANY; i++) {
		n = build(b, &(struct packet) { .sport = 5004, .dport = RTP_A + 10 + i % 4, .seq = i });
		send_raw(raw_a, b, n);
	}
	for (i = 0; i < MANY && receive(raw_b, 0, b, ARRIVES_MS) > 0; i++) {
		n = (b[22] << 8 | b[23]) - 6000;
		CHECK(n >= 0 && n < 4 && is_good(b, RELAY_B, RTP_B + n, B));
		of[n & 3]++;
	}
	CHECK(of[0] == MANY / 4 && of[1] == MANY / 4 && of[2] == MANY / 4 && of[3] == MANY / 4);
}

void looks_ahead(void)
{
	int devices = devices_here(), before, i;

	before = parameter("ahead_flows");
	CHECK(devices >= 3 && becomes(0));
	run("echo 4 >" PARAMETER "ahead_flows");
	for (i = 0; i < 4; i++) {
		/* Not by the third, and by the fourth. */
		CHECK(parameter("ahead_devices") == 0);
		CHECK(!put1(device, flow(LRK_ADD, A, RELAY_A, RTP_A + 10 + i, RELAY_B, RTP_B + i, B, 6000 + i, 5004)));
	}
	CHECK(becomes(devices));
	relays_many();
	set_gro("vA", 1);
	relays_many();
	/* Devices come, move away, and go. */
	run("/sbin/ip link add here type veth peer name there");
	CHECK(becomes(devices + 2));
	run("/sbin/ip link set there netns C");
	CHECK(becomes(devices + 1));
	run("/sbin/ip link del here");
	CHECK(becomes(devices));
	relays_many();
	/* Half as many flows will do, and fewer not. */
	for (i = 0; i < 3; i++) {
		CHECK(parameter("ahead_devices") == devices);
		CHECK(!put1(device, flow_request(LRK_DELETE, A, RELAY_A, RTP_A + 10 + i)));
	}
	CHECK(becomes(0));
	set_gro("vA", 0);
	run("echo %d >" PARAMETER "ahead_flows", before);
	CHECK(!flush(device));
}
