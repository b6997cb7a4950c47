#include "base/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct doc {
	struct slice text;
	bool is_valid;
	const char *small; /* minified, when valid; NULL: as text */
};

#define YES(t, s) \
	{ \
		{t, sizeof(t) - 1}, true, s \
	}
#define NO(t) \
	{ \
		{t, sizeof(t) - 1}, false, NULL \
	}

static const struct doc docs[] = {
    /* RFC 8259 §2: white space and structure */
    YES("{}", NULL),
    YES("[]", NULL),
    YES(" \t\r\n[ ] \n", "[]"),
    YES("{ \"a\" : [ 1 , 2 ] , \"b\" : { } }", "{\"a\":[1,2],\"b\":{}}"),
    YES("[[],[[]],{\"a\":[]}]", NULL),
    YES("null", NULL),
    YES(" true ", "true"),
    YES("[false,null]", NULL),
    NO(""),
    NO("  "),
    NO("nul"),
    NO("truex"),
    NO("falsy"),
    NO("[1,]"),
    NO("[,1]"),
    NO("[1 2]"),
    NO("[1"),
    NO("["),
    NO("]"),
    NO("[}"),
    NO("{]"),
    NO("{\"a\":1]"),
    NO("{\"a\"}"),
    NO("{\"a\":}"),
    NO("{\"a\":1,}"),
    NO("{a:1}"),
    NO("{1:1}"),
    NO("{\"a\" 1}"),
    NO("{,}"),
    NO("1 2"),
    NO("{} x"),
    NO("\xef\xbb\xbf{}"),
    NO("[1]\0"),
    NO("[\0]"),
    NO("// x\n1"),
    NO("'a'"),
    NO("[\v1]"),
    /* §6: numbers */
    YES("0", NULL),
    YES("-0", NULL),
    YES("-12.50e+3", NULL),
    YES("1E-2", NULL),
    YES("[9007199254740993,1.10,1e400]", NULL),
    NO("01"),
    NO("-01"),
    NO("1."),
    NO(".5"),
    NO("-.5"),
    NO("+1"),
    NO("-"),
    NO("1e"),
    NO("1e+"),
    NO("0x1"),
    NO("NaN"),
    NO("Infinity"),
    /* §7: strings */
    YES("\"\"", NULL),
    YES("\"a \\\" \\\\ \\/ \\b\\f\\n\\r\\t \\u00e4\\uD83D\\uDE00\"", NULL),
    YES("\"raw \x01 \n control\"", NULL), /* GHL sends them */
    YES("\"raw \0 NUL\"", NULL),
    YES("\"bad \xff utf-8\"", NULL),
    NO("\"a"),
    NO("\"a\\"),
    NO("\"\\x41\""),
    NO("\"\\u12\""),
    NO("\"\\u12g4\""),
    NO("\"\\u"),
    NO("\"\\\0\""),
    NO("{\"a:1}"),
};

static void test_documents(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(docs) / sizeof(*docs); i++) {
		const struct doc *d = &docs[i];
		struct slice small =
		    d->small ? slice_of_str(d->small) : d->text;
		struct buf b;

		buf_init(&b, 1000);
		if (json_valid(d->text) != d->is_valid)
			fail_msg("validity of %s", d->text.p);
		assert_int_equal(json_minify(d->text, &b), d->is_valid);
		if (d->is_valid && !slice_eq(buf_slice(&b), small))
			fail_msg("%.*s", (int)b.n, b.p);
		buf_fini(&b);
	}
}

static void test_depth(void **state)
{
	char text[2 * JSON_DEPTH_MAX + 2];
	size_t n = JSON_DEPTH_MAX;

	(void)state;
	memset(text, '[', n);
	memset(text + n, ']', n);
	assert_true(json_valid(slice_of(text, 2 * n)));
	memset(text, '[', n + 1);
	memset(text + n + 1, ']', n + 1);
	assert_false(json_valid(slice_of(text, 2 * n + 2)));
}

/* Arrays and objects inside each other keep their own ends apart. */
static void test_mixed_depth(void **state)
{
	char text[8 * JSON_DEPTH_MAX];
	size_t n = 0;

	(void)state;
	for (int i = 0; i < JSON_DEPTH_MAX / 2; i++) {
		memcpy(text + n, "{\"a\":[", 6);
		n += 6;
	}
	for (int i = 0; i < JSON_DEPTH_MAX / 2; i++) {
		memcpy(text + n, "]}", 2);
		n += 2;
	}
	assert_true(json_valid(slice_of(text, n)));
	text[n - 1] = ']';
	assert_false(json_valid(slice_of(text, n)));
}

struct get_row {
	const char *doc, *path, *raw; /* raw NULL: not found */
	enum json_type type;
};

static const struct get_row get_rows[] = {
    {"{\"a\":{\"b\":[10,{\"c\":null}]}}", "a.b.1.c", "null", JSON_NULL},
    {"{\"a\":{\"b\":[10,20]}}", "a.b.0", "10", JSON_NUMBER},
    {"{\"a\":{\"b\":[10,20]}}", "a.b.2", NULL, JSON_NONE},
    {"{\"a\":{\"b\":[10,20]}}", "a.b.x", NULL, JSON_NONE},
    {"{\"a\":{\"b\":[10,20]}}", "a.b.-1", NULL, JSON_NONE},
    {"{\"a\":{\"b\":[10,20]}}", "a.b", "[10,20]", JSON_ARRAY},
    {"{\"a\":1}", "b", NULL, JSON_NONE},
    {"{\"a\":1}", "A", NULL, JSON_NONE},
    {"{\"a\":1}", "a.b", NULL, JSON_NONE},
    {"{\"a\":true,\"b\":false}", "b", "false", JSON_FALSE},
    {"{\"a\":true}", "a", "true", JSON_TRUE},
    {"{\"a\":\"x\\n\"}", "a", "\"x\\n\"", JSON_STRING},
    {" {\"a\": {} } ", "a", "{}", JSON_OBJECT},
    {" [7] ", "", "[7]", JSON_ARRAY},
    {"", "", NULL, JSON_NONE},
    {"", "a", NULL, JSON_NONE},
    {"{\"\":1}", ".", NULL, JSON_NONE},
    {"{\"\":{\"\":1}}", ".", "1", JSON_NUMBER},
    /* As JSON.parse does: the last of equal keys, however it is spelled. */
    {"{\"id\":1,\"id\":2}", "id", "2", JSON_NUMBER},
    {"{\"id\":1,\"\\u0069d\":2}", "id", "2", JSON_NUMBER},
    {"{\"\\u0069\\u0064\":3}", "id", "3", JSON_NUMBER},
    {"{\"idx\":3,\"i\":4}", "id", NULL, JSON_NONE},
    /* What had to be read is not JSON. */
    {"{\"a\":1,", "a", NULL, JSON_NONE},
    {"{\"a\":1 \"b\":2}", "a", NULL, JSON_NONE},
    {"{\"a\":1,\"b\"}", "a", NULL, JSON_NONE},
    {"{\"a\":x}", "a", NULL, JSON_NONE},
    {"[1,,2]", "1", NULL, JSON_NONE},
    {"[1;2]", "1", NULL, JSON_NONE},
    {"[1", "1", NULL, JSON_NONE},
};

static void test_get(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(get_rows) / sizeof(*get_rows); i++) {
		const struct get_row *r = &get_rows[i];
		struct slice raw = SLICE("before");
		enum json_type type = JSON_STRING;
		bool is_found =
		    json_get(slice_of_str(r->doc), r->path, &raw, &type);

		if (is_found != (r->raw != NULL))
			fail_msg("%s at %s", r->doc, r->path);
		if (!slice_eq(raw, slice_of_str(r->raw)) || type != r->type)
			fail_msg("%s at %s: %.*s", r->doc, r->path, (int)raw.n,
			    raw.p);
	}
}

static void test_get_text(void **state)
{
	struct slice doc = SLICE("{\"a\":\"id7\",\"b\":7}"), text;

	(void)state;
	assert_true(json_get_text(doc, "a", &text));
	assert_true(slice_eq(text, SLICE("id7")));
	assert_false(json_get_text(doc, "b", &text));
	assert_int_equal(text.n, 0);
	assert_false(json_get_text(doc, "c", &text));
	assert_true(json_get(doc, "b", &text, NULL));
}

static void test_skip(void **state)
{
	struct slice doc = SLICE(" [1] , 2"), raw;
	enum json_type type;
	size_t end;

	(void)state;
	assert_true(json_skip(doc, 0, &raw, &type, &end));
	assert_true(slice_eq(raw, SLICE("[1]")));
	assert_int_equal(type, JSON_ARRAY);
	assert_int_equal(end, 4);
	assert_true(json_skip(doc, 6, NULL, NULL, &end));
	assert_int_equal(end, doc.n);
	assert_false(json_skip(doc, 5, NULL, NULL, NULL));
	assert_false(json_skip(doc, doc.n, NULL, NULL, NULL));
}

static void test_iterate(void **state)
{
	struct json_iter it;
	struct slice key, raw;
	enum json_type type;

	(void)state;
	assert_false(json_iter_open(&it, SLICE("{}"), JSON_ARRAY));
	assert_false(json_array_next(&it, &raw, &type));
	assert_false(it.is_bad);
	assert_true(json_iter_open(&it, SLICE("[ 1, \"b\" ]"), JSON_ARRAY));
	assert_true(json_array_next(&it, &raw, &type));
	assert_true(slice_eq(raw, SLICE("1")));
	assert_true(json_array_next(&it, &raw, NULL));
	assert_true(slice_eq(raw, SLICE("\"b\"")));
	assert_false(json_array_next(&it, &raw, &type));
	assert_false(json_array_next(&it, &raw, &type));
	assert_false(it.is_bad);
	assert_true(
	    json_iter_open(&it, SLICE("{\"k\" : [] , \"l\":2}"), JSON_OBJECT));
	assert_true(json_object_next(&it, &key, &raw, &type));
	assert_true(slice_eq(key, SLICE("\"k\"")));
	assert_int_equal(type, JSON_ARRAY);
	assert_true(json_object_next(&it, &key, &raw, &type));
	assert_false(json_object_next(&it, &key, &raw, &type));
	assert_false(it.is_bad);
	assert_true(json_iter_open(&it, SLICE("[1 2]"), JSON_ARRAY));
	assert_true(json_array_next(&it, &raw, &type));
	assert_false(json_array_next(&it, &raw, &type));
	assert_true(it.is_bad);
}

struct text_row {
	const char *raw;
	struct slice text;
	bool is_string;
};

#define TEXT(r, t) \
	{ \
		r, {t, sizeof(t) - 1}, true \
	}

static const struct text_row text_rows[] = {
    TEXT("\"\"", ""),
    TEXT("\"abc\"", "abc"),
    TEXT("\"a\\\"\\\\\\/\\b\\f\\n\\r\\tz\"", "a\"\\/\b\f\n\r\tz"),
    TEXT("\"\\u0041\\u00e4\\u20AC\"", "A\xc3\xa4\xe2\x82\xac"),
    TEXT("\"\\u00af\\u00FA\\u007F\\u0080\\u07ff\\u0800\"",
	"\xc2\xaf\xc3\xba\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80"),
    TEXT(
	"\"\\uD800\\uDC00\\uDBFF\\uDFFF\"", "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf"),
    TEXT("\"\\uD83D\\uDE00\"", "\xf0\x9f\x98\x80"),
    TEXT("\"\\u0000\"", "\0"),
    /* Lone surrogates, in every company. */
    TEXT("\"\\uD83D\"", "\xef\xbf\xbd"),
    TEXT("\"\\uDE00x\"", "\xef\xbf\xbdx"),
    TEXT("\"\\uD83D\\n\"", "\xef\xbf\xbd\n"),
    TEXT("\"\\uD83Dabcdef\"", "\xef\xbf\xbd"
			      "abcdef"),
    TEXT("\"\\uD83D\\u0041\"", "\xef\xbf\xbd"
			       "A"),
    TEXT("\"\\uD83D\\nabcdef\"", "\xef\xbf\xbd\n"
				 "abcdef"),
    {"abc", {NULL, 0}, false},
    {"\"", {NULL, 0}, false},
    {"\"a\"b", {NULL, 0}, false},
    {"\"\\q\"", {NULL, 0}, false},
    {"", {NULL, 0}, false},
};

static void test_strings(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(text_rows) / sizeof(*text_rows); i++) {
		const struct text_row *r = &text_rows[i];
		struct slice raw = slice_of_str(r->raw);
		struct buf b;

		buf_init(&b, 100);
		if (json_string(raw, &b) != r->is_string ||
		    !slice_eq(buf_slice(&b), r->text))
			fail_msg("%s gives %.*s", r->raw, (int)b.n, b.p);
		assert_int_equal(json_equals(raw, r->text), r->is_string);
		assert_false(json_equals(raw, SLICE("something else")));
		buf_fini(&b);
	}
	assert_false(json_equals(SLICE("\"abc\""), SLICE("ab")));
	assert_false(json_equals(SLICE("\"ab\""), SLICE("abc")));
}

static void test_caps(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 3);
	assert_false(json_string(SLICE("\"abcd\""), &b));
	buf_reset(&b);
	assert_false(json_minify(SLICE("[1,2]"), &b));
	buf_fini(&b);
}

static void test_integers(void **state)
{
	static const struct {
		const char *raw;
		bool is_ok;
		int64_t v;
	} cases[] = {
	    {"0", true, 0},
	    {"-0", true, 0},
	    {"42", true, 42},
	    {"-42", true, -42},
	    {"9223372036854775807", true, INT64_MAX},
	    {"-9223372036854775808", true, INT64_MIN},
	    {"9223372036854775808", false, 0},
	    {"-9223372036854775809", false, 0},
	    {"99999999999999999999", false, 0},
	    {"1.0", false, 0},
	    {"1e2", false, 0},
	    {"\"1\"", false, 0},
	    {"-", false, 0},
	    {"", false, 0},
	    {"007", false, 0},
	    {"1 ", false, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		int64_t v = 7;

		if (json_i64(slice_of_str(cases[i].raw), &v) != cases[i].is_ok)
			fail_msg("%s", cases[i].raw);
		assert_int_equal(v, cases[i].is_ok ? cases[i].v : 7);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_documents),
	    cmocka_unit_test(test_depth),
	    cmocka_unit_test(test_mixed_depth),
	    cmocka_unit_test(test_get),
	    cmocka_unit_test(test_get_text),
	    cmocka_unit_test(test_skip),
	    cmocka_unit_test(test_iterate),
	    cmocka_unit_test(test_strings),
	    cmocka_unit_test(test_caps),
	    cmocka_unit_test(test_integers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
