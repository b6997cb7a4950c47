#include "base/slice.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>

static void test_equality(void **state)
{
	(void)state;
	assert_true(slice_eq(SLICE("abc"), SLICE("abc")));
	assert_false(slice_eq(SLICE("abc"), SLICE("abd")));
	assert_false(slice_eq(SLICE("abc"), SLICE("ab")));
	assert_true(slice_eq(SLICE_NONE, SLICE("")));
	assert_true(slice_eq(SLICE_NONE, slice_of_str(NULL)));
	assert_true(slice_eq(slice_of("a\0b", 3), SLICE("a\0b")));
}

static void test_equality_without_case(void **state)
{
	(void)state;
	assert_true(
	    slice_eq_nocase(SLICE("Content-TYPE"), SLICE("content-type")));
	assert_false(slice_eq_nocase(SLICE("content"), SLICE("contens")));
	assert_false(slice_eq_nocase(SLICE("content"), SLICE("conten")));
	assert_true(slice_eq_nocase(SLICE_NONE, SLICE("")));
	/* Only letters have a case: [ and { differ by the same bit. */
	assert_false(slice_eq_nocase(SLICE("["), SLICE("{")));
	assert_false(slice_eq_nocase(SLICE("@"), SLICE("`")));
	assert_false(slice_eq_nocase(SLICE("\xc4"), SLICE("\xe4")));
}

static void test_ends(void **state)
{
	(void)state;
	assert_true(slice_starts(SLICE("contacts"), SLICE("con")));
	assert_true(slice_starts(SLICE("con"), SLICE("con")));
	assert_true(slice_starts(SLICE("con"), SLICE("")));
	assert_true(slice_starts(SLICE_NONE, SLICE_NONE));
	assert_false(slice_starts(SLICE("co"), SLICE("con")));
	assert_false(slice_starts(SLICE("cox"), SLICE("con")));
	assert_true(slice_ends(SLICE("a.json"), SLICE(".json")));
	assert_true(slice_ends(SLICE(".json"), SLICE(".json")));
	assert_true(slice_ends(SLICE("x"), SLICE("")));
	assert_false(slice_ends(SLICE("json"), SLICE(".json")));
	assert_false(slice_ends(SLICE("a.jsom"), SLICE(".json")));
}

static void test_trim(void **state)
{
	static const struct {
		struct slice in, want;
	} rows[] = {
	    {{"  a b\t ", 7}, {"a b", 3}},
	    {{"a", 1}, {"a", 1}},
	    {{" \t ", 3}, {"", 0}},
	    {{"", 0}, {"", 0}},
	    {{NULL, 0}, {"", 0}},
	    /* Only OWS: neither line ends nor NUL. */
	    {{"\r\n a\n", 5}, {"\r\n a\n", 5}},
	    {{" a\0 ", 4}, {"a\0", 2}},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_true(slice_eq(slice_trim_ows(rows[i].in), rows[i].want));
}

static void test_find(void **state)
{
	struct slice s = SLICE("a&b&c");

	(void)state;
	assert_int_equal(slice_find(s, 0, '&'), 1);
	assert_int_equal(slice_find(s, 1, '&'), 1);
	assert_int_equal(slice_find(s, 2, '&'), 3);
	assert_int_equal(slice_find(s, 4, '&'), 5);
	assert_int_equal(slice_find(s, 5, '&'), 5);
	assert_int_equal(slice_find(s, 99, '&'), 5);
	assert_int_equal(slice_find(s, 0, 'x'), 5);
	assert_int_equal(slice_find(SLICE_NONE, 0, 'x'), 0);
}

static void test_sub(void **state)
{
	struct slice s = SLICE("abcdef");

	(void)state;
	assert_true(slice_eq(slice_sub(s, 1, 3), SLICE("bc")));
	assert_true(slice_eq(slice_sub(s, 0, 6), s));
	assert_true(slice_eq(slice_sub(s, 4, 99), SLICE("ef")));
	assert_int_equal(slice_sub(s, 3, 1).n, 0);
	assert_int_equal(slice_sub(s, 99, 100).n, 0);
	assert_null(slice_sub(SLICE_NONE, 0, 1).p);
	assert_ptr_equal(slice_sub(s, 6, 6).p, s.p + 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_equality),
	    cmocka_unit_test(test_equality_without_case),
	    cmocka_unit_test(test_ends),
	    cmocka_unit_test(test_trim),
	    cmocka_unit_test(test_find),
	    cmocka_unit_test(test_sub),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
