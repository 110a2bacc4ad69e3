// SPDX-License-Identifier: GPL-2.0
/*
 * Gives rtpengine's kernel module the callers' RTP of many sessions, as its daemon does: rtpengine_load SESSIONS. Keeps
 * running in the background, for the table goes with the file that made it. Built with the header of its package.
 */
#include <arpa/inet.h>
#include <err.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "xt_RTPENGINE.h"
#include "inject/flows.h"

static struct re_address address(unsigned int ip, unsigned short port)
{
	struct re_address address = { .family = AF_INET, .u.ipv4 = htonl(ip), .port = port };

	return address;
}

static void send_message(int control, const struct rtpengine_message *message)
{
	if (write(control, message, sizeof(*message)) != sizeof(*message))
		err(1, "rtpengine's module does not take a message");
}

static void add_target(int control, unsigned int session)
{
	static struct rtpengine_message message;
	struct rtpengine_target_info *target = &message.u.target;

	memset(&message, 0, sizeof(message));
	message.cmd = REMG_ADD_TARGET;
	target->local = address(near_address(session), relay_port(session));
	target->expected_src = address(caller_address(session), CALLER_PORT);
	target->src_mismatch = MSM_DROP;
	target->num_destinations = 1;
	target->decrypt.cipher = REC_NULL;
	target->decrypt.hmac = REH_NULL;
	target->num_payload_types = 1;
	target->payload_types[0].clock_rate = 8000;
	target->rtp = 1;
	target->rtp_only = 1;
	target->track_ssrc = 1;
	target->rtp_stats = 1;
	target->ssrc[0] = htonl(session + 1);
	send_message(control, &message);
}

static void add_destination(int control, unsigned int session)
{
	static struct rtpengine_message message;
	struct rtpengine_destination_info *destination = &message.u.destination;

	memset(&message, 0, sizeof(message));
	message.cmd = REMG_ADD_DESTINATION;
	destination->local = address(near_address(session), relay_port(session));
	destination->output.src_addr = address(far_address(session), relay_port(session));
	destination->output.dst_addr = address(callee_address(session), CALLEE_PORT);
	destination->output.encrypt.cipher = REC_NULL;
	destination->output.encrypt.hmac = REH_NULL;
	send_message(control, &message);
}

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
	for (i = 0; i < sessions; i++) {
		add_target(control, i);
		add_destination(control, i);
	}
	if (daemon(1, 1))
		err(1, "Cannot go to the background");
	for (;;)
		pause();
}
