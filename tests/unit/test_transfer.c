/* src/origin/transfer against a misbehaving upstream, HTTP/1.1. */
#include "transfer_rig.h"

#include <assert.h>

#define MAX_BODY_BYTES (1 << 20)
#define CONNECT_TIMEOUT_MS 400
#define TIMEOUT_MS 1200

static struct child origin;
static char url[128], control_url[128];

struct rig {
	struct event_base *base;
	struct transfers *ts;
};

static struct transfers_options options(void)
{
	return (struct transfers_options){
	    .upstream = url,
	    .terms =
		{
		    .connect_timeout_ms = CONNECT_TIMEOUT_MS,
		    .timeout_ms = TIMEOUT_MS,
		    .user_agent = "ghlmirror/test",
		},
	    .max_body_bytes = MAX_BODY_BYTES,
	    .max_connections = 4,
	};
}

static void rig_init(struct rig *rig, const struct transfers_options *o)
{
	char *why;

	free(control(control_url, "POST", "/__reset", ""));
	rig->base = event_base_new();
	rig->ts = transfers_new(rig->base, o, &why);
	if (!rig->ts)
		fail_msg("%s", why);
}

static void rig_fini(struct rig *rig)
{
	transfers_free(rig->ts);
	event_base_free(rig->base);
}

static int setup(void **state)
{
	struct rig *rig = malloc(sizeof(*rig));
	struct transfers_options o = options();

	rig_init(rig, &o);
	*state = rig;
	return 0;
}

static int teardown(void **state)
{
	rig_fini(*state);
	free(*state);
	return 0;
}

static unsigned arrivals(const char *part)
{
	char *list = control(control_url, "GET", "/__received", "");
	unsigned n = count_of(list, part);

	free(list);
	return n;
}

static void listen_mode(const char *mode)
{
	char body[64];

	snprintf(body, sizeof(body), "{\"mode\": \"%s\"}", mode);
	free(control(control_url, "POST", "/__listen", body));
}

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
	"Host: 127.0.0.1:%u\\r\\nUser-Agent: ghlmirror/test\\r\\n" \
	"Via: 1.1 ghlmirror\\r\\n"

static const struct {
	const char *method;
	const char *target;
	const char *body; /* NULL: none */
	const char *fields[4];
	const char *sent; /* after host and agent */
} sendings[] = {
    {"GET", "/echo", NULL, {NULL}, "\\r\\n"},
    /* Nothing in the target is resolved, decoded or added. */
    {"GET", "/echo/./a/../%2E%41?q=a+b%2B&x=//h@e/?", NULL, {NULL}, "\\r\\n"},
    {"GET", "/echo", NULL,
	{"Accept: application/json", "Authorization: Bearer t", "X-Empty: "},
	"Accept: application/json\\r\\nAuthorization: Bearer t\\r\\n"
	"X-Empty:\\r\\n\\r\\n"},
    {"POST", "/echo", "[1, 2]",
	{"Content-Type: application/json", "Version: 2021-07-28"},
	"Content-Type: application/json\\r\\nVersion: 2021-07-28\\r\\n"
	"Content-Length: 6\\r\\n\\r\\n"},
    {"POST", "/echo", "", {NULL}, "Content-Length: 0\\r\\n\\r\\n"},
    {"POST", "/echo", NULL, {NULL}, "Content-Length: 0\\r\\n\\r\\n"},
    {"PUT", "/echo", "x", {NULL}, "Content-Length: 1\\r\\n\\r\\n"},
    {"PATCH", "/echo", "xy", {NULL}, "Content-Length: 2\\r\\n\\r\\n"},
    {"DELETE", "/echo", NULL, {NULL}, "\\r\\n"},
    {"DELETE", "/echo", "xyz", {NULL}, "Content-Length: 3\\r\\n\\r\\n"},
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
	struct told told;

	run(rig->base, rig->ts, rq, &told);
	check(&told, TRANSFER_UNSENT, TRANSFER_CAUSE_REQUEST);
	assert_int_equal(told.r.sends, 0);
	told_fini(&told);
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
	    "Accept-Encoding: gzip", "User-Agent: me", "X-\xc3\xa4: y"};
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

/* ---- the send guard ---- */

static void test_write_goes_once(void **state)
{
	struct rig *rig = *state;
	struct transfer_request rq = post("/die-reused", "{}");
	struct told told;

	run(rig->base, rig->ts, &rq, &told);
	check(&told, TRANSFER_OK, TRANSFER_CAUSE_NONE);
	assert_true(told.r.connected_us > 0);
	told_fini(&told);
	run(rig->base, rig->ts, &rq, &told);
	check(&told, TRANSFER_UNKNOWN, TRANSFER_CAUSE_RESEND);
	assert_int_equal(told.r.sends, 1);
	told_fini(&told);
	assert_int_equal(arrivals("/die-reused\""), 2);
}

/* libcurl opens the connection for its second sending before it asks the
 * guard; that this fails must not make the first sending unsent. */
static void test_write_then_refused_connect(void **state)
{
	struct rig *rig = *state;
	struct transfer_request rq = post("/die-reused", "{}");
	struct told told;

	run(rig->base, rig->ts, &rq, &told);
	check(&told, TRANSFER_OK, TRANSFER_CAUSE_NONE);
	told_fini(&told);
	listen_mode("refuse");
	run(rig->base, rig->ts, &rq, &told);
	check(&told, TRANSFER_UNKNOWN, TRANSFER_CAUSE_RESET);
	assert_int_equal(told.r.sends, 1);
	told_fini(&told);
	assert_int_equal(arrivals("/die-reused\""), 2);
}

static void test_read_goes_twice(void **state)
{
	struct rig *rig = *state;
	struct transfer_request rq = get("/die-reused");
	struct told told;

	run(rig->base, rig->ts, &rq, &told);
	assert_int_equal(told.r.sends, 1);
	told_fini(&told);
	run(rig->base, rig->ts, &rq, &told);
	check(&told, TRANSFER_OK, TRANSFER_CAUSE_NONE);
	assert_int_equal(told.r.sends, 2);
	told_fini(&told);
	assert_int_equal(arrivals("/die-reused\""), 3);
}

/* The connection is known to be dead before anything is sent. */
static void test_closed_while_idle(void **state)
{
	struct rig *rig = *state;
	struct transfer_request rq = post("/ok", "{}");
	struct told told;

	run(rig->base, rig->ts, &rq, &told);
	told_fini(&told);
	free(control(control_url, "POST", "/__drop", ""));
	run(rig->base, rig->ts, &rq, &told);
	check(&told, TRANSFER_OK, TRANSFER_CAUSE_NONE);
	assert_int_equal(told.r.sends, 1);
	told_fini(&told);
	assert_int_equal(arrivals("/ok\""), 2);
}

static void check_reused(
    struct rig *rig, struct transfer_request rq, bool is_reused)
{
	struct told told;

	run(rig->base, rig->ts, &rq, &told);
	check(&told, TRANSFER_OK, TRANSFER_CAUSE_NONE);
	assert_int_equal(told.r.connected_us == 0, is_reused);
	told_fini(&told);
}

static void test_idle_connections(void **state)
{
	struct rig *rig = *state;

	check_reused(rig, post("/ok", "{}"), false);
	check_reused(rig, post("/ok", "{}"), true);
	let_pass(rig->base, 2100);
	check_reused(rig, get("/ok"), true);
	let_pass(rig->base, 2100);
	check_reused(rig, post("/ok", "{}"), false);
}

/* ---- no way ---- */

static void test_connect_refused(void **state)
{
	struct rig *rig = *state;
	struct transfer_request rq = post("/ok", "{}");
	struct told told;

	listen_mode("refuse");
	run(rig->base, rig->ts, &rq, &told);
	check(&told, TRANSFER_UNSENT, TRANSFER_CAUSE_CONNECT);
	assert_int_equal(told.r.sends, 0);
	assert_true(told.detail[0] != '\0');
	told_fini(&told);
	listen_mode("open");
	run(rig->base, rig->ts, &rq, &told);
	check(&told, TRANSFER_OK, TRANSFER_CAUSE_NONE);
	told_fini(&told);
}

/* More than may connect at once: those that wait share the verdict. */
static void test_black_hole(void **state)
{
	enum {
		N = 30
	};
	struct rig *rig = *state;
	struct told told[N];
	struct transfer_request rq = get("/ok");
	int64_t began_ms;

	listen_mode("hole");
	began_ms = clock_mono_ms();
	for (int i = 0; i < N; i++)
		start(rig->ts, &rq, &told[i]);
	assert_int_equal(transfers_running(rig->ts), N);
	wait_all(rig->base, told, N);
	assert_true(clock_mono_ms() - began_ms < TIMEOUT_MS);
	assert_int_equal(transfers_running(rig->ts), 0);
	for (int i = 0; i < N; i++) {
		check(&told[i], TRANSFER_UNSENT, TRANSFER_CAUSE_CONNECT);
		assert_int_equal(told[i].r.sends, 0);
		told_fini(&told[i]);
	}
}

/* All connections are busy: no evidence against the way there. */
static void test_wait_for_connection(void **state)
{
	enum {
		N = 5
	};
	struct rig *rig = *state;
	struct told told[N];
	struct transfer_request rq = get("/hang");

	for (int i = 0; i < N; i++)
		start(rig->ts, &rq, &told[i]);
	wait_all(rig->base, told, N);
	for (int i = 0; i < N - 1; i++)
		check(&told[i], TRANSFER_UNKNOWN, TRANSFER_CAUSE_TIMEOUT);
	check(&told[N - 1], TRANSFER_UNSENT, TRANSFER_CAUSE_TIMEOUT);
	for (int i = 0; i < N; i++)
		told_fini(&told[i]);
}

static void test_many(void **state)
{
	enum {
		N = 200
	};
	struct rig *rig = *state;
	struct told told[N];
	struct transfer_request rq = get("/ok");

	for (int i = 0; i < N; i++)
		start(rig->ts, &rq, &told[i]);
	wait_all(rig->base, told, N);
	for (int i = 0; i < N; i++) {
		check(&told[i], TRANSFER_OK, TRANSFER_CAUSE_NONE);
		told_fini(&told[i]);
	}
	assert_int_equal(arrivals("/ok\""), N);
	assert_int_equal(arrivals("\"connection\": 5,"), 0);
}

/* ---- names ---- */

struct names {
	const char *list; /* NULL: fails */
	int64_t takes_ms;
};

static bool lookup_names(const char *host, struct buf *list, void *arg)
{
	const struct names *names = arg;

	assert(strcmp(host, "api.example") == 0);
	if (names->takes_ms)
		usleep((useconds_t)names->takes_ms * 1000);
	if (names->list)
		buf_add_slice(list, slice_of_str(names->list));
	return names->list != NULL;
}

static void init_named(
    struct rig *rig, struct names *names, char *upstream, size_t size)
{
	struct transfers_options o = options();

	snprintf(upstream, size, "http://api.example:%u", port_of_url(url));
	o.upstream = upstream;
	o.lookup = lookup_names;
	o.lookup_arg = names;
	rig_init(rig, &o);
}

static void test_name(void **state)
{
	struct names names = {.list = "127.0.0.1"};
	char upstream[64], host[80];
	struct transfer_request rq = get("/ok");
	struct told told;
	struct rig rig;

	(void)state;
	init_named(&rig, &names, upstream, sizeof(upstream));
	run(rig.base, rig.ts, &rq, &told);
	check(&told, TRANSFER_OK, TRANSFER_CAUSE_NONE);
	told_fini(&told);
	snprintf(
	    host, sizeof(host), "Host: api.example:%u\\r\\n", port_of_url(url));
	assert_int_equal(arrivals(host), 1);
	rig_fini(&rig);
}

static void test_name_unknown(void **state)
{
	struct names names = {.list = NULL};
	char upstream[64];
	struct transfer_request rq = get("/ok");
	struct told told;
	struct rig rig;

	(void)state;
	init_named(&rig, &names, upstream, sizeof(upstream));
	for (int i = 0; i < 2; i++) {
		run(rig.base, rig.ts, &rq, &told);
		check(&told, TRANSFER_UNSENT, TRANSFER_CAUSE_DNS);
		told_fini(&told);
	}
	rig_fini(&rig);
}

/* Transfers wait no longer than a connection may take, the loop runs on, and
 * the end does not wait for the look-up either. */
static void test_name_slow(void **state)
{
	/* Outlives the test: the look-up does. */
	static struct names names = {.list = "127.0.0.1", .takes_ms = 3000};
	int64_t began_ms = clock_mono_ms();
	char upstream[64];
	struct transfer_request rq = get("/ok");
	struct told told;
	struct rig rig;

	(void)state;
	init_named(&rig, &names, upstream, sizeof(upstream));
	start(rig.ts, &rq, &told);
	let_pass(rig.base, 20);
	assert_true(clock_mono_ms() - began_ms < 1000);
	wait_all(rig.base, &told, 1);
	check(&told, TRANSFER_UNSENT, TRANSFER_CAUSE_DNS);
	told_fini(&told);
	start(rig.ts, &rq, &told);
	rig_fini(&rig);
	assert_true(clock_mono_ms() - began_ms < 2500);
	assert_false(told.is_done);
}

static void test_name_system(void **state)
{
	struct transfers_options o = options();
	struct transfer_request rq = get("/ok");
	struct told told;
	struct rig rig;

	(void)state;
	o.upstream = "http://nosuchhost.invalid";
	rig_init(&rig, &o);
	run(rig.base, rig.ts, &rq, &told);
	check(&told, TRANSFER_UNSENT, TRANSFER_CAUSE_DNS);
	told_fini(&told);
	rig_fini(&rig);
}

/* ---- life ---- */

static void test_free_running(void **state)
{
	static const char *const targets[] = {"/hang", "/hang-body", "/ok",
	    "/slow", "/huge", "/hang", "/hang", "not sendable"};
	struct transfers_options o = options();
	struct told told[8];
	struct rig rig;

	(void)state;
	rig_init(&rig, &o);
	for (int i = 0; i < 8; i++) {
		struct transfer_request rq = get(targets[i]);

		start(rig.ts, &rq, &told[i]);
	}
	let_pass(rig.base, 50);
	rig_fini(&rig);
	for (int i = 0; i < 8; i++)
		told_fini(&told[i]);
}

static void test_abandon(void **state)
{
	struct rig *rig = *state;
	struct transfer_request hang = get("/hang"), ok = get("/ok");
	struct told told[3];
	struct transfer *t = start(rig->ts, &hang, &told[0]);
	struct transfer *early = start(rig->ts, &hang, &told[1]);

	transfer_abandon(early);
	let_pass(rig->base, 100);
	transfer_abandon(t);
	assert_int_equal(transfers_running(rig->ts), 0);
	run(rig->base, rig->ts, &ok, &told[2]);
	check(&told[2], TRANSFER_OK, TRANSFER_CAUSE_NONE);
	assert_false(told[0].is_done || told[1].is_done);
	told_fini(&told[2]);
}

struct chain {
	struct transfers *ts;
	struct told last;
	int left;
};

static void on_link(
    struct transfer *t, const struct transfer_result *r, void *arg)
{
	struct chain *chain = arg;
	struct transfer_request rq = get("/ok");

	(void)t;
	assert_int_equal(r->outcome, TRANSFER_OK);
	if (--chain->left > 0)
		transfer_start(chain->ts, &rq, on_link, chain);
	else
		start(chain->ts, &rq, &chain->last);
}

static void test_start_in_done(void **state)
{
	struct rig *rig = *state;
	struct chain chain = {.ts = rig->ts, .left = 5};
	struct transfer_request rq = get("/ok");

	transfer_start(rig->ts, &rq, on_link, &chain);
	wait_all(rig->base, &chain.last, 1);
	told_fini(&chain.last);
	assert_int_equal(arrivals("/ok\""), 6);
}

static void test_options(void **state)
{
	static const struct {
		const char *upstream, *ca_file, *word;
	} bad[] = {
	    {"ftp://x", NULL, "https://"},
	    {"x", NULL, "https://"},
	    {"", NULL, "URL"},
	    {"https://", NULL, "URL"},
	    {"https://u@x", NULL, "user"},
	    {"https://u:p@x", NULL, "user"},
	    {"https://x/api", NULL, "path"},
	    {"https://x/?q", NULL, "query"},
	    {"https://x/#f", NULL, "fragment"},
	    {"https://x:99999", NULL, "URL"},
	    {"https://b\xc3\xbc"
	     "cher.example",
		NULL, "xn--"},
	    {"https://x y", NULL, "ASCII"},
	    {"https://127.0.0.1", "/nonexistent/ca.pem", "upstream_ca"},
	};
	struct event_base *base = event_base_new();

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct transfers_options o = options();
		char *why = NULL;

		o.upstream = bad[i].upstream;
		o.ca_file = bad[i].ca_file;
		if (transfers_new(base, &o, &why))
			fail_msg("%s was accepted", bad[i].upstream);
		if (!strstr(why, bad[i].word))
			fail_msg("%s: %s", bad[i].upstream, why);
		free(why);
	}
	event_base_free(base);
}

int main(void)
{
	const char *const args[] = {"badorigin.py", NULL};
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_answers, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_head, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_no_decoding, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_sent, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_large_body, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		test_write_goes_once, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		test_write_then_refused_connect, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		test_read_goes_twice, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		test_closed_while_idle, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		test_idle_connections, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		test_connect_refused, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_black_hole, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		test_wait_for_connection, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_many, setup, teardown),
	    cmocka_unit_test(test_name),
	    cmocka_unit_test(test_name_unknown),
	    cmocka_unit_test(test_name_slow),
	    cmocka_unit_test(test_name_system),
	    cmocka_unit_test(test_free_running),
	    cmocka_unit_test_setup_teardown(test_abandon, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		test_start_in_done, setup, teardown),
	    cmocka_unit_test(test_options),
	};
	int failed;

	child_start(&origin, args);
	child_ready(&origin, "url", url, sizeof(url));
	child_ready(&origin, "control", control_url, sizeof(control_url));
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	child_stop(&origin);
	return failed;
}
