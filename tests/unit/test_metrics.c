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
	    cmocka_unit_test(test_with_block),
	    cmocka_unit_test(test_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
