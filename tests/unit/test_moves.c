#include "origin/moves.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static struct digest128 tag(unsigned i)
{
	char name[32];
	int n = snprintf(name, sizeof(name), "tag:%u", i);

	return digest_fast(slice_of(name, (size_t)n));
}

static struct cache_moved latest(const struct moves *m, unsigned i)
{
	struct digest128 t = tag(i);
	struct cache_moved out;

	moves_latest(m, NULL, &t, 1, &out);
	return out;
}

static void test_sequence(void **state)
{
	struct moves *m = moves_new(41);
	struct digest128 t = tag(1);

	(void)state;
	assert_int_equal(moves_seq(m), 41);
	assert_int_equal(moves_record(m, &t, 1, false, 1000), 42);
	assert_int_equal(moves_record(m, &t, 1, true, 2000), 43);
	assert_int_equal(moves_seq(m), 43);
	assert_int_equal(latest(m, 1).epoch, 42);
	assert_int_equal(latest(m, 1).suspect, 43);
	assert_int_equal(latest(m, 1).moved_at_ms, 2000);
	assert_int_equal(latest(m, 2).epoch, 0);
	moves_free(m);
}

static void test_several_tags(void **state)
{
	struct moves *m = moves_new(0);
	struct digest128 t[3] = {tag(1), tag(2), tag(3)};
	struct cache_moved out;

	(void)state;
	moves_record(m, &t[0], 1, false, 10);
	moves_record(m, &t[1], 2, false, 20);
	moves_latest(m, NULL, t, 3, &out);
	assert_int_equal(out.epoch, 2);
	assert_int_equal(latest(m, 1).epoch, 1);
	assert_int_equal(latest(m, 3).epoch, 2);
	/* A movement of nothing still takes a number. */
	assert_int_equal(moves_record(m, NULL, 0, false, 30), 3);
	moves_free(m);
}

/* Far more tags than the table begins with. */
static void test_growth(void **state)
{
	enum {
		MANY = 5000
	};
	struct moves *m = moves_new(0);

	(void)state;
	for (unsigned i = 0; i < MANY; i++) {
		struct digest128 t = tag(i);

		moves_record(m, &t, 1, i % 2 == 1, i);
	}
	for (unsigned i = 0; i < MANY; i++) {
		struct cache_moved got = latest(m, i);

		assert_int_equal(got.epoch, i % 2 == 1 ? 0 : i + 1);
		assert_int_equal(got.suspect, i % 2 == 1 ? i + 1 : 0);
	}
	moves_free(m);
}

/* Each of the three reasons alone keeps a movement. */
static void test_forget(void **state)
{
	enum {
		MANY = 1000
	};
	struct moves *m = moves_new(0);

	(void)state;
	for (unsigned i = 0; i < MANY; i++) {
		struct digest128 t = tag(i);

		moves_record(m, &t, 1, false, i);
	}
	moves_forget(m, 899, UINT64_MAX, MANY);
	assert_int_equal(latest(m, 898).epoch, 0); /* committed */
	assert_int_equal(latest(m, 899).epoch, 900);
	moves_forget(m, UINT64_MAX, 949, MANY);
	assert_int_equal(latest(m, 948).epoch, 0); /* no older flight */
	assert_int_equal(latest(m, 949).epoch, 950);
	moves_free(m);
	m = moves_new(0);
	for (unsigned i = 0; i < MANY; i++) {
		struct digest128 t = tag(i);

		moves_record(m, &t, 1, false, i);
	}
	moves_forget(m, UINT64_MAX, UINT64_MAX, 990);
	assert_int_equal(latest(m, 989).epoch, 0); /* has settled */
	assert_int_equal(latest(m, 990).epoch, 991);
	assert_int_equal(moves_seq(m), MANY);
	moves_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_sequence),
	    cmocka_unit_test(test_several_tags),
	    cmocka_unit_test(test_growth),
	    cmocka_unit_test(test_forget),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
