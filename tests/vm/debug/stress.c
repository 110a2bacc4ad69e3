/*
 * stress SECONDS: packets on both CPUs for flows that two processes add, change, delete, flush, list and read all
 * the time, while routes change; and a call that has to go on in between.
 */
#include "world.h"

static uint64_t end_ms;

static uint64_t relayed(int fd) { return plain(fd, LRK_STATS, 0).stats.count[LRK_RELAYED]; }

/* Both processes work on the same flows, so that any single change may come too late. */
static void change_flows(int fd)
{
	int i;

	for (i = 0; i < NOISE_PORTS; i++) {
		int type = LRK_ADD + dice(3), port = CALL_B + 2 + i;
		union request r = type == LRK_DELETE ? flow_request(type, A, RELAY_A, port) :
			to_b(type, port, CALL_B + 4 + i, dice(2) ? PARTY + 2 : 0);

		if (type != LRK_DELETE && !dice(4))
			r.flow.flow.max_packets = 1 + dice(10000);
		if (type != LRK_DELETE && !dice(4))
			r.flow.flow.idle_seconds = 1;
		if (put1(fd, r))
			COUNT(refused, 1);
		else
			COUNT(taken, 1);
	}
}

/* As many as make the table grow and shrink. */
static void add_and_delete_many(int fd)
{
	static union request r[4096];
	int i, turn, n = 64 << dice(7);

	for (turn = LRK_ADD; turn <= LRK_DELETE; turn += LRK_DELETE - LRK_ADD) {
		for (i = 0; i < n; i++) {
			r[i] = turn == LRK_ADD ? to_b(turn, 1000 + i, CALL_B + 4, PARTY) : flow_request(turn, A, RELAY_A, 1000 + i);
			r[i].flow.flow.key.remote_addr = htonl(0x0a400000 + getpid());
		}
		if (put(fd, r, n))
			COUNT(refused, 1);
		else
			COUNT(taken, n);
	}
}

static void list(int fd, int type)
{
	static union answer page[512];
	union request r = { .header.type = type };
	ssize_t n;

	r.plain.value = 500;
	do {
		if (put1(fd, r))
			return;	/* the table is another by now */
		n = read(fd, page, sizeof(page)) / (ssize_t)sizeof(*page);
		CHECK(n > 0 && page[n - 1].header.type == LRK_ANSWER_PAGE);
		r.plain.cursor = page[n - 1].page.cursor;
	} while (r.plain.cursor);
}

static void churn(void)
{
	int fd = open(DEVICE, O_RDWR);

	CHECK(fd >= 0);
	while (now_ms() < end_ms) {
		change_flows(fd);
		if (!dice(10))
			add_and_delete_many(fd);
		list(fd, dice(2) ? LRK_DUMP : LRK_DELTA);
		/* Open files come and go, as the daemon's do. */
		if (!dice(4)) {
			close(fd);
			fd = open(DEVICE, O_RDWR);
			CHECK(fd >= 0);
		}
	}
}

static void listen_for_events(void)
{
	union request subscribe = { .header.type = LRK_SUBSCRIBE };
	static union answer events[64];
	int fd = open(DEVICE, O_RDWR);

	CHECK(fd >= 0 && !put1(fd, subscribe));
	while (read(fd, events, sizeof(events)) > 0)
		COUNT(bytes, 1);
}

/* No neighbour is forgotten: a packet that waits for its address would be, too. */
static void change_routes(void)
{
	while (now_ms() < end_ms)
		if (system("/sbin/ip route replace 10.77.0.0/24 via 10.2.0.2"))
			exit(1);
}

/* Flushes in a namespace of its own, since the call has to live; one with flows that nobody sends to. */
static void flush_elsewhere(void)
{
	int fd;

	enter("/run/netns/N");
	fd = open(DEVICE, O_RDWR);
	while (now_ms() < end_ms) {
		add_and_delete_many(fd);
		change_flows(fd);
		CHECK(!flush(fd));
	}
}

/* A flush under packets: the call's flows are put back by the same process, and the call is not there yet. */
static void flush_under_packets(int fd, uint64_t until)
{
	int flushes;

	for (flushes = 0; now_ms() < until; flushes++) {
		change_flows(fd);
		usleep(1000 * dice(5));
		CHECK(!flush(fd));
	}
	printf("info stress: %d flushes under packets\n", flushes);
}

int main(int argc, char **argv)
{
	int device, packets, call[2], workers[4], events, i, well = 1;
	uint64_t began = now_ms(), before;
	long seconds;

	tally_init();
	CHECK(argc == 2);
	CHECK(sysconf(_SC_NPROCESSORS_ONLN) > 1);	/* or it would be no test of two */
	seconds = atol(argv[1]);
	CHECK(seconds > 0);
	end_ms = began + seconds * 1000;
	device = open(DEVICE, O_RDWR);
	CHECK(device >= 0);
	before = relayed(device);
	packets = spawn(flood, 1);
	flush_under_packets(device, began + seconds * 200);
	add_call(device);
	call[0] = spawn(answer_call, 0);
	call[1] = spawn(make_call, 0);
	events = spawn(listen_for_events, 0);
	workers[0] = spawn(churn, 0);
	workers[1] = spawn(churn, 1);
	workers[2] = spawn(change_routes, 1);
	workers[3] = spawn(flush_elsewhere, 0);
	for (i = 0; i < 4; i++)
		well &= ends_well(workers[i]);
	CHECK(well);
	end(packets);
	end(events);
	__atomic_store_n(&tally->stop, 1, __ATOMIC_RELAXED);
	CHECK(ends_well(call[1]));
	end(call[0]);
	printf("info stress: %d s on %ld CPUs, %llu changes, %llu refused, %llu packets sent, %llu relayed, %llu reads of events\n",
	       (int)((now_ms() - began) / 1000), sysconf(_SC_NPROCESSORS_ONLN), (unsigned long long)tally->taken,
	       (unsigned long long)tally->refused, (unsigned long long)tally->flooded,
	       (unsigned long long)(relayed(device) - before), (unsigned long long)tally->bytes);
	printf("info stress: %llu packets of the call went and came, %llu lost\n",
	       (unsigned long long)tally->called, (unsigned long long)tally->lost);
	CHECK(tally->called > 20 && !tally->lost && tally->taken > 1000 && relayed(device) - before > 1000 && tally->bytes);
	nothing_is_left(device);
	printf("ok stress\n");
	return 0;
}
