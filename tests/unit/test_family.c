/*
 * Families: what counts as trouble, what ends it, who may find out.
 */
#include "origin/family.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#define CONTACT SLICE("/contacts/abc?x=1")
#define PAYMENT SLICE("/payments/orders")

static void show(
    struct families *f, struct slice target, const char *story, int64_t now_ms)
{
	static const char letters[] = ".etw"; /* well, error, silent, slow */

	for (; *story; story++)
		family_evidence(f, target,
		    (enum family_trouble)(strchr(letters, *story) - letters),
		    *story == 'e' ? 1 : 2, now_ms);
}

static void test_stories(void **state)
{
	static const struct {
		const char *story;
		enum family_trouble trouble;
	} rows[] = {
	    {"", FAMILY_WELL},
	    {"e", FAMILY_WELL},
	    {"ee", FAMILY_WELL},
	    {"eee", FAMILY_ERRORS},
	    {"ee.e", FAMILY_WELL},
	    {"e.e.e.e", FAMILY_WELL},
	    {"t", FAMILY_WELL},
	    {"tt", FAMILY_SILENT},
	    {"ww", FAMILY_SLOW},
	    {"te", FAMILY_ERRORS},
	    {"et", FAMILY_SILENT},
	    {"t.t.t", FAMILY_WELL},
	    /* the latest reason counts */
	    {"eeet", FAMILY_SILENT},
	    /* one answer is no end */
	    {"eee.", FAMILY_ERRORS},
	    {"eee.e.", FAMILY_ERRORS},
	    {"eee..", FAMILY_WELL},
	    {"eee..ee", FAMILY_WELL},
	    {"eee..eee", FAMILY_ERRORS},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct families f = {0};

		show(&f, CONTACT, rows[i].story, 1000);
		if (family_trouble(&f, CONTACT) != rows[i].trouble)
			fail_msg("%s", rows[i].story);
	}
}

/* By the first segment, and no other. */
static void test_segments(void **state)
{
	static const struct {
		struct slice target, segment;
	} rows[] = {
	    {{"/contacts/abc", 13}, {"contacts", 8}},
	    {{"/contacts", 9}, {"contacts", 8}},
	    {{"/contacts?a=/b", 14}, {"contacts", 8}},
	    {{"/", 1}, {"", 0}},
	    {{"", 0}, {"", 0}},
	};
	struct families f = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		assert_true(
		    slice_eq(family_segment(rows[i].target), rows[i].segment));
	show(&f, PAYMENT, "eee", 1000);
	assert_int_equal(family_trouble(&f, CONTACT), FAMILY_WELL);
	assert_int_equal(family_trouble(&f, PAYMENT), FAMILY_ERRORS);
	assert_int_equal(
	    family_trouble(&f, SLICE("/payments/x")), FAMILY_ERRORS);
}

/* One in a second, after a minute one in five. */
static void test_probes(void **state)
{
	struct families f = {0};

	(void)state;
	show(&f, CONTACT, "eee", 1000);
	assert_false(family_may_probe(&f, CONTACT, 1999));
	assert_true(family_may_probe(&f, CONTACT, 2000));
	assert_false(family_may_probe(&f, CONTACT, 2999));
	assert_true(family_may_probe(&f, CONTACT, 3000));
	assert_true(family_may_probe(&f, CONTACT, 61000));
	assert_false(family_may_probe(&f, CONTACT, 65999));
	assert_true(family_may_probe(&f, CONTACT, 66000));
	/* after an answer the next one at once */
	show(&f, CONTACT, ".", 66100);
	assert_true(family_may_probe(&f, CONTACT, 66100));
}

static void test_changes_are_told_once(void **state)
{
	struct families f = {0};

	(void)state;
	show(&f, CONTACT, "ee", 1000);
	assert_true(family_evidence(&f, CONTACT, FAMILY_ERRORS, 1, 1000));
	assert_false(family_evidence(&f, CONTACT, FAMILY_SILENT, 2, 1000));
	assert_false(family_evidence(&f, CONTACT, FAMILY_WELL, 0, 1000));
	assert_true(family_evidence(&f, CONTACT, FAMILY_WELL, 0, 1000));
	assert_false(family_evidence(&f, CONTACT, FAMILY_WELL, 0, 1000));
}

static void test_list(void **state)
{
	struct families f = {0};
	struct family_view v[2];

	(void)state;
	assert_int_equal(family_list(&f, v, 2), 0);
	show(&f, SLICE("/a-first-segment-that-is-cut-short/x"), "eee", 7000);
	assert_int_equal(family_list(&f, v, 2), 1);
	assert_string_equal(v[0].name, "a-first-segment-that-is-");
	assert_int_equal(v[0].since_ms, 7000);
	assert_int_equal(v[0].trouble, FAMILY_ERRORS);
	assert_string_equal(family_detail(v[0].trouble), "upstream-5xx");
	show(&f, CONTACT, "ww", 8000);
	show(&f, PAYMENT, "tt", 8000);
	assert_int_equal(family_list(&f, v, 2), 2);
}

/* Where nobody is answered the others need not find out one by one. */
static void test_silence_of_the_whole(void **state)
{
	struct families f = {0};

	(void)state;
	show(&f, CONTACT, ".", 1000);
	show(&f, PAYMENT, "tt", 2000);
	assert_int_equal(family_trouble(&f, PAYMENT), FAMILY_SILENT);
	assert_int_equal(family_trouble(&f, CONTACT), FAMILY_SLOW);
	/* one in a second finds out */
	assert_true(family_may_probe(&f, CONTACT, 2000));
	assert_false(family_may_probe(&f, SLICE("/users/"), 2999));
	assert_true(family_may_probe(&f, SLICE("/users/"), 3000));
	/* any answer will do, an error, too */
	show(&f, SLICE("/users/"), "e", 3001);
	assert_int_equal(family_trouble(&f, PAYMENT), FAMILY_SILENT);
	assert_int_equal(family_trouble(&f, CONTACT), FAMILY_WELL);
}

/* Each has a place of its own, and what finds none is never in trouble. */
static void test_many(void **state)
{
	struct families f = {0};
	char target[32];

	(void)state;
	for (int i = 0; i < FAMILIES_MAX + 8; i++) {
		snprintf(target, sizeof(target), "/part%d/x", i);
		show(&f, slice_of_str(target), i % 2 ? "eee" : "e", 1000);
	}
	for (int i = 0; i < FAMILIES_MAX + 8; i++) {
		bool is_bad = i % 2 && i < FAMILIES_MAX;

		snprintf(target, sizeof(target), "/part%d", i);
		assert_int_equal(family_trouble(&f, slice_of_str(target)),
		    is_bad ? FAMILY_ERRORS : FAMILY_WELL);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_stories),
	    cmocka_unit_test(test_segments),
	    cmocka_unit_test(test_probes),
	    cmocka_unit_test(test_changes_are_told_once),
	    cmocka_unit_test(test_list),
	    cmocka_unit_test(test_silence_of_the_whole),
	    cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
