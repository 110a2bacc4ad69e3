/* The table as a whole, page by page: LRK_DUMP and LRK_DELTA. */
#include "relay.h"

#define MANY 40000

/* One page of LRK_DELTA: its answer LRK_ANSWER_PAGE; the others stay in pages[]. */
static union answer pages[LRK_BATCH_MAX];

static union answer delta(uint64_t cursor, uint64_t since, uint32_t limit)
{
	union answer none = { .header.type = NO_ANSWER };
	union request r = { .header = { LRK_DELTA, 0, 11 } };
	ssize_t n;

	r.plain.cursor = cursor;
	r.plain.since = since;
	r.plain.value = limit;
	if (put1(device, r))
		return none;
	n = read(device, pages, sizeof(pages)) / (ssize_t)sizeof(*pages);
	if (n < 1 || pages[n - 1].page.flows > (n - 1) * LRK_DELTAS)
		return none;
	return pages[n - 1];
}

static const struct lrk_delta *delta_at(unsigned int i) { return &pages[i / LRK_DELTAS].delta.delta[i % LRK_DELTAS]; }

void takes_many(void)
{
	union request *r = calloc(MANY, sizeof(*r));
	static union answer page[LRK_BATCH_MAX];
	uint64_t t = now_ms(), cursor = 0;
	int i, seen = 0, n;

	for (i = 0; i < MANY; i++)
		r[i] = nth(LRK_ADD, i);
	put_all(r, MANY);
	printf("info %d flows added in %d ms\n", MANY, (int)(now_ms() - t));
	t = now_ms();
	do {
		union request dump = { .header.type = LRK_DUMP };

		dump.plain.value = 10000;
		dump.plain.cursor = cursor;
		CHECK(!put1(device, dump));
		n = read(device, page, sizeof(page)) / sizeof(*page);
		CHECK(n > 0 && page[n - 1].header.type == LRK_ANSWER_PAGE);
		CHECK(page[n - 1].page.flows == (uint32_t)n - 1);
		seen += n - 1;
		cursor = page[n - 1].page.cursor;
	} while (cursor);
	CHECK(seen == MANY);
	printf("info %d flows listed in %d ms\n", MANY, (int)(now_ms() - t));
	t = now_ms();
	CHECK(delta(0, 0, 80000).page.flows == MANY);
	printf("info %d flows' numbers read in %d ms\n", MANY, (int)(now_ms() - t));
	t = now_ms();
	for (i = 0; i < MANY; i++)
		r[i] = nth(LRK_DELETE, i);
	put_all(r, MANY);
	printf("info %d flows deleted in %d ms\n", MANY, (int)(now_ms() - t));
	CHECK(plain(device, LRK_STATS, 0).stats.flows == 0);
	free(r);
}

void tells_what_has_moved(void)
{
	union request late = { .header.type = LRK_DELTA };
	uint64_t start, later, bytes = 0;
	union answer page;
	int i;

	page = delta(0, 0, 5);
	CHECK(page.header.type == LRK_ANSWER_PAGE && page.header.seq == 11 && !page.page.flows && page.page.now);
	CHECK(!put1(device, a_to_b(LRK_ADD, 5004)) && !put1(device, b_to_a(LRK_ADD, 5004)));
	for (i = 0; i < 10; i++)
		CHECK(!put1(device, nth(LRK_ADD, i)));
	/* All of them. */
	page = delta(0, 0, 100);
	start = page.page.now;
	CHECK(page.page.flows == 12 && !page.page.cursor);
	CHECK(pages[0].header.type == LRK_ANSWER_DELTA && pages[0].header.seq == 11);
	CHECK(pages[0].delta.flows == 5 && pages[2].delta.flows == 2 && !pages[2].delta.delta[2].key.local_port);
	/* None has moved; one moves. */
	CHECK(delta(0, start, 100).page.flows == 0);
	from_a(5004, 1);
	CHECK(reaches_b());
	page = delta(0, start, 100);
	CHECK(page.page.flows == 1 && page.page.now > start);
	CHECK(delta_at(0)->key.remote_addr == inet_addr(A) && delta_at(0)->key.local_addr == inet_addr(RELAY_A));
	CHECK(delta_at(0)->key.local_port == htons(RTP_A) && delta_at(0)->packets == 1 && delta_at(0)->bytes == 200);
	CHECK(delta_at(0)->idle_ms < 5000);
	/* Who asks with the old moment is told again; with the new one not. */
	later = page.page.now;
	CHECK(delta(0, start, 100).page.flows == 1 && delta(0, later, 100).page.flows == 0);
	/* What is put back by a write that fails has not moved, and keeps its numbers. */
	union request two[2] = { flow_request(LRK_DELETE, A, RELAY_A, RTP_A), b_to_a(LRK_ADD, 5004) };

	CHECK(put(device, two, 2) == -1 && errno == EEXIST);
	CHECK(delta(0, later, 100).page.flows == 0);
	CHECK(delta(0, start, 100).page.flows == 1 && delta_at(0)->packets == 1);
	/* A moment that is still to come. */
	late.plain.value = 1;
	late.plain.since = ~0ull;
	CHECK(refused(late, EINVAL, LRK_REASON_VALUE, offsetof(struct lrk_plain_request, since)));
	late.plain.since = 0;
	late.plain.value = 0;
	CHECK(refused(late, EINVAL, LRK_REASON_VALUE, offsetof(struct lrk_plain_request, value)));
	late.plain.value = (LRK_BATCH_MAX - 1) * LRK_DELTAS + 1;
	CHECK(refused(late, EINVAL, LRK_REASON_VALUE, offsetof(struct lrk_plain_request, value)));
	late.header.type = LRK_DUMP;
	late.plain.value = 1;
	late.plain.since = 1;
	CHECK(refused(late, EINVAL, LRK_REASON_RESERVED, offsetof(struct lrk_plain_request, since)));
	/* Pages; and a table that grows between two of them. */
	page = delta(0, 0, 7);
	CHECK(page.page.flows == 7 && page.page.cursor);
	page = delta(page.page.cursor, 0, 7);
	CHECK(page.page.flows == 5 && !page.page.cursor);
	late.header.type = LRK_DELTA;
	late.plain.since = 0;
	late.plain.cursor = delta(0, 0, 7).page.cursor;
	for (i = 10; i < 200; i++)
		CHECK(!put1(device, nth(LRK_ADD, i)));
	CHECK(refused(late, ESTALE, LRK_REASON_CURSOR, offsetof(struct lrk_plain_request, cursor)));
	CHECK(!flush(device));
	/* Each packet is told once or, in between, as part of a greater number: nothing is ever missed. */
	CHECK(!put1(device, a_to_b(LRK_ADD, 5004)));
	start = delta(0, 0, 100).page.now;
	for (i = 1; i <= 2000; i++) {
		from_a(5004, i);
		page = delta(0, start, 100);
		start = page.page.now;
		if (page.page.flows)
			bytes = delta_at(0)->bytes;
	}
	while (ask(device, flow_request(LRK_GET, A, RELAY_A, RTP_A)).flow.packets < 2000)
		usleep(1000);
	page = delta(0, start, 100);
	CHECK((page.page.flows ? delta_at(0)->bytes : bytes) == 2000 * 200);
	CHECK(!flush(device));
}

/* Seven flows share an answer, in the order of the requests, whatever lies between these. */
void counts(void)
{
	union request r[12] = { flow_request(LRK_COUNT, A, RELAY_A, RTP_A) };
	struct lrk_counts_answer first, second;
	union answer a;
	int i;

	CHECK(!put1(device, a_to_b(LRK_ADD, 5004)));
	for (i = 0; i < 9; i++)
		CHECK(!put1(device, nth(LRK_ADD, i)));
	from_a(5004, 1);
	from_a(5004, 2);
	CHECK(reaches_b() && reaches_b());
	r[1] = nth(LRK_COUNT, 100);
	r[2] = nth(LRK_ADD, 9);
	r[3] = flow_request(LRK_GET, A, RELAY_A, RTP_A);
	for (i = 4; i < 11; i++)
		r[i] = nth(i % 2 ? LRK_DELETE : LRK_COUNT, i - 4);
	r[11] = flow_request(LRK_DELETE, A, RELAY_A, RTP_A);
	for (i = 0; i < 12; i++)
		r[i].header.seq = 100 + i;
	CHECK(!put(device, r, 12));
	first = take(device).counts;
	CHECK(first.header.type == LRK_ANSWER_COUNTS && first.header.seq == 100);
	CHECK(first.flows == LRK_COUNTED && first.found == 0x7d);
	CHECK(first.count[0].packets == 2 && first.count[0].bytes == 400);
	CHECK(first.count[0].rtp_expected == 2 && first.count[0].rtp_received == 2);
	CHECK(!first.count[1].packets && !first.count[2].packets);
	a = take(device);
	CHECK(a.header.type == LRK_ANSWER_FLOW && a.header.seq == 103);
	second = take(device).counts;
	CHECK(second.header.type == LRK_ANSWER_COUNTS && second.header.seq == 109);
	CHECK(second.flows == 3 && second.found == 7 && second.count[2].packets == 2);
	/* That is all; and what is deleted is gone. */
	CHECK(!poll(&(struct pollfd) { .fd = device, .events = POLLIN }, 1, 0));
	CHECK(plain(device, LRK_STATS, 0).stats.flows == 7);
	a = ask(device, r[0]);
	CHECK(a.counts.flows == 1 && !a.counts.found && !a.counts.count[0].packets);
	/* Nothing is told, nor lost, if the write fails; the numbers go on. */
	CHECK(!put1(device, a_to_b(LRK_ADD, 5004)));
	from_a(5004, 3);
	CHECK(reaches_b());
	CHECK(put(device, (union request[]) { r[11], r[11] }, 2) == -1 && errno == ENOENT);
	a = take(device);
	CHECK(a.header.type == LRK_ANSWER_ERROR && a.error.index == 1 && a.error.reason == LRK_REASON_UNKNOWN);
	from_a(5004, 4);
	CHECK(reaches_b());
	a = ask(device, r[11]);
	CHECK(a.counts.found == 1 && a.counts.count[0].packets == 2 && a.counts.count[0].rtp_received == 2);
	CHECK(!flush(device));
}
