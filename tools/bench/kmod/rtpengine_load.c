// SPDX-License-Identifier: GPL-2.0
/*
 * Gives rtpengine's kernel module the callers' RTP of many sessions, as its daemon does: rtpengine_load SESSIONS. Keeps
 * running in the background, for the table goes with the file that made it. Built with the header of its package, by
 * whose name versions differ.
 */
#include <arpa/inet.h>
#include <err.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>
#if __has_include("nft_rtpengine.h")
typedef int64_t atomic64;	/* which its header leaves to those who include it */
#include "nft_rtpengine.h"
#else
#include "xt_RTPENGINE.h"
#endif
#include "inject/flows.h"

static struct re_address address(unsigned int ip, unsigned short port)
{
	struct re_address address = { .family = AF_INET, .u.ipv4 = htonl(ip), .port = port };

	return address;
}

/* What all versions have of a caller's stream. */
static struct rtpengine_target_info target_of(unsigned int session)
{
	struct rtpengine_target_info target = {
		.local = address(near_address(session), relay_port(session)),
		.expected_src = address(caller_address(session), CALLER_PORT),
		.src_mismatch = MSM_DROP,
		.num_destinations = 1,
		.decrypt.cipher = REC_NULL,
		.decrypt.hmac = REH_NULL,
		.num_payload_types = 1,
		.rtp = 1,
		.rtp_only = 1,
		.track_ssrc = 1,
		.rtp_stats = 1,
		.ssrc[0] = htonl(session + 1),
	};

	return target;
}

static struct rtpengine_destination_info destination_of(unsigned int session)
{
	struct rtpengine_destination_info destination = {
		.local = address(near_address(session), relay_port(session)),
		.output.src_addr = address(far_address(session), relay_port(session)),
		.output.dst_addr = address(callee_address(session), CALLEE_PORT),
		.output.encrypt.cipher = REC_NULL,
		.output.encrypt.hmac = REH_NULL,
	};

	return destination;
}

static void send_message(int control, const void *message, size_t size)
{
	if (write(control, message, size) != (ssize_t)size)
		err(1, "rtpengine's module does not take a message");
}

#if __has_include("nft_rtpengine.h")

struct global_stats_counter {
#define F(name) atomic64 name;
#include "kernel_counter_stats_fields.inc"
#undef F
};

/* The module counts in memory of its daemon. */
static struct counters {
	struct global_stats_counter all;
	struct interface_stats_block near, far;
	struct session_counters {
		struct stream_stats in, out;
		struct ssrc_stats ssrc_in, ssrc_out;
		struct rtp_stats payload_type;
	} of[];
} *counters;

/* It is shared, so that it stays the same memory in the background. */
static void make_counters(int control, unsigned int sessions)
{
	size_t page = sysconf(_SC_PAGESIZE);
	size_t size = (sizeof(*counters) + sessions * sizeof(*counters->of) + page - 1) / page * page;
	struct rtpengine_command_pin_memory pin = { .cmd = REMG_PIN_MEMORY, .pin_memory.size = size };

	counters = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (counters == MAP_FAILED)
		err(1, "Cannot get memory for counters");
	pin.pin_memory.addr = counters;
	send_message(control, &pin, sizeof(pin));
}

static void start(int control, unsigned int sessions)
{
	struct rtpengine_command_init message = {
		.cmd = REMG_INIT,
		.init.last_cmd = __REMG_LAST,
		.init.msg_size = {
			[REMG_INIT] = sizeof(struct rtpengine_command_init),
			[REMG_ADD_TARGET] = sizeof(struct rtpengine_command_add_target),
			[REMG_ADD_DESTINATION] = sizeof(struct rtpengine_command_destination),
			[REMG_ADD_CALL] = sizeof(struct rtpengine_command_add_call),
			[REMG_DEL_CALL] = sizeof(struct rtpengine_command_del_call),
			[REMG_ADD_STREAM] = sizeof(struct rtpengine_command_add_stream),
			[REMG_DEL_STREAM] = sizeof(struct rtpengine_command_del_stream),
			[REMG_PACKET] = sizeof(struct rtpengine_command_packet),
			[REMG_DEL_TARGET] = sizeof(struct rtpengine_command_del_target),
			[REMG_INIT_PLAY_STREAMS] = sizeof(struct rtpengine_command_init_play_streams),
			[REMG_GET_PACKET_STREAM] = sizeof(struct rtpengine_command_get_packet_stream),
			[REMG_PLAY_STREAM_PACKET] = sizeof(struct rtpengine_command_play_stream_packet),
			[REMG_PLAY_STREAM] = sizeof(struct rtpengine_command_play_stream),
			[REMG_STOP_STREAM] = sizeof(struct rtpengine_command_stop_stream),
			[REMG_FREE_PACKET_STREAM] = sizeof(struct rtpengine_command_free_packet_stream),
			[REMG_PIN_MEMORY] = sizeof(struct rtpengine_command_pin_memory),
		},
	};

	make_counters(control, sessions);
	message.init.rtpe_stats = &counters->all;
	send_message(control, &message, sizeof(message));
}

static void add_target(int control, unsigned int session)
{
	struct rtpengine_command_add_target message = { .cmd = REMG_ADD_TARGET, .target = target_of(session) };
	struct session_counters *own = &counters->of[session];

	own->payload_type.clock_rate = 8000;
	message.target.ssrc_req = 1;
	message.target.media_output_idxs[0].rtp_end_idx = 1;
	message.target.iface_stats = &counters->near;
	message.target.stats = &own->in;
	message.target.ssrc_stats[0] = &own->ssrc_in;
	message.target.pt_stats[0] = &own->payload_type;
	send_message(control, &message, sizeof(message));
}

static void add_destination(int control, unsigned int session)
{
	struct rtpengine_command_destination message = {
		.cmd = REMG_ADD_DESTINATION,
		.destination = destination_of(session),
	};

	message.destination.output.iface_stats = &counters->far;
	message.destination.output.stats = &counters->of[session].out;
	message.destination.output.ssrc_stats[0] = &counters->of[session].ssrc_out;
	send_message(control, &message, sizeof(message));
}

#else

static void start(int control, unsigned int sessions)
{
	(void)control;
	(void)sessions;
}

static void add_target(int control, unsigned int session)
{
	struct rtpengine_message message = { .cmd = REMG_ADD_TARGET, .u.target = target_of(session) };

	message.u.target.payload_types[0].clock_rate = 8000;
	send_message(control, &message, sizeof(message));
}

static void add_destination(int control, unsigned int session)
{
	struct rtpengine_message message = { .cmd = REMG_ADD_DESTINATION, .u.destination = destination_of(session) };

	send_message(control, &message, sizeof(message));
}

#endif

int main(int argc, char **argv)
{
	unsigned int sessions = argc == 2 ? atoi(argv[1]) : 0, i;
	int control = open("/proc/rtpengine/control", O_WRONLY);

	if (control < 0 || write(control, "add 0\n", 6) != 6)
		err(1, "Cannot make a table of rtpengine's module");
	close(control);
	control = open("/proc/rtpengine/0/control", O_RDWR);
	if (control < 0)
		err(1, "Cannot open the table");
	start(control, sessions);
	for (i = 0; i < sessions; i++) {
		add_target(control, i);
		add_destination(control, i);
	}
	if (daemon(1, 1))
		err(1, "Cannot go to the background");
	for (;;)
		pause();
}
