#include "rtp_track.h"

#include <err.h>
#include <stdlib.h>
#include <string.h>

/* No call sends more; a greater index is a broken packet, not a reason to ask for memory. */
#define MAX_INDEX (1u << 24)

void track_sent(struct track *track, const struct mark *mark)
{
	if (mark->phase == PROBE) {
		track->probes_sent++;
		return;
	}
	if (!track->sent++)
		track->first_tx_ns = mark->sent_ns;
	track->last_tx_ns = mark->sent_ns;
}

/* Returns 1 if the index was seen before. */
static int see(struct track *track, uint32_t index)
{
	uint8_t bit = 1 << index % 8;
	int seen;

	if (index >= track->seen_bits) {
		uint32_t bits = (index | 1023) + 1;

		track->seen = realloc(track->seen, bits / 8);
		if (!track->seen)
			err(1, "realloc");
		memset(track->seen + track->seen_bits / 8, 0, (bits - track->seen_bits) / 8);
		track->seen_bits = bits;
	}
	seen = !!(track->seen[index / 8] & bit);
	track->seen[index / 8] |= bit;
	return seen;
}

static void note_time(struct track *track, const struct mark *mark, uint64_t now_ns)
{
	uint64_t delay = now_ns - mark->sent_ns;

	if (!track->first_rx_ns)
		track->first_rx_ns = now_ns;
	else if (now_ns - track->last_rx_ns > track->longest_gap_ns)
		track->longest_gap_ns = now_ns - track->last_rx_ns;
	track->last_rx_ns = now_ns;
	track->delay_sum_ns += delay;
	if (delay > track->delay_max_ns)
		track->delay_max_ns = delay;
}

void track_received(struct track *track, const struct mark *mark, uint64_t now_ns)
{
	if (mark->phase == PROBE) {
		track->probes++;
		return;
	}
	if (mark->index >= MAX_INDEX) {
		track->malformed++;
		return;
	}
	track->received++;
	note_time(track, mark, now_ns);
	if (see(track, mark->index)) {
		track->duplicate++;
		return;
	}
	if (track->unique && mark->index < track->highest)
		track->reordered++;
	if (!track->unique || mark->index > track->highest)
		track->highest = mark->index;
	if (!track->unique || mark->index < track->lowest)
		track->lowest = mark->index;
	track->unique++;
}

void track_print(const struct track *t, const char *name, FILE *out)
{
	fprintf(out,
		"\"%s\":{\"sent\":%u,\"probesSent\":%u,\"sendErrors\":%u,\"received\":%u,\"unique\":%u,"
		"\"duplicate\":%u,\"reordered\":%u,\"wrongSource\":%u,\"foreign\":%u,\"malformed\":%u,"
		"\"probes\":%u,\"lowest\":%u,\"highest\":%u,\"firstTxMs\":%.1f,\"lastTxMs\":%.1f,\"firstRxMs\":%.1f,"
		"\"lastRxMs\":%.1f,\"longestGapMs\":%.1f,\"delayMeanMs\":%.2f,\"delayMaxMs\":%.2f}",
		name, t->sent, t->probes_sent, t->send_errors, t->received, t->unique, t->duplicate,
		t->reordered, t->wrong_source, t->foreign, t->malformed, t->probes, t->lowest, t->highest,
		t->first_tx_ns / 1e6, t->last_tx_ns / 1e6, t->first_rx_ns / 1e6, t->last_rx_ns / 1e6, t->longest_gap_ns / 1e6,
		t->received ? t->delay_sum_ns / 1e6 / t->received : 0, t->delay_max_ns / 1e6);
}

void track_free(struct track *track)
{
	free(track->seen);
	track->seen = NULL;
}
