/*
 * A misbehaving upstream over HTTP/1.1 for the tests of src/origin/transfer,
 * and a rig that sends to it. Included by one .c per program.
 */
#ifndef TESTS_UNIT_TRANSFER_HTTP1_H
#define TESTS_UNIT_TRANSFER_HTTP1_H

#include "transfer_rig.h"

#define MAX_BODY_BYTES (1 << 20)
#define CONNECT_TIMEOUT_MS 400
#define TIMEOUT_MS 1200

static struct child origin;
static char url[128], control_url[128];

struct rig {
	struct event_base *base;
	struct transfers *ts;
};

static inline struct transfers_options options(void)
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

static inline void rig_init(struct rig *rig, const struct transfers_options *o)
{
	char *why;

	free(control(control_url, "POST", "/__reset", ""));
	rig->base = event_base_new();
	rig->ts = transfers_new(rig->base, o, &why);
	if (!rig->ts)
		fail_msg("%s", why);
}

static inline void rig_fini(struct rig *rig)
{
	transfers_free(rig->ts);
	event_base_free(rig->base);
}

static inline int setup(void **state)
{
	struct rig *rig = malloc(sizeof(*rig));
	struct transfers_options o = options();

	rig_init(rig, &o);
	*state = rig;
	return 0;
}

static inline int teardown(void **state)
{
	rig_fini(*state);
	free(*state);
	return 0;
}

static inline unsigned arrivals(const char *part)
{
	char *list = control(control_url, "GET", "/__received", "");
	unsigned n = count_of(list, part);

	free(list);
	return n;
}

static inline void listen_mode(const char *mode)
{
	char body[64];

	snprintf(body, sizeof(body), "{\"mode\": \"%s\"}", mode);
	free(control(control_url, "POST", "/__listen", body));
}

/* One transfer, which ends so. */
static inline void expect(struct rig *rig, const struct transfer_request *rq,
    enum transfer_outcome outcome, enum transfer_cause cause, unsigned sends)
{
	struct told told;

	run(rig->base, rig->ts, rq, &told);
	check(&told, outcome, cause);
	assert_int_equal(told.r.sends, sends);
	told_fini(&told);
}

/* The tests of a program, with the upstream running. */
static inline int with_origin(
    const char *group, const struct CMUnitTest *tests, size_t n)
{
	const char *const args[] = {"badorigin.py", NULL};
	int failed;

	child_start(&origin, args);
	child_ready(&origin, "url", url, sizeof(url));
	child_ready(&origin, "control", control_url, sizeof(control_url));
	failed = _cmocka_run_group_tests(group, tests, n, NULL, NULL);
	child_stop(&origin);
	return failed;
}

/* A test with a rig of its own. */
#define TEST(function) \
	cmocka_unit_test_setup_teardown(function, setup, teardown)
#define RUN_WITH_ORIGIN(tests) \
	with_origin(#tests, tests, sizeof(tests) / sizeof(*(tests)))

#endif
