// SPDX-License-Identifier: GPL-2.0
/* The table of flows, without packets: compiled in whole, so that its insides can be looked at. */
#include <kunit/test.h>
#include <linux/init.h>
#include <linux/random.h>

#undef __init	/* the suite calls what the module calls once */
#define __init

#include "../flow.c"
#include "../grow.c"
#include "../list.c"
#include "../learn.c"
#include "../table.c"

#define ADDR(n) cpu_to_be32(0x0a000000 + (n))
#define PORT(n) cpu_to_be16(n)

static struct lrk_net *new_net(struct kunit *test)
{
	struct lrk_net *ln = kunit_kzalloc(test, sizeof(*ln), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, ln);
	ln->seed = 0x123456789abcdefULL;
	spin_lock_init(&ln->lock);
	mutex_init(&ln->mutex);
	return ln;
}

static struct lrk_flow_spec spec_of(struct lrk_flow_key key)
{
	return (struct lrk_flow_spec) {
		.key = key,
		.locked_port = PORT(5004),
		.source_addr = ADDR(0x20001),
		.dest_addr = ADDR(0x20002),
		.source_port = PORT(6000),
		.dest_port = PORT(7000),
	};
}

static struct lrk_flow_key nth_key(u32 n)
{
	return (struct lrk_flow_key) { ADDR(n / 8), ADDR(0x10001), PORT(10000 + n % 8), 0 };
}

static int add(struct lrk_net *ln, const struct lrk_flow_spec *spec)
{
	struct lrk_flow *flow;
	int err;

	mutex_lock(&ln->mutex);
	err = lrk_table_reserve(ln, 1);
	flow = err ? NULL : lrk_flow_alloc(spec);
	if (IS_ERR(flow))
		err = PTR_ERR(flow);
	if (!err) {
		err = lrk_table_add(ln, flow);
		if (err)
			lrk_flow_discard(flow);
	}
	mutex_unlock(&ln->mutex);
	return err;
}

static int add_key(struct lrk_net *ln, struct lrk_flow_key key)
{
	struct lrk_flow_spec spec = spec_of(key);

	return add(ln, &spec);
}

static bool drop(struct lrk_net *ln, struct lrk_flow_key key)
{
	struct lrk_flow *flow;

	mutex_lock(&ln->mutex);
	flow = lrk_table_remove(ln, &key);
	mutex_unlock(&ln->mutex);
	if (flow)
		lrk_flow_free(flow);
	return flow;
}

static int update(struct lrk_net *ln, const struct lrk_flow_spec *spec, struct lrk_flow_spec *old)
{
	int err;

	mutex_lock(&ln->mutex);
	err = lrk_table_update(ln, spec, old);
	mutex_unlock(&ln->mutex);
	return err;
}

static void clear(struct lrk_net *ln)
{
	mutex_lock(&ln->mutex);
	lrk_table_clear(ln);
	mutex_unlock(&ln->mutex);
}

/* As a packet finds it. */
static bool find(struct lrk_net *ln, struct lrk_flow_key key, struct lrk_hit *hit)
{
	bool found;

	rcu_read_lock();
	found = lrk_table_find(ln, key.remote_addr, key.local_addr, key.local_port, hit);
	rcu_read_unlock();
	return found;
}

static bool is_there(struct lrk_net *ln, struct lrk_flow_key key)
{
	struct lrk_hit hit;

	return find(ln, key, &hit) && !memcmp(&hit.flow->key, &key, sizeof(key));
}

static u32 places_used(struct lrk_net *ln)
{
	const struct lrk_table *table = rcu_access_pointer(ln->table);
	u32 i, n = 0;

	for (i = 0; table && i <= table->mask; i++)
		n += table->places[i] != LRK_EMPTY;
	return n;
}

static void finds_what_was_added(struct kunit *test)
{
	struct lrk_net *ln = new_net(test);
	struct lrk_hit hit;

	KUNIT_EXPECT_FALSE(test, find(ln, nth_key(1), &hit));
	KUNIT_EXPECT_FALSE(test, drop(ln, nth_key(1)));
	KUNIT_EXPECT_EQ(test, add_key(ln, nth_key(1)), 0);
	KUNIT_EXPECT_EQ(test, add_key(ln, nth_key(1)), -EEXIST);
	KUNIT_EXPECT_TRUE(test, find(ln, nth_key(1), &hit));
	KUNIT_EXPECT_TRUE(test, hit.leaving.dest_addr == ADDR(0x20002));
	KUNIT_EXPECT_FALSE(test, is_there(ln, nth_key(2)));
	KUNIT_EXPECT_TRUE(test, drop(ln, nth_key(1)));
	KUNIT_EXPECT_FALSE(test, is_there(ln, nth_key(1)));
	KUNIT_EXPECT_EQ(test, ln->flows, 0);
	clear(ln);
	KUNIT_EXPECT_NULL(test, rcu_access_pointer(ln->table));
}

/* The first key from n on whose search begins at a place of the smallest table. */
static u32 next_of_place(const struct lrk_net *ln, u32 n, u32 place)
{
	struct lrk_flow_key key;

	for (;; n++) {
		key = nth_key(n);
		if ((lrk_hash(ln->seed, key.remote_addr, key.local_addr, key.local_port) &
		     (LRK_TABLE_MIN - 1)) == place)
			return n;
	}
}

/* All of them want the last but two, so that most lie at the beginning. */
static void probes_over_the_end(struct kunit *test)
{
	struct lrk_net *ln = new_net(test);
	u32 n[20], i;

	for (i = 0; i < ARRAY_SIZE(n); i++) {
		n[i] = next_of_place(ln, i ? n[i - 1] + 1 : 0, LRK_TABLE_MIN - 3);
		KUNIT_ASSERT_EQ(test, add_key(ln, nth_key(n[i])), 0);
	}
	KUNIT_ASSERT_EQ(test, rcu_access_pointer(ln->table)->mask, LRK_TABLE_MIN - 1);
	for (i = 0; i < ARRAY_SIZE(n); i += 2)
		KUNIT_EXPECT_TRUE(test, drop(ln, nth_key(n[i])));
	for (i = 0; i < ARRAY_SIZE(n); i++)
		KUNIT_EXPECT_EQ(test, is_there(ln, nth_key(n[i])), i % 2 == 1);
	/* The places of those that are gone are taken again, and no others. */
	KUNIT_EXPECT_EQ(test, places_used(ln), ARRAY_SIZE(n));
	for (i = 0; i < ARRAY_SIZE(n); i += 2)
		KUNIT_EXPECT_EQ(test, add_key(ln, nth_key(n[i])), 0);
	KUNIT_EXPECT_EQ(test, places_used(ln), ARRAY_SIZE(n));
	for (i = 0; i < ARRAY_SIZE(n); i++)
		KUNIT_EXPECT_TRUE(test, is_there(ln, nth_key(n[i])));
	/* With the last of them gone nothing is left to search through. */
	for (i = 0; i < ARRAY_SIZE(n); i++)
		KUNIT_EXPECT_TRUE(test, drop(ln, nth_key(n[i])));
	KUNIT_EXPECT_EQ(test, places_used(ln), 0);
	KUNIT_EXPECT_EQ(test, rcu_access_pointer(ln->table)->used, 0);
	clear(ln);
}

static void grows(struct kunit *test)
{
	const u32 many = 10000;
	struct lrk_net *ln = new_net(test);
	struct lrk_hit hit;
	u32 i, generation;

	KUNIT_ASSERT_EQ(test, add_key(ln, nth_key(0)), 0);
	KUNIT_ASSERT_TRUE(test, find(ln, nth_key(0), &hit));
	hit.flow->packets = 77;
	generation = ln->generation;
	for (i = 1; i < many; i++) {
		KUNIT_ASSERT_EQ(test, add_key(ln, nth_key(i)), 0);
		KUNIT_ASSERT_LE(test, places_used(ln) * (i < 500), rcu_access_pointer(ln->table)->mask / 4 * 3 + 3);
	}
	KUNIT_EXPECT_NE(test, ln->generation, generation);
	for (i = 0; i < many; i++)
		KUNIT_EXPECT_TRUE(test, is_there(ln, nth_key(i)));
	KUNIT_EXPECT_FALSE(test, is_there(ln, nth_key(many)));
	KUNIT_EXPECT_TRUE(test, find(ln, nth_key(0), &hit) && hit.flow->packets == 77);
	KUNIT_EXPECT_EQ(test, ln->flows, many);
	clear(ln);
	KUNIT_EXPECT_EQ(test, ln->flows, 0);
}

/* What was reserved can be added without another table, and more than any table holds is refused. */
static void reserves(struct kunit *test)
{
	struct lrk_net *ln = new_net(test);
	const struct lrk_table *table;
	u32 i;

	mutex_lock(&ln->mutex);
	KUNIT_EXPECT_EQ(test, lrk_table_reserve(ln, 1000), 0);
	KUNIT_EXPECT_EQ(test, lrk_table_reserve(ln, U32_MAX), -ENOMEM);
	mutex_unlock(&ln->mutex);
	table = rcu_access_pointer(ln->table);
	for (i = 0; i < 1000; i++)
		KUNIT_ASSERT_EQ(test, add_key(ln, nth_key(i)), 0);
	KUNIT_EXPECT_PTR_EQ(test, table, rcu_access_pointer(ln->table));
	clear(ln);
}

/* Random changes, compared with an array of what has to be there. */
static void agrees_with_a_model(struct kunit *test)
{
	struct lrk_net *ln = new_net(test);
	bool there[200] = { 0 };
	u32 step, i, n = 0;

	for (step = 0; step < 20000; step++) {
		i = get_random_u32() % ARRAY_SIZE(there);
		if (there[i])
			KUNIT_ASSERT_TRUE(test, drop(ln, nth_key(i)));
		else
			KUNIT_ASSERT_EQ(test, add_key(ln, nth_key(i)), 0);
		there[i] = !there[i];
		n += there[i] ? 1 : -1;
		KUNIT_ASSERT_EQ(test, ln->flows, n);
		KUNIT_ASSERT_EQ(test, places_used(ln), rcu_access_pointer(ln->table)->used);
		for (i = 0; step % 64 == 0 && i < ARRAY_SIZE(there); i++)
			KUNIT_ASSERT_EQ(test, is_there(ln, nth_key(i)), there[i]);
	}
	clear(ln);
}

static void updates(struct kunit *test)
{
	struct lrk_flow_spec spec = spec_of(nth_key(1)), old;
	struct lrk_net *ln = new_net(test);
	struct lrk_hit hit;

	KUNIT_EXPECT_EQ(test, update(ln, &spec, &old), -ENOENT);
	KUNIT_ASSERT_EQ(test, add(ln, &spec), 0);
	spec.dest_port = PORT(7777);
	spec.idle_seconds = 5;
	spec.clock_hz = 8000;
	spec.flags = LRK_FLOW_SET_DSCP;
	spec.dscp = 46;
	spec.max_bytes = 1;
	KUNIT_EXPECT_EQ(test, update(ln, &spec, &old), 0);
	KUNIT_EXPECT_TRUE(test, old.dest_port == PORT(7000));
	KUNIT_EXPECT_EQ(test, ln->timed, 1);
	KUNIT_ASSERT_TRUE(test, find(ln, nth_key(1), &hit));
	KUNIT_EXPECT_TRUE(test, hit.leaving.dest_port == PORT(7777));
	KUNIT_EXPECT_EQ(test, hit.leaving.flags, LRK_FLOW_SET_DSCP | LRK_LIMITED);
	KUNIT_EXPECT_EQ(test, hit.leaving.tos, 46 << 2);
	/* 8000 ticks in a second. */
	KUNIT_EXPECT_EQ(test, mul_u64_u64_shr(NSEC_PER_SEC, hit.leaving.clock_mult, 32), 7999);
	KUNIT_EXPECT_EQ(test, update(ln, &old, &spec), 0);
	KUNIT_EXPECT_EQ(test, spec.idle_seconds, 5);
	KUNIT_EXPECT_EQ(test, ln->timed, 0);
	clear(ln);
}

static bool learn(struct lrk_net *ln, struct lrk_flow_key key, u16 port, struct lrk_flow_answer *event)
{
	memset(event, 0, sizeof(*event));
	return lrk_table_learn(ln, &key, PORT(port), event);
}

static void learns(struct kunit *test)
{
	struct lrk_flow_spec one = spec_of(nth_key(1)), two, old;
	struct lrk_net *ln = new_net(test);
	struct lrk_flow_answer event;
	struct lrk_hit hit;

	one.locked_port = 0;
	one.flags = LRK_FLOW_OPEN;
	two = spec_of((struct lrk_flow_key) { one.dest_addr, one.source_addr, one.source_port, 0 });
	two.source_addr = one.key.local_addr;
	two.source_port = one.key.local_port;
	two.dest_addr = one.key.remote_addr;
	KUNIT_ASSERT_EQ(test, add(ln, &one), 0);
	KUNIT_ASSERT_EQ(test, add(ln, &two), 0);
	KUNIT_EXPECT_TRUE(test, learn(ln, one.key, 999, &event));
	KUNIT_EXPECT_EQ(test, event.header.type, LRK_EVENT_LEARNED);
	KUNIT_EXPECT_TRUE(test, event.flow.locked_port == PORT(999) && !(event.flow.flags & LRK_FLOW_OPEN));
	KUNIT_EXPECT_TRUE(test, find(ln, two.key, &hit) && hit.leaving.dest_port == PORT(999));
	/* It is closed now. */
	KUNIT_EXPECT_FALSE(test, learn(ln, one.key, 998, &event));
	/* What was learned is what an undo has to put back. */
	one.locked_port = PORT(999);
	one.flags = LRK_FLOW_OPEN;
	KUNIT_EXPECT_EQ(test, update(ln, &one, &old), 0);
	KUNIT_EXPECT_TRUE(test, old.locked_port == PORT(999) && !old.flags);
	KUNIT_EXPECT_FALSE(test, learn(ln, one.key, 999, &event));
	KUNIT_EXPECT_TRUE(test, learn(ln, one.key, 998, &event));
	KUNIT_EXPECT_EQ(test, event.header.type, LRK_EVENT_CANDIDATE);
	KUNIT_EXPECT_TRUE(test, event.candidate_port == PORT(998) && event.flow.locked_port == PORT(999));
	KUNIT_EXPECT_FALSE(test, learn(ln, one.key, 997, &event));
	KUNIT_EXPECT_FALSE(test, learn(ln, nth_key(50), 1, &event));
	clear(ln);
}

/* A write that may have to be undone, or a table that is being copied. */
static void learns_nothing_in_a_pause(struct kunit *test)
{
	struct lrk_flow_spec spec = spec_of(nth_key(1));
	struct lrk_net *ln = new_net(test);
	struct lrk_flow_answer event;

	spec.locked_port = 0;
	spec.flags = LRK_FLOW_OPEN;
	KUNIT_ASSERT_EQ(test, add(ln, &spec), 0);
	mutex_lock(&ln->mutex);
	lrk_learn_pause(ln);
	KUNIT_EXPECT_EQ(test, lrk_table_reserve(ln, 1000), 0);
	KUNIT_EXPECT_FALSE(test, learn(ln, spec.key, 999, &event));
	lrk_learn_resume(ln);
	mutex_unlock(&ln->mutex);
	KUNIT_EXPECT_TRUE(test, learn(ln, spec.key, 999, &event));
	KUNIT_EXPECT_EQ(test, event.header.type, LRK_EVENT_LEARNED);
	clear(ln);
}

/* The flow at the key of the opposite one belongs to another call: it goes on as it is. */
static void leaves_others_alone_when_learning(struct kunit *test)
{
	struct lrk_flow_spec one = spec_of(nth_key(1)), two;
	struct lrk_net *ln = new_net(test);
	struct lrk_flow_answer event;
	struct lrk_hit hit;

	one.locked_port = 0;
	one.flags = LRK_FLOW_OPEN;
	two = spec_of((struct lrk_flow_key) { one.dest_addr, one.source_addr, one.source_port, 0 });
	KUNIT_ASSERT_EQ(test, add(ln, &one), 0);
	KUNIT_ASSERT_EQ(test, add(ln, &two), 0);
	KUNIT_EXPECT_TRUE(test, learn(ln, one.key, 999, &event));
	KUNIT_EXPECT_TRUE(test, find(ln, two.key, &hit) && hit.leaving.dest_port == PORT(7000));
	clear(ln);
}

static int page(struct lrk_net *ln, u64 *cursor, u32 limit, struct lrk_flow_answer *answers)
{
	int n;

	mutex_lock(&ln->mutex);
	n = lrk_table_page(ln, cursor, limit, answers);
	mutex_unlock(&ln->mutex);
	return n;
}

static void lists_by_pages(struct kunit *test)
{
	struct lrk_flow_answer *answers = kunit_kzalloc(test, 8 * sizeof(*answers), GFP_KERNEL);
	struct lrk_net *ln = new_net(test);
	u64 cursor = 0, first;
	u32 i, n = 0;

	KUNIT_ASSERT_NOT_NULL(test, answers);
	KUNIT_EXPECT_EQ(test, page(ln, &cursor, 8, answers), 0);
	KUNIT_EXPECT_EQ(test, cursor, 0);
	for (i = 0; i < 20; i++)
		KUNIT_ASSERT_EQ(test, add_key(ln, nth_key(i)), 0);
	for (i = 0; i == 0 || cursor; i++) {
		n += page(ln, &cursor, 8, answers);
		first = i ? first : cursor;
	}
	KUNIT_EXPECT_EQ(test, n, 20);
	KUNIT_EXPECT_EQ(test, i, 3);
	for (i = 20; i < 100; i++)
		KUNIT_ASSERT_EQ(test, add_key(ln, nth_key(i)), 0);
	KUNIT_EXPECT_EQ(test, page(ln, &first, 8, answers), -ESTALE);
	first = (u64)ln->generation << 32 | U32_MAX;
	KUNIT_EXPECT_EQ(test, page(ln, &first, 8, answers), -ESTALE);
	clear(ln);
}

static int delta(struct lrk_net *ln, u64 since, struct lrk_delta_answer *answers, u64 *now)
{
	u64 cursor = 0;
	int n;

	memset(answers, 0, 2 * sizeof(*answers));
	mutex_lock(&ln->mutex);
	n = lrk_table_delta(ln, &cursor, since, 10, answers, now);
	mutex_unlock(&ln->mutex);
	return n;
}

static void tells_what_has_moved(struct kunit *test)
{
	struct lrk_delta_answer *answers = kunit_kzalloc(test, 2 * sizeof(*answers), GFP_KERNEL);
	struct lrk_net *ln = new_net(test);
	u64 start, now, ignored;
	struct lrk_hit hit;
	u32 i;

	KUNIT_ASSERT_NOT_NULL(test, answers);
	for (i = 0; i < 7; i++)
		KUNIT_ASSERT_EQ(test, add_key(ln, nth_key(i)), 0);
	KUNIT_EXPECT_EQ(test, delta(ln, 0, answers, &start), 7);
	KUNIT_EXPECT_EQ(test, answers[0].flows, 5);
	KUNIT_EXPECT_EQ(test, answers[1].flows, 2);
	KUNIT_EXPECT_EQ(test, delta(ln, start, answers, &now), 0);
	KUNIT_EXPECT_GT(test, now, start);
	/* However old its tick is. */
	KUNIT_ASSERT_TRUE(test, find(ln, nth_key(3), &hit));
	hit.flow->packets = 1;
	hit.flow->bytes = 60;
	hit.flow->last = jiffies - 1000;
	KUNIT_EXPECT_EQ(test, delta(ln, now, answers, &now), 1);
	KUNIT_EXPECT_EQ(test, answers[0].delta[0].bytes, 60);
	KUNIT_EXPECT_EQ(test, delta(ln, now, answers, &ignored), 0);
	KUNIT_EXPECT_EQ(test, delta(ln, start, answers, &ignored), 1);
	KUNIT_EXPECT_EQ(test, delta(ln, ignored, answers, &now), 0);
	KUNIT_EXPECT_EQ(test, delta(ln, now + NSEC_PER_SEC * 1000, answers, &ignored), -EINVAL);
	/* It has not been forgotten in a greater table. */
	for (i = 7; i < 100; i++)
		KUNIT_ASSERT_EQ(test, add_key(ln, nth_key(i)), 0);
	KUNIT_EXPECT_EQ(test, delta(ln, now, answers, &ignored), 0);
	KUNIT_EXPECT_EQ(test, delta(ln, start, answers, &ignored), 1);
	clear(ln);
}

static bool is_silent(struct lrk_net *ln)
{
	struct lrk_flow_answer event = { };
	u32 from = 0;
	bool silent;

	mutex_lock(&ln->mutex);
	silent = lrk_table_next_silent(ln, &from, &event);
	mutex_unlock(&ln->mutex);
	return silent;
}

static void knows_silence(struct kunit *test)
{
	struct lrk_flow_spec spec = spec_of(nth_key(1)), old;
	struct lrk_net *ln = new_net(test);
	struct lrk_hit hit;

	spec.idle_seconds = 10;
	KUNIT_ASSERT_EQ(test, add(ln, &spec), 0);
	KUNIT_ASSERT_TRUE(test, find(ln, nth_key(1), &hit));
	KUNIT_EXPECT_FALSE(test, is_silent(ln));
	hit.flow->last = jiffies - 9 * HZ;
	KUNIT_EXPECT_FALSE(test, is_silent(ln));
	/* Relayed in a tick that the one who looks has not seen yet. */
	hit.flow->last = jiffies + 100;
	KUNIT_EXPECT_FALSE(test, is_silent(ln));
	hit.flow->last = jiffies - 10 * HZ;
	KUNIT_EXPECT_TRUE(test, is_silent(ln));
	/* For months, which 32 bits of ticks cannot tell. */
	hit.flow->last = jiffies - BIT(32) - 5;
	KUNIT_EXPECT_TRUE(test, is_silent(ln));
	spec.idle_seconds = 0;
	KUNIT_EXPECT_EQ(test, update(ln, &spec, &old), 0);
	KUNIT_EXPECT_FALSE(test, is_silent(ln));
	clear(ln);
}

static void obeys_max_flows(struct kunit *test)
{
	struct lrk_net *ln = new_net(test);
	u32 before = max_flows;

	rcu_barrier();
	max_flows = lrk_flows_all() + 2;
	KUNIT_EXPECT_EQ(test, add_key(ln, nth_key(1)), 0);
	KUNIT_EXPECT_EQ(test, add_key(ln, nth_key(2)), 0);
	KUNIT_EXPECT_EQ(test, add_key(ln, nth_key(3)), -ENOSPC);
	KUNIT_EXPECT_TRUE(test, drop(ln, nth_key(1)));
	KUNIT_EXPECT_EQ(test, add_key(ln, nth_key(3)), 0);
	max_flows = 0;
	KUNIT_EXPECT_EQ(test, add_key(ln, nth_key(4)), -ENOSPC);
	KUNIT_EXPECT_TRUE(test, is_there(ln, nth_key(2)));
	max_flows = before;
	clear(ln);
}

static int table_suite_init(struct kunit_suite *suite)
{
	return lrk_flow_init();
}

static void table_suite_exit(struct kunit_suite *suite)
{
	lrk_flow_exit();
}

static struct kunit_case table_cases[] = {
	KUNIT_CASE(finds_what_was_added),
	KUNIT_CASE(probes_over_the_end),
	KUNIT_CASE(grows),
	KUNIT_CASE(reserves),
	KUNIT_CASE(agrees_with_a_model),
	KUNIT_CASE(updates),
	KUNIT_CASE(learns),
	KUNIT_CASE(learns_nothing_in_a_pause),
	KUNIT_CASE(leaves_others_alone_when_learning),
	KUNIT_CASE(lists_by_pages),
	KUNIT_CASE(tells_what_has_moved),
	KUNIT_CASE(knows_silence),
	KUNIT_CASE(obeys_max_flows),
	{}
};

static struct kunit_suite table_suite = {
	.name = "lrk_table",
	.suite_init = table_suite_init,
	.suite_exit = table_suite_exit,
	.test_cases = table_cases,
};

kunit_test_suite(table_suite);
MODULE_DESCRIPTION("Tests of lrkproxy.ko's parts");
MODULE_LICENSE("GPL");
