/* src/origin/transfer over TLS: HTTP/2 that goes wrong, and verification. */
#include "transfer_rig.h"

#define TIMEOUT_MS 1500

static char folder[256], cert[300], key[300];

static void make_folder(void)
{
	const char *base = getenv("TMPDIR");

	snprintf(folder, sizeof(folder), "%s/test_transfer_h2.XXXXXX",
	    base ? base : "/tmp");
	if (!mkdtemp(folder))
		folder[0] = '\0';
	snprintf(cert, sizeof(cert), "%s/cert.pem", folder);
	snprintf(key, sizeof(key), "%s/key.pem", folder);
}

/* A certificate that is its own authority. */
static bool make_certificate(void)
{
	const char *const argv[] = {"openssl", "req", "-x509", "-newkey", "ec",
	    "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
	    "-subj", "/CN=test", "-addext",
	    "subjectAltName=IP:127.0.0.1,DNS:api.example", "-keyout", key,
	    "-out", cert, NULL};
	pid_t pid;
	int status = -1;

	make_folder();
	pid = fork();
	if (pid == 0) {
		/* It reports progress there. */
		close(2);
		execvp(argv[0], (char *const *)argv);
		_exit(127);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

static void remove_certificate(void)
{
	unlink(cert);
	unlink(key);
	rmdir(folder);
}

struct rig {
	struct child origin;
	struct event_base *base;
	struct transfers *ts;
	char url[128];
	char received[32768]; /* after rig_fini */
};

static struct transfers_options options(const char *url)
{
	return (struct transfers_options){
	    .upstream = url,
	    .ca_file = cert,
	    .terms =
		{
		    .connect_timeout_ms = 1000,
		    .timeout_ms = TIMEOUT_MS,
		    .user_agent = "ghlmirror/test",
		},
	    .max_body_bytes = 1 << 20,
	    .max_connections = 4,
	};
}

static void rig_init(struct rig *rig, const char *script)
{
	const char *const args[] = {
	    "badh2.py", "--cert", cert, "--key", key, "--script", script, NULL};
	struct transfers_options o;
	char *why;

	child_start(&rig->origin, args);
	child_ready(&rig->origin, "url", rig->url, sizeof(rig->url));
	rig->base = event_base_new();
	o = options(rig->url);
	rig->ts = transfers_new(rig->base, &o, &why);
	if (!rig->ts)
		fail_msg("%s", why);
}

/* Fills received with what the upstream wrote down. */
static void rig_fini(struct rig *rig)
{
	size_t n;
	int status;

	transfers_free(rig->ts);
	event_base_free(rig->base);
	close(rig->origin.in);
	n = fread(rig->received, 1, sizeof(rig->received) - 1, rig->origin.out);
	rig->received[n] = '\0';
	fclose(rig->origin.out);
	assert_int_equal(waitpid(rig->origin.pid, &status, 0), rig->origin.pid);
	assert_int_equal(status, 0);
}

static unsigned arrivals(const struct rig *rig)
{
	return count_of(rig->received, "\"stream\"");
}

/* ---- one request after another, on one connection ---- */

#define WHOLE .outcome = TRANSFER_OK, .cause = TRANSFER_CAUSE_NONE
#define UNKNOWN(why) .outcome = TRANSFER_UNKNOWN, .cause = TRANSFER_CAUSE_##why
#define REFUSED .outcome = TRANSFER_UNSENT, .cause = TRANSFER_CAUSE_REFUSED

static const struct {
	const char *script;
	bool is_warm; /* an ok goes before, so that the connection is reused */
	bool is_safe;
	enum transfer_outcome outcome;
	enum transfer_cause cause;
	unsigned sends;
	unsigned arrivals; /* without the one before */
	bool is_close_delimited;
} cases[] = {
    {"ok", false, false, WHOLE, 1, 1},
    {"ok", true, false, WHOLE, 1, 1},
    {"no-length", false, false, WHOLE, 1, 1},
    {"hang", false, true, UNKNOWN(TIMEOUT), 1, 1},
    {"close", false, false, UNKNOWN(RESET), 1, 1},
    {"close", true, false, UNKNOWN(RESET), 1, 1},
    {"close,ok", true, true, WHOLE, 2, 2},
    {"abort", false, false, UNKNOWN(RESET), 1, 1},
    {"abort", true, false, UNKNOWN(RESEND), 1, 1},
    {"abort,ok", true, true, WHOLE, 2, 2},
    {"reset", false, false, UNKNOWN(RESET), 1, 1},
    {"reset", true, false, UNKNOWN(RESET), 1, 1},
    {"cut", false, false, UNKNOWN(PARTIAL), 1, 1},
    {"cut-no-length", false, true, UNKNOWN(PARTIAL), 1, 1},
    {"cut-close", false, false, UNKNOWN(PARTIAL), 1, 1},
    {"short", false, false, UNKNOWN(PARTIAL), 1, 1},
    /* Surely not processed, and provably so on a new connection. */
    {"refuse", false, false, REFUSED, 1, 1},
    {"refuse,ok", false, true, WHOLE, 2, 2},
    /* On a reused one libcurl does not tell why it wants to send again. */
    {"refuse", true, false, UNKNOWN(RESEND), 1, 1},
    {"refuse,ok", true, true, WHOLE, 2, 2},
    {"away-below", false, false, REFUSED, 1, 1},
    {"away-below", true, false, REFUSED, 1, 1},
    {"away-below,ok", true, true, WHOLE, 2, 2},
    {"away-processed", false, false, UNKNOWN(RESET), 1, 1},
    {"away-processed", true, false, UNKNOWN(RESET), 1, 1},
    {"away-graceful", true, false, WHOLE, 1, 1},
    {"away-no-length", true, false, WHOLE, 1, 1, .is_close_delimited = true},
};

static void run_case(size_t i)
{
	struct transfer_request rq =
	    cases[i].is_safe ? get("/x") : post("/x", "{\"a\": 1}");
	char script[128];
	struct rig rig;
	struct told told;

	print_message("%s%s%s\n", cases[i].script,
	    cases[i].is_warm ? ", reused" : "",
	    cases[i].is_safe ? ", safe" : "");
	snprintf(script, sizeof(script), "%s%s", cases[i].is_warm ? "ok," : "",
	    cases[i].script);
	rig_init(&rig, script);
	if (cases[i].is_warm) {
		struct transfer_request before = post("/before", "{}");

		run(rig.base, rig.ts, &before, &told);
		check(&told, TRANSFER_OK, TRANSFER_CAUSE_NONE);
		told_fini(&told);
	}
	run(rig.base, rig.ts, &rq, &told);
	rig_fini(&rig);
	check(&told, cases[i].outcome, cases[i].cause);
	assert_int_equal(told.r.sends, cases[i].sends);
	assert_int_equal(
	    arrivals(&rig), cases[i].arrivals + (cases[i].is_warm ? 1 : 0));
	assert_int_equal(
	    told.r.is_close_delimited, cases[i].is_close_delimited);
	if (told.r.outcome == TRANSFER_OK) {
		assert_int_equal(told.r.http_major, 2);
		assert_true(slice_eq(told.r.body, SLICE("{\"over\": \"h2\"}")));
	}
	if (!cases[i].is_safe)
		assert_non_null(strstr(rig.received, "\"body\": 8,"));
	told_fini(&told);
}

static void test_cases(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		run_case(i);
}

/* ---- several at once ---- */

/* One connection for all, and a GOAWAY concerns those above its number only,
 * whichever transfer happened to read it. */
static void test_goaway_among_many(void **state)
{
	enum {
		N = 4
	};
	struct transfer_request rq = post("/x", "{}");
	struct told told[N], before;
	unsigned refused = 0, answered = 0;
	struct rig rig;

	(void)state;
	rig_init(&rig, "ok,hold,hold,hold,away-held");
	run(rig.base, rig.ts, &rq, &before);
	told_fini(&before);
	for (int i = 0; i < N; i++)
		start(rig.ts, &rq, &told[i]);
	wait_all(rig.base, told, N);
	rig_fini(&rig);
	for (int i = 0; i < N; i++) {
		if (told[i].r.outcome == TRANSFER_OK) {
			answered++;
		} else {
			check(
			    &told[i], TRANSFER_UNSENT, TRANSFER_CAUSE_REFUSED);
			refused++;
		}
		told_fini(&told[i]);
	}
	assert_int_equal(answered, N - 1);
	assert_int_equal(refused, 1);
	assert_int_equal(arrivals(&rig), N + 1);
	assert_int_equal(count_of(rig.received, "\"connection\": 1,"), N + 1);
}

/* 7.88.1 keeps "this stream was refused" in an easy handle through
 * curl_easy_reset, and would say it of the next transfer that dies. */
static void test_refusal_is_not_inherited(void **state)
{
	static const enum transfer_outcome outcomes[] = {
	    TRANSFER_OK, TRANSFER_UNKNOWN, TRANSFER_UNKNOWN};
	static const enum transfer_cause causes[] = {
	    TRANSFER_CAUSE_NONE, TRANSFER_CAUSE_RESEND, TRANSFER_CAUSE_RESET};
	struct transfer_request rq = post("/x", "{}");
	struct told told;
	struct rig rig;

	(void)state;
	rig_init(&rig, "ok,refuse,abort");
	for (int i = 0; i < 3; i++) {
		/* Too long for the connection that the guard left unused. */
		if (i == 2)
			let_pass(rig.base, 2100);
		run(rig.base, rig.ts, &rq, &told);
		check(&told, outcomes[i], causes[i]);
		told_fini(&told);
	}
	rig_fini(&rig);
	assert_int_equal(arrivals(&rig), 3);
}

/* More than once, because easy handles are used again: what a shared connection
 * leaves in them must not matter. */
static void test_one_connection(void **state)
{
	enum {
		N = 50,
		ROUNDS = 3
	};
	struct transfer_request rq = get("/x");
	struct told told[N];
	struct rig rig;

	(void)state;
	rig_init(&rig, "ok");
	for (int round = 0; round < ROUNDS; round++) {
		for (int i = 0; i < N; i++)
			start(rig.ts, &rq, &told[i]);
		wait_all(rig.base, told, N);
		for (int i = 0; i < N; i++) {
			check(&told[i], TRANSFER_OK, TRANSFER_CAUSE_NONE);
			assert_int_equal(told[i].r.sends, 1);
			told_fini(&told[i]);
		}
	}
	rig_fini(&rig);
	assert_int_equal(
	    count_of(rig.received, "\"connection\": 1,"), N * ROUNDS);
}

/* A stream that is given up does not harm the others. */
static void test_abandon(void **state)
{
	struct transfer_request rq = get("/x");
	struct told told[2];
	struct transfer *t;
	struct rig rig;

	(void)state;
	rig_init(&rig, "hang,ok");
	t = start(rig.ts, &rq, &told[0]);
	let_pass(rig.base, 200);
	transfer_abandon(t);
	run(rig.base, rig.ts, &rq, &told[1]);
	check(&told[1], TRANSFER_OK, TRANSFER_CAUSE_NONE);
	start(rig.ts, &rq, &told[0]);
	rig_fini(&rig);
	assert_false(told[0].is_done);
	told_fini(&told[1]);
}

static void test_large_body(void **state)
{
	size_t n = 1 << 20;
	char *body = calloc(n, 1);
	struct transfer_request rq = post("/x", "");
	struct told told;
	struct rig rig;

	(void)state;
	rq.body = slice_of(body, n);
	rig_init(&rig, "ok");
	run(rig.base, rig.ts, &rq, &told);
	rig_fini(&rig);
	check(&told, TRANSFER_OK, TRANSFER_CAUSE_NONE);
	assert_non_null(strstr(rig.received, "\"body\": 1048576,"));
	told_fini(&told);
	free(body);
}

/* ---- TLS ---- */

static bool lookup_loopback(const char *host, struct buf *list, void *arg)
{
	(void)host;
	(void)arg;
	buf_add_slice(list, SLICE("127.0.0.1"));
	return true;
}

static void run_once(const struct transfers_options *o, struct told *told)
{
	struct event_base *base = event_base_new();
	struct transfer_request rq = get("/ok");
	char *why;
	struct transfers *ts = transfers_new(base, o, &why);

	if (!ts)
		fail_msg("%s", why);
	run(base, ts, &rq, told);
	transfers_free(ts);
	event_base_free(base);
}

static void test_verification(void **state)
{
	struct rig rig;
	struct transfers_options o;
	char upstream[64];
	struct told told;

	(void)state;
	rig_init(&rig, "ok");
	o = options(upstream);
	o.lookup = lookup_loopback;
	snprintf(upstream, sizeof(upstream), "https://api.example:%u",
	    port_of_url(rig.url));
	run_once(&o, &told);
	check(&told, TRANSFER_OK, TRANSFER_CAUSE_NONE);
	told_fini(&told);

	snprintf(upstream, sizeof(upstream), "https://other.example:%u",
	    port_of_url(rig.url));
	run_once(&o, &told);
	check(&told, TRANSFER_UNSENT, TRANSFER_CAUSE_CERT_NAME);
	told_fini(&told);

	o.upstream = rig.url;
	o.ca_file = NULL;
	run_once(&o, &told);
	check(&told, TRANSFER_UNSENT, TRANSFER_CAUSE_CERT_ISSUER);
	assert_non_null(strstr(told.detail, "certificate"));
	told_fini(&told);
	rig_fini(&rig);
	assert_int_equal(arrivals(&rig), 1);
}

/* HTTP/1.1 over TLS, and TLS where there is none. */
static void test_without_h2(void **state)
{
	const char *const tls[] = {
	    "badorigin.py", "--cert", cert, "--key", key, NULL};
	const char *const plain[] = {"badorigin.py", NULL};
	struct child origin;
	char url[128] = "";
	struct transfers_options o = options(url);
	struct told told;

	(void)state;
	child_start(&origin, tls);
	child_ready(&origin, "url", url, sizeof(url));
	run_once(&o, &told);
	check(&told, TRANSFER_OK, TRANSFER_CAUSE_NONE);
	assert_int_equal(told.r.http_major, 1);
	told_fini(&told);
	child_stop(&origin);

	child_start(&origin, plain);
	child_ready(&origin, "url", url, sizeof(url));
	memmove(url + 5, url + 4, strlen(url + 4) + 1);
	url[4] = 's';
	run_once(&o, &told);
	check(&told, TRANSFER_UNSENT, TRANSFER_CAUSE_TLS);
	told_fini(&told);
	child_stop(&origin);
}

/* The send guard where bytes pass through TLS. */
static void test_write_goes_once(void **state)
{
	const char *const args[] = {
	    "badorigin.py", "--cert", cert, "--key", key, NULL};
	struct event_base *base = event_base_new();
	struct transfer_request rq = post("/die-reused", "{}");
	char url[128], control_url[128], *list, *why;
	struct transfers_options o = options(url);
	struct child origin;
	struct transfers *ts;
	struct told told;

	(void)state;
	child_start(&origin, args);
	child_ready(&origin, "url", url, sizeof(url));
	child_ready(&origin, "control", control_url, sizeof(control_url));
	ts = transfers_new(base, &o, &why);
	assert_non_null(ts);
	run(base, ts, &rq, &told);
	check(&told, TRANSFER_OK, TRANSFER_CAUSE_NONE);
	told_fini(&told);
	run(base, ts, &rq, &told);
	check(&told, TRANSFER_UNKNOWN, TRANSFER_CAUSE_RESEND);
	assert_int_equal(told.r.sends, 1);
	told_fini(&told);
	list = control(control_url, "GET", "/__received", "");
	assert_int_equal(count_of(list, "/die-reused\""), 2);
	free(list);
	transfers_free(ts);
	event_base_free(base);
	child_stop(&origin);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_cases),
	    cmocka_unit_test(test_goaway_among_many),
	    cmocka_unit_test(test_refusal_is_not_inherited),
	    cmocka_unit_test(test_one_connection),
	    cmocka_unit_test(test_abandon),
	    cmocka_unit_test(test_large_body),
	    cmocka_unit_test(test_verification),
	    cmocka_unit_test(test_without_h2),
	    cmocka_unit_test(test_write_goes_once),
	};
	int failed;

	if (!make_certificate()) {
		fprintf(stderr, "skipped: openssl makes no certificate\n");
		remove_certificate();
		return 77;
	}
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	remove_certificate();
	return failed;
}
