#include "base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

static void expect(const struct buf *b, struct slice want)
{
	assert_false(b->has_failed);
	assert_int_equal(b->n, want.n);
	assert_true(slice_eq(buf_slice(b), want));
}

static void test_grows(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 1 << 20);
	expect(&b, SLICE(""));
	for (int i = 0; i < 100000; i++)
		buf_add_char(&b, (char)('a' + i % 26));
	assert_false(b.has_failed);
	assert_int_equal(b.n, 100000);
	for (int i = 0; i < 100000; i++)
		assert_int_equal(b.p[i], 'a' + i % 26);
	buf_fini(&b);
	assert_null(b.p);
}

static void test_cap(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 5);
	buf_add_slice(&b, SLICE("abc"));
	buf_add(&b, "de", 2);
	expect(&b, SLICE("abcde"));
	buf_add(&b, NULL, 0);
	expect(&b, SLICE("abcde"));
	buf_add_char(&b, 'f');
	assert_true(b.has_failed);
	/* It sticks, even for what would fit. */
	b.n = 0;
	buf_add_char(&b, 'f');
	assert_int_equal(b.n, 0);
	buf_reset(&b);
	buf_add_slice(&b, SLICE("fghij"));
	expect(&b, SLICE("fghij"));
	buf_fini(&b);
}

static void test_numbers(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 200);
	buf_add_u64(&b, 0);
	buf_add_char(&b, ' ');
	buf_add_u64(&b, UINT64_MAX);
	buf_add_char(&b, ' ');
	buf_add_i64(&b, INT64_MIN);
	buf_add_char(&b, ' ');
	buf_add_i64(&b, INT64_MAX);
	buf_add_char(&b, ' ');
	buf_add_i64(&b, -7);
	expect(&b, SLICE("0 18446744073709551615 -9223372036854775808 "
			 "9223372036854775807 -7"));
	buf_fini(&b);
}

static void test_printf(void **state)
{
	char big[1000];
	struct buf b;

	(void)state;
	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	buf_init(&b, 2001);
	buf_printf(&b, "%d-%s", 12, "ab");
	expect(&b, SLICE("12-ab"));
	buf_printf(&b, "%s", big); /* longer than what is allocated */
	assert_int_equal(b.n, 1004);
	buf_printf(&b, "%s", big); /* longer than the cap */
	assert_true(b.has_failed);
	buf_reset(&b);
	buf_printf(&b, "%s", "");
	expect(&b, SLICE(""));
	buf_printf(&b, "%s%s%s", big, big, "abc"); /* exactly the cap */
	assert_false(b.has_failed);
	assert_int_equal(b.n, 2001);
	buf_fini(&b);
}

static void test_json_string(void **state)
{
	static const struct {
		struct slice in;
		const char *want;
	} rows[] = {
	    {{"", 0}, "\"\""},
	    {{NULL, 0}, "\"\""},
	    {{"plain", 5}, "\"plain\""},
	    {{"a\"b\\c", 5}, "\"a\\\"b\\\\c\""},
	    {{"\n\r\t\b\0\x1f\x7f", 7},
		"\"\\n\\r\\t\\u0008\\u0000\\u001f\\u007f\""},
	    {{"/", 1}, "\"/\""},
	    /* well-formed: 2, 3 and 4 bytes, and the borders */
	    {{"\xc2\x80", 2}, "\"\xc2\x80\""},
	    {{"\xe0\xa0\x80", 3}, "\"\xe0\xa0\x80\""},
	    {{"\xed\x9f\xbf", 3}, "\"\xed\x9f\xbf\""},
	    {{"\xf0\x9f\x98\x80!", 5}, "\"\xf0\x9f\x98\x80!\""},
	    {{"\xf4\x8f\xbf\xbf", 4}, "\"\xf4\x8f\xbf\xbf\""},
	    /* a lone tail, overlong, surrogate, too high, cut short */
	    {{"a\x80z", 3}, "\"a\\ufffdz\""},
	    {{"\xc0\xaf", 2}, "\"\\ufffd\\ufffd\""},
	    {{"\xe0\x9f\xbf", 3}, "\"\\ufffd\\ufffd\\ufffd\""},
	    {{"\xed\xa0\x80", 3}, "\"\\ufffd\\ufffd\\ufffd\""},
	    {{"\xf4\x90\x80\x80", 4}, "\"\\ufffd\\ufffd\\ufffd\\ufffd\""},
	    {{"\xf8", 1}, "\"\\ufffd\""},
	    {{"\xe2\x82", 2}, "\"\\ufffd\\ufffd\""},
	    {{"\xe2\x82\"", 3}, "\"\\ufffd\\ufffd\\\"\""},
	};
	struct buf b;

	(void)state;
	buf_init(&b, 1000);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		buf_reset(&b);
		buf_add_json_string(&b, rows[i].in);
		expect(&b, slice_of_str(rows[i].want));
	}
	buf_fini(&b);
}

static void test_take(void **state)
{
	struct buf b;
	size_t n;
	char *p;

	(void)state;
	buf_init(&b, 4);
	assert_null(buf_take(&b, &n));
	assert_int_equal(n, 0);
	buf_add_slice(&b, SLICE("abcd"));
	p = buf_take(&b, &n);
	assert_int_equal(n, 4);
	assert_string_equal(p, "abcd"); /* terminated, even at the cap */
	free(p);
	assert_null(b.p);
	/* Empty, and usable with the same cap. */
	buf_add_slice(&b, SLICE("xyz"));
	expect(&b, SLICE("xyz"));
	buf_add_slice(&b, SLICE("xyz"));
	assert_null(buf_take(&b, &n));
	assert_int_equal(n, 0);
	expect(&b, SLICE(""));
	buf_fini(&b);
}

static void test_no_memory(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, SIZE_MAX);
	buf_add_char(&b, 'a');
	buf_add(&b, b.p, SIZE_MAX / 2);
	assert_true(b.has_failed);
	assert_int_equal(b.n, 1);
	buf_fini(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_grows),
	    cmocka_unit_test(test_cap),
	    cmocka_unit_test(test_numbers),
	    cmocka_unit_test(test_printf),
	    cmocka_unit_test(test_json_string),
	    cmocka_unit_test(test_take),
	    cmocka_unit_test(test_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
