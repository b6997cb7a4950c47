/* src/origin/transfer against a misbehaving upstream over HTTP/1.1: what is
 * sent, and what becomes of the answers. */
#include "transfer_http1.h"

/* ---- answers ---- */

#define WHOLE(number) .outcome = TRANSFER_OK, .status = (number)
#define UNKNOWN(why) .outcome = TRANSFER_UNKNOWN, .cause = TRANSFER_CAUSE_##why
#define LARGE .outcome = TRANSFER_TOO_LARGE, .cause = TRANSFER_CAUSE_TOO_LARGE

static const struct {
	const char *target;
	enum transfer_outcome outcome;
	enum transfer_cause cause;
	unsigned status;
	const char *field; /* must be there; NULL: none */
	const char *not_field; /* must not be there */
	const char *body; /* exactly; NULL: any */
	bool is_close_delimited;
} answers[] = {
    {"/ok", WHOLE(200), .field = "Content-Type: application/json\r\n"},
    {"/status?code=500", WHOLE(500)},
    {"/slow?ms=200", WHOLE(200)},
    {"/drip?ms=2", WHOLE(200),
	.body = "{\"method\": \"GET\", \"target\": \"/drip?ms=2\"}"},
    {"/hang", UNKNOWN(TIMEOUT)},
    {"/hang-head", UNKNOWN(TIMEOUT)},
    {"/hang-body", UNKNOWN(TIMEOUT)},
    {"/close", UNKNOWN(RESET)},
    {"/reset", UNKNOWN(RESET)},
    {"/reset-unread", UNKNOWN(RESET)},
    {"/cut", UNKNOWN(PARTIAL)},
    {"/cut-head", UNKNOWN(RESET)},
    {"/cut-chunked", UNKNOWN(PARTIAL)},
    {"/bad-chunk", UNKNOWN(PARTIAL)},
    {"/long", WHOLE(200), .body = "{}"},
    {"/two-lengths", UNKNOWN(PROTOCOL)},
    {"/interim", WHOLE(200), .field = "X-Final: yes\r\n", .not_field = "Link:"},
    {"/folded", WHOLE(200), .field = "X-Folded: one two\r\n"},
    {"/nul", UNKNOWN(PROTOCOL)},
    {"/no-colon", UNKNOWN(PROTOCOL)},
    {"/junk", UNKNOWN(PROTOCOL)},
    {"/big-head", UNKNOWN(PROTOCOL)},
    {"/huge", LARGE},
    {"/huge-chunked", LARGE},
    {"/chunked", WHOLE(200), .field = "Transfer-Encoding: chunked\r\n",
	.not_field = "late", .body = "{\"a\":1}"},
    {"/until-close", WHOLE(200),
	.body = "{\"method\": \"GET\", \"target\": \"/until-close\"}",
	.is_close_delimited = true},
    {"/no-content", WHOLE(204), .body = ""},
    {"/not-modified", WHOLE(304), .field = "ETag: \"1\"\r\n", .body = ""},
    {"/redirect", WHOLE(302),
	.field = "Location: http://127.0.0.1:9/elsewhere\r\n"},
    {"/html", WHOLE(200), .field = "Content-Type: text/html\r\n",
	.body = "<p>Hello.</p>\r\n"},
    {"/last", WHOLE(200), .field = "Connection: close\r\n"},
};

static void test_answers(void **state)
{
	struct rig *rig = *state;

	for (size_t i = 0; i < sizeof(answers) / sizeof(*answers); i++) {
		struct transfer_request rq = get(answers[i].target);
		struct told told;

		run(rig->base, rig->ts, &rq, &told);
		print_message("%s\n", answers[i].target);
		check(&told, answers[i].outcome, answers[i].cause);
		assert_int_equal(told.r.status, answers[i].status);
		assert_int_equal(told.r.sends, 1);
		assert_int_equal(
		    told.r.is_close_delimited, answers[i].is_close_delimited);
		if (answers[i].field && !has_field(&told, answers[i].field))
			fail_msg("no %s in %s", answers[i].field, told.fields);
		if (answers[i].not_field)
			assert_false(has_field(&told, answers[i].not_field));
		if (answers[i].body)
			assert_true(slice_eq(
			    told.r.body, slice_of_str(answers[i].body)));
		told_fini(&told);
	}
}

static void test_head(void **state)
{
	static const char *const targets[] = {"/ok", "/huge", "/until-close"};
	struct rig *rig = *state;

	for (size_t i = 0; i < 3; i++) {
		struct transfer_request rq = get(targets[i]);
		struct told told;

		rq.method = SLICE("HEAD");
		if (i == 2)
			rq.target = SLICE("/no-content");
		run(rig->base, rig->ts, &rq, &told);
		check(&told, TRANSFER_OK, TRANSFER_CAUSE_NONE);
		assert_int_equal(told.r.body.n, 0);
		assert_false(told.r.is_close_delimited);
		told_fini(&told);
	}
}

/* Bytes pass as they are: gzip magic, not what is inside. */
static void test_no_decoding(void **state)
{
	struct rig *rig = *state;
	struct transfer_request rq = get("/compressed");
	struct told told;

	run(rig->base, rig->ts, &rq, &told);
	check(&told, TRANSFER_OK, TRANSFER_CAUSE_NONE);
	assert_true(slice_starts(told.r.body, SLICE("\x1f\x8b")));
	assert_true(has_field(&told, "Content-Encoding: gzip\r\n"));
	told_fini(&told);
}

/* ---- what is sent ---- */

/* head: as it must arrive, escaped as in JSON. */
static void check_sent(struct rig *rig, const struct transfer_request *rq,
    const char *head, const char *body)
{
	char want[1024];
	struct told told;
	char *got;

	run(rig->base, rig->ts, rq, &told);
	check(&told, TRANSFER_OK, TRANSFER_CAUSE_NONE);
	got = strndup(told.r.body.p, told.r.body.n);
	snprintf(want, sizeof(want), "\"head\": \"%s\", \"body\": \"%s\"}",
	    head, body);
	if (!strstr(got, want))
		fail_msg("got %s, wanted %s", got, want);
	free(got);
	told_fini(&told);
}

#define HOST_AND_AGENT \
	"Host: 127.0.0.1:%u\\r\\nUser-Agent: ghlmirror/test\\r\\n"

#define VIA "Via: 1.1 ghlmirror\\r\\n"

static const struct {
	const char *method;
	const char *target;
	const char *body; /* NULL: none */
	const char *fields[4];
	const char *sent; /* after host and agent */
} sendings[] = {
    {"GET", "/echo", NULL, {NULL}, VIA "\\r\\n"},
    /* Nothing in the target is resolved, decoded or added. */
    {"GET", "/echo/./a/../%2E%41?q=a+b%2B&x=//h@e/?", NULL, {NULL},
	VIA "\\r\\n"},
    {"GET", "/echo", NULL,
	{"Accept: application/json", "Authorization: Bearer t", "X-Empty: "},
	"Accept: application/json\\r\\nAuthorization: Bearer t\\r\\n"
	"X-Empty:\\r\\n" VIA "\\r\\n"},
    {"POST", "/echo", "[1, 2]",
	{"Content-Type: application/json", "Version: 2021-07-28"},
	"Content-Type: application/json\\r\\nVersion: 2021-07-28\\r\\n" VIA
	"Content-Length: 6\\r\\n\\r\\n"},
    {"POST", "/echo", "", {NULL}, VIA "Content-Length: 0\\r\\n\\r\\n"},
    {"POST", "/echo", NULL, {NULL}, VIA "Content-Length: 0\\r\\n\\r\\n"},
    {"PUT", "/echo", "x", {NULL}, VIA "Content-Length: 1\\r\\n\\r\\n"},
    {"PATCH", "/echo", "xy", {NULL}, VIA "Content-Length: 2\\r\\n\\r\\n"},
    {"DELETE", "/echo", NULL, {NULL}, VIA "\\r\\n"},
    {"DELETE", "/echo", "xyz", {NULL}, VIA "Content-Length: 3\\r\\n\\r\\n"},
};

static void test_sent(void **state)
{
	struct rig *rig = *state;

	for (size_t i = 0; i < sizeof(sendings) / sizeof(*sendings); i++) {
		struct slice fields[4];
		const char *body = sendings[i].body;
		struct transfer_request rq = {
		    .method = slice_of_str(sendings[i].method),
		    .target = slice_of_str(sendings[i].target),
		    .fields = fields,
		    .body = slice_of_str(body),
		    .has_body = body != NULL,
		};
		char head[512];
		int n;

		while (rq.fields_n < 4 && sendings[i].fields[rq.fields_n]) {
			fields[rq.fields_n] =
			    slice_of_str(sendings[i].fields[rq.fields_n]);
			rq.fields_n++;
		}
		n = snprintf(head, sizeof(head),
		    "%s %s HTTP/1.1\\r\\n" HOST_AND_AGENT, sendings[i].method,
		    sendings[i].target, port_of_url(url));
		snprintf(
		    head + n, sizeof(head) - (size_t)n, "%s", sendings[i].sent);
		check_sent(rig, &rq, head, body ? body : "");
	}
}

/* Above 1 MiB libcurl would ask for 100-continue first. */
static void test_large_body(void **state)
{
	struct rig *rig = *state;
	size_t n = 3 << 20;
	char *body = malloc(n);
	struct transfer_request rq = post("/ok", "");
	struct told told;

	memset(body, 'b', n);
	rq.body = slice_of(body, n);
	run(rig->base, rig->ts, &rq, &told);
	check(&told, TRANSFER_OK, TRANSFER_CAUSE_NONE);
	assert_int_equal(arrivals("Expect"), 0);
	assert_int_equal(arrivals("Content-Length: 3145728"), 1);
	told_fini(&told);
	free(body);
}

static void check_refused(struct rig *rig, const struct transfer_request *rq)
{
	expect(rig, rq, TRANSFER_UNSENT, TRANSFER_CAUSE_REQUEST, 0);
}

static void test_refused(void **state)
{
	static const char *const targets[] = {"", "ok", "http://x/", "/a b",
	    "/a\r\nX: y", "/a#b", "/\x7f", "/\xc3\xa4", "*"};
	static const char *const methods[] = {"", "GET x", "GET\r\n", "G\tT",
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFGHIJ"};
	static const char *const fields[] = {"X", "X y: z", ": z",
	    "X: a\r\nEvil: 1", "X: a\rb", "X: a\x01", "X : y", "Host: evil",
	    "Content-Length: 1", "transfer-encoding: chunked", "TE: trailers",
	    "Connection: close", "Expect: 100-continue", "Upgrade: h2c",
	    "X-\xc3\xa4: y"};
	struct rig *rig = *state;
	struct transfer_request rq;

	for (size_t i = 0; i < sizeof(targets) / sizeof(*targets); i++) {
		rq = get(targets[i]);
		check_refused(rig, &rq);
	}
	for (size_t i = 0; i < sizeof(methods) / sizeof(*methods); i++) {
		rq = get("/ok");
		rq.method = slice_of_str(methods[i]);
		check_refused(rig, &rq);
	}
	for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++) {
		struct slice field = slice_of_str(fields[i]);

		rq = get("/ok");
		rq.fields = &field;
		rq.fields_n = 1;
		check_refused(rig, &rq);
	}
	rq = post("/ok", "body");
	rq.method = SLICE("HEAD");
	check_refused(rig, &rq);
	assert_int_equal(arrivals("\"method\""), 0);
}

int main(void)
{
	static const struct CMUnitTest transfers[] = {
	    TEST(test_answers),
	    TEST(test_head),
	    TEST(test_no_decoding),
	    TEST(test_sent),
	    TEST(test_large_body),
	    TEST(test_refused),
	};

	return RUN_WITH_ORIGIN(transfers);
}
