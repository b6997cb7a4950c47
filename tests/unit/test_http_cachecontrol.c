#include "http/cachecontrol.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define FOR_EVER CACHECONTROL_SECONDS_MAX

/* What a row expects; seconds are given plus one, so that 0 is "absent" and
 * rows name only what they are about. */
struct row {
	const char *name;
	const char *values[3]; /* field lines */
	bool no_store, no_cache, private, public, must_revalidate;
	bool proxy_revalidate, must_understand, no_transform, only_if_cached;
	const char *no_cache_fields, *private_fields;
	int64_t max_age, s_maxage, swr, sie, min_fresh, max_stale;
};

#define S(n) ((n) + 1)

static const struct row rows[] = {
    {.name = "none", .values = {""}},
    {.name = "5.2.2.5", .values = {"no-store"}, .no_store = true},
    {.name = "5.2.2.4", .values = {"no-cache"}, .no_cache = true},
    {.name = "5.2.2.7", .values = {"private"}, .private = true},
    {.name = "5.2.2.9", .values = {"public"}, .public = true},
    {.name = "5.2.2.2", .values = {"must-revalidate"}, .must_revalidate = true},
    {.name = "5.2.2.8",
	.values = {"proxy-revalidate"},
	.proxy_revalidate = true},
    {.name = "5.2.2.3", .values = {"must-understand"}, .must_understand = true},
    {.name = "5.2.2.6", .values = {"no-transform"}, .no_transform = true},
    {.name = "5.2.1.7", .values = {"only-if-cached"}, .only_if_cached = true},
    {.name = "5.2.2.1", .values = {"max-age=60"}, .max_age = S(60)},
    {.name = "5.2.2.10", .values = {"s-maxage=61"}, .s_maxage = S(61)},
    {.name = "5861 3", .values = {"stale-while-revalidate=5"}, .swr = S(5)},
    {.name = "5861 4", .values = {"stale-if-error=6"}, .sie = S(6)},
    {.name = "5.2.1.3", .values = {"min-fresh=7"}, .min_fresh = S(7)},
    {.name = "5.2.1.2", .values = {"max-stale=8"}, .max_stale = S(8)},
    {.name = "5.2.1.2 any", .values = {"max-stale"}, .max_stale = S(FOR_EVER)},
    {.name = "5.2 case and list",
	.values = {" PRIVATE ,, Max-Age=1,\tS-MAXAGE=2 "},
	.private = true,
	.max_age = S(1),
	.s_maxage = S(2)},
    {.name = "several lines",
	.values = {"max-age=1", "no-store", "s-maxage=2"},
	.no_store = true,
	.max_age = S(1),
	.s_maxage = S(2)},
    {.name = "5.2 unknown ignored",
	.values = {"max-age=1, foo, bar=1, baz=\"no-store, max-age=0\""},
	.max_age = S(1)},

    /* §1.2.2, §4.2.1 */
    {.name = "quoted seconds", .values = {"max-age=\"60\""}, .max_age = S(60)},
    {.name = "leading zeros", .values = {"max-age=0060"}, .max_age = S(60)},
    {.name = "overflow 32 bits",
	.values = {"max-age=2147483649"},
	.max_age = S(FOR_EVER)},
    {.name = "overflow 64 bits",
	.values = {"max-age=99999999999999999999999999"},
	.max_age = S(FOR_EVER)},
    {.name = "negative", .values = {"max-age=-1"}, .max_age = S(0)},
    {.name = "plus", .values = {"max-age=+1"}, .max_age = S(0)},
    {.name = "fraction", .values = {"max-age=1.5"}, .max_age = S(0)},
    {.name = "empty", .values = {"max-age="}, .max_age = S(0)},
    {.name = "no argument", .values = {"max-age"}, .max_age = S(0)},
    {.name = "letters", .values = {"max-age=a"}, .max_age = S(0)},
    {.name = "digits and letters", .values = {"s-maxage=1a"}, .s_maxage = S(0)},
    {.name = "space before =", .values = {"max-age =60"}, .max_age = S(0)},
    {.name = "space behind =", .values = {"max-age= 60"}, .max_age = S(0)},
    {.name = "single quotes", .values = {"max-age='60'"}, .max_age = S(0)},
    {.name = "open quote", .values = {"max-age=\"60"}, .max_age = S(0)},
    {.name = "semicolon", .values = {"max-age=60;x"}, .max_age = S(0)},
    {.name = "colon", .values = {"max-age:60"}, .max_age = S(0)},
    {.name = "4.2.1 differing",
	.values = {"max-age=60, max-age=10"},
	.max_age = S(10)},
    {.name = "4.2.1 zero first",
	.values = {"max-age=0, max-age=10"},
	.max_age = S(0)},
    {.name = "4.2.1 differing lines",
	.values = {"max-age=10", "max-age=60"},
	.max_age = S(10)},
    {.name = "bad min-fresh",
	.values = {"min-fresh=x"},
	.min_fresh = S(FOR_EVER)},
    {.name = "two min-fresh",
	.values = {"min-fresh=1, min-fresh=5, min-fresh=2"},
	.min_fresh = S(5)},
    {.name = "bad grace ignored",
	.values = {"max-stale=x, max-stale =, stale-if-error, "
		   "stale-while-revalidate=-1"}},
    {.name = "the smaller grace",
	.values = {"max-stale, max-stale=3, stale-if-error=9, "
		   "stale-if-error=8"},
	.max_stale = S(3),
	.sie = S(8)},

    /* Malformed flags: cautious ones count, permissive ones do not. */
    {.name = "no-store with argument",
	.values = {"no-store=1"},
	.no_store = true},
    {.name = "no-store with junk", .values = {"no-store;x"}, .no_store = true},
    {.name = "must-revalidate with junk",
	.values = {"must-revalidate x"},
	.must_revalidate = true},
    {.name = "public with argument", .values = {"public=1"}},
    {.name = "public with junk", .values = {"public x"}},
    {.name = "longer names", .values = {"no-storey, xno-store, no-cachex=1"}},

    {.name = "no-cache with names",
	.values = {"no-cache=\"set-cookie, x\""},
	.no_cache_fields = "set-cookie, x"},
    {.name = "private with a name",
	.values = {"private=foo"},
	.private_fields = "foo"},
    {.name = "no-cache with no names",
	.values = {"no-cache=\"\""},
	.no_cache = true},
    {.name = "no-cache, bad quote",
	.values = {"no-cache=\"a"},
	.no_cache = true},
    {.name = "two lists",
	.values = {"private=\"a\", private=\"b\""},
	.private = true,
	.private_fields = "a"},
};

static void check_fields(
    const struct row *r, struct slice got, const char *wanted)
{
	if (!slice_eq(got, slice_of_str(wanted)) ||
	    (got.p == NULL) != (wanted == NULL))
		fail_msg("%s: %.*s", r->name, (int)got.n, got.p);
}

static void check_row(const struct row *r)
{
	struct cache_control cc;
	bool is_flags_ok, is_seconds_ok;

	cachecontrol_init(&cc);
	assert_false(cc.is_present);
	for (size_t i = 0; i < 3 && r->values[i]; i++)
		cachecontrol_add(&cc, slice_of_str(r->values[i]));
	is_flags_ok = cc.is_present && cc.has_no_store == r->no_store &&
		      cc.has_no_cache == r->no_cache &&
		      cc.has_private == r->private &&
		      cc.has_public == r->public &&
		      cc.has_must_revalidate == r->must_revalidate &&
		      cc.has_proxy_revalidate == r->proxy_revalidate &&
		      cc.has_must_understand == r->must_understand &&
		      cc.has_no_transform == r->no_transform &&
		      cc.has_only_if_cached == r->only_if_cached;
	is_seconds_ok = cc.max_age_s == r->max_age - 1 &&
			cc.s_maxage_s == r->s_maxage - 1 &&
			cc.stale_while_revalidate_s == r->swr - 1 &&
			cc.stale_if_error_s == r->sie - 1 &&
			cc.min_fresh_s == r->min_fresh - 1 &&
			cc.max_stale_s == r->max_stale - 1;
	if (!is_flags_ok || !is_seconds_ok)
		fail_msg("%s: %s", r->name, is_flags_ok ? "seconds" : "flags");
	check_fields(r, cc.no_cache_fields, r->no_cache_fields);
	check_fields(r, cc.private_fields, r->private_fields);
}

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		check_row(&rows[i]);
}

static void test_seconds(void **state)
{
	int64_t s = 7;

	(void)state;
	assert_true(cachecontrol_seconds(SLICE("2147483648"), &s));
	assert_int_equal(s, FOR_EVER);
	assert_true(cachecontrol_seconds(SLICE("2147483647"), &s));
	assert_int_equal(s, FOR_EVER - 1);
	assert_false(cachecontrol_seconds(SLICE(""), &s));
	assert_false(cachecontrol_seconds(SLICE(" 1"), &s));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_rows),
	    cmocka_unit_test(test_seconds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
