/* The shared budget: base/budget.h. */
#include "base/budget.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>

#define THREADS 4
#define ROUNDS 20000

static void test_counts(void **state)
{
	struct budget b;

	(void)state;
	budget_init(&b, 100);
	assert_true(budget_take(&b, 60));
	assert_true(budget_take(&b, 40));
	assert_int_equal(budget_used(&b), 100);
	/* What is too much is counted as well, until it is given back. */
	assert_false(budget_take(&b, 1));
	assert_int_equal(budget_used(&b), 101);
	assert_false(budget_take(&b, 0));
	budget_give(&b, 61);
	assert_int_equal(budget_used(&b), 40);
	assert_false(budget_take(&b, 101));
	assert_false(budget_take(&b, SIZE_MAX - 200));
	budget_give(&b, SIZE_MAX - 200);
	budget_give(&b, 141);
	assert_int_equal(budget_used(&b), 0);
}

static void *take_and_give(void *arg)
{
	struct budget *b = arg;
	size_t kept = 0;

	for (size_t i = 0; i < ROUNDS; i++) {
		if (budget_take(b, 3))
			kept++;
		budget_give(b, 3);
	}
	return (void *)(uintptr_t)kept;
}

static void test_threads(void **state)
{
	pthread_t threads[THREADS];
	struct budget b;
	void *kept;

	(void)state;
	budget_init(&b, 3 * THREADS);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(
		    pthread_create(&threads[i], NULL, take_and_give, &b), 0);
	for (int i = 0; i < THREADS; i++) {
		pthread_join(threads[i], &kept);
		/* There is room for one of each. */
		assert_int_equal((uintptr_t)kept, ROUNDS);
	}
	assert_int_equal(budget_used(&b), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_counts),
	    cmocka_unit_test(test_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
