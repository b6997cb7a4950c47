/* src/origin/resolve with a name server under the test's control. */
#include "origin/resolve.h"

#include "base/clock.h"

#include <assert.h>
#include <event2/event.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define PATIENCE_MS 5000

/* What the name server says next; shared with the resolver's thread. */
struct server {
	pthread_mutex_t lock;
	const char *list; /* NULL: fails */
	bool is_stuck; /* does not answer while true */
	unsigned lookups;
};

struct rig {
	struct server server;
	struct event_base *base;
	struct resolve *resolve;
	unsigned changes;
};

static bool is_stuck(struct server *s)
{
	bool answer;

	pthread_mutex_lock(&s->lock);
	answer = s->is_stuck;
	pthread_mutex_unlock(&s->lock);
	return answer;
}

static bool look_up(const char *host, struct buf *list, void *arg)
{
	struct server *s = arg;
	bool is_found;

	assert(strcmp(host, "api.example") == 0);
	pthread_mutex_lock(&s->lock);
	s->lookups++;
	pthread_mutex_unlock(&s->lock);
	while (is_stuck(s))
		usleep(2000);
	pthread_mutex_lock(&s->lock);
	is_found = s->list != NULL;
	buf_add_slice(list, slice_of_str(s->list));
	pthread_mutex_unlock(&s->lock);
	return is_found;
}

static void say(struct rig *rig, const char *list)
{
	pthread_mutex_lock(&rig->server.lock);
	rig->server.list = list;
	pthread_mutex_unlock(&rig->server.lock);
}

static void set_stuck(struct rig *rig, bool stuck)
{
	pthread_mutex_lock(&rig->server.lock);
	rig->server.is_stuck = stuck;
	pthread_mutex_unlock(&rig->server.lock);
}

static unsigned lookups(struct rig *rig)
{
	unsigned n;

	pthread_mutex_lock(&rig->server.lock);
	n = rig->server.lookups;
	pthread_mutex_unlock(&rig->server.lock);
	return n;
}

static void on_change(void *arg)
{
	struct rig *rig = arg;

	rig->changes++;
}

/* rig->server says what the first look-up meets. */
static void rig_start(
    struct rig *rig, int64_t refresh_ms, int64_t retry_ms, int64_t gap_ms)
{
	struct resolve_options o = {
	    .host = "api.example",
	    .lookup = look_up,
	    .lookup_arg = &rig->server,
	    .refresh_ms = refresh_ms,
	    .retry_ms = retry_ms,
	    .gap_ms = gap_ms,
	};

	pthread_mutex_init(&rig->server.lock, NULL);
	rig->base = event_base_new();
	rig->resolve = resolve_new(rig->base, &o, on_change, rig);
	assert_non_null(rig->resolve);
}

static void rig_init(struct rig *rig, const char *list, int64_t refresh_ms,
    int64_t retry_ms, int64_t gap_ms)
{
	*rig = (struct rig){.server.list = list};
	rig_start(rig, refresh_ms, retry_ms, gap_ms);
}

static void rig_fini(struct rig *rig)
{
	resolve_free(rig->resolve);
	event_base_free(rig->base);
}

/* Runs the loop until so many look-ups have been reported. */
static void await_changes(struct rig *rig, unsigned n)
{
	int64_t until_ms = clock_mono_ms() + PATIENCE_MS;

	while (rig->changes < n) {
		event_base_loop(rig->base, EVLOOP_NONBLOCK);
		if (clock_mono_ms() > until_ms)
			fail_msg("%u changes, wanted %u", rig->changes, n);
		usleep(1000);
	}
}

static void test_first_answer(void **state)
{
	struct rig rig;

	(void)state;
	rig_init(&rig, "192.0.2.1,2001:db8::1", 60000, 60000, 0);
	assert_int_equal(resolve_state(rig.resolve), RESOLVE_PENDING);
	assert_null(resolve_list(rig.resolve));
	await_changes(&rig, 1);
	assert_int_equal(resolve_state(rig.resolve), RESOLVE_KNOWN);
	assert_string_equal(resolve_list(rig.resolve), "192.0.2.1,2001:db8::1");
	rig_fini(&rig);
}

static void test_last_good_stays(void **state)
{
	struct rig rig;

	(void)state;
	rig_init(&rig, "192.0.2.1", 20, 20, 0);
	await_changes(&rig, 1);
	say(&rig, NULL);
	await_changes(&rig, 4);
	assert_int_equal(resolve_state(rig.resolve), RESOLVE_KNOWN);
	assert_string_equal(resolve_list(rig.resolve), "192.0.2.1");
	say(&rig, "192.0.2.2");
	await_changes(&rig, 6);
	assert_string_equal(resolve_list(rig.resolve), "192.0.2.2");
	rig_fini(&rig);
}

static void test_failure_is_tried_again(void **state)
{
	struct rig rig;

	(void)state;
	rig_init(&rig, NULL, 60000, 20, 0);
	await_changes(&rig, 1);
	assert_int_equal(resolve_state(rig.resolve), RESOLVE_FAILED);
	assert_null(resolve_list(rig.resolve));
	/* An answer without an address is none. */
	say(&rig, "");
	await_changes(&rig, 3);
	assert_int_equal(resolve_state(rig.resolve), RESOLVE_FAILED);
	say(&rig, "192.0.2.1");
	/* A look-up under way may still fail. */
	for (unsigned n = 4; resolve_state(rig.resolve) != RESOLVE_KNOWN; n++)
		await_changes(&rig, n);
	rig_fini(&rig);
}

/* Asking is answered soon, but not more often than every gap. */
static void test_ask(void **state)
{
	int64_t began_ms = clock_mono_ms();
	struct rig rig;

	(void)state;
	rig_init(&rig, NULL, 60000, 60000, 100);
	await_changes(&rig, 1);
	say(&rig, "192.0.2.1");
	for (int i = 0; i < 100; i++)
		resolve_ask(rig.resolve);
	await_changes(&rig, 2);
	assert_true(clock_mono_ms() - began_ms >= 100);
	assert_int_equal(resolve_state(rig.resolve), RESOLVE_KNOWN);
	usleep(250 * 1000);
	assert_int_equal(lookups(&rig), 2);
	rig_fini(&rig);
}

static void test_free_does_not_wait(void **state)
{
	struct rig rig;
	int64_t began_ms;
	static struct rig outlived; /* its thread leaves it later */

	(void)state;
	/* At rest. */
	rig_init(&rig, "192.0.2.1", 60000, 60000, 0);
	await_changes(&rig, 1);
	began_ms = clock_mono_ms();
	rig_fini(&rig);
	assert_true(clock_mono_ms() - began_ms < 500);
	/* Stuck in a look-up. */
	outlived.server.is_stuck = true;
	rig_start(&outlived, 60000, 60000, 0);
	while (lookups(&outlived) == 0)
		usleep(1000);
	began_ms = clock_mono_ms();
	rig_fini(&outlived);
	assert_true(clock_mono_ms() - began_ms < 500);
	set_stuck(&outlived, false);
	usleep(50 * 1000);
}

static void test_system(void **state)
{
	struct resolve_options o = {
	    .host = "localhost",
	    .refresh_ms = 60000,
	    .retry_ms = 60000,
	};
	struct rig rig = {.base = event_base_new()};

	(void)state;
	rig.resolve = resolve_new(rig.base, &o, on_change, &rig);
	assert_non_null(rig.resolve);
	await_changes(&rig, 1);
	assert_int_equal(resolve_state(rig.resolve), RESOLVE_KNOWN);
	assert_true(strstr(resolve_list(rig.resolve), "127.0.0.1") ||
		    strstr(resolve_list(rig.resolve), "::1"));
	rig_fini(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_first_answer),
	    cmocka_unit_test(test_last_good_stays),
	    cmocka_unit_test(test_failure_is_tried_again),
	    cmocka_unit_test(test_ask),
	    cmocka_unit_test(test_free_does_not_wait),
	    cmocka_unit_test(test_system),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
