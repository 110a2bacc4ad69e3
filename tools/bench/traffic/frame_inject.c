/*
 * frame_inject: hand RTP frames of all sessions to the relay's two network
 * cards, alternating between the sides, and say what it cost.
 *
 *   -p PREFIX   namespace names start with this (PREFIX-relay)
 *   -n N        sessions
 *   -c COUNT    frames in total
 *   -b BURST    frames of one side handed over in one call (50000); both sides get
 *               at least one. A call takes some 20 ms besides its frames
 *   -r RATE     frames a second (0: flat out)
 *   -S STRIDE   visit the sessions in steps of this (1); must have no factor in
 *               common with their number
 *   -F          phone to phone: plain forwarding, no relay address involved
 *   -R          RTCP ports and payload type instead of RTP
 *   -C CPU      CPU to run on (1)
 *   -o FILE     the BPF object
 *
 * Prints: frames=N cpu_ns=X wall_ns=Y, per frame. Forwarding happens inside
 * the call, so this process's CPU time is generator + relay + delivery.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <err.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "frames.h"
#include "inject.h"

struct options {
	const char *prefix, *object;
	unsigned int sessions, burst, stride, cpu;
	unsigned long long count, rate;
	int direct, rtcp;
};

static struct options parse(int argc, char **argv)
{
	struct options o = { .prefix = "bench", .object = "frame_inject.bpf.o",
			     .sessions = 100, .burst = 50000,
			     .stride = 1, .cpu = 1,
			     .count = 1000000 };
	int c;

	while ((c = getopt(argc, argv, "p:n:c:b:r:S:FRC:o:")) > 0)
		switch (c) {
		case 'p': o.prefix = optarg; break;
		case 'n': o.sessions = strtoul(optarg, NULL, 10); break;
		case 'c': o.count = strtoull(optarg, NULL, 10); break;
		case 'b': o.burst = strtoul(optarg, NULL, 10); break;
		case 'r': o.rate = strtoull(optarg, NULL, 10); break;
		case 'S': o.stride = strtoul(optarg, NULL, 10); break;
		case 'F': o.direct = 1; break;
		case 'R': o.rtcp = 1; break;
		case 'C': o.cpu = strtoul(optarg, NULL, 10); break;
		case 'o': o.object = optarg; break;
		default: exit(2);
		}
	if (o.burst > (o.count + 1) / 2)
		o.burst = (o.count + 1) / 2;
	return o;
}

static unsigned long long nanoseconds(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

static void wait_until(unsigned long long due)
{
	struct timespec t = { due / 1000000000, due % 1000000000 };

	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
}

static void pin_to(unsigned int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		err(1, "Cannot run on CPU %u", cpu);
}

static void enter_relay(const char *prefix)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "/run/netns/%s-relay", prefix);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || setns(fd, CLONE_NEWNET))
		err(1, "Cannot enter %s", path);
	close(fd);
}

static unsigned int fill_payload(unsigned char *rtp, int rtcp)
{
	unsigned int sum = 0;

	for (unsigned int i = 0; i < RTP_BYTES; i++)
		rtp[i] = i * 7;
	rtp[0] = 0x80; /* RTP version 2 */
	rtp[1] = rtcp ? 200 : 8; /* sender report, or G.711 A-law */
	for (unsigned int i = 0; i < RTP_BYTES; i += 2)
		sum += rtp[i] << 8 | rtp[i + 1];
	return sum;
}

struct injector {
	int program[2];
	unsigned int ifindex[2];
	unsigned char frame[FRAME_BYTES];
};

static struct injector open_injector(const struct options *o)
{
	static const char *const names[2] = { "inject_a", "inject_b" };
	static const char *const links[2] = { "side-a", "side-b" };
	struct bpf_object *object = bpf_object__open_file(o->object, NULL);
	struct injector in = { 0 };
	unsigned int sum = fill_payload(in.frame + sizeof(struct frame_headers), o->rtcp);

	if (!object || bpf_object__load(object))
		errx(1, "Cannot load %s", o->object);
	for (__u32 side = SIDE_A; side <= SIDE_B; side++) {
		struct injection cfg = { .sessions = o->sessions, .direct = o->direct,
					 .stride = o->stride % o->sessions,
					 .port_offset = o->rtcp, .payload_sum = sum };
		int map = bpf_object__find_map_fd_by_name(object, "injections");

		if (bpf_map_update_elem(map, &side, &cfg, 0))
			err(1, "Cannot set up %s", names[side]);
		in.program[side] = bpf_program__fd(
			bpf_object__find_program_by_name(object, names[side]));
		in.ifindex[side] = if_nametoindex(links[side]);
		if (!in.ifindex[side])
			err(1, "Cannot find %s", links[side]);
	}
	return in;
}

static void inject(struct injector *in, enum side side, unsigned int frames)
{
	struct xdp_md ctx = { .data_end = FRAME_BYTES, .ingress_ifindex = in->ifindex[side] };
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = in->frame, .data_size_in = FRAME_BYTES,
		    .ctx_in = &ctx, .ctx_size_in = sizeof(ctx), .repeat = frames,
		    .flags = BPF_F_TEST_XDP_LIVE_FRAMES, .batch_size = 64);
	int error = bpf_prog_test_run_opts(in->program[side], &run);

	if (error)
		errx(1, "Cannot inject: %s", strerror(-error));
}

int main(int argc, char **argv)
{
	struct options o = parse(argc, argv);
	unsigned long long sent = 0, cpu, wall;
	struct injector in;
	enum side side = SIDE_A;

	pin_to(o.cpu);
	enter_relay(o.prefix);
	in = open_injector(&o);
	cpu = nanoseconds(CLOCK_PROCESS_CPUTIME_ID);
	wall = nanoseconds(CLOCK_MONOTONIC);
	while (sent < o.count) {
		unsigned int frames = o.count - sent < o.burst ? o.count - sent : o.burst;

		if (o.rate)
			wait_until(wall + sent * 1000000000ull / o.rate);
		inject(&in, side, frames);
		sent += frames;
		side = side == SIDE_A ? SIDE_B : SIDE_A;
	}
	cpu = nanoseconds(CLOCK_PROCESS_CPUTIME_ID) - cpu;
	wall = nanoseconds(CLOCK_MONOTONIC) - wall;
	printf("frames=%llu cpu_ns=%.1f wall_ns=%.1f\n", sent, (double)cpu / sent,
	       (double)wall / sent);
	return 0;
}
