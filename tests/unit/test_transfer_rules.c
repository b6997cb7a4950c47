/* The pure parts of src/origin/transfer: the trace and the verdict. */
#include "origin/transfer_trace.h"
#include "origin/transfer_verdict.h"

#include <curl/curl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

/* ---- trace ---- */

static bool feed(struct transfer_trace *t, const char *line, uint32_t *last)
{
	return transfer_trace_feed(t, slice_of_str(line), last);
}

static void test_stream(void **state)
{
	struct transfer_trace t = {0};
	uint32_t last;

	(void)state;
	assert_false(transfer_trace_has_left(&t));
	feed(&t, "Using Stream ID: 5 (easy handle 0x5566)\n", &last);
	assert_int_equal(t.stream_id, 5);
	assert_true(transfer_trace_has_left(&t));
	transfer_trace_reset(&t);
	assert_false(transfer_trace_has_left(&t));
	t.bytes_out = 1;
	assert_true(transfer_trace_has_left(&t));
}

static void test_goaway_lines(void **state)
{
	static const struct {
		const char *line;
		bool is_goaway;
		uint32_t last;
	} lines[] = {
	    {"recveived GOAWAY, error=0, last_stream=7\n", true, 7},
	    {"recveived GOAWAY, error=11, last_stream=0", true, 0},
	    {"recveived GOAWAY, error=0, last_stream=2147483647", true,
		2147483647},
	    {"recveived GOAWAY, error=0", false, 0},
	    {"recveived GOAWAY, error=0, last_stream=", false, 0},
	    {"recveived GOAWAY, error=0, last_stream=x", false, 0},
	    {"recveived GOAWAY, error=0, last_stream=99999999999", false, 0},
	    {"received GOAWAY, error=0, last_stream=7", false, 0},
	    {"< x: recveived GOAWAY, error=0, last_stream=7", false, 0},
	    {"", false, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		struct transfer_trace t = {0};
		uint32_t last = 0;

		assert_int_equal(
		    feed(&t, lines[i].line, &last), lines[i].is_goaway);
		assert_int_equal(last, lines[i].last);
	}
}

static void test_unprocessed(void **state)
{
	struct transfer_trace t = {.stream_id = 5};

	(void)state;
	assert_false(transfer_trace_is_unprocessed(&t));
	/* Graceful: first all, then those that count; never more again. */
	transfer_trace_goaway(&t, 2147483647);
	assert_false(transfer_trace_is_unprocessed(&t));
	transfer_trace_goaway(&t, 5);
	assert_false(transfer_trace_is_unprocessed(&t));
	transfer_trace_goaway(&t, 3);
	assert_true(transfer_trace_is_unprocessed(&t));
	transfer_trace_goaway(&t, 7);
	assert_true(transfer_trace_is_unprocessed(&t));
	/* Without a number nothing is proven. */
	t = (struct transfer_trace){0};
	transfer_trace_goaway(&t, 0);
	assert_false(transfer_trace_is_unprocessed(&t));
}

/* After libcurl has turned to another connection, lines are about that. */
static void test_left_behind(void **state)
{
	static const char *const turns[] = {
	    "Connection died, retrying a fresh connect (retry count: 1)\n",
	    "Downgrades to HTTP/1.1\n",
	};
	uint32_t last;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct transfer_trace t = {.stream_id = 5};

		feed(&t, turns[i], &last);
		assert_false(feed(
		    &t, "recveived GOAWAY, error=0, last_stream=1", &last));
		feed(&t, "REFUSED_STREAM, retrying a fresh connect", &last);
		transfer_trace_goaway(&t, 1);
		feed(&t, "Using Stream ID: 1", &last);
		assert_int_equal(t.stream_id, 5);
		assert_false(transfer_trace_is_unprocessed(&t));
	}
}

static void test_refused(void **state)
{
	struct transfer_trace t = {.stream_id = 1};
	uint32_t last;

	(void)state;
	feed(&t, "REFUSED_STREAM, retrying a fresh connect\n", &last);
	assert_true(transfer_trace_is_unprocessed(&t));
}

static void test_versions(void **state)
{
	(void)state;
	assert_true(transfer_trace_knows(0x075801));
	assert_false(transfer_trace_knows(0x075800));
	assert_false(transfer_trace_knows(0x080000));
}

/* ---- verdict ---- */

#define SENT .has_left = true, .has_dialed = true
#define HEAD .is_head_done = true

static const struct {
	struct transfer_evidence e;
	enum transfer_outcome outcome;
	enum transfer_cause cause;
} verdicts[] = {
    {{.code = CURLE_OK, SENT, HEAD}, TRANSFER_OK, TRANSFER_CAUSE_NONE},
    /* What libcurl calls OK and is not. */
    {{.code = CURLE_OK, SENT}, TRANSFER_UNKNOWN, TRANSFER_CAUSE_RESET},
    {{.code = CURLE_OK, SENT, HEAD, .is_body_cut = true}, TRANSFER_UNKNOWN,
	TRANSFER_CAUSE_PARTIAL},
    {{.code = CURLE_OK, SENT, HEAD, .is_head_bad = true}, TRANSFER_UNKNOWN,
	TRANSFER_CAUSE_PROTOCOL},
    /* On the way. */
    {{.code = CURLE_COULDNT_RESOLVE_HOST}, TRANSFER_UNSENT, TRANSFER_CAUSE_DNS},
    {{.code = CURLE_COULDNT_CONNECT, .has_dialed = true}, TRANSFER_UNSENT,
	TRANSFER_CAUSE_CONNECT},
    {{.code = CURLE_COULDNT_CONNECT, .is_short = true}, TRANSFER_UNSENT,
	TRANSFER_CAUSE_LOCAL},
    {{.code = CURLE_OPERATION_TIMEDOUT, .has_dialed = true}, TRANSFER_UNSENT,
	TRANSFER_CAUSE_CONNECT},
    {{.code = CURLE_SSL_CONNECT_ERROR, .has_dialed = true}, TRANSFER_UNSENT,
	TRANSFER_CAUSE_TLS},
    {{.code = CURLE_PEER_FAILED_VERIFICATION, .has_dialed = true},
	TRANSFER_UNSENT, TRANSFER_CAUSE_CERT_NAME},
    {{.code = CURLE_PEER_FAILED_VERIFICATION, .verify_result = 10},
	TRANSFER_UNSENT, TRANSFER_CAUSE_CERT_EXPIRED},
    {{.code = CURLE_PEER_FAILED_VERIFICATION, .verify_result = 9},
	TRANSFER_UNSENT, TRANSFER_CAUSE_CERT_EARLY},
    {{.code = CURLE_PEER_FAILED_VERIFICATION, .verify_result = 19},
	TRANSFER_UNSENT, TRANSFER_CAUSE_CERT_ISSUER},
    {{.code = CURLE_PEER_FAILED_VERIFICATION, .verify_result = 23},
	TRANSFER_UNSENT, TRANSFER_CAUSE_CERT},
    {{.is_expired = true, .has_dialed = true}, TRANSFER_UNSENT,
	TRANSFER_CAUSE_CONNECT},
    {{.is_expired = true}, TRANSFER_UNSENT, TRANSFER_CAUSE_TIMEOUT},
    {{.code = CURLE_SEND_ERROR, .has_dialed = true}, TRANSFER_UNSENT,
	TRANSFER_CAUSE_RESET},
    {{.code = CURLE_OUT_OF_MEMORY}, TRANSFER_UNSENT, TRANSFER_CAUSE_LOCAL},
    /* Sent. */
    {{.code = CURLE_RECV_ERROR, SENT}, TRANSFER_UNKNOWN, TRANSFER_CAUSE_RESET},
    {{.code = CURLE_SEND_ERROR, SENT}, TRANSFER_UNKNOWN, TRANSFER_CAUSE_RESET},
    {{.code = CURLE_GOT_NOTHING, SENT}, TRANSFER_UNKNOWN, TRANSFER_CAUSE_RESET},
    {{.code = CURLE_HTTP2, SENT}, TRANSFER_UNKNOWN, TRANSFER_CAUSE_RESET},
    {{.code = CURLE_HTTP2_STREAM, SENT, HEAD}, TRANSFER_UNKNOWN,
	TRANSFER_CAUSE_PARTIAL},
    {{.code = CURLE_PARTIAL_FILE, SENT, HEAD}, TRANSFER_UNKNOWN,
	TRANSFER_CAUSE_PARTIAL},
    {{.code = CURLE_PARTIAL_FILE, SENT}, TRANSFER_UNKNOWN,
	TRANSFER_CAUSE_RESET},
    {{.code = CURLE_WEIRD_SERVER_REPLY, SENT}, TRANSFER_UNKNOWN,
	TRANSFER_CAUSE_PROTOCOL},
    {{.code = CURLE_WRITE_ERROR, SENT, HEAD, .is_short = true},
	TRANSFER_UNKNOWN, TRANSFER_CAUSE_LOCAL},
    {{.code = CURLE_OUT_OF_MEMORY, SENT}, TRANSFER_UNKNOWN,
	TRANSFER_CAUSE_LOCAL},
    {{.is_expired = true, SENT}, TRANSFER_UNKNOWN, TRANSFER_CAUSE_TIMEOUT},
    {{.is_expired = true, SENT, HEAD}, TRANSFER_UNKNOWN,
	TRANSFER_CAUSE_TIMEOUT},
    {{.code = CURLE_WRITE_ERROR, SENT, HEAD, .is_over = true},
	TRANSFER_TOO_LARGE, TRANSFER_CAUSE_TOO_LARGE},
    /* The second sending: stopped, or no connection for it. */
    {{.code = CURLE_ABORTED_BY_CALLBACK, SENT, .is_stopped = true},
	TRANSFER_UNKNOWN, TRANSFER_CAUSE_RESEND},
    {{.code = CURLE_COULDNT_CONNECT, SENT}, TRANSFER_UNKNOWN,
	TRANSFER_CAUSE_RESET},
    {{.code = CURLE_OPERATION_TIMEDOUT, SENT}, TRANSFER_UNKNOWN,
	TRANSFER_CAUSE_RESET},
    {{.code = CURLE_PEER_FAILED_VERIFICATION, SENT}, TRANSFER_UNKNOWN,
	TRANSFER_CAUSE_RESET},
    /* The upstream said that it did nothing, unless it did. */
    {{.code = CURLE_HTTP2, SENT, .is_unprocessed = true}, TRANSFER_UNSENT,
	TRANSFER_CAUSE_REFUSED},
    {{.code = CURLE_ABORTED_BY_CALLBACK,
	 SENT,
	 .is_stopped = true,
	 .is_unprocessed = true},
	TRANSFER_UNSENT, TRANSFER_CAUSE_REFUSED},
    {{.code = CURLE_HTTP2_STREAM, SENT, HEAD, .is_unprocessed = true},
	TRANSFER_UNKNOWN, TRANSFER_CAUSE_PARTIAL},
};

static void test_verdicts(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(verdicts) / sizeof(*verdicts); i++) {
		struct transfer_verdict v = transfer_judge(&verdicts[i].e);

		if (v.outcome != verdicts[i].outcome ||
		    v.cause != verdicts[i].cause)
			fail_msg("row %zu: outcome %d cause %s", i,
			    (int)v.outcome, transfer_cause_name(v.cause));
	}
}

/* Whatever libcurl says: sent is never called unsent without the upstream's
 * word, and nothing but a whole answer is OK. */
static void test_every_code(void **state)
{
	(void)state;
	for (int code = 1; code < CURL_LAST; code++) {
		struct transfer_evidence e = {.code = code, SENT};

		assert_int_equal(transfer_judge(&e).outcome, TRANSFER_UNKNOWN);
		e.is_head_done = true;
		assert_int_equal(transfer_judge(&e).outcome, TRANSFER_UNKNOWN);
		e = (struct transfer_evidence){.code = code};
		assert_int_equal(transfer_judge(&e).outcome, TRANSFER_UNSENT);
	}
}

static void test_cause_names(void **state)
{
	(void)state;
	for (int i = 0; i <= TRANSFER_CAUSE_LOCAL; i++)
		assert_non_null(transfer_cause_name((enum transfer_cause)i));
	assert_string_equal(transfer_cause_name(TRANSFER_CAUSE_DNS), "dns");
}

/* What is told of a certificate is about the way there, and the reverse. */
static void test_cause_words(void **state)
{
	(void)state;
	for (int i = 0; i <= TRANSFER_CAUSE_LOCAL; i++) {
		enum transfer_cause c = (enum transfer_cause)i;

		if (transfer_cause_words(c))
			assert_true(transfer_cause_is_way(c));
	}
	assert_null(transfer_cause_words(TRANSFER_CAUSE_CONNECT));
	assert_true(transfer_cause_is_way(TRANSFER_CAUSE_DNS));
	assert_false(transfer_cause_is_way(TRANSFER_CAUSE_RESET));
	assert_non_null(strstr(
	    transfer_cause_words(TRANSFER_CAUSE_CERT_EXPIRED), "expired"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_stream),
	    cmocka_unit_test(test_goaway_lines),
	    cmocka_unit_test(test_unprocessed),
	    cmocka_unit_test(test_left_behind),
	    cmocka_unit_test(test_refused),
	    cmocka_unit_test(test_versions),
	    cmocka_unit_test(test_verdicts),
	    cmocka_unit_test(test_every_code),
	    cmocka_unit_test(test_cause_names),
	    cmocka_unit_test(test_cause_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
