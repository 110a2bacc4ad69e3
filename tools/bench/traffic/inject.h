/* What frame_inject tells its BPF half, one for each sending side. */
#ifndef BENCH_INJECT_H
#define BENCH_INJECT_H

#include <linux/types.h>

struct injection {
	__u32 sessions;
	__u32 next; /* session of the next frame */
	__u32 stride; /* from a frame's session to the next one's; less than sessions */
	__u32 direct; /* phone to phone instead of phone to relay */
	__u32 port_offset; /* 1 for RTCP */
	__u32 payload_sum; /* of RTP_BYTES, for the UDP checksum */
};

#endif
