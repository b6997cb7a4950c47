#include "origin/online.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct transfer_result result(
    enum transfer_outcome outcome, enum transfer_cause cause)
{
	return (struct transfer_result){.outcome = outcome, .cause = cause};
}

static void show(struct online *o, enum transfer_outcome outcome,
    enum transfer_cause cause, int64_t now_ms)
{
	struct transfer_result r = result(outcome, cause);

	online_evidence(o, &r, now_ms);
}

static void test_modes(void **state)
{
	static const struct {
		const char *text;
		enum online_mode mode;
	} rows[] = {
	    {"auto", ONLINE_AUTO},
	    {"on", ONLINE_OFFLINE},
	    {"off", ONLINE_ONLINE},
	};
	enum online_mode mode;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		assert_true(
		    online_mode_parse(slice_of_str(rows[i].text), &mode));
		assert_int_equal(mode, rows[i].mode);
		assert_string_equal(online_mode_name(mode), rows[i].text);
	}
	assert_false(online_mode_parse(SLICE("yes"), &mode));
	assert_false(online_mode_parse(SLICE(""), &mode));
}

/* Only what speaks about the connection makes the upstream away. */
static void test_evidence(void **state)
{
	static const struct {
		enum transfer_outcome outcome;
		enum transfer_cause cause;
		bool is_away;
	} rows[] = {
	    {TRANSFER_UNSENT, TRANSFER_CAUSE_CONNECT, true},
	    {TRANSFER_UNSENT, TRANSFER_CAUSE_DNS, true},
	    {TRANSFER_UNSENT, TRANSFER_CAUSE_TLS, true},
	    {TRANSFER_UNSENT, TRANSFER_CAUSE_CERT_EXPIRED, true},
	    {TRANSFER_UNSENT, TRANSFER_CAUSE_CERT_NAME, true},
	    {TRANSFER_UNSENT, TRANSFER_CAUSE_LOCAL, false},
	    {TRANSFER_UNKNOWN, TRANSFER_CAUSE_TIMEOUT, false},
	    {TRANSFER_UNKNOWN, TRANSFER_CAUSE_RESET, false},
	    {TRANSFER_TOO_LARGE, TRANSFER_CAUSE_NONE, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct online o = {0};

		show(&o, rows[i].outcome, rows[i].cause, 1000);
		assert_int_equal(online_is_away(&o), rows[i].is_away);
		if (rows[i].is_away)
			assert_string_equal(online_detail(&o),
			    transfer_cause_name(rows[i].cause));
		show(&o, TRANSFER_OK, TRANSFER_CAUSE_NONE, 1001);
		assert_false(online_is_away(&o));
	}
}

/* While away one request per interval goes through, and one success ends it. */
static void test_probe(void **state)
{
	struct online o = {0};

	(void)state;
	assert_true(online_may_ask(&o, 0));
	show(&o, TRANSFER_UNSENT, TRANSFER_CAUSE_CONNECT, 1000);
	assert_false(online_may_ask(&o, 1000));
	assert_false(online_may_ask(&o, 1999));
	assert_true(online_may_ask(&o, 2000));
	assert_false(online_may_ask(&o, 2000));
	assert_true(online_may_ask(&o, 3000));
	show(&o, TRANSFER_OK, TRANSFER_CAUSE_NONE, 3001);
	assert_true(online_may_ask(&o, 3001));
	assert_true(online_may_ask(&o, 3001));
}

static void test_operator(void **state)
{
	struct online o = {0};

	(void)state;
	online_set_mode(&o, ONLINE_OFFLINE, 1);
	assert_true(online_is_away(&o));
	assert_false(online_may_ask(&o, 1000000));
	assert_string_equal(online_detail(&o), "offline");
	online_set_mode(&o, ONLINE_ONLINE, 2);
	show(&o, TRANSFER_UNSENT, TRANSFER_CAUSE_CONNECT, 1000);
	assert_false(online_is_away(&o));
	assert_true(online_may_ask(&o, 1000));
	online_set_mode(&o, ONLINE_AUTO, 3);
	assert_int_equal(online_get_mode(&o), ONLINE_AUTO);
	assert_true(online_is_away(&o));
}

/* Since when it is as it is: what nobody sees changes nothing. */
static void test_changed(void **state)
{
	struct online o = {0};

	(void)state;
	show(&o, TRANSFER_OK, TRANSFER_CAUSE_NONE, 10);
	assert_int_equal(online_changed_ms(&o), 0);
	show(&o, TRANSFER_UNSENT, TRANSFER_CAUSE_DNS, 20);
	show(&o, TRANSFER_UNSENT, TRANSFER_CAUSE_DNS, 30);
	assert_int_equal(online_changed_ms(&o), 20);
	show(&o, TRANSFER_OK, TRANSFER_CAUSE_NONE, 40);
	assert_int_equal(online_changed_ms(&o), 40);
	online_set_mode(&o, ONLINE_OFFLINE, 50);
	online_set_mode(&o, ONLINE_OFFLINE, 60);
	show(&o, TRANSFER_UNSENT, TRANSFER_CAUSE_DNS, 70);
	assert_int_equal(online_changed_ms(&o), 50);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_modes),
	    cmocka_unit_test(test_evidence),
	    cmocka_unit_test(test_probe),
	    cmocka_unit_test(test_operator),
	    cmocka_unit_test(test_changed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
