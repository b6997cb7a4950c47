#include "http/date.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define NOW INT64_C(1767225600) /* 2026-01-01 */

struct row {
	const char *text;
	int64_t time_s; /* negative: refused */
};

static const struct row rows[] = {
    /* RFC 9110 §5.6.7 */
    {"Sun, 06 Nov 1994 08:49:37 GMT", 784111777},
    {"Sunday, 06-Nov-94 08:49:37 GMT", 784111777},
    {"Sun Nov  6 08:49:37 1994", 784111777},
    {"Sun Nov 16 08:49:37 1994", 784975777},
    {"Thu, 01 Jan 1970 00:00:00 GMT", 0},
    {"Thu, 29 Feb 2024 23:59:59 GMT", 1709251199},
    {"Tue, 29 Feb 2000 00:00:00 GMT", 951782400},
    {"Fri, 31 Dec 9999 23:59:59 GMT", 253402300799},
    {"Mon, 06 Nov 1994 08:49:37 GMT", 784111777}, /* wrong weekday */
    {"Tue, 30 Jun 2015 23:59:60 GMT", 1435708799}, /* leap second */
    {"Monday, 01-Jan-70 00:00:00 GMT", 3155760000}, /* 2070 */
    {"Tuesday, 01-Jan-80 00:00:00 GMT", 315532800},
    {"Wednesday, 01-Jan-25 00:00:00 GMT", 1735689600},
    {"Thursday, 01-Jan-26 00:00:00 GMT", NOW},
    {"Friday, 29-Feb-08 00:00:00 GMT", 1204243200},
    {"Saturday, 01-Jan-00 00:00:00 GMT", 946684800},

    {"", -1},
    {"0", -1},
    {"-1", -1},
    {"784111777", -1},
    {"sun, 06 Nov 1994 08:49:37 GMT", -1},
    {"Sun, 06 nov 1994 08:49:37 GMT", -1},
    {"Sun, 06 Nov 1994 08:49:37 gmt", -1},
    {"Sun, 06 Nov 1994 08:49:37 UTC", -1},
    {"Sun, 06 Nov 1994 08:49:37 +0000", -1},
    {"Sun, 06 Nov 1994 08:49:37", -1},
    {"Sun, 06 Nov 1994 08:49:37 GMT ", -1},
    {" Sun, 06 Nov 1994 08:49:37 GMT", -1},
    {"Sun, 6 Nov 1994 08:49:37 GMT", -1},
    {"Sun,06 Nov 1994 08:49:37 GMT", -1},
    {"Sun, 06  Nov 1994 08:49:37 GMT", -1},
    {"Sun, 06 Nov 94 08:49:37 GMT", -1},
    {"Sun, 06 Nov 1994 8:49:37 GMT", -1},
    {"Sun, 06 Nov 1994 08:49 GMT", -1},
    {"Sun, 06 Nov 1994 24:00:00 GMT", -1},
    {"Sun, 06 Nov 1994 08:60:37 GMT", -1},
    {"Sun, 06 Nov 1994 08:49:61 GMT", -1},
    {"Sun, 00 Nov 1994 08:49:37 GMT", -1},
    {"Sun, 31 Nov 1994 08:49:37 GMT", -1},
    {"Wed, 29 Feb 2023 08:49:37 GMT", -1},
    {"Mon, 29 Feb 2100 08:49:37 GMT", -1},
    {"Wed, 31 Dec 1969 23:59:59 GMT", -1},
    {"Sun, 06 Nox 1994 08:49:37 GMT", -1},
    {"Xun, 06 Nov 1994 08:49:37 GMT", -1},
    {"Sundax, 06-Nov-94 08:49:37 GMT", -1},
    {"Monday, 6-Nov-94 08:49:37 GMT", -1},
    {"Monday, 29-Feb-75 08:49:37 GMT", -1},
    {"Sunday, 06-Nov-1994 08:49:37 GMT", -1},
    {"Sunday, 06-Nov-94 08:49:37", -1},
    {"Tueday, 06-Nov-94 08:49:37 GMT", -1},
    {"Sun Nov 6 08:49:37 1994", -1},
    {"Sun Nov 06 08:49:37 94", -1},
    {"Sun Nov  6 08:49:37 1994 GMT", -1},
    {"Sun Nov", -1},
    {"Sun Now  6 08:49:37 1994", -1},
    {"Sun", -1},
    {"Su", -1},
};

static void test_parse(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		int64_t t = -7;
		bool is_date =
		    http_date_parse(slice_of_str(rows[i].text), NOW, &t);

		if (is_date != (rows[i].time_s >= 0) ||
		    (is_date && t != rows[i].time_s))
			fail_msg("%s: %lld", rows[i].text, (long long)t);
	}
}

/* More than 50 years ahead is the past century. */
static void test_two_digit_years(void **state)
{
	static const char *const weekdays[] = {"Sunday", "Monday", "Tuesday",
	    "Wednesday", "Thursday", "Friday", "Saturday"};
	int64_t t;

	(void)state;
	for (size_t i = 0; i < 7; i++) {
		char text[40] = "";
		size_t n = strlen(weekdays[i]);

		memcpy(text, weekdays[i], n);
		memcpy(text + n, ", 06-Nov-75 08:49:37 GMT", 24);
		assert_true(http_date_parse(slice_of_str(text), NOW, &t));
		assert_true(t > NOW);
		text[n + 10] = '9';
		assert_true(http_date_parse(slice_of_str(text), NOW, &t));
		assert_true(t < NOW);
	}
}

static void check_format(int64_t t, const char *text)
{
	char out[HTTP_DATE_SIZE];

	http_date_format(out, t);
	assert_string_equal(out, text);
}

static void test_format(void **state)
{
	(void)state;
	check_format(784111777, "Sun, 06 Nov 1994 08:49:37 GMT");
	check_format(0, "Thu, 01 Jan 1970 00:00:00 GMT");
	check_format(-5, "Thu, 01 Jan 1970 00:00:00 GMT");
	check_format(1709251199, "Thu, 29 Feb 2024 23:59:59 GMT");
	check_format(253402300799, "Fri, 31 Dec 9999 23:59:59 GMT");
	check_format(INT64_MAX, "Fri, 31 Dec 9999 23:59:59 GMT");
}

/* Every day of 200 years, and some seconds of it, comes back. */
static void test_round_trip(void **state)
{
	(void)state;
	for (int64_t t = 0; t < INT64_C(6311390400); t += 86400 + 3601) {
		char out[HTTP_DATE_SIZE];
		int64_t back;

		http_date_format(out, t);
		assert_true(http_date_parse(slice_of_str(out), NOW, &back));
		assert_int_equal(back, t);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_parse),
	    cmocka_unit_test(test_two_digit_years),
	    cmocka_unit_test(test_format),
	    cmocka_unit_test(test_round_trip),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
