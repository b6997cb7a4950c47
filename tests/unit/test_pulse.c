/* base/pulse: who counts as stalled, and who is told. */
#include "base/pulse.h"

#include "base/buf.h"
#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_patience(void **state)
{
	static const struct {
		int64_t beat_ms, now_ms, round_ms;
		int patience;
		int64_t stalled_ms;
	} cases[] = {
	    {1000, 1000, 500, 1, 0},
	    {1000, 1500, 500, 1, 0},
	    {1000, 1501, 500, 1, 501},
	    {1000, 4999, 500, PULSE_WRITER_PATIENCE, 0},
	    {1000, 5001, 500, PULSE_WRITER_PATIENCE, 4001},
	    /* It beat after we had read the clock. */
	    {1001, 1000, 500, 1, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		assert_int_equal(
		    pulse_stalled_ms(cases[i].beat_ms, cases[i].now_ms,
			cases[i].round_ms, cases[i].patience),
		    cases[i].stalled_ms);
}

static void add_name(const char *name, void *arg)
{
	buf_add_slice(arg, slice_of_str(name));
	buf_add_char(arg, ' ');
}

static void expect_stalled(const char *want)
{
	struct buf names;

	buf_init(&names, 256);
	pulse_each_stalled(add_name, &names);
	buf_add_char(&names, '\0');
	assert_string_equal(names.p, want);
	buf_fini(&names);
}

static void test_who_is_stalled(void **state)
{
	struct pulse front = {0}, writer = {0};
	int64_t now_ms = clock_mono_ms();

	(void)state;
	pulse_begin(&front, "front-0", PULSE_LOOP_PATIENCE);
	pulse_begin(&writer, "writer", PULSE_WRITER_PATIENCE);
	assert_true(pulse_check(now_ms, 5000));
	expect_stalled("");

	/* A long fsync is borne for as long as the writer's patience. */
	assert_false(pulse_check(now_ms + 6000, 5000));
	expect_stalled("front-0 ");

	assert_false(pulse_check(now_ms + 50000, 5000));
	expect_stalled("writer front-0 ");

	pulse_beat(&front);
	pulse_beat(&writer);
	assert_true(pulse_check(clock_mono_ms(), 5000));
	/* An ended thread is missed by nobody. */
	pulse_end(&front);
	pulse_end(&writer);
	assert_true(pulse_check(now_ms + 50000, 5000));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_patience),
	    cmocka_unit_test(test_who_is_stalled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
