#include "http/head.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#define NOW INT64_C(784111777)
#define DATE "Sun, 06 Nov 1994 08:49:37 GMT" /* NOW */
#define LATER "Sun, 06 Nov 1994 08:50:37 GMT"

struct fixture {
	struct buf out;
	struct head h;
	const char *why;
};

static bool build(struct fixture *t, const char *lines)
{
	buf_init(&t->out, 500);
	return head_build(
	    slice_of_str(lines), NOW, HEAD_DROPS_OURS, &t->out, &t->h, &t->why);
}

/* date: of the Date that comes behind what is kept; vary: what comes last. */
static void check_by(enum head_rules rules, const char *lines, const char *kept,
    const char *date, const char *vary)
{
	struct fixture t;
	char text[600];

	buf_init(&t.out, 500);
	if (!head_build(slice_of_str(lines), NOW, rules, &t.out, &t.h, &t.why))
		fail_msg("%s: %s", lines, t.why);
	snprintf(text, sizeof(text), "%sDate: %s\r\n%s", kept, date, vary);
	if (!slice_eq(buf_slice(&t.out), slice_of_str(text)))
		fail_msg("%s: %.*s", lines, (int)t.out.n, t.out.p);
	buf_fini(&t.out);
}

static void check_kept(const char *lines, const char *kept)
{
	check_by(HEAD_DROPS_OURS, lines, kept, DATE, "");
}

/* RFC 9111 §3.1, RFC 9110 §7.6.1 */
static void test_kept(void **state)
{
	(void)state;
	check_kept("", "");
	check_kept("Content-Type: a/b\r\nX-Unknown: \xff\r\nServer: s\r\n",
	    "Content-Type: a/b\r\nX-Unknown: \xff\r\nServer: s\r\n");
	check_kept("Content-Length: 5\r\nAge: 1\r\nA: b\r\n", "A: b\r\n");
	check_kept("Via: x\r\nCache-Status: y\r\nA: b\r\n",
	    "Via: x\r\nCache-Status: y\r\nA: b\r\n");
	check_kept(
	    "Transfer-Encoding: chunked\r\nTrailer: x\r\nA: b\r\n", "A: b\r\n");
	check_kept("Set-Cookie: a\r\nCF-Ray: b\r\nx-ratelimit-max: 100\r\n"
		   "Alt-Svc: c\r\nNEL: d\r\nA: b\r\n",
	    "A: b\r\n");
	check_kept("Connection: X-Hop, x-other\r\nX-Hop: a\r\nA: b\r\n"
		   "X-OTHER: c\r\nConnection: third\r\nThird: d\r\n",
	    "A: b\r\n");
	check_kept("A: 1\r\nA: 2\r\na: 1\r\n", "A: 1\r\nA: 2\r\na: 1\r\n");
	check_by(HEAD_DROPS_OURS, "Vary:\r\nVary: a\r\nVary: \r\n", "", DATE,
	    "Vary: a\r\n");
	check_by(HEAD_DROPS_OURS,
	    "Vary: Accept\r\nA: b\r\nvary: Origin , X\r\n", "A: b\r\n", DATE,
	    "Vary: Accept, Origin , X\r\n");
}

/* RFC 9110 §6.6.1: the origin's, or the time of receipt. */
static void test_date(void **state)
{
	static const enum head_rules rules[] = {
	    HEAD_DROPS_OURS, HEAD_KEEPS_ALL};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		check_by(rules[i], "date: " LATER "\r\n", "", LATER, "");
		check_by(rules[i], "", "", DATE, "");
		check_by(rules[i], "Date: today\r\n", "", DATE, "");
		check_by(
		    rules[i], "Date: " LATER "\r\nDate: x\r\n", "", LATER, "");
		/* said in the form that is to be sent */
		check_by(rules[i], "Date: Sunday, 06-Nov-94 08:50:37 GMT\r\n",
		    "", LATER, "");
	}
}

/* RFC 9111 §3.1: all that is not excepted there. */
static void test_all_kept(void **state)
{
	(void)state;
	check_by(HEAD_KEEPS_ALL,
	    "Set-Cookie: a\r\nCF-Ray: b\r\nx-ratelimit-max: 100\r\n"
	    "X-Request-Id: c\r\nStrict-Transport-Security: d\r\n"
	    "Access-Control-Allow-Origin: *\r\nX-New: e\r\n",
	    "Set-Cookie: a\r\nCF-Ray: b\r\nx-ratelimit-max: 100\r\n"
	    "X-Request-Id: c\r\nStrict-Transport-Security: d\r\n"
	    "Access-Control-Allow-Origin: *\r\nX-New: e\r\n",
	    DATE, "");
	check_by(HEAD_KEEPS_ALL,
	    "Connection: a, b\r\nA: 1\r\nB: 2\r\nC: 3\r\n"
	    "Proxy-Authenticate: p\r\nProxy-Authentication-Info: q\r\n"
	    "Proxy-Authorization: r\r\nKeep-Alive: s\r\nTE: t\r\n"
	    "Transfer-Encoding: u\r\nUpgrade: v\r\nContent-Length: 9\r\n",
	    "C: 3\r\n", DATE, "");
}

/* What is stored says of itself what was said of it on arrival. */
static void test_read(void **state)
{
	struct fixture t;
	struct head h;

	(void)state;
	assert_true(build(&t,
	    "ETag: \"1\"\r\nLast-Modified: " DATE "\r\nVary: a\r\n"
	    "Date: " LATER "\r\nVary: b\r\nCache-Control: max-age=7\r\n"
	    "Expires: " LATER "\r\nContent-Type: x/y\r\n"));
	assert_true(head_read(buf_slice(&t.out), NOW, &h));
	assert_true(slice_eq(h.etag, SLICE("\"1\"")));
	assert_true(slice_eq(h.last_modified, SLICE(DATE)));
	assert_true(slice_eq(h.vary, SLICE("a, b")));
	assert_true(slice_eq(h.content_type, SLICE("x/y")));
	assert_true(h.has_date && h.has_expires);
	assert_int_equal(h.date_s, NOW + 60);
	assert_int_equal(h.expires_s, NOW + 60);
	assert_int_equal(h.cc.max_age_s, 7);
	assert_int_equal(h.limits.max, -1);
	buf_fini(&t.out);
	assert_true(head_read(SLICE_NONE, NOW, &h));
	assert_int_equal(h.etag.n, 0);
	assert_false(head_read(SLICE("A: b\r\ncut"), NOW, &h));
}

static void test_refused(void **state)
{
	static const char *const bad[] = {"A b: c\r\n", "A: b\rc\r\n",
	    "A: b\r\nB: \x01\r\n", "no colon\r\n", "A: b\r\ncut", ": x\r\n"};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct fixture t;

		if (build(&t, bad[i]))
			fail_msg("%s", bad[i]);
		assert_non_null(t.why);
		buf_fini(&t.out);
	}
}

static void test_cap(void **state)
{
	const char *why;
	struct head h;
	struct buf out;

	(void)state;
	buf_init(&out, 5);
	assert_false(head_build(
	    SLICE("A: b\r\n"), NOW, HEAD_DROPS_OURS, &out, &h, &why));
	assert_string_equal(why, "head too large");
	buf_fini(&out);
}

static void test_places(void **state)
{
	struct fixture t;
	const char *p;

	(void)state;
	assert_true(build(&t,
	    "ETag: W/\"1\"\r\nlast-modified: " DATE "\r\n"
	    "Content-Type: application/json\r\nContent-Encoding: gzip\r\n"
	    "Vary: a\r\nLocation: /x\r\nContent-Location: /y\r\n"
	    "X-Trace-Id: t\r\nETag: \"2\"\r\nVary: b\r\n"));
	assert_true(slice_eq(t.h.etag, SLICE("W/\"1\"")));
	assert_true(slice_eq(t.h.last_modified, SLICE(DATE)));
	assert_true(slice_eq(t.h.content_type, SLICE("application/json")));
	assert_true(slice_eq(t.h.content_encoding, SLICE("gzip")));
	assert_true(slice_eq(t.h.vary, SLICE("a, b")));
	assert_true(slice_eq(t.h.location, SLICE("/x")));
	assert_true(slice_eq(t.h.content_location, SLICE("/y")));
	assert_true(slice_eq(t.h.trace_id, SLICE("t")));
	p = t.h.vary.p;
	assert_true(p > t.out.p && p < t.out.p + t.out.n);
	buf_fini(&t.out);
	assert_true(build(&t, "traceId: u\r\n"));
	assert_true(slice_eq(t.h.trace_id, SLICE("u")));
	assert_int_equal(t.h.etag.n, 0);
	buf_fini(&t.out);
}

/* What is appended behind something else points at the right bytes. */
static void test_places_behind(void **state)
{
	const char *why;
	struct head h;
	struct buf out;

	(void)state;
	buf_init(&out, 100);
	buf_add_slice(&out, SLICE("ETag: \"other\"\r\n"));
	assert_true(head_build(
	    SLICE("ETag: \"mine\"\r\n"), NOW, HEAD_DROPS_OURS, &out, &h, &why));
	assert_true(slice_eq(h.etag, SLICE("\"mine\"")));
	buf_fini(&out);
}

static void test_facts(void **state)
{
	struct fixture t;

	(void)state;
	assert_true(
	    build(&t, "Date: " LATER "\r\nAge: 7\r\nExpires: " DATE "\r\n"
		      "Cache-Control: max-age=5\r\ncache-control: private\r\n"
		      "Content-Range: bytes 0-1/2\r\n"));
	assert_true(t.h.has_date);
	assert_int_equal(t.h.date_s, NOW + 60);
	assert_int_equal(t.h.age_s, 7);
	assert_true(t.h.has_expires);
	assert_int_equal(t.h.expires_s, NOW);
	assert_int_equal(t.h.cc.max_age_s, 5);
	assert_true(t.h.cc.has_private);
	assert_true(t.h.has_content_range);
	buf_fini(&t.out);
}

/* RFC 9111 §5.1, §5.3: malformed and repeated. */
static void test_odd_facts(void **state)
{
	struct fixture t;

	(void)state;
	assert_true(build(&t, "Age: -1\r\nExpires: 0\r\nDate: now\r\n"));
	assert_int_equal(t.h.age_s, 0);
	assert_true(t.h.has_expires);
	assert_int_equal(t.h.expires_s, 0);
	assert_false(t.h.has_date);
	buf_fini(&t.out);
	assert_true(build(
	    &t, "Age: 3, 9\r\nExpires: " LATER "\r\nExpires: " DATE "\r\n"));
	assert_int_equal(t.h.age_s, 3);
	assert_int_equal(t.h.expires_s, NOW);
	buf_fini(&t.out);
	assert_true(build(&t, "Age:\r\n"));
	assert_int_equal(t.h.age_s, 0);
	assert_false(t.h.has_expires);
	assert_false(t.h.cc.is_present);
	buf_fini(&t.out);
}

static void test_limits(void **state)
{
	struct fixture t;

	(void)state;
	assert_true(build(&t,
	    "X-RateLimit-Max: 100\r\nx-ratelimit-remaining: -2\r\n"
	    "x-ratelimit-interval-milliseconds: 10000\r\n"
	    "x-ratelimit-limit-daily: 200000\r\n"
	    "x-ratelimit-daily-remaining: many\r\n"
	    "x-ratelimit-daily-reset: 84322000\r\nRetry-After: 9\r\n"));
	assert_int_equal(t.h.limits.max, 100);
	assert_int_equal(t.h.limits.remaining, 0);
	assert_int_equal(t.h.limits.interval_ms, 10000);
	assert_int_equal(t.h.limits.limit_daily, 200000);
	assert_int_equal(t.h.limits.daily_remaining, -1);
	assert_int_equal(t.h.limits.daily_reset_ms, 84322000);
	assert_int_equal(t.h.limits.retry_after_s, 9);
	buf_fini(&t.out);
	assert_true(build(&t, "Retry-After: " LATER "\r\n"));
	assert_int_equal(t.h.limits.retry_after_s, 60);
	assert_int_equal(t.h.limits.max, -1);
	buf_fini(&t.out);
	assert_true(
	    build(&t, "Retry-After: Thu, 01 Jan 1970 00:00:00 GMT\r\n"));
	assert_int_equal(t.h.limits.retry_after_s, 0);
	buf_fini(&t.out);
	assert_true(build(&t, "Retry-After: soon\r\n"));
	assert_int_equal(t.h.limits.retry_after_s, -1);
	buf_fini(&t.out);
}

static void test_freshness(void **state)
{
	struct freshness_answer a;
	struct fixture t;

	(void)state;
	assert_true(build(&t, "Last-Modified: " DATE "\r\nVary: x, *\r\n"
			      "Expires: " LATER "\r\n"));
	head_freshness(&t.h, 200, 55, &a);
	assert_int_equal(a.status, 200);
	assert_int_equal(a.date_s, 55);
	assert_true(a.has_validator && a.is_vary_any && a.has_expires);
	assert_int_equal(a.expires_s, NOW + 60);
	buf_fini(&t.out);
	assert_true(build(&t, "Date: " DATE "\r\nETag: \"\"\r\nVary: x\r\n"));
	head_freshness(&t.h, 206, 55, &a);
	assert_int_equal(a.date_s, NOW);
	assert_true(a.status == 206 && a.has_validator);
	assert_false(a.is_vary_any);
	buf_fini(&t.out);
	assert_true(build(&t, "Content-Range: x\r\n"));
	head_freshness(&t.h, 200, 55, &a);
	assert_false(a.has_validator);
	buf_fini(&t.out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_kept),
	    cmocka_unit_test(test_date),
	    cmocka_unit_test(test_all_kept),
	    cmocka_unit_test(test_read),
	    cmocka_unit_test(test_refused),
	    cmocka_unit_test(test_cap),
	    cmocka_unit_test(test_places),
	    cmocka_unit_test(test_places_behind),
	    cmocka_unit_test(test_facts),
	    cmocka_unit_test(test_odd_facts),
	    cmocka_unit_test(test_limits),
	    cmocka_unit_test(test_freshness),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
