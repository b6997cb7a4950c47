#include "http/upstream.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define LINES_MAX 12

struct row {
	const char *name;
	struct slice lines[LINES_MAX];
	bool is_refused;
	const char
	    *kept; /* the field lines at the end, or why it was refused */
	unsigned status;
	unsigned trailers_n;
	bool is_done;
	bool is_delimited; /* with a body */
};

#define L(text) \
	{ \
		text "\r\n", sizeof(text) + 1 \
	}
#define END \
	{ \
		"\r\n", 2 \
	}
#define OK11 L("HTTP/1.1 200 OK")

static const struct row rows[] = {
    {"plain", {OK11, L("A: b"), L("Content-Length: 2"), END}, false,
	"A: b\r\nContent-Length: 2\r\n", 200, 0, true, true},
    {"9113 8.3.2 no phrase, lower case",
	{L("HTTP/2 200 "), L("etag: \"x\""), END}, false, "etag: \"x\"\r\n",
	200, 0, true, true},
    {"HTTP/3", {L("HTTP/3 404"), END}, false, "", 404, 0, true, true},
    {"HTTP/1.0 until close", {L("HTTP/1.0 200 OK"), END}, false, "", 200, 0,
	true, false},
    {"9112 6.3 chunked", {OK11, L("Transfer-Encoding: gzip, Chunked"), END},
	false, "Transfer-Encoding: gzip, Chunked\r\n", 200, 0, true, true},
    {"9112 6.3 chunked not last",
	{OK11, L("Transfer-Encoding: chunked, gzip"), END}, false,
	"Transfer-Encoding: chunked, gzip\r\n", 200, 0, true, false},
    {"9110 15.2 interim answers",
	{L("HTTP/1.1 100 Continue"), END, L("HTTP/1.1 103 Early Hints"),
	    L("Link: x"), L("Content-Length: 9"), END, OK11, L("A: b"), END},
	false, "A: b\r\n", 200, 0, true, false},
    {"new block without end of the old",
	{L("HTTP/1.1 401 No"), L("A: b"), L("HTTP/1.1 200 OK"), L("C: d"), END},
	false, "C: d\r\n", 200, 0, true, false},
    {"9110 6.5 trailers",
	{OK11, L("A: b"), END, L("Set-Cookie: x"), L("Authorization: y")},
	false, "A: b\r\n", 200, 2, true, false},
    {"9112 5.2 folded",
	{OK11, L("A: b"), L(" c"), L("\td "), L("E:"), L(" f"), END}, false,
	"A: b c d\r\nE:  f\r\n", 200, 0, true, false},
    {"9112 5.1 space before colon", {OK11, L("A \t: b"), END}, false,
	"A: b\r\n", 200, 0, true, false},
    {"white space around the value", {OK11, L("A:\t b \t"), L("B:"), END},
	false, "A: b\r\nB: \r\n", 200, 0, true, false},
    {"bare LF", {{"HTTP/1.1 200 OK\n", 16}, {"A: b\n", 5}, {"\n", 1}}, false,
	"A: b\r\n", 200, 0, true, false},
    {"equal lengths",
	{OK11, L("Content-Length: 2"), L("Content-Length: 02"), END}, false,
	"Content-Length: 2\r\nContent-Length: 02\r\n", 200, 0, true, true},
    {"longest length, last status",
	{L("HTTP/1.1 599 X"), L("Content-Length: 999999999999999999"), END},
	false, "Content-Length: 999999999999999999\r\n", 599, 0, true, true},
    {"unfinished", {OK11, L("A: b")}, false, "A: b\r\n", 200, 0, false, false},
    {"nothing", {{NULL, 0}}, false, "", 0, 0, false, false},

    {.name = "no status line",
	.lines = {L("A: b")},
	.is_refused = true,
	.kept = "no status line"},
    {.name = "status 099",
	.lines = {L("HTTP/1.1 099 X")},
	.is_refused = true,
	.kept = "malformed status line"},
    {.name = "status 600",
	.lines = {L("HTTP/1.1 600 X")},
	.is_refused = true,
	.kept = "malformed status line"},
    {.name = "status 20",
	.lines = {L("HTTP/1.1 20 X")},
	.is_refused = true,
	.kept = "malformed status line"},
    {.name = "status 2000",
	.lines = {L("HTTP/1.1 2000")},
	.is_refused = true,
	.kept = "malformed status line"},
    {.name = "status x",
	.lines = {L("HTTP/1.1 2x0 X")},
	.is_refused = true,
	.kept = "malformed status line"},
    {.name = "no version",
	.lines = {L("HTTP/ 200 X")},
	.is_refused = true,
	.kept = "malformed status line"},
    {.name = "no minor version",
	.lines = {L("HTTP/1. 200 X")},
	.is_refused = true,
	.kept = "malformed status line"},
    {.name = "version alone",
	.lines = {L("HTTP/1.1")},
	.is_refused = true,
	.kept = "malformed status line"},
    {.name = "switch",
	.lines = {L("HTTP/1.1 101 Switching Protocols"), END},
	.is_refused = true,
	.kept = "protocol switch that nobody asked for"},
    {.name = "no colon",
	.lines = {OK11, L("A b")},
	.is_refused = true,
	.kept = "header line without a colon"},
    {.name = "empty name",
	.lines = {OK11, L(": b")},
	.is_refused = true,
	.kept = "invalid byte in a header name"},
    {.name = "space in a name",
	.lines = {OK11, L("A B: c")},
	.is_refused = true,
	.kept = "invalid byte in a header name"},
    {.name = "9110 5.5 NUL",
	.lines = {OK11, L("A: b\0c")},
	.is_refused = true,
	.kept = "control byte in a header value"},
    {.name = "CR inside",
	.lines = {OK11, L("A: b\rSet-Cookie: c")},
	.is_refused = true,
	.kept = "control byte in a header value"},
    {.name = "LF inside",
	.lines = {OK11, L("A: b\nB: c")},
	.is_refused = true,
	.kept = "control byte in a header value"},
    {.name = "control in a fold",
	.lines = {OK11, L("A: b"), L(" \x01")},
	.is_refused = true,
	.kept = "control byte in a header value"},
    {.name = "fold first",
	.lines = {OK11, L(" a")},
	.is_refused = true,
	.kept = "folded line without a header line before it"},
    {.name = "folded length",
	.lines = {OK11, L("Content-Length: 1"), L(" 2")},
	.is_refused = true,
	.kept = "folded line that frames the message"},
    {.name = "folded coding",
	.lines = {OK11, L("transfer-encoding: gzip,"), L(" chunked")},
	.is_refused = true,
	.kept = "folded line that frames the message"},
    {.name = "9112 6.3 differing lengths",
	.lines = {OK11, L("Content-Length: 1"), L("Content-Length: 2")},
	.is_refused = true,
	.kept = "differing Content-Length fields"},
    {.name = "length +1",
	.lines = {OK11, L("Content-Length: +1")},
	.is_refused = true,
	.kept = "malformed Content-Length"},
    {.name = "empty length",
	.lines = {OK11, L("Content-Length:")},
	.is_refused = true,
	.kept = "malformed Content-Length"},
    {.name = "long length",
	.lines = {OK11, L("Content-Length: 1000000000000000000")},
	.is_refused = true,
	.kept = "malformed Content-Length"},
};

static bool feed(struct upstream *u, const struct row *r)
{
	bool is_ok = true;

	for (size_t i = 0; i < LINES_MAX && r->lines[i].p; i++)
		is_ok = upstream_feed(u, r->lines[i]);
	return is_ok;
}

static void check_row(struct upstream *u, const struct row *r)
{
	bool is_ok = feed(u, r);

	if (is_ok == r->is_refused)
		fail_msg("%s: %s", r->name, u->why ? u->why : "taken");
	assert_int_equal(u->phase == UPSTREAM_FAILED, r->is_refused);
	if (r->is_refused) {
		assert_string_equal(u->why, r->kept);
		assert_false(upstream_feed(u, SLICE("A: b\r\n")));
		return;
	}
	if (!slice_eq(upstream_lines(u), slice_of_str(r->kept)) ||
	    u->status != r->status || u->trailers_n != r->trailers_n ||
	    upstream_is_done(u) != r->is_done ||
	    upstream_is_delimited(u, true) != r->is_delimited)
		fail_msg("%s: %u %.*s", r->name, u->status, (int)u->lines.n,
		    u->lines.p);
	assert_true(upstream_is_delimited(u, false));
}

/* One machine for all: nothing may be left over after a reset. */
static void test_rows(void **state)
{
	struct upstream u;

	(void)state;
	upstream_init(&u);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		upstream_reset(&u);
		check_row(&u, &rows[i]);
	}
	upstream_fini(&u);
}

static void test_field_cap(void **state)
{
	struct upstream u;

	(void)state;
	upstream_init(&u);
	upstream_feed(&u, SLICE("HTTP/1.1 200 OK\r\n"));
	for (int i = 0; i < UPSTREAM_FIELDS_MAX; i++)
		assert_true(upstream_feed(&u, SLICE("A: b\r\n")));
	assert_false(upstream_feed(&u, SLICE("A: b\r\n")));
	assert_string_equal(u.why, "too many header fields");
	upstream_fini(&u);
}

static void test_byte_cap(void **state)
{
	static char line[UPSTREAM_HEAD_MAX_BYTES];
	struct upstream u;

	(void)state;
	memset(line, 'x', sizeof(line));
	memcpy(line, "A: ", 3);
	upstream_init(&u);
	upstream_feed(&u, SLICE("HTTP/1.1 200 OK\r\n"));
	assert_true(upstream_feed(&u, slice_of(line, sizeof(line) - 2)));
	assert_false(upstream_feed(&u, SLICE("B: c\r\n")));
	assert_string_equal(u.why, "head too large");
	upstream_reset(&u);
	upstream_feed(&u, SLICE("HTTP/1.1 200 OK\r\n"));
	assert_true(upstream_feed(&u, SLICE("A: b\r\n")));
	line[0] = ' ';
	assert_false(upstream_feed(&u, slice_of(line, sizeof(line))));
	assert_string_equal(u.why, "head too large");
	upstream_fini(&u);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_rows),
	    cmocka_unit_test(test_field_cap),
	    cmocka_unit_test(test_byte_cap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
