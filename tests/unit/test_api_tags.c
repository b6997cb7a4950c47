#include "api/tags.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static struct digest128 named(const char *name)
{
	return tag_named(slice_of_str(name), SLICE_NONE);
}

/* ---- sets ---- */

static void test_set(void **state)
{
	struct tag_set t;

	(void)state;
	tag_set_init(&t);
	assert_false(tag_set_has(&t, named("a")));
	tag_set_add(&t, named("a"));
	tag_set_add(&t, named("b"));
	tag_set_add(&t, named("a"));
	assert_int_equal(t.n, 2);
	assert_true(tag_set_has(&t, named("a")));
	assert_true(tag_set_has(&t, named("b")));
	assert_false(tag_set_has(&t, named("c")));
	tag_set_fini(&t);
	assert_int_equal(t.n, 0);
	assert_false(tag_set_has(&t, named("a")));
	tag_set_fini(&t);
}

static struct digest128 numbered(size_t i)
{
	return tag_named(SLICE("n:"), slice_of((const char *)&i, sizeof(i)));
}

static void test_set_grows_to_its_cap(void **state)
{
	struct tag_set t;

	(void)state;
	tag_set_init(&t);
	for (size_t i = 0; i < TAG_SET_MAX; i++) {
		tag_set_add(&t, numbered(i));
		tag_set_add(&t, numbered(i / 2));
		assert_int_equal(t.n, i + 1);
	}
	assert_false(t.is_full);
	for (size_t i = 0; i < TAG_SET_MAX; i++)
		assert_true(tag_set_has(&t, numbered(i)));
	tag_set_add(&t, numbered(7));
	assert_false(t.is_full);
	tag_set_add(&t, numbered(TAG_SET_MAX));
	assert_true(t.is_full);
	assert_int_equal(t.n, TAG_SET_MAX);
	tag_set_fini(&t);
}

static void test_named(void **state)
{
	char text[2000] = "";
	struct slice s = slice_of(text, sizeof(text));
	struct digest128 a, b;

	(void)state;
	a = tag_named(SLICE("contact:"), SLICE("c1"));
	b = named("contact:c1");
	assert_true(digest_equal(&a, &b));
	memset(text, 'x', sizeof(text));
	a = tag_named(SLICE("path:"), s);
	b = tag_named(SLICE("path:"), s);
	assert_true(digest_equal(&a, &b));
	b = tag_named(SLICE("op:"), s);
	assert_false(digest_equal(&a, &b));
	text[1999] = 'y';
	b = tag_named(SLICE("path:"), s);
	assert_false(digest_equal(&a, &b));
}

/* ---- rules ---- */

struct example {
	const char *rules;
	const char *query; /* of the request, locationId is documented */
	const char *body; /* NULL: none */
	const char *location; /* the credential's, NULL: unknown */
	const char *tags; /* expected, space separated */
};

static void assert_tags(
    const struct example *e, size_t index, const struct tag_set *got)
{
	struct slice want = slice_of_str(e->tags);
	size_t n = 0;

	for (size_t at = 0; at < want.n; n++) {
		size_t end = slice_find(want, at, ' ');
		struct slice name = slice_sub(want, at, end);

		if (!tag_set_has(got, tag_named(SLICE(""), name)))
			fail_msg("example %zu, %s: no %.*s", index, e->rules,
			    (int)name.n, name.p);
		at = end + 1;
	}
	if (got->n != n)
		fail_msg("example %zu, %s: %zu tags", index, e->rules, got->n);
}

static void run(const struct example *e, size_t index, bool is_write)
{
	struct api_op op = {
	    .id = "x.y",
	    .location = "$query.locationId",
	    .tags_read = is_write ? "" : e->rules,
	    .tags_moved = is_write ? e->rules : "",
	};
	struct api_match match = {.op = &op};
	struct api_context c = {
	    .match = &match,
	    .path = SLICE("/x"),
	    .query = slice_of_str(e->query),
	    .body = slice_of_str(e->body),
	    .location = slice_of_str(e->location),
	};
	struct tag_set got;

	tag_set_init(&got);
	if (is_write)
		api_tags_moved(&c, &got);
	else
		api_tags_read(&c, &got);
	assert_tags(e, index, &got);
	tag_set_fini(&got);
}

#define ALWAYS "all path:/x op:x.y everything@"
#define IN_L1 ALWAYS "L1 everything@* "
#define NOWHERE ALWAYS "? "

static void test_reads(void **state)
{
	static const struct example rows[] = {
	    {"", "", NULL, "L1", IN_L1},
	    {"", "", NULL, NULL, NOWHERE},
	    {"as@", "", NULL, "L1", IN_L1 "as@L1 as@*"},
	    {"as@", "locationId=L1", NULL, NULL, IN_L1 "as@L1 as@*"},
	    {"as@", "", NULL, NULL, NOWHERE "as@?"},
	    {"as@ bs@", "", NULL, NULL, NOWHERE "as@? bs@?"},
	    {"as@", "locationId=L1", NULL, "L2",
		IN_L1 "everything@L2 as@L1 as@L2 as@*"},
	    {"as@@", "", NULL, "L1", IN_L1 "as@?"},
	    /* records */
	    {"a:$query.id", "id=1", NULL, "L1", IN_L1 "a:1 a@L1 a@*"},
	    {"a:$query.id", "id=1", NULL, NULL, NOWHERE "a:1 a@?"},
	    {"a:$query.id", "", NULL, "L1", IN_L1 "a: a@L1 a@*"},
	    {"a:?$query.id", "", NULL, "L1", IN_L1},
	    {"a:?$query.id", "id=1", NULL, "L1", IN_L1 "a:1 a@L1 a@*"},
	    {"a:$body.i[]", "", "{\"i\":[1,2]}", "L1",
		IN_L1 "a:1 a:2 a@L1 a@*"},
	    {"a:$body.i[]", "", "{\"i\":[]}", "L1", IN_L1 "a@L1 a@*"},
	    {"a:$body.i[]", "", "{}", "L1", IN_L1 "a: a@L1 a@*"},
	    {"a:?$body.i[]", "", "{}", "L1", IN_L1},
	    {"a:?$body.i[]", "", NULL, "L1", IN_L1 "a: a@L1 a@*"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		run(&rows[i], i, false);
}

static void test_moves(void **state)
{
	static const struct example rows[] = {
	    {"", "", NULL, "L1", ""},
	    {"as@", "", NULL, "L1", "as@L1 as@?"},
	    {"as@", "", NULL, NULL, "as@* as@?"},
	    {"as@", "locationId=L1", NULL, "L2", "as@L1 as@L2 as@?"},
	    {"as@@", "", NULL, "L1", "as@* as@?"},
	    /* conditions */
	    {"as@?$body.t", "", "{\"t\":[]}", "L1", "as@L1 as@?"},
	    {"as@?$body.t", "", "{\"u\":[]}", "L1", ""},
	    {"as@?$body.t", "", "t=1", "L1", "as@L1 as@?"},
	    {"as@?$body.t|$query.t", "t=1", "{}", "L1", "as@L1 as@?"},
	    {"as@?$body.t|$query.t", "", "{}", "L1", ""},
	    /* records */
	    {"a:$query.id", "id=1", NULL, "L1", "a:1 a:"},
	    {"a:$query.id", "", NULL, "L1", "a@L1 a@?"},
	    {"a:$query.id", "", NULL, NULL, "a@* a@?"},
	    {"a:?$query.id", "", NULL, "L1", ""},
	    {"a@", "", NULL, "L1", "a@L1 a@?"},
	    {"a:$body.i[]", "", "{\"i\":[]}", "L1", ""},
	    {"a:$body.i[]", "", "{\"i\":[1,{}]}", "L1", "a:1 a: a@L1 a@?"},
	    {"a:$body.i[]", "", "{\"i\":[1,\"\"]}", "L1", "a:1 a: a@L1 a@?"},
	    /* alternatives */
	    {"a:$body.i|$query.id", "id=1", "{\"i\":2}", "L1", "a:1 a:2 a:"},
	    {"a:$body.i|$query.id", "id=1", NULL, "L1", "a:1 a:"},
	    {"a:$body.i|$query.id", "", "{\"i\":2}", "L1", "a:2 a:"},
	    {"a:$body.i|$query.id", "", "{}", "L1", "a@L1 a@?"},
	    {"a:?$body.i|$query.id", "", "{}", "L1", ""},
	    {"a:?$query.id|$body.i", "", NULL, "L1", "a@L1 a@?"},
	    {"a:?$body.i|$query.id", "", NULL, "L1", "a@L1 a@?"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		run(&rows[i], i, true);
}

static void test_unknown_operation(void **state)
{
	struct api_match match = {.op = NULL};
	struct api_context c = {.match = &match, .path = SLICE("/x/")};
	struct tag_set read, moved;

	(void)state;
	tag_set_init(&read);
	tag_set_init(&moved);
	api_tags_read(&c, &read);
	api_tags_moved(&c, &moved);
	assert_int_equal(read.n, 3);
	assert_true(tag_set_has(&read, named("all")));
	assert_true(tag_set_has(&read, named("path:/x")));
	assert_true(tag_set_has(&read, named("everything@?")));
	assert_int_equal(moved.n, 2);
	assert_true(tag_set_has(&moved, named("everything@?")));
	assert_true(tag_set_has(&moved, named("everything@*")));
	tag_set_fini(&moved);
	c.location = SLICE("L1");
	api_tags_moved(&c, &moved);
	assert_int_equal(moved.n, 2);
	assert_true(tag_set_has(&moved, named("everything@L1")));
	assert_true(tag_set_has(&moved, named("everything@?")));
	tag_set_fini(&moved);
	tag_set_fini(&read);
}

/* More ids than a set holds: the caller must move everything. */
static void test_too_many_ids(void **state)
{
	static char body[64 * 1024];
	struct api_op op = {
	    .id = "x.y", .location = "", .tags_moved = "a:$body.i[]"};
	struct api_match match = {.op = &op};
	struct api_context c = {.match = &match};
	struct tag_set moved;
	size_t n = 0;

	(void)state;
	memcpy(body, "{\"i\":[0", 7);
	n = 7;
	for (unsigned i = 1; i <= TAG_SET_MAX; i++) {
		char digits[8];
		size_t d = 0;

		body[n++] = ',';
		for (unsigned v = i; v > 0; v /= 10)
			digits[d++] = (char)('0' + v % 10);
		while (d > 0)
			body[n++] = digits[--d];
	}
	body[n++] = ']';
	body[n++] = '}';
	c.body = slice_of(body, n);
	tag_set_init(&moved);
	api_tags_moved(&c, &moved);
	assert_true(moved.is_full);
	tag_set_fini(&moved);
}

/* ---- purges ---- */

static void test_purges(void **state)
{
	struct tag_set t;

	(void)state;
	tag_set_init(&t);
	api_tags_all(&t);
	assert_int_equal(t.n, 1);
	assert_true(tag_set_has(&t, named("all")));
	api_tags_path(SLICE("/contacts/"), &t);
	api_tags_path(SLICE("/contacts"), &t);
	api_tags_path(SLICE("/"), &t);
	assert_int_equal(t.n, 3);
	assert_true(tag_set_has(&t, named("path:/contacts")));
	assert_true(tag_set_has(&t, named("path:/")));
	api_tags_operation(SLICE("users.get-user"), &t);
	assert_true(tag_set_has(&t, named("op:users.get-user")));
	api_tags_location(SLICE("L1"), &t);
	assert_int_equal(t.n, 6);
	assert_true(tag_set_has(&t, named("everything@L1")));
	assert_true(tag_set_has(&t, named("everything@?")));
	tag_set_fini(&t);
	api_tags_contact(SLICE("c1"), &t);
	assert_true(tag_set_has(&t, named("contact:c1")));
	assert_true(tag_set_has(&t, named("contact-tree:c1")));
	assert_true(tag_set_has(&t, named("contacts@*")));
	assert_false(tag_set_has(&t, named("contact:c2")));
	tag_set_fini(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_set),
	    cmocka_unit_test(test_set_grows_to_its_cap),
	    cmocka_unit_test(test_named),
	    cmocka_unit_test(test_reads),
	    cmocka_unit_test(test_moves),
	    cmocka_unit_test(test_unknown_operation),
	    cmocka_unit_test(test_too_many_ids),
	    cmocka_unit_test(test_purges),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
