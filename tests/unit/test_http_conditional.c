#include "http/conditional.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define NOW INT64_C(1767225600)

/* RFC 9110 §8.8.3 */
static void test_etags(void **state)
{
	static const char *const valid[] = {"\"\"", "\"a\"", "W/\"a\"",
	    "W/\"46f-Crg/YCZkCTALQ8Ng6+dkZBzkiQ4\"", "\"\\\"", "\"\xff\"",
	    "\"a,b\"", "\"!\""};
	static const char *const invalid[] = {"", "\"", "a", "w/\"a\"", "W/",
	    "W/a", "W/\"", "\"a", "a\"", "\"a\"b\"", "\"a b\"", "\"a\x7f\"",
	    "W/W/\"a\""};

	(void)state;
	for (size_t i = 0; i < sizeof(valid) / sizeof(*valid); i++) {
		if (!etag_is_valid(slice_of_str(valid[i])))
			fail_msg("%s", valid[i]);
	}
	for (size_t i = 0; i < sizeof(invalid) / sizeof(*invalid); i++) {
		if (etag_is_valid(slice_of_str(invalid[i])))
			fail_msg("%s", invalid[i]);
	}
	/* §8.8.3.2, the table there, weak column */
	assert_true(etag_matches(SLICE("W/\"1\""), SLICE("W/\"1\"")));
	assert_false(etag_matches(SLICE("W/\"1\""), SLICE("W/\"2\"")));
	assert_true(etag_matches(SLICE("W/\"1\""), SLICE("\"1\"")));
	assert_true(etag_matches(SLICE("\"1\""), SLICE("\"1\"")));
	assert_false(etag_matches(SLICE("a"), SLICE("a")));
}

static void test_lists(void **state)
{
	static const struct {
		const char *list, *etag;
		bool is_match;
	} cases[] = {
	    {"\"a\"", "\"a\"", true},
	    {"\"a\"", "W/\"a\"", true},
	    {"\"b\", W/\"a\"", "\"a\"", true},
	    {" ,, \"b\",\"a\" ", "\"a\"", true},
	    {"\"b\"", "\"a\"", false},
	    {"*", "\"a\"", true},
	    {" * ", "", true},
	    {"", "\"a\"", false},
	    {"a", "\"a\"", false},
	    {"\"a", "\"a\"", false},
	    {"\"a\"x", "\"a\"", false},
	    {"\"b\" \"a\"", "\"a\"", false},
	    {"\"a\", junk", "\"a\"", true},
	    {"junk, \"a\"", "\"a\"", false},
	    {"*, \"b\"", "\"a\"", false},
	    {"\"a,b\"", "\"a,b\"", true},
	    {"\"a,b\"", "\"a\"", false},
	    {"\"\\\", \"a\"", "\"a\"", true}, /* backslash escapes nothing */
	    {"W/", "\"a\"", false},
	    {"\"\"", "", false},
	    {"\"\"", "\"\"", true},
	    {"\"\", \"a\"", "\"a\"", true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		if (etag_list_matches(slice_of_str(cases[i].list),
			slice_of_str(cases[i].etag)) != cases[i].is_match)
			fail_msg("%s", cases[i].list);
	}
}

#define D1 "Sun, 06 Nov 1994 08:49:37 GMT" /* 784111777 */
#define D2 "Sun, 06 Nov 1994 08:49:38 GMT"

/* RFC 9110 §13.1.2, §13.1.3, §13.2.2; RFC 9111 §4.3.2 */
static void test_not_modified(void **state)
{
	static const struct {
		const char *none_match, *since, *etag, *modified;
		int64_t date_s;
		bool is_304;
	} cases[] = {
	    {NULL, NULL, "\"a\"", D1, 0, false},
	    {"\"a\"", NULL, "W/\"a\"", "", 0, true},
	    {"\"b\"", NULL, "\"a\"", "", 0, false},
	    {"\"b\"", D2, "\"a\"", D1, 0, false}, /* If-None-Match decides */
	    {"\"a\"", D1, "\"a\"", D2, 0, true},
	    {"", D2, "\"a\"", D1, 0, false},
	    {"*", NULL, "", "", 0, true},
	    /* the second itself: only if it was over when Date was set */
	    {NULL, D1, "", D1, 784111777, false},
	    {NULL, D1, "", D1, 784111778, true},
	    {NULL, D1, "", D1, -1, false},
	    {NULL, D2, "", D1, 0, true},
	    {NULL, " " D2 " ", "", D1, 0, true},
	    {NULL, D1, "", D2, 0, false},
	    {NULL, "yesterday", "", D1, 0, false},
	    {NULL, D1, "", "yesterday", 0, false},
	    {NULL, D1, "", "", 784111776, true},
	    {NULL, D1, "", "", 784111777, false},
	    {NULL, D1, "", "", 784111778, false},
	    {NULL, D1, "", "", -1, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct conditional c = {slice_of_str(cases[i].none_match),
		    slice_of_str(cases[i].since)};

		if (conditional_is_not_modified(&c, slice_of_str(cases[i].etag),
			slice_of_str(cases[i].modified), cases[i].date_s,
			NOW) != cases[i].is_304)
			fail_msg("case %zu", i);
	}
}

/* RFC 9110 §15.4.5 */
static void test_head_304(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 1000);
	conditional_head_304(
	    SLICE("Content-Type: a/b\r\nETag: \"a\"\r\nServer: s\r\n"
		  "cache-control: max-age=1\r\nContent-Location: /x\r\n"
		  "Expires: 0\r\nVary: Accept\r\nLast-Modified: " D1 "\r\n"
		  "Access-Control-Allow-Origin: *\r\n"
		  "Content-Encoding: gzip\r\n"),
	    &b);
	assert_true(slice_eq(buf_slice(&b),
	    SLICE("ETag: \"a\"\r\ncache-control: max-age=1\r\n"
		  "Content-Location: /x\r\nExpires: 0\r\nVary: Accept\r\n"
		  "Last-Modified: " D1 "\r\n"
		  "Access-Control-Allow-Origin: *\r\n")));
	buf_fini(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_etags),
	    cmocka_unit_test(test_lists),
	    cmocka_unit_test(test_not_modified),
	    cmocka_unit_test(test_head_304),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
