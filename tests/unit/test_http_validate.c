#include "http/validate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define THEN "Sun, 06 Nov 1994 08:49:37 GMT"
#define LATER "Sun, 06 Nov 1994 08:50:37 GMT"

/* RFC 9111 §4.3.1 */
static void test_conditions(void **state)
{
	static const struct {
		const char *etag, *last_modified, *lines;
	} rows[] = {
	    {"", "", ""},
	    {"\"1\"", "", "If-None-Match: \"1\"\r\n"},
	    {"W/\"1\"", "", "If-None-Match: W/\"1\"\r\n"},
	    {"", THEN, "If-Modified-Since: " THEN "\r\n"},
	    {"\"1\"", THEN,
		"If-None-Match: \"1\"\r\nIf-Modified-Since: " THEN "\r\n"},
	    {"1", "", ""},
	    {"\"1", THEN, "If-Modified-Since: " THEN "\r\n"},
	    {"*", "", ""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct buf out;

		buf_init(&out, 1000);
		validate_conditions(slice_of_str(rows[i].etag),
		    slice_of_str(rows[i].last_modified), &out);
		if (!slice_eq(buf_slice(&out), slice_of_str(rows[i].lines)))
			fail_msg("row %zu: %.*s", i, (int)out.n, out.p);
		buf_fini(&out);
	}
}

static struct head head_of(const char *etag, const char *last_modified)
{
	return (struct head){
	    .etag = slice_of_str(etag),
	    .last_modified = slice_of_str(last_modified),
	};
}

/* §4.3.4 */
static void test_selects(void **state)
{
	static const struct {
		const char *etag, *last_modified; /* of the 304 */
		const char *stored_etag, *stored_last_modified;
		bool selects;
	} rows[] = {
	    /* the same strong validator */
	    {"\"1\"", NULL, "\"1\"", NULL, true},
	    {"\"1\"", LATER, "\"1\"", THEN, true},
	    {"\"2\"", NULL, "\"1\"", NULL, false},
	    {"\"2\"", THEN, "\"1\"", THEN, false},
	    {"\"1\"", NULL, "W/\"1\"", NULL, false},
	    {"\"1\"", NULL, NULL, THEN, false},
	    /* the same weak one */
	    {"W/\"1\"", NULL, "W/\"1\"", NULL, true},
	    {"W/\"1\"", NULL, "\"1\"", NULL, true},
	    {"W/\"2\"", NULL, "W/\"1\"", NULL, false},
	    {NULL, THEN, NULL, THEN, true},
	    {NULL, LATER, NULL, THEN, false},
	    /* none, and it was one that was asked about */
	    {NULL, NULL, "\"1\"", NULL, true},
	    {NULL, NULL, NULL, THEN, true},
	    {NULL, LATER, "\"1\"", THEN, true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct head newer =
		    head_of(rows[i].etag, rows[i].last_modified);

		if (validate_selects(&newer, slice_of_str(rows[i].stored_etag),
			slice_of_str(rows[i].stored_last_modified)) !=
		    rows[i].selects)
			fail_msg("row %zu", i);
	}
}

/* §4.3.5 */
static void test_head(void **state)
{
	static const struct {
		const char *etag, *last_modified; /* of the HEAD */
		const char *stored_etag, *stored_last_modified;
		struct validate_length length;
		enum validate_head verdict;
	} rows[] = {
	    {"\"1\"", NULL, "\"1\"", NULL, {0}, VALIDATE_HEAD_FRESHENS},
	    {"\"2\"", NULL, "\"1\"", NULL, {0}, VALIDATE_HEAD_INVALIDATES},
	    {NULL, THEN, NULL, THEN, {0}, VALIDATE_HEAD_FRESHENS},
	    {NULL, LATER, NULL, THEN, {0}, VALIDATE_HEAD_INVALIDATES},
	    {"\"1\"", LATER, "\"1\"", THEN, {0}, VALIDATE_HEAD_INVALIDATES},
	    {"\"1\"", NULL, "\"1\"", THEN, {0}, VALIDATE_HEAD_FRESHENS},
	    {"\"1\"", NULL, "\"1\"", NULL, {true, 5, 5},
		VALIDATE_HEAD_FRESHENS},
	    {"\"1\"", NULL, "\"1\"", NULL, {true, 6, 5},
		VALIDATE_HEAD_INVALIDATES},
	    {NULL, NULL, NULL, NULL, {true, 5, 5}, VALIDATE_HEAD_FRESHENS},
	    {NULL, NULL, NULL, NULL, {true, 0, 5}, VALIDATE_HEAD_INVALIDATES},
	    {NULL, NULL, NULL, NULL, {0}, VALIDATE_HEAD_NOTHING},
	    {"\"1\"", NULL, NULL, THEN, {0}, VALIDATE_HEAD_NOTHING},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct head newer =
		    head_of(rows[i].etag, rows[i].last_modified);

		if (validate_head(&newer, slice_of_str(rows[i].stored_etag),
			slice_of_str(rows[i].stored_last_modified),
			&rows[i].length) != rows[i].verdict)
			fail_msg("row %zu", i);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_conditions),
	    cmocka_unit_test(test_selects),
	    cmocka_unit_test(test_head),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
