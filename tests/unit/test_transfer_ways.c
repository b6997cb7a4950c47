/* src/origin/transfer over HTTP/1.1: when a request may be sent once more,
 * when there is no way to the upstream, names, and the life of transfers. */
#include "transfer_http1.h"

#include <assert.h>

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
	expect(rig, &rq, TRANSFER_UNKNOWN, TRANSFER_CAUSE_RESEND, 1);
	assert_int_equal(arrivals("/die-reused\""), 2);
}

/* libcurl opens the connection for its second sending before it asks the
 * guard; that this fails must not make the first sending unsent. */
static void test_write_then_refused_connect(void **state)
{
	struct rig *rig = *state;
	struct transfer_request rq = post("/die-reused", "{}");

	expect(rig, &rq, TRANSFER_OK, TRANSFER_CAUSE_NONE, 1);
	listen_mode("refuse");
	expect(rig, &rq, TRANSFER_UNKNOWN, TRANSFER_CAUSE_RESET, 1);
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
	expect(rig, &rq, TRANSFER_OK, TRANSFER_CAUSE_NONE, 2);
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
	expect(rig, &rq, TRANSFER_OK, TRANSFER_CAUSE_NONE, 1);
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
	expect(rig, &rq, TRANSFER_OK, TRANSFER_CAUSE_NONE, 1);
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
	struct rig rig;

	(void)state;
	init_named(&rig, &names, upstream, sizeof(upstream));
	expect(&rig, &rq, TRANSFER_OK, TRANSFER_CAUSE_NONE, 1);
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
	struct rig rig;

	(void)state;
	init_named(&rig, &names, upstream, sizeof(upstream));
	for (int i = 0; i < 2; i++) {
		expect(&rig, &rq, TRANSFER_UNSENT, TRANSFER_CAUSE_DNS, 0);
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
	struct rig rig;

	(void)state;
	o.upstream = "http://nosuchhost.invalid";
	rig_init(&rig, &o);
	expect(&rig, &rq, TRANSFER_UNSENT, TRANSFER_CAUSE_DNS, 0);
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
	static const struct CMUnitTest transfer_ways[] = {
	    TEST(test_write_goes_once),
	    TEST(test_write_then_refused_connect),
	    TEST(test_read_goes_twice),
	    TEST(test_closed_while_idle),
	    TEST(test_idle_connections),
	    TEST(test_connect_refused),
	    TEST(test_black_hole),
	    TEST(test_wait_for_connection),
	    TEST(test_many),
	    cmocka_unit_test(test_name),
	    cmocka_unit_test(test_name_unknown),
	    cmocka_unit_test(test_name_slow),
	    cmocka_unit_test(test_name_system),
	    cmocka_unit_test(test_free_running),
	    TEST(test_abandon),
	    TEST(test_start_in_done),
	    cmocka_unit_test(test_options),
	};

	return RUN_WITH_ORIGIN(transfer_ways);
}
