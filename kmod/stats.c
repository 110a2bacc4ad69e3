// SPDX-License-Identifier: GPL-2.0
/*
 * Counters of a namespace, and what RTP's headers tell of a flow. A flow's own numbers are written
 * without lock or atomic: a locked flow is one four-tuple, which a network card gives to one CPU.
 */
#include <linux/kernel.h>
#include <linux/sched/clock.h>
#include "stats.h"
#include "table.h"

/* RFC 3550, A.1: how far a sequence number may jump ahead or lie behind. */
#define LRK_MAX_DROPOUT 3000
#define LRK_MAX_MISORDER 100
/* No sequence number. */
#define LRK_NO_SEQ 0x10000

static void lrk_ssrc(struct lrk_flow *flow, u32 ssrc)
{
	if (!flow->heard_ssrc) {
		flow->heard_ssrc = 1;
		WRITE_ONCE(flow->cold->first_ssrc, ssrc);
	}
	WRITE_ONCE(flow->last_ssrc, ssrc);
}

/* A stream begins, or begins anew with a sequence number that has no relation to those before. */
static void lrk_seq_restart(struct lrk_flow *flow, u16 seq)
{
	flow->max_seq = seq;
	flow->bad_seq = LRK_NO_SEQ;
	flow->has_transit = 0;
	WRITE_ONCE(flow->rtp_expected, flow->rtp_expected + 1);
	WRITE_ONCE(flow->rtp_received, flow->rtp_received + 1);
}

/*
 * Return: whether the number belongs to the stream. One that is far off is believed when its
 * successor comes; until then it may be a stray.
 */
static bool lrk_seq(struct lrk_flow *flow, u16 seq)
{
	u16 ahead = seq - flow->max_seq;

	if (ahead < LRK_MAX_DROPOUT) {
		WRITE_ONCE(flow->rtp_expected, flow->rtp_expected + ahead);
		flow->max_seq = seq;
	} else if (ahead <= (u16)-LRK_MAX_MISORDER) {
		if (seq != flow->bad_seq) {
			flow->bad_seq = (u16)(seq + 1);
			return false;
		}
		lrk_seq_restart(flow, seq);
		return true;
	}
	WRITE_ONCE(flow->rtp_received, flow->rtp_received + 1);
	return true;
}

/*
 * RFC 3550, A.8, in sixteenths. A time stamp repeats within a video frame, which counts as in the RFC.
 *
 * The scheduler's clock costs less than the wall's. Where the processors' counters are not in step it may
 * differ between CPUs, by a timer's tick at most; a locked flow arrives on one CPU.
 */
static void lrk_jitter(struct lrk_flow *flow, u32 stamp, u32 clock_mult)
{
	u32 arrival = mul_u64_u64_shr(local_clock(), clock_mult, 32);
	u32 transit = arrival - stamp;
	s32 change = transit - flow->transit;

	flow->transit = transit;
	if (!flow->has_transit) {
		flow->has_transit = 1;
		return;
	}
	WRITE_ONCE(flow->jitter16, flow->jitter16 + abs(change) - ((flow->jitter16 + 8) >> 4));
}

/**
 * lrk_stats_rtp() - note an RTP packet that is about to be relayed
 * @flow: whose it is
 * @head: its head, all of which is linear
 * @clock_mult: RTP clock ticks in a nanosecond, times 2^32; 0 counts no jitter
 *
 * RTCP in the same flow (RFC 5761) counts as such.
 *
 * Context: softirq, rcu_read_lock().
 */
void lrk_stats_rtp(struct lrk_flow *flow, const struct lrk_rtp_head *head, u32 clock_mult)
{
	u32 ssrc = be32_to_cpu(head->ssrc);
	u16 seq = be16_to_cpu(head->seq);
	bool belongs = true;

	if (unlikely(head->type >= 192 && head->type <= 223)) {
		lrk_stats_rtcp(flow, head);
		return;
	}
	if (unlikely(!flow->has_seq || ssrc != flow->seq_ssrc)) {
		flow->has_seq = 1;
		flow->seq_ssrc = ssrc;
		lrk_seq_restart(flow, seq);
	} else {
		belongs = lrk_seq(flow, seq);
	}
	lrk_ssrc(flow, ssrc);
	if (clock_mult && belongs)
		lrk_jitter(flow, be32_to_cpu(head->stamp), clock_mult);
}

/**
 * lrk_stats_rtcp() - note an RTCP packet that is about to be relayed
 * @flow: whose it is
 * @head: its head, of which eight bytes are linear
 *
 * Context: softirq, rcu_read_lock().
 */
void lrk_stats_rtcp(struct lrk_flow *flow, const struct lrk_rtp_head *head)
{
	lrk_ssrc(flow, be32_to_cpu(head->stamp));
}

/**
 * lrk_stats_sum() - add up what became of packets on all CPUs
 * @ln: the namespace
 * @sum: LRK_COUNTS numbers, which are set
 *
 * Context: any.
 */
void lrk_stats_sum(const struct lrk_net *ln, u64 *sum)
{
	unsigned int i;
	int cpu;

	for (i = 0; i < LRK_COUNTS; i++)
		sum[i] = 0;
	for_each_possible_cpu(cpu)
		for (i = 0; i < LRK_COUNTS; i++)
			sum[i] += READ_ONCE(per_cpu_ptr(ln->counts, cpu)->count[i]);
}
