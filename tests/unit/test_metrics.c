#include "base/metrics.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum {
	THREADS = 4,
	ROUNDS = 20000
};

static uint64_t total(enum metric m)
{
	uint64_t out[METRIC_COUNT];

	metrics_sum(out);
	return out[m];
}

static void test_names(void **state)
{
	(void)state;
	for (int m = 0; m < METRIC_COUNT; m++) {
		const char *name = metrics_name((enum metric)m);
		const char *help = metrics_help((enum metric)m);

		/* Prometheus allows these characters in a name. */
		assert_int_equal(
		    strspn(name, "abcdefghijklmnopqrstuvwxyz_"), strlen(name));
		assert_true(strlen(name) > 0);
		assert_int_equal(help[strlen(help) - 1], '.');
		for (int k = 0; k < m; k++)
			assert_string_not_equal(
			    name, metrics_name((enum metric)k));
	}
	assert_string_equal(metrics_name(METRIC_HITS_STALE), "hits_stale");
}

/* A thread that never registered counts as well. */
static void test_without_block(void **state)
{
	uint64_t before = total(METRIC_HITS);
	uint64_t other = total(METRIC_MISSES);

	(void)state;
	metrics_add(METRIC_HITS, 3);
	assert_int_equal(total(METRIC_HITS), before + 3);
	assert_int_equal(total(METRIC_MISSES), other);
	metrics_thread_fini(); /* nothing to do */
	assert_int_equal(total(METRIC_HITS), before + 3);
}

static void test_times(void **state)
{
	static const struct {
		int64_t us;
		unsigned bucket;
	} rows[] = {
	    {-1, 0},
	    {0, 0},
	    {25, 0},
	    {26, 1},
	    {1000, 5},
	    {30 * 1000 * 1000, TIMING_BOUNDS - 1},
	    {30 * 1000 * 1000 + 1, TIMING_BOUNDS},
	};
	struct timing_sum before, after;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		metrics_time_sum(TIMING_HIT, &before);
		metrics_time(TIMING_HIT, rows[i].us);
		metrics_time_sum(TIMING_HIT, &after);
		before.buckets[rows[i].bucket]++;
		before.sum_us += rows[i].us > 0 ? (uint64_t)rows[i].us : 0;
		assert_memory_equal(&before, &after, sizeof(before));
	}
	for (unsigned i = 1; i < TIMING_BOUNDS; i++)
		assert_true(metrics_bound_us(i) > metrics_bound_us(i - 1));
	metrics_time_sum(TIMING_UPSTREAM, &after);
	assert_int_equal(after.sum_us, 0);
	for (int t = 0; t < TIMING_COUNT; t++) {
		const char *help = metrics_time_help((enum timing)t);

		assert_true(strlen(metrics_time_name((enum timing)t)) > 0);
		assert_int_equal(help[strlen(help) - 1], '.');
	}
}

/* The times of an ended thread are kept. */
static void *time_once(void *arg)
{
	(void)arg;
	metrics_thread_init();
	metrics_time(TIMING_WAIT, 7);
	metrics_thread_fini();
	return NULL;
}

static void test_times_of_threads(void **state)
{
	struct timing_sum sum;
	pthread_t threads[THREADS];

	(void)state;
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(
		    pthread_create(&threads[i], NULL, time_once, NULL), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	metrics_time_sum(TIMING_WAIT, &sum);
	assert_int_equal(sum.buckets[0], THREADS);
	assert_int_equal(sum.sum_us, 7 * THREADS);
}

static void test_with_block(void **state)
{
	uint64_t before = total(METRIC_HITS);

	(void)state;
	metrics_thread_init();
	metrics_add(METRIC_HITS, 1);
	assert_int_equal(total(METRIC_HITS), before + 1);
	metrics_thread_fini();
	assert_int_equal(total(METRIC_HITS), before + 1);
	metrics_thread_init();
	metrics_add(METRIC_HITS, 1);
	metrics_thread_fini();
	assert_int_equal(total(METRIC_HITS), before + 2);
}

static void *count_up(void *arg)
{
	bool has_block = *(bool *)arg;

	if (has_block)
		metrics_thread_init();
	for (int i = 0; i < ROUNDS; i++)
		metrics_add(METRIC_REQUESTS, 2);
	if (has_block)
		metrics_thread_fini();
	return NULL;
}

/* Sums taken while threads count, register and end never go back, and in the
 * end nothing is missing. */
static void test_threads(void **state)
{
	static bool has_block[THREADS] = {true, false, true, true};
	uint64_t before = total(METRIC_REQUESTS), last = before, now;
	uint64_t want = before + (uint64_t)2 * THREADS * ROUNDS;
	pthread_t threads[THREADS];

	(void)state;
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(
		    pthread_create(&threads[i], NULL, count_up, &has_block[i]),
		    0);
	for (int i = 0; i < 1000; i++) {
		now = total(METRIC_REQUESTS);
		assert_true(now >= last && now <= want);
		last = now;
	}
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(total(METRIC_REQUESTS), want);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_names),
	    cmocka_unit_test(test_without_block),
	    cmocka_unit_test(test_times),
	    cmocka_unit_test(test_times_of_threads),
	    cmocka_unit_test(test_with_block),
	    cmocka_unit_test(test_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
