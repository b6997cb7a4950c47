/* Keys of answers too large to store: origin/large.h. */
#include "origin/large.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static void test_remembers_for_a_time(void **state)
{
	struct large l = {0};
	struct digest128 a = {{1, 2}}, b = {{1, 3}}, c = {{2, 2}};

	(void)state;
	assert_false(large_has(&l, &a, 0));
	large_note(&l, &a, 1000);
	large_note(&l, &c, 1000);
	assert_true(large_has(&l, &a, 1000));
	assert_true(large_has(&l, &c, 1000));
	assert_true(large_has(&l, &a, 1000 + LARGE_MS - 1));
	assert_false(large_has(&l, &a, 1000 + LARGE_MS));
	/* One that falls on the same place is another. */
	assert_false(large_has(&l, &b, 1000));
	large_note(&l, &b, 1000);
	assert_true(large_has(&l, &b, 1000));
	assert_false(large_has(&l, &a, 1000));
}

static void test_forgets(void **state)
{
	struct large l = {0};
	struct digest128 a = {{1, 2}}, b = {{1, 3}};

	(void)state;
	large_note(&l, &a, 1000);
	large_forget(&l, &b);
	assert_true(large_has(&l, &a, 1000));
	large_forget(&l, &a);
	assert_false(large_has(&l, &a, 1000));
	/* No key is there from the beginning, also not the one of zeroes. */
	assert_false(large_has(&l, &(struct digest128){{0}}, 1000));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_remembers_for_a_time),
	    cmocka_unit_test(test_forgets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
