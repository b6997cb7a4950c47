#include "http/vary.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static void test_normalise(void **state)
{
	static const struct {
		const char *vary;
		enum vary_kind kind;
		const char *names;
	} rows[] = {
	    {"", VARY_NONE, ""},
	    {" , ,", VARY_NONE, ""},
	    {"Foo", VARY_NAMES, "foo"},
	    {"foo, BAR ,baz", VARY_NAMES, "bar,baz,foo"},
	    {"a, A, b,a", VARY_NAMES, "a,b"},
	    {"ab, a, abc", VARY_NAMES, "a,ab,abc"},
	    {"*", VARY_ANY, ""},
	    {", *", VARY_ANY, ""},
	    {"*, *", VARY_ANY, ""},
	    {"foo, *", VARY_ANY, ""},
	    {"*, foo", VARY_ANY, ""},
	    /* Nobody knows what it means; that nothing matches is safe. */
	    {"foo bar", VARY_ANY, ""},
	    {"\"foo\"", VARY_ANY, ""},
	    {"foo;q=1", VARY_ANY, ""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct buf out;

		buf_init(&out, 200);
		buf_add_slice(&out, SLICE("x"));
		if (vary_normalise(slice_of_str(rows[i].vary), &out) !=
			rows[i].kind ||
		    !slice_eq(slice_sub(buf_slice(&out), 1, out.n),
			slice_of_str(rows[i].names)))
			fail_msg("%s: %.*s", rows[i].vary, (int)out.n, out.p);
		buf_fini(&out);
	}
}

static void test_too_many(void **state)
{
	char text[8 * (VARY_NAMES_MAX + 1)];
	struct buf out;
	size_t n = 0;

	(void)state;
	buf_init(&out, 1000);
	for (int i = 0; i < VARY_NAMES_MAX; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "n%d,", i);
	assert_int_equal(vary_normalise(slice_of(text, n), &out), VARY_NAMES);
	n += (size_t)snprintf(text + n, sizeof(text) - n, "N0");
	buf_reset(&out);
	assert_int_equal(vary_normalise(slice_of(text, n), &out), VARY_NAMES);
	n += (size_t)snprintf(text + n, sizeof(text) - n, ",more");
	buf_reset(&out);
	assert_int_equal(vary_normalise(slice_of(text, n), &out), VARY_ANY);
	assert_int_equal(out.n, 0);
	buf_fini(&out);
}

#define FIELDS_MAX 4

struct request {
	const char *fields[FIELDS_MAX + 1];
};

static void key_of(const char *names, const struct request *r, struct buf *out)
{
	struct slice fields[FIELDS_MAX];
	size_t n = 0;

	while (n < FIELDS_MAX && r->fields[n]) {
		fields[n] = slice_of_str(r->fields[n]);
		n++;
	}
	buf_init(out, 1000);
	vary_key(out, slice_of_str(names), fields, n);
}

/* RFC 9111 §4.1 */
static void test_match(void **state)
{
	static const struct {
		const char *names;
		struct request a, b;
		bool is_match;
	} rows[] = {
	    {"foo", {{"Foo: 1"}}, {{"foo: 1"}}, true},
	    {"foo", {{"Foo: 1"}}, {{"Foo: 2"}}, false},
	    {"foo", {{"Foo: 1"}}, {{"Foo: 1", "Bar: 2"}}, true},
	    /* absent in one */
	    {"foo", {{"Foo: 1"}}, {{NULL}}, false},
	    {"foo", {{NULL}}, {{NULL}}, true},
	    {"foo", {{"Foo:"}}, {{NULL}}, false},
	    {"foo", {{"Foo:"}}, {{"Foo:  "}}, true},
	    {"bar,foo", {{"Foo: 1", "Bar: 2"}}, {{"Bar: 2", "Foo: 1"}}, true},
	    {"bar,foo", {{"Foo: 1", "Bar: 2"}}, {{"Foo: 1"}}, false},
	    {"bar,foo", {{"Foo: 2", "Bar: 1"}}, {{"Foo: 1", "Bar: 2"}}, false},
	    /* white space */
	    {"foo", {{"Foo: a, b"}}, {{"Foo: a,b"}}, true},
	    {"foo", {{"Foo: a , b"}}, {{"Foo:a,\tb "}}, true},
	    {"foo", {{"Foo: a  b"}}, {{"Foo: a b"}}, true},
	    {"foo", {{"Foo: a b"}}, {{"Foo: ab"}}, false},
	    {"foo", {{"Foo: \"a, b\""}}, {{"Foo: \"a,b\""}}, false},
	    {"foo", {{"Foo: \"a  b\""}}, {{"Foo: \"a b\""}}, false},
	    {"foo", {{"Foo: \"\\\"a, b\""}}, {{"Foo: \"\\\"a,b\""}}, false},
	    {"foo", {{"Foo: \"x\" , b"}}, {{"Foo: \"x\",b"}}, true},
	    /* several lines are one list, in their order */
	    {"foo", {{"Foo: a", "Foo: b"}}, {{"Foo: a, b"}}, true},
	    {"foo", {{"Foo: a", "Foo: b"}}, {{"Foo: b, a"}}, false},
	    {"foo", {{"Foo: a", "X: y", "FOO: b"}}, {{"Foo: a,b"}}, true},
	    /* a value cannot pretend to be another field */
	    {"bar,foo", {{"Bar: 1,foo:2"}}, {{"Bar: 1", "Foo: 2"}}, false},
	    {"foo", {{"Foo: A"}}, {{"Foo: a"}}, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct buf a, b;

		key_of(rows[i].names, &rows[i].a, &a);
		key_of(rows[i].names, &rows[i].b, &b);
		if (slice_eq(buf_slice(&a), buf_slice(&b)) != rows[i].is_match)
			fail_msg("row %zu: %.*s, %.*s", i, (int)a.n, a.p,
			    (int)b.n, b.p);
		buf_fini(&a);
		buf_fini(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_normalise),
	    cmocka_unit_test(test_too_many),
	    cmocka_unit_test(test_match),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
