#include "http/freshness.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct cache_control cc_of(const char *value)
{
	struct cache_control cc;

	cachecontrol_init(&cc);
	if (value)
		cachecontrol_add(&cc, slice_of_str(value));
	return cc;
}

/* RFC 9111 §4.2.1; Expires is relative to Date 1000, 0 = no Expires. */
static void test_lifetime(void **state)
{
	static const struct {
		const char *cc;
		int64_t expires_s, lifetime_s;
		bool is_explicit;
	} cases[] = {
	    {NULL, 0, 0, false},
	    {"public", 0, 0, false},
	    {"max-age=60", 0, 60, true},
	    {"max-age=60, s-maxage=30", 0, 30, true},
	    {"max-age=60, s-maxage=0", 5000, 0, true},
	    {"max-age=60", 5000, 60, true}, /* §5.3 */
	    {"max-age=0", 5000, 0, true},
	    {"s-maxage=0", 0, 0, true},
	    {NULL, 1090, 90, true},
	    {NULL, 1000, 0, true},
	    {NULL, 10, 0, true},
	    {"public", 1090, 90, true},
	    {NULL, INT64_C(253402300799), CACHECONTROL_SECONDS_MAX, true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct freshness_answer a = {
		    .status = 200,
		    .cc = cc_of(cases[i].cc),
		    .has_expires = cases[i].expires_s > 0,
		    .expires_s = cases[i].expires_s,
		    .date_s = 1000,
		};

		if (freshness_lifetime_s(&a) != cases[i].lifetime_s ||
		    freshness_is_explicit(&a) != cases[i].is_explicit)
			fail_msg("case %zu", i);
	}
}

/* RFC 9111 §4.2.3 */
static void test_age(void **state)
{
	int64_t far = CACHECONTROL_SECONDS_MAX;

	(void)state;
	assert_int_equal(freshness_initial_age_s(0, 1000, 1000, 1000), 0);
	assert_int_equal(freshness_initial_age_s(0, 990, 1000, 1002), 12);
	assert_int_equal(freshness_initial_age_s(30, 1000, 1000, 1002), 32);
	assert_int_equal(freshness_initial_age_s(5, 900, 1000, 1002), 102);
	/* Date ahead of us: no negative age. */
	assert_int_equal(freshness_initial_age_s(0, 2000, 1000, 1000), 0);
	/* Our clock stepped back in between. */
	assert_int_equal(freshness_initial_age_s(7, 2000, 1000, 900), 7);
	assert_int_equal(freshness_initial_age_s(far + 9, 0, 0, 0), far);
	assert_int_equal(freshness_initial_age_s(far, 0, 0, 10), far);
	assert_int_equal(freshness_age_s(12, 1000, 1030), 42);
	assert_int_equal(freshness_age_s(12, 1000, 900), 12);
	assert_int_equal(freshness_age_s(far, 1000, 1030), far);
}

struct store_row {
	const char *name;
	unsigned status;
	const char *cc, *request;
	bool has_validator, is_vary_any;
	bool may_store;
};

static const struct store_row store_rows[] = {
    {"3 explicit", 200, "max-age=1", NULL, false, false, true},
    {"3 explicit zero", 200, "max-age=0", NULL, false, false, true},
    {"3 nothing known", 200, NULL, NULL, false, false, false},
    {"3 validator", 200, NULL, NULL, true, false, true},
    {"3 public alone", 200, "public", NULL, false, false, false},
    {"validator, not cacheable by default", 201, NULL, NULL, true, false,
	false},
    {"404 with validator", 404, NULL, NULL, true, false, true},
    {"404 explicit", 404, "max-age=1", NULL, false, false, true},
    {"500 explicit", 500, "max-age=1", NULL, false, false, true},
    {"599 explicit", 599, "max-age=1", NULL, false, false, true},
    {"302 explicit", 302, "s-maxage=1", NULL, false, false, true},
    {"6585 4 429", 429, "max-age=1", NULL, true, false, false},
    {"304", 304, "max-age=1", NULL, true, false, false},
    {"interim", 103, "max-age=1", NULL, true, false, false},
    {"not a status", 600, "max-age=1", NULL, true, false, false},
    {"3.3 partial", 206, "max-age=1", NULL, true, false, false},
    {"4.1 Vary any", 200, "max-age=1", NULL, true, true, false},
    {"5.2.2.5 no-store", 200, "no-store, max-age=1", NULL, true, false, false},
    {"5.2.1.5 no-store of request", 200, "max-age=1", "no-store", true, false,
	false},
    {"5.2.2.7 private", 200, "private, max-age=1", NULL, true, false, false},
    {"private fields", 200, "private=\"x\", max-age=1", NULL, true, false,
	false},
    {"no-cache may be stored", 200, "no-cache", NULL, true, false, true},
    {"5.2.2.3 understood", 200, "must-understand, no-store, max-age=1", NULL,
	false, false, true},
    {"5.2.2.3 not understood", 418, "must-understand, max-age=1", NULL, false,
	false, false},
};

static void test_store(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(store_rows) / sizeof(*store_rows); i++) {
		const struct store_row *r = &store_rows[i];
		struct cache_control request = cc_of(r->request);
		struct freshness_answer a = {
		    .status = r->status,
		    .cc = cc_of(r->cc),
		    .has_validator = r->has_validator,
		    .is_vary_any = r->is_vary_any,
		};

		if (freshness_may_store(&a, &request) != r->may_store)
			fail_msg("%s", r->name);
	}
}

struct judge_row {
	const char *name, *answer, *request;
	int64_t age_s; /* the lifetime is 100 */
	enum freshness_verdict verdict;
	/* With the upstream gone, and with an error from it. */
	enum freshness_disconnected unreachable, failed;
};

#define FRESH FRESHNESS_FRESH
#define STALE FRESHNESS_STALE
#define BEHIND FRESHNESS_REVALIDATE
#define ASK FRESHNESS_ASK
#define SERVE FRESHNESS_SERVE_STALE
#define ERROR FRESHNESS_ERROR

static const struct judge_row judge_rows[] = {
    {"4.2 fresh", NULL, NULL, 99, FRESH, SERVE, SERVE},
    {"4.2 lifetime equals age", NULL, NULL, 100, ASK, SERVE, ERROR},
    {"4.2.4 stale", NULL, NULL, 101, ASK, SERVE, ERROR},
    {"5.2.2.4 no-cache", "no-cache", NULL, 1, ASK, ERROR, ERROR},
    {"no-cache fields", "no-cache=\"x\"", NULL, 1, ASK, ERROR, ERROR},
    {"5.2.2.2 must-revalidate, fresh", "must-revalidate", NULL, 99, FRESH,
	SERVE, SERVE},
    {"5.2.2.2 must-revalidate, stale", "must-revalidate", NULL, 100, ASK, ERROR,
	ERROR},
    {"5.2.2.8 proxy-revalidate", "proxy-revalidate", NULL, 100, ASK, ERROR,
	ERROR},
    {"5.2.2.10 s-maxage", "s-maxage=100", NULL, 100, ASK, ERROR, ERROR},
    {"5861 3 within", "stale-while-revalidate=10", NULL, 110, BEHIND, SERVE,
	ERROR},
    {"5861 3 past", "stale-while-revalidate=10", NULL, 111, ASK, SERVE, ERROR},
    {"5861 3 must-revalidate wins",
	"stale-while-revalidate=10, must-revalidate", NULL, 101, ASK, ERROR,
	ERROR},
    {"5861 4 within", "stale-if-error=10", NULL, 110, ASK, SERVE, SERVE},
    {"5861 4 past", "stale-if-error=10", NULL, 111, ASK, ERROR, ERROR},
    {"5861 4 zero", "stale-if-error=0", NULL, 101, ASK, ERROR, ERROR},
    {"s-maxage=0", "s-maxage=0", NULL, 101, ASK, ERROR, ERROR},
    {"min-fresh=0 wants no stale", NULL, "min-fresh=0, max-stale", 101, ASK,
	SERVE, SERVE},
    {"5861 4 of the request", NULL, "stale-if-error=20", 120, ASK, SERVE,
	SERVE},
    {"5861 4 the larger", "stale-if-error=10", "stale-if-error=20", 120, ASK,
	SERVE, SERVE},
    {"5.2.1.4 no-cache", NULL, "no-cache", 1, ASK, ERROR, ERROR},
    {"5.2.1.1 max-age within", NULL, "max-age=50", 50, FRESH, SERVE, SERVE},
    {"5.2.1.1 max-age past", NULL, "max-age=50", 51, ASK, SERVE, SERVE},
    {"max-age=0", NULL, "max-age=0", 0, ASK, SERVE, SERVE},
    {"5.2.1.3 min-fresh within", NULL, "min-fresh=10", 90, FRESH, SERVE, SERVE},
    {"5.2.1.3 min-fresh past", NULL, "min-fresh=10", 91, ASK, SERVE, SERVE},
    {"5.2.1.2 max-stale within", NULL, "max-stale=10", 110, STALE, SERVE,
	SERVE},
    {"5.2.1.2 max-stale past", NULL, "max-stale=10", 111, ASK, SERVE, ERROR},
    {"5.2.1.2 any", NULL, "max-stale", 99999, STALE, SERVE, SERVE},
    {"max-stale against must-revalidate", "must-revalidate", "max-stale", 101,
	ASK, ERROR, ERROR},
    {"max-stale and max-age", NULL, "max-stale, max-age=5", 101, ASK, SERVE,
	SERVE},
};

static void test_judge(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(judge_rows) / sizeof(*judge_rows); i++) {
		const struct judge_row *r = &judge_rows[i];
		struct cache_control a = cc_of(r->answer),
				     q = cc_of(r->request);

		if (freshness_judge(&a, &q, 100, r->age_s) != r->verdict)
			fail_msg("%s", r->name);
		if (freshness_judge_disconnected(&a, &q, 100, r->age_s, true) !=
		    r->unreachable)
			fail_msg("%s: unreachable", r->name);
		if (freshness_judge_disconnected(
			&a, &q, 100, r->age_s, false) != r->failed)
			fail_msg("%s: failed", r->name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_lifetime),
	    cmocka_unit_test(test_age),
	    cmocka_unit_test(test_store),
	    cmocka_unit_test(test_judge),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
