/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LRK_STATS_H
#define LRK_STATS_H

#include <linux/percpu.h>
#include <linux/types.h>
#include "net.h"
#include "uapi/lrkproxy.h"

struct lrk_flow;

/**
 * struct lrk_counts - what became of packets on one CPU
 * @count: by LRK_RELAYED and so on
 */
struct lrk_counts {
	u64 count[LRK_COUNTS];
};

/**
 * struct lrk_rtp_head - the head of RTP; its first eight bytes are also those of RTCP
 * @first: version in the upper two bits
 * @type: marker and payload type
 * @seq: sequence number; RTCP: length
 * @stamp: time stamp; RTCP: SSRC
 * @ssrc: who sends
 */
struct lrk_rtp_head {
	u8 first;
	u8 type;
	__be16 seq;
	__be32 stamp;
	__be32 ssrc;
} __packed;

/* Count one event; any context. */
static inline void lrk_count(struct lrk_net *ln, unsigned int which)
{
	this_cpu_inc(ln->counts->count[which]);
}

void lrk_stats_rtp(struct lrk_flow *flow, const struct lrk_rtp_head *head, u32 clock_mult);
void lrk_stats_rtcp(struct lrk_flow *flow, const struct lrk_rtp_head *head);
void lrk_stats_sum(const struct lrk_net *ln, u64 *sum);

#endif /* LRK_STATS_H */
