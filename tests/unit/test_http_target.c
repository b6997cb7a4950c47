#include "http/target.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define MAX_BYTES 64

struct row {
	const char *name;
	struct slice sent;
	const char *canonical; /* NULL: refused */
	const char *why; /* when refused; NULL: any */
};

#define TAKE(n, s, c) \
	{ \
		n, {s, sizeof(s) - 1}, c, NULL \
	}
#define REFUSE(n, s, w) \
	{ \
		n, {s, sizeof(s) - 1}, NULL, w \
	}

static const struct row rows[] = {
    TAKE("root", "/", "/"),
    TAKE("plain", "/contacts/abc", "/contacts/abc"),
    TAKE("slash at the end stays", "/contacts/", "/contacts/"),
    TAKE("query order stays", "/c?b=2&a=1&b=1", "/c?b=2&a=1&b=1"),
    TAKE("empty query stays", "/c?", "/c?"),
    TAKE("second question mark", "/c?a=?&b", "/c?a=?&b"),
    TAKE("3986 6.2.2.1 hex case", "/a%c3%A4", "/a%C3%A4"),
    TAKE("3986 6.2.2.2 unreserved", "/%41%7a%30%2D%2e%5F%7Eb?%61=%62",
	"/Az0-._~b?a=b"),
    TAKE("unreserved, the ends", "/%41%5A%61%7A%30%39", "/AZaz09"),
    TAKE("next to unreserved", "/%40%5B%60%7B%3A", "/%40%5B%60%7B%3A"),
    TAKE("reserved stay encoded", "/a%3a%40%26?b%26=%3D",
	"/a%3A%40%26?b%26=%3D"),
    TAKE("plus and %2B stay", "/c?p=+1&q=%2B1&r=%2b1", "/c?p=+1&q=%2B1&r=%2B1"),
    TAKE("%20 stays", "/a%20b?c=%20", "/a%20b?c=%20"),
    TAKE(
	"encoded percent is not decoded twice", "/a%252e%252E", "/a%252e%252E"),
    TAKE("slash in a query value", "/c?tz=America%2fNew_York&u=a/b//c",
	"/c?tz=America%2FNew_York&u=a/b//c"),
    TAKE("dots in a query", "/c?a=../..", "/c?a=../.."),
    TAKE("line end in a query value", "/c?a=%0d%0A", "/c?a=%0D%0A"),
    TAKE("three dots are a name", "/.../.a/a./..b", "/.../.a/a./..b"),
    TAKE("sub-delims", "/a:b@c!$&'()*,;=", "/a:b@c!$&'()*,;="),
    TAKE("unwise bytes", "/a?x={}|^`\"<>[]", "/a?x={}|^`\"<>[]"),
    TAKE("longest",
	"/123456789012345678901234567890123456789012345678901234567890"
	"123",
	"/123456789012345678901234567890123456789012345678901234567890123"),

    REFUSE("empty", "", "request target must begin with a slash"),
    REFUSE("absolute form", "http://h/a",
	"request target must begin with a slash"),
    REFUSE("asterisk form", "*", NULL),
    REFUSE("authority form", "h:80", NULL),
    REFUSE("query alone", "?a=b", NULL),
    REFUSE("two slashes", "//evil/x", "empty segment in the path"),
    REFUSE("only slashes", "//", "empty segment in the path"),
    REFUSE("slashes inside", "/a//b", "empty segment in the path"),
    REFUSE("slashes at the end", "/a//", "empty segment in the path"),
    REFUSE("dot", "/.", "dot segment in the path"),
    REFUSE("dot inside", "/a/./b", "dot segment in the path"),
    REFUSE("dot dot", "/a/..", "dot segment in the path"),
    REFUSE("dot dot before query", "/a/..?b", "dot segment in the path"),
    REFUSE("encoded dot", "/a/%2e/b", "dot segment in the path"),
    REFUSE("encoded dot dot", "/a/%2E%2e/b", "dot segment in the path"),
    REFUSE("half encoded dot dot", "/a/.%2e", "dot segment in the path"),
    REFUSE("encoded slash", "/a%2Fb", "encoded slash in the path"),
    REFUSE("encoded slash, lower case", "/a%2fb", "encoded slash in the path"),
    REFUSE("encoded NUL in path", "/a%00", "encoded NUL in the request target"),
    REFUSE("encoded NUL in query", "/a?b=%00",
	"encoded NUL in the request target"),
    REFUSE("encoded line end in path", "/a%0D%0AX",
	"encoded control byte in the path"),
    REFUSE("encoded DEL in path", "/a%7f", "encoded control byte in the path"),
    REFUSE("backslash", "/a\\b", "backslash in the request target"),
    REFUSE("backslash in query", "/a?b=\\", "backslash in the request target"),
    REFUSE("fragment", "/a#b", "fragment in the request target"),
    REFUSE("fragment in query", "/a?b#c", "fragment in the request target"),
    REFUSE("percent at the end", "/a%",
	"malformed percent-encoding in the request target"),
    REFUSE("one hex digit", "/a%4", NULL),
    REFUSE("bad first digit", "/a%G0", NULL),
    REFUSE("bad second digit", "/a?b=%0G", NULL),
    REFUSE("space", "/a b", "invalid byte in the request target"),
    REFUSE("NUL", "/a\0b", "invalid byte in the request target"),
    REFUSE("control", "/a\x01", "invalid byte in the request target"),
    REFUSE("DEL", "/a\x7f", "invalid byte in the request target"),
    REFUSE("not ASCII", "/\xc3\xa4", "invalid byte in the request target"),
    REFUSE("too long",
	"/1234567890123456789012345678901234567890123456789012345678901"
	"234",
	"request target too long"),
};

static void check_row(const struct row *r)
{
	const char *why = NULL;
	struct buf once, twice;
	bool is_taken;

	buf_init(&once, MAX_BYTES);
	buf_init(&twice, MAX_BYTES);
	is_taken = target_canon(r->sent, &once, &why);
	if (is_taken != (r->canonical != NULL))
		fail_msg("%s: %s", r->name, why ? why : "taken");
	if (!is_taken) {
		assert_non_null(why);
		if (r->why)
			assert_string_equal(why, r->why);
	} else {
		assert_null(why);
		if (!slice_eq(buf_slice(&once), slice_of_str(r->canonical)))
			fail_msg("%s: %.*s", r->name, (int)once.n, once.p);
		assert_true(target_canon(buf_slice(&once), &twice, &why));
		assert_true(slice_eq(buf_slice(&once), buf_slice(&twice)));
	}
	buf_fini(&once);
	buf_fini(&twice);
}

static void test_canon(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		check_row(&rows[i]);
}

/* The canonical form is appended; what was there stays. */
static void test_appends(void **state)
{
	const char *why;
	struct buf b;

	(void)state;
	buf_init(&b, MAX_BYTES);
	buf_add_slice(&b, SLICE("GET "));
	assert_true(target_canon(SLICE("/%61"), &b, &why));
	assert_true(slice_eq(buf_slice(&b), SLICE("GET /a")));
	buf_fini(&b);
}

static void test_split(void **state)
{
	struct slice path, query;

	(void)state;
	target_split(SLICE("/a?b?c"), &path, &query);
	assert_true(slice_eq(path, SLICE("/a")));
	assert_true(slice_eq(query, SLICE("b?c")));
	target_split(SLICE("/a?"), &path, &query);
	assert_int_equal(query.n, 0);
	assert_non_null(query.p);
	target_split(SLICE("/a"), NULL, &query);
	assert_null(query.p);
	target_split(SLICE("/a"), &path, NULL);
	assert_true(slice_eq(path, SLICE("/a")));
}

static void test_set_slash(void **state)
{
	static const struct {
		const char *target, *with, *without;
	} cases[] = {
	    {"/contacts", "/contacts/", "/contacts"},
	    {"/contacts/", "/contacts/", "/contacts"},
	    {"/contacts?a=/", "/contacts/?a=/", "/contacts?a=/"},
	    {"/contacts/?a", "/contacts/?a", "/contacts?a"},
	    {"/", "/", "/"},
	    {"/?a", "/?a", "/?a"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct slice t = slice_of_str(cases[i].target);
		struct buf b;

		buf_init(&b, MAX_BYTES);
		target_set_slash(t, true, &b);
		assert_true(
		    slice_eq(buf_slice(&b), slice_of_str(cases[i].with)));
		buf_reset(&b);
		target_set_slash(t, false, &b);
		assert_true(
		    slice_eq(buf_slice(&b), slice_of_str(cases[i].without)));
		buf_fini(&b);
	}
}

static void test_query(void **state)
{
	struct slice q = SLICE("&a=1&&b&c=&a%3D=x=y&=z"), name, value;

	(void)state;
	assert_true(target_query_next(&q, &name, &value));
	assert_true(slice_eq(name, SLICE("a")) && slice_eq(value, SLICE("1")));
	assert_true(target_query_next(&q, &name, &value));
	assert_true(slice_eq(name, SLICE("b")));
	assert_null(value.p);
	assert_true(target_query_next(&q, &name, &value));
	assert_non_null(value.p);
	assert_int_equal(value.n, 0);
	assert_true(target_query_next(&q, &name, &value));
	assert_true(slice_eq(name, SLICE("a%3D")));
	assert_true(slice_eq(value, SLICE("x=y")));
	assert_true(target_query_next(&q, &name, &value));
	assert_int_equal(name.n, 0);
	assert_false(target_query_next(&q, &name, &value));
}

static void test_query_get(void **state)
{
	struct slice q = SLICE("x=0&location%49d=A&locationId=B&loc+x=%2B"), v;

	(void)state;
	assert_int_equal(target_query_get(q, SLICE("locationId"), &v), 2);
	assert_true(slice_eq(v, SLICE("A")));
	assert_int_equal(target_query_get(q, SLICE("loc x"), &v), 1);
	assert_true(slice_eq(v, SLICE("%2B")));
	assert_int_equal(target_query_get(q, SLICE("x"), NULL), 1);
	assert_int_equal(target_query_get(q, SLICE("locationid"), &v), 0);
	assert_int_equal(target_query_get(SLICE_NONE, SLICE("x"), &v), 0);
}

static void test_decode(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, MAX_BYTES);
	target_decode(SLICE("a+b%2Bc%20%zz%4%00"), &b);
	assert_true(slice_eq(buf_slice(&b), SLICE("a b+c %zz%4\0")));
	buf_fini(&b);
	assert_true(target_decoded_eq(SLICE("a%2fb"), SLICE("a/b")));
	assert_false(target_decoded_eq(SLICE("a"), SLICE("ab")));
	assert_false(target_decoded_eq(SLICE("ab"), SLICE("a")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_canon),
	    cmocka_unit_test(test_appends),
	    cmocka_unit_test(test_split),
	    cmocka_unit_test(test_set_slash),
	    cmocka_unit_test(test_query),
	    cmocka_unit_test(test_query_get),
	    cmocka_unit_test(test_decode),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
