#include "http/field.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_tokens(void **state)
{
	(void)state;
	assert_true(field_is_token(SLICE("X-a_B!#$%&'*+.^`|~9")));
	assert_false(field_is_token(SLICE("")));
	assert_false(field_is_token(SLICE("a b")));
	assert_false(field_is_token(SLICE("a:")));
	assert_false(field_is_token(SLICE("a\0b")));
	assert_false(field_is_token(SLICE("\xc3\xa4")));
	assert_false(field_is_token(SLICE("\"a\"")));
}

/* RFC 9110 §5.6.2, spelled out. */
static void test_tchar(void **state)
{
	static const char all[] = "!#$%&'*+-.^_`|~0123456789"
				  "abcdefghijklmnopqrstuvwxyz"
				  "ABCDEFGHIJKLMNOPQRSTUVWXYZ";

	(void)state;
	for (unsigned c = 0; c < 256; c++)
		assert_int_equal(field_is_tchar((unsigned char)c),
		    memchr(all, (int)c, sizeof(all) - 1) != NULL);
}

/* RFC 9110 §5.5 */
static void test_values(void **state)
{
	(void)state;
	assert_true(field_is_value(SLICE("")));
	assert_true(field_is_value(SLICE("a\tb \xff~")));
	assert_false(field_is_value(SLICE("a\rb")));
	assert_false(field_is_value(SLICE("a\nb")));
	assert_false(field_is_value(SLICE("a\0b")));
	assert_false(field_is_value(SLICE("\x1f")));
	assert_false(field_is_value(SLICE("\x7f")));
}

/* RFC 9110 §5.6.1 */
static void test_lists(void **state)
{
	static const struct {
		const char *list;
		const char *items[5];
	} cases[] = {
	    {"", {NULL}},
	    {" , ,, ", {NULL}},
	    {"a", {"a"}},
	    {" a ,\tb,, c", {"a", "b", "c"}},
	    {"a=\"x,y\", b", {"a=\"x,y\"", "b"}},
	    {"a=\"x\\\",y\", b", {"a=\"x\\\",y\"", "b"}},
	    {"a=\"x, b", {"a=\"x, b"}},
	    {"a=\"x\\", {"a=\"x\\"}},
	    {"a\\,b", {"a\\", "b"}},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct slice rest = slice_of_str(cases[i].list), item;
		size_t n = 0;

		while (field_list_next(&rest, &item)) {
			if (!slice_eq(item, slice_of_str(cases[i].items[n])))
				fail_msg("%s: %.*s", cases[i].list, (int)item.n,
				    item.p);
			n++;
		}
		assert_null(cases[i].items[n]);
	}
	assert_true(field_list_has(SLICE("x, CLOSE"), SLICE("close")));
	assert_false(field_list_has(SLICE("x-close"), SLICE("close")));
	assert_false(field_list_has(SLICE("\"a, close\""), SLICE("close")));
}

static void test_pairs(void **state)
{
	static const struct {
		const char *item, *name, *value;
		bool is_ok;
	} cases[] = {
	    {"a", "a", NULL, true},
	    {"a=", "a", "", true},
	    {"a=b", "a", "b", true},
	    {"a=b=c", "a", "b=c", true},
	    {"a=\"b c\"", "a", "b c", true},
	    {"a=\"\"", "a", "", true},
	    {"a=\"b\\\"c\"", "a", "b\\\"c", true},
	    {"a=\"b", "a", "b", false},
	    {"a=\"b\\\"", "a", "b\\\"", false},
	    {"a=\"b\\", "a", "b\\", false},
	    {"a=\"b\"c", "a", "b", false},
	    {"a =b", "a ", NULL, false},
	    {"=b", "", NULL, false},
	    {"a b", "a b", NULL, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct slice name, value;
		bool is_ok = field_split_pair(
		    slice_of_str(cases[i].item), &name, &value);

		if (is_ok != cases[i].is_ok ||
		    !slice_eq(name, slice_of_str(cases[i].name)) ||
		    !slice_eq(value, slice_of_str(cases[i].value)) ||
		    (value.p == NULL) != (cases[i].value == NULL))
			fail_msg("%s", cases[i].item);
	}
}

static void test_blocks(void **state)
{
	struct slice block = SLICE("A:1\r\nb:\t2 \r\na:\r\nB: 3\r\n");
	struct slice rest = block, value;
	struct field f;
	struct buf b;

	(void)state;
	assert_true(field_next(&rest, &f));
	assert_true(slice_eq(f.name, SLICE("A")));
	assert_true(slice_eq(f.value, SLICE("1")));
	assert_true(field_next(&rest, &f));
	assert_true(slice_eq(f.value, SLICE("2")));
	assert_true(field_next(&rest, &f));
	assert_int_equal(f.value.n, 0);
	assert_true(field_next(&rest, &f));
	assert_false(field_next(&rest, &f));
	assert_int_equal(rest.n, 0);
	assert_true(field_find(block, SLICE("B"), &value));
	assert_true(slice_eq(value, SLICE("2")));
	assert_false(field_find(block, SLICE("c"), &value));
	assert_true(field_find(block, SLICE("a"), NULL));
	buf_init(&b, 100);
	assert_int_equal(field_join(block, SLICE("b"), &b), 2);
	assert_true(slice_eq(buf_slice(&b), SLICE("2, 3")));
	assert_int_equal(field_join(block, SLICE("c"), &b), 0);
	buf_reset(&b);
	field_add(&b, SLICE("X"), SLICE("y"));
	field_add(&b, SLICE("Z"), SLICE_NONE);
	assert_true(slice_eq(buf_slice(&b), SLICE("X: y\r\nZ: \r\n")));
	buf_fini(&b);
}

/* A block ends where a line is not one. */
static void test_broken_blocks(void **state)
{
	static const char *const blocks[] = {
	    "A: 1", "A: 1\n", "\n", "\r\n", "A 1\r\n", "A: 1\r"};

	(void)state;
	for (size_t i = 0; i < sizeof(blocks) / sizeof(*blocks); i++) {
		struct slice rest = slice_of_str(blocks[i]);
		struct field f;

		assert_false(field_next(&rest, &f));
		assert_true(rest.n > 0);
	}
}

static void test_sets(void **state)
{
	static const struct {
		const char *name;
		bool is_hop, is_never, is_rewritten;
	} cases[] = {
	    {"Connection", true, false, false},
	    {"keep-alive", true, false, false},
	    {"TE", true, false, false},
	    {"trailer", true, false, false},
	    {"Transfer-Encoding", true, false, false},
	    {"Upgrade", true, false, false},
	    {"Proxy-Authenticate", true, false, false},
	    {"Proxy-Authorization", true, false, false},
	    {"Proxy-Authentication-Info", true, false, false},
	    {"Proxy-Connection", true, false, false},
	    {"Set-Cookie", false, true, false},
	    {"X-RateLimit-Max", false, true, false},
	    {"x-ratelimit-daily-reset", false, true, false},
	    {"RateLimit", false, true, false},
	    {"RateLimit-Policy", false, true, false},
	    {"CF-Ray", false, true, false},
	    {"cf-cache-status", false, true, false},
	    {"alt-svc", false, true, false},
	    {"Strict-Transport-Security", false, true, false},
	    {"NEL", false, true, false},
	    {"report-to", false, true, false},
	    {"expect-ct", false, true, false},
	    {"Access-Control-Allow-Origin", false, true, false},
	    {"access-control-expose-headers", false, true, false},
	    {"access-controls", false, false, false},
	    {"Content-Length", false, false, true},
	    {"date", false, false, false},
	    {"Age", false, false, true},
	    {"via", false, false, false},
	    {"Cache-Status", false, false, false},
	    {"X-Request-Id", false, true, false},
	    {"Content-Type", false, false, false},
	    {"server", false, false, false},
	    {"ETag", false, false, false},
	    {"Retry-After", false, false, false},
	    {"cfx", false, false, false},
	    {"x-ratelimit", false, false, false},
	    {"X-Anything", false, false, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct slice name = slice_of_str(cases[i].name);

		if (field_is_hop_by_hop(name) != cases[i].is_hop ||
		    field_is_never_replayed(name) != cases[i].is_never ||
		    field_is_rewritten(name) != cases[i].is_rewritten)
			fail_msg("%s", cases[i].name);
	}
}

/* What a request to the upstream may hold, and what of it may come from the
 * client by its name alone. */
static void test_request_names(void **state)
{
	static const struct {
		const char *name;
		bool may_be_sent;
		bool may_be_forwarded;
	} cases[] = {
	    {"Authorization", true, true},
	    {"Version", true, true},
	    {"X-Anything", true, true},
	    {"Range", true, true},
	    {"Via", true, false},
	    {"If-Range", true, false},
	    {"if-match", true, false},
	    {"If-None-Match", true, false},
	    {"if-modified-since", true, false},
	    {"If-Unmodified-Since", true, false},
	    {"HOST", false, false},
	    {"Content-Length", false, false},
	    {"Expect", false, false},
	    {"User-Agent", true, false},
	    {"accept-encoding", true, false},
	    {"Connection", false, false},
	    {"keep-alive", false, false},
	    {"proxy-connection", false, false},
	    {"Proxy-Authorization", false, false},
	    {"Proxy-Authenticate", false, false},
	    {"TE", false, false},
	    {"Trailer", false, false},
	    {"Transfer-Encoding", false, false},
	    {"upgrade", false, false},
	    {"HTTP2-Settings", false, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct slice name = slice_of_str(cases[i].name);

		if (field_may_be_sent(name) != cases[i].may_be_sent ||
		    field_may_be_forwarded(name) != cases[i].may_be_forwarded)
			fail_msg("%s", cases[i].name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_tokens),
	    cmocka_unit_test(test_tchar),
	    cmocka_unit_test(test_values),
	    cmocka_unit_test(test_lists),
	    cmocka_unit_test(test_pairs),
	    cmocka_unit_test(test_blocks),
	    cmocka_unit_test(test_broken_blocks),
	    cmocka_unit_test(test_sets),
	    cmocka_unit_test(test_request_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
