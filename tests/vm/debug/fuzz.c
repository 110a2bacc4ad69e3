/*
 * fuzz MEGABYTES: writes that many of requests which are nearly right into the device, in small writes, and
 * some in huge ones, from several processes, while others read, poll, copy and close the same files, a call
 * goes on, and packets arrive for the flows that come out of it.
 */
#include "world.h"

#define FILES 4
#define SMALL 16
/* More than LRK_BATCH_MAX. */
#define HUGE 20000
/* At least. */
#define CALL_PACKETS 200

static uint64_t goal;
static int files[FILES];
/* In the call's namespace its two flows have to stay. */
static int beside_the_call;

static union request template(void)
{
	int type = 1 + dice(LRK_COUNT), port = CALL_B + 2 + dice(NOISE_PORTS), source = CALL_B + 2 + dice(NOISE_PORTS);
	union request r = dice(2) ? to_b(type, port, source, dice(2) ? PARTY + 2 + dice(3) : 0) :
				    to_a(type, port, source, dice(2) * PARTY);

	if (!dice(3))
		r.flow.flow.flags |= 1 << dice(5);
	if (!dice(4))
		r.flow.flow.max_packets = 1 + dice(1000);
	if (!dice(4))
		r.flow.flow.clock_hz = 8000;
	if (!dice(4))
		r.flow.flow.idle_seconds = 1 + dice(3);
	if (type == LRK_DELETE || type == LRK_GET || type == LRK_COUNT)
		memset((char *)&r + 20, 0, sizeof(r) - 20);
	if (type == LRK_HELLO || (type >= LRK_DUMP && type <= LRK_DELTA)) {
		memset((char *)&r + 8, 0, sizeof(r) - 8);
		if (type == LRK_HELLO || type == LRK_DUMP || type == LRK_DELTA)
			r.plain.value = type == LRK_HELLO ? dice(3) : dice(2) ? dice(20) : dice(1 << 17);
		if ((type == LRK_DUMP || type == LRK_DELTA) && !dice(4))
			r.plain.cursor = (uint64_t)dice(4) << 32 | dice(300);
	}
	return r;
}

/* A value that code likes to get wrong, in a field of 1, 2, 4 or 8 bytes at its own alignment. */
static void mutate(union request *r)
{
	static const uint64_t odd[] = { 0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fffffff, 0x80000000,
					0xffffffff, 0x7fffffffffffffff, 0x8000000000000000, 0xffffffffffffffff };
	int size = 1 << dice(4), at = dice(sizeof(*r) / size) * size;
	uint64_t value = odd[dice(sizeof(odd) / sizeof(odd[0]))];

	if (dice(2))
		value = (uint64_t)dice(1 << 24) << 40 ^ (uint64_t)dice(1 << 24) << 20 ^ dice(1 << 24);
	memcpy((char *)r + at, &value, size);
}

static int is_call_port(uint16_t port) { return port == htons(CALL_A) || port == htons(CALL_B); }

static void spare_the_call(union request *r)
{
	if (r->header.type == LRK_FLUSH)
		r->header.type = LRK_STATS;
	if (r->header.type < LRK_ADD || r->header.type > LRK_DELETE)
		return;
	/* By its key, or by being the opposite of a flow that learns. */
	if (is_call_port(r->flow.flow.key.local_port))
		r->flow.flow.key.local_port = htons(CALL_B + 3);
	if (is_call_port(r->flow.flow.source_port))
		r->flow.flow.source_port = htons(CALL_B + 3);
}

static void fill(union request *r, int n, int mutations)
{
	int i, j;

	for (i = 0; i < n; i++) {
		r[i] = template();
		for (j = dice(mutations); j > 0; j--)
			mutate(&r[i]);
		if (beside_the_call)
			spare_the_call(&r[i]);
	}
}

static void tally_write(ssize_t done)
{
	if (done > 0)
		COUNT(taken, 1);
	else
		COUNT(refused, 1);
}

static void write_small(void)
{
	static union request r[SMALL];
	int n = dice(2) ? 1 : 1 + dice(SMALL), size;

	/* One wrong request has all of a write refused. */
	fill(r, n, dice(2) ? 1 : 1 + dice(4));
	size = dice(16) ? n * (int)sizeof(*r) : (int)dice(n * sizeof(*r) + 1);
	tally_write(write(files[dice(FILES)], dice(64) ? (void *)r : (void *)8, size));
	COUNT(bytes, size);
}

/* All keys differ, so that it is taken: only one in a thousand has a fault, and then in one place. */
static void write_huge(void)
{
	static union request r[HUGE];
	int i, type = dice(3) ? LRK_ADD : LRK_DELETE, n = 1 + dice(HUGE);

	for (i = 0; i < n; i++) {
		r[i] = to_b(type, 1 + i % 30000, CALL_B + 4, PARTY);
		r[i].flow.flow.key.remote_addr = htonl(0x0a400000 + i / 4);
		if (type == LRK_DELETE)
			memset((char *)&r[i] + 20, 0, sizeof(*r) - 20);
	}
	if (dice(2))
		mutate(&r[dice(n)]);
	for (i = 0; beside_the_call && i < n; i++)
		spare_the_call(&r[i]);
	tally_write(write(files[dice(FILES)], r, n * sizeof(*r)));
	COUNT(huge_bytes, n * sizeof(*r));
}

/* The other thread may be in the midst of a system call on the file. */
static void change_file(void)
{
	int i = dice(FILES), old = files[i];

	files[i] = dice(2) ? open(DEVICE, O_RDWR | O_NONBLOCK) : dup(files[dice(FILES)]);
	close(old);
	if (files[i] < 0)
		files[i] = open(DEVICE, O_RDWR | O_NONBLOCK);
}

static void nothing(int signal) { (void)signal; }

/* Some of the reads wait, until a signal comes. */
static void *read_files(void *unused)
{
	static char answers[64 * LRK_ANSWER_SIZE];

	dice_state = getpid() + 1000;
	for (;;) {
		struct pollfd p[2] = { { files[dice(FILES)], POLLIN, 0 }, { files[dice(FILES)], POLLIN | POLLOUT, 0 } };
		int fd = files[dice(FILES)];

		poll(p, 2, dice(2));
		if (!dice(8))
			fcntl(fd, F_SETFL, dice(2) ? O_NONBLOCK : 0);
		if (read(fd, dice(32) ? answers : (void *)8, dice(sizeof(answers))) < 0 && errno == EBADF)
			sched_yield();
	}
	return unused;
}

/* A process that has inherited the files reads them as well. */
static void inherit(void)
{
	static char answers[64 * LRK_ANSWER_SIZE];
	int child = fork(), i;

	if (!child) {
		for (i = 0; i < FILES; i++) {
			fcntl(files[i], F_SETFL, O_NONBLOCK);
			if (read(files[i], answers, sizeof(answers)) > 0)
				write(files[i], answers, dice(sizeof(answers)));
		}
		_exit(0);
	}
	if (child > 0)
		waitpid(child, NULL, 0);
}

/* On a slow machine the call needs longer. */
static int goes_on(void)
{
	return __atomic_load_n(&tally->bytes, __ATOMIC_RELAXED) < goal ||
	       __atomic_load_n(&tally->huge_bytes, __ATOMIC_RELAXED) == 0 ||
	       (__atomic_load_n(&tally->called, __ATOMIC_RELAXED) < CALL_PACKETS &&
		!__atomic_load_n(&tally->lost, __ATOMIC_RELAXED));
}

static void fuzz(void)
{
	pthread_t reader;
	int i;

	for (i = 0; i < FILES; i++)
		CHECK((files[i] = open(DEVICE, O_RDWR | O_NONBLOCK)) >= 0);
	sigaction(SIGUSR1, &(struct sigaction) { .sa_handler = nothing }, NULL);	/* which a read ends with */
	CHECK(!pthread_create(&reader, NULL, read_files, NULL));
	while (goes_on()) {
		write_small();
		if (!dice(2000))
			write_huge();
		if (!dice(50))
			change_file();
		if (!dice(500))
			inherit();
		if (!dice(4))
			pthread_kill(reader, SIGUSR1);
	}
	/* The reader ends with the process, whatever it is at. */
}

static void fuzz_beside_the_call(void)
{
	beside_the_call = 1;
	fuzz();
}

static void fuzz_alone(void)
{
	enter("/run/netns/N");
	fuzz();
}

int main(int argc, char **argv)
{
	int device, fuzzers[4], call[2], packets, i, well = 1;
	uint64_t began = now_ms();

	tally_init();
	CHECK(argc == 2);
	goal = strtoull(argv[1], NULL, 10) * 1000000;
	device = open(DEVICE, O_RDWR);
	CHECK(device >= 0);
	add_call(device);
	call[0] = spawn(answer_call, 0);
	call[1] = spawn(make_call, 0);
	packets = spawn(flood, 1);
	for (i = 0; i < 4; i++)
		fuzzers[i] = spawn(i % 2 ? fuzz_beside_the_call : fuzz_alone, i / 2);
	for (i = 0; i < 4; i++)
		well &= ends_well(fuzzers[i]);
	CHECK(well);
	end(packets);
	__atomic_store_n(&tally->stop, 1, __ATOMIC_RELAXED);
	CHECK(ends_well(call[1]));
	end(call[0]);
	printf("info fuzz: %llu bytes in small writes, %llu in huge ones, %llu writes taken, %llu refused, %d s\n",
	       (unsigned long long)tally->bytes, (unsigned long long)tally->huge_bytes, (unsigned long long)tally->taken,
	       (unsigned long long)tally->refused, (int)((now_ms() - began) / 1000));
	printf("info fuzz: %llu packets of the call went and came, %llu lost; %llu others\n",
	       (unsigned long long)tally->called, (unsigned long long)tally->lost, (unsigned long long)tally->flooded);
	CHECK(tally->called >= CALL_PACKETS && !tally->lost);
	CHECK(tally->taken > goal / 5000 && tally->refused > goal / 5000 && tally->huge_bytes);
	CHECK(!system("/sbin/ip netns del N"));
	nothing_is_left(device);
	printf("ok fuzz\n");
	return 0;
}
