/*
 * What one side knows about one stream (RTP or RTCP) of one call: what it sent, what it heard,
 * and everything about what it heard that should not be.
 */
#ifndef RTP_TRACK_H
#define RTP_TRACK_H

#include <stdint.h>
#include <stdio.h>

#include "rtp_packet.h"

struct track {
	uint32_t sent, probes_sent, send_errors;

	uint32_t received;	/* media packets of the other side, doubles included */
	uint32_t unique;
	uint32_t duplicate, reordered;
	uint32_t wrong_source;	/* not from the relay's address and port */
	uint32_t foreign;	/* another call's packet: cross-talk */
	uint32_t malformed;
	uint32_t probes;	/* relayed although sent after hang-up */

	uint32_t lowest, highest;	/* index; meaningful once unique > 0 */
	uint64_t first_tx_ns, last_tx_ns, first_rx_ns, last_rx_ns, longest_gap_ns;
	uint64_t delay_sum_ns, delay_max_ns;

	uint8_t *seen;		/* one bit per index */
	uint32_t seen_bits;
};

void track_sent(struct track *track, const struct mark *mark);
/* A packet of the right call and side, from wherever. */
void track_received(struct track *track, const struct mark *mark, uint64_t now_ns);
void track_print(const struct track *track, const char *name, FILE *out);
void track_free(struct track *track);

#endif
