#include "http/cors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static const struct slice origins[] = {
    {"https://app.example", 19}, {"http://127.0.0.1:3000", 21}};
static const struct cors_rules listed = {origins, 2, false};
static const struct cors_rules any = {NULL, 0, true};
static const struct cors_rules none = {NULL, 0, false};

static void test_allowed(void **state)
{
	static const struct {
		const char *origin;
		bool is_listed;
	} rows[] = {
	    {"https://app.example", true},
	    {"http://127.0.0.1:3000", true},
	    {"http://app.example", false},
	    {"https://app.example:443", false},
	    {"https://app.example/", false},
	    {"https://APP.example", false},
	    {"https://app.example.evil.example", false},
	    {"https://evil.example?https://app.example", false},
	    {"https://app.exampl", false},
	    {"null", false},
	};

	(void)state;
	assert_true(cors_is_on(&listed));
	assert_true(cors_is_on(&any));
	assert_false(cors_is_on(&none));
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct slice origin = slice_of_str(rows[i].origin);

		if (cors_is_allowed(&listed, origin) != rows[i].is_listed)
			fail_msg("%s", rows[i].origin);
		assert_true(cors_is_allowed(&any, origin));
		assert_false(cors_is_allowed(&none, origin));
	}
	assert_false(cors_is_allowed(&listed, SLICE_NONE));
	assert_false(cors_is_allowed(&any, SLICE_NONE));
}

/* NULL: nothing was appended. */
static void expect(struct buf *b, const char *begin)
{
	if (!begin)
		assert_int_equal(b->n, 0);
	else if (!slice_starts(buf_slice(b), slice_of_str(begin)))
		fail_msg("%.*s", (int)b->n, b->p);
	assert_false(b->has_failed);
	buf_reset(b);
}

static void test_fields(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 4096);
	cors_add_fields(&listed, SLICE("https://app.example"), &b);
	expect(&b, "Vary: Origin\r\n"
		   "Access-Control-Allow-Origin: https://app.example\r\n"
		   "Access-Control-Expose-Headers: Age, Cache-Status, "
		   "Content-Range, ETag, Mcp-Session-Id, ");
	cors_add_fields(&listed, SLICE("https://evil.example"), &b);
	assert_int_equal(b.n, strlen("Vary: Origin\r\n"));
	expect(&b, "Vary: Origin\r\n");
	cors_add_fields(&listed, SLICE_NONE, &b);
	assert_int_equal(b.n, strlen("Vary: Origin\r\n"));
	expect(&b, "Vary: Origin\r\n");
	cors_add_fields(&any, SLICE("https://evil.example"), &b);
	expect(&b, "Access-Control-Allow-Origin: *\r\n"
		   "Access-Control-Expose-Headers: Age, Cache-Status,");
	cors_add_fields(&any, SLICE_NONE, &b);
	expect(&b, NULL);
	buf_fini(&b);
}

static bool may_send(struct slice name, const void *arg)
{
	return slice_eq_nocase(name, slice_of_str(arg)) ||
	       slice_eq_nocase(name, SLICE("authorization"));
}

static void test_preflight(void **state)
{
	static const char start[] = "Access-Control-Allow-Methods: "
				    "GET, HEAD, POST, PUT, PATCH, DELETE\r\n"
				    "Access-Control-Max-Age: 600\r\n";
	static const char *const rows[][2] = {
	    {"", ""},
	    {"x-other", ""},
	    {"authorization",
		"Access-Control-Allow-Headers: authorization\r\n"},
	    {"Authorization,x-other, version",
		"Access-Control-Allow-Headers: Authorization, version\r\n"},
	    {"\"version\", version x, version:, ,version",
		"Access-Control-Allow-Headers: version\r\n"},
	};
	struct buf b;

	(void)state;
	buf_init(&b, 4096);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		cors_add_preflight(
		    slice_of_str(rows[i][0]), may_send, "Version", &b);
		assert_int_equal(b.n, strlen(start) + strlen(rows[i][1]));
		assert_memory_equal(b.p, start, strlen(start));
		assert_memory_equal(
		    b.p + strlen(start), rows[i][1], strlen(rows[i][1]));
		buf_reset(&b);
	}
	buf_fini(&b);
}

/* A list without end makes no answer without end. */
static void test_long_preflight(void **state)
{
	struct buf b, asked;

	(void)state;
	buf_init(&b, 2048);
	buf_init(&asked, 64 * 1024);
	for (int i = 0; i < 5000; i++)
		buf_add_slice(&asked, SLICE("version,"));
	cors_add_preflight(buf_slice(&asked), may_send, "version", &b);
	assert_false(b.has_failed);
	buf_fini(&b);
	buf_fini(&asked);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_allowed),
	    cmocka_unit_test(test_fields),
	    cmocka_unit_test(test_preflight),
	    cmocka_unit_test(test_long_preflight),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
