/*
 * Housekeeping of the cache: which answers make room for others, and which
 * tags are forgotten without bringing anything back that they killed.
 */
#include "store/cache_internal.h"

#include "store_rig.h"

#define MAX_BYTES (8u << 20)
#define HOUR_MS (INT64_C(3600) * 1000)

struct fixture {
	char *dir;
	struct cache_options options;
	struct cache *cache;
	struct cache_reader *reader;
};

static void open_fixture(struct fixture *f)
{
	f->cache = rig_start(&f->options);
	f->reader = cache_reader_new(f->cache);
	assert_non_null(f->reader);
}

static void close_fixture(struct fixture *f)
{
	cache_reader_free(f->reader);
	rig_stop(f->cache);
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->dir = rig_dir_new();
	f->options = rig_options(f->dir);
	f->options.max_bytes = MAX_BYTES;
	open_fixture(f);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	close_fixture(f);
	rig_dir_free(f->dir);
	free(f);
	return 0;
}

static struct cache_stat stat_of(struct fixture *f)
{
	struct cache_stat stat;

	cache_stat(f->cache, &stat);
	return stat;
}

static const char *name_of(const char *kind, int i)
{
	static char name[32];

	snprintf(name, sizeof(name), "%s%d", kind, i);
	return name;
}

/* Of n answers, those that are there. */
static int count_held(struct fixture *f, const char *kind, int n)
{
	int held = 0;

	for (int i = 0; i < n; i++)
		if (rig_state(f->reader, name_of(kind, i)) != CACHE_MISS)
			held++;
	return held;
}

/* ---- answers ---- */

#define HOT 40
#define BODY 6000 /* two pages */

static void read_hot(struct fixture *f)
{
	assert_int_equal(count_held(f, "hot", HOT), HOT);
}

static void what_is_read_stays(void **state)
{
	struct fixture *f = *state;
	int n = 3 * MAX_BYTES / 8192, stored = 0;

	for (int i = 0; i < HOT; i++)
		assert_true(
		    rig_post(f->cache, rig_put_lasting(name_of("hot", i), 1,
					   RIG_TAGS("t"), BODY)));
	for (int i = 0; i < n; i++) {
		stored += rig_post(f->cache, rig_put_lasting(name_of("cold", i),
						 1, RIG_TAGS("t"), BODY));
		if (i % 50 == 0)
			read_hot(f);
	}
	read_hot(f);
	/* and nearly all found room in their time */
	assert_true(stored > n * 9 / 10);
	assert_true(stat_of(f).evicted > 0);
	assert_int_equal(stat_of(f).evicted, rig_count(METRIC_STORE_EVICTED));
	assert_true(stat_of(f).used_bytes <= MAX_BYTES);
	assert_true(stat_of(f).file_bytes <= MAX_BYTES + (32u << 20));
	/* the latest are there, the first are not, wherever their keys lie */
	assert_int_equal(
	    rig_state(f->reader, name_of("cold", n - 1)), CACHE_FRESH);
	assert_true(count_held(f, "cold", n / 3) < n / 60);
}

static bool is_relaxed(void *arg)
{
	struct cache_stat stat;

	cache_stat(arg, &stat);
	return stat.evicted > 0 && !stat.is_evicting;
}

static void what_is_expired_goes_before_what_is_fresh(void **state)
{
	struct fixture *f = *state;
	int n = MAX_BYTES / 8192 * 84 / 100 / 2;

	for (int i = 0; i < n; i++) {
		assert_true(
		    rig_post(f->cache, rig_put_lasting(name_of("fresh", i), 1,
					   RIG_TAGS("t"), BODY)));
		assert_true(rig_post(f->cache,
		    rig_put_new(name_of("old", i), 1, RIG_TAGS("t"), BODY)));
	}
	assert_true(rig_until(is_relaxed, f->cache));
	assert_int_equal(count_held(f, "fresh", n), n);
	assert_true(count_held(f, "old", n) < n);
	/* no more of them than had to go */
	assert_true(count_held(f, "old", n) > n / 2);
}

static bool is_told_how_old(void *arg)
{
	struct cache_stat stat;

	cache_stat(arg, &stat);
	return stat.oldest_ms == RIG_NOW_MS;
}

static void the_oldest_is_told(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(stat_of(f).oldest_ms, 0);
	assert_true(rig_put(f->cache, "a", 1, RIG_TAGS("t")));
	assert_true(rig_until(is_told_how_old, f->cache));
}

/* ---- tags ---- */

/* Moves n tags at once, as of that time. */
static void move_many(struct fixture *f, const char *kind, size_t n,
    uint64_t seq, bool is_suspect, int64_t moved_at_ms)
{
	struct cache_move *m = calloc(1, sizeof(*m));
	struct rig_wait w;

	rig_wait_init(&w);
	m->seq = seq;
	m->is_suspect = is_suspect;
	m->moved_at_ms = moved_at_ms;
	m->tags = calloc(n, sizeof(*m->tags));
	m->tags_n = n;
	for (size_t i = 0; i < n; i++)
		m->tags[i] = rig_tag(name_of(kind, (int)i));
	m->done = rig_move_done;
	m->arg = &w;
	cache_move_post(f->cache, m);
	assert_true(rig_wait(&w));
}

struct want_tags {
	struct cache *cache;
	uint64_t n;
};

static bool has_tags(void *arg)
{
	const struct want_tags *want = arg;
	struct cache_stat stat;

	cache_stat(want->cache, &stat);
	return stat.tags == want->n;
}

static void expect_tags(struct fixture *f, uint64_t n)
{
	struct want_tags want = {f->cache, n};

	assert_true(rig_until(has_tags, &want));
}

static bool has_counted_tags(void *arg)
{
	(void)arg;
	return rig_count(METRIC_STORE_TAGS_FORGOTTEN) == 3002;
}

static void tags_that_nothing_needs_are_forgotten(void **state)
{
	struct fixture *f = *state;
	int64_t now_ms = clock_wall_ms();

	assert_true(rig_put(f->cache, "dead", 1, RIG_TAGS("x0")));
	assert_true(rig_put(f->cache, "live", 1, RIG_TAGS("y")));
	move_many(f, "x", 3000, 2, false, now_ms - 2 * HOUR_MS);
	move_many(f, "young", 3, 3, false, now_ms);
	move_many(f, "future", 2, 4, false, now_ms + 2 * HOUR_MS);
	expect_tags(f, 3);
	assert_true(rig_until(has_counted_tags, NULL));
	/* what they killed stays dead, and what is older does not come in */
	assert_int_equal(rig_state(f->reader, "dead"), CACHE_MISS);
	assert_false(rig_put(f->cache, "dead", 1, RIG_TAGS("x0")));
	assert_false(rig_put(f->cache, "any", 3, RIG_TAGS("y")));
	assert_true(rig_put(f->cache, "dead", 4, RIG_TAGS("x0")));
	assert_int_equal(rig_state(f->reader, "live"), CACHE_FRESH);
	close_fixture(f);
	open_fixture(f);
	assert_int_equal(rig_state(f->reader, "live"), CACHE_FRESH);
	assert_int_equal(cache_last_seq(f->cache), 4);
}

static void what_is_in_doubt_stays_in_doubt(void **state)
{
	struct fixture *f = *state;
	int64_t then_ms = clock_wall_ms() - 2 * HOUR_MS;

	assert_true(rig_put(f->cache, "a", 1, RIG_TAGS("s0")));
	move_many(f, "s", 1, 2, true, then_ms);
	move_many(f, "r", 50, 3, true, then_ms);
	move_many(f, "x", 50, 4, false, then_ms);
	expect_tags(f, 51);
	assert_int_equal(rig_state(f->reader, "a"), CACHE_SUSPECT);
	/* asked for anew, it needs no tag any more, and the others neither */
	assert_true(rig_put(f->cache, "a", 4, RIG_TAGS("s0")));
	expect_tags(f, 0);
	assert_int_equal(rig_state(f->reader, "a"), CACHE_FRESH);
}

/*
 * An answer asked for before the doubt that is stored when the turn has looked
 * at the answers already: its tag must not go at the end of that turn, however
 * old it looks (the clock was set forward, or there are too many).
 */
static void what_comes_in_doubtful_behind_the_walk_stays_in_doubt(void **state)
{
	struct fixture *f = *state;
	int64_t now_ms = clock_wall_ms();

	assert_true(rig_put(f->cache, "any", 5, RIG_TAGS("y")));
	move_many(f, "s", 1, 5, true, now_ms - 2 * HOUR_MS);
	cache_writer_stop(f->cache);
	cache_walk_begin(f->cache);
	cache_sweep(f->cache, now_ms);
	assert_true(f->cache->walk.is_past_answers);
	assert_true(cache_writer_start(f->cache));
	assert_true(rig_put(f->cache, "late", 4, RIG_TAGS("s0")));
	cache_writer_stop(f->cache);
	while (f->cache->walk.is_past_answers)
		cache_sweep(f->cache, now_ms);
	assert_true(cache_writer_start(f->cache));
	assert_int_equal(rig_state(f->reader, "late"), CACHE_SUSPECT);
}

static void the_tag_of_everything_is_kept(void **state)
{
	struct fixture *f = *state;
	struct cache_moved moved;
	struct cache_move *m = calloc(1, sizeof(*m));
	struct rig_wait w;

	rig_wait_init(&w);
	m->seq = 1;
	m->tags = rig_tags(RIG_TAGS("all"), &m->tags_n);
	m->done = rig_move_done;
	m->arg = &w;
	cache_move_post(f->cache, m);
	assert_true(rig_wait(&w));
	move_many(f, "x", 5, 2, false, 0);
	expect_tags(f, 1);
	assert_true(cache_tags_moved(f->reader, NULL, 0, &moved));
	assert_int_equal(moved.epoch, 1);
}

static bool has_few_tags(void *arg)
{
	struct cache_stat stat;

	cache_stat(arg, &stat);
	return stat.tags * 100 < MAX_BYTES / 16;
}

static void too_many_tags_stay_for_a_minute_only(void **state)
{
	struct fixture *f = *state;
	int64_t then_ms = clock_wall_ms() - 120 * 1000;

	move_many(f, "x", 1000, 1, false, then_ms);
	for (uint64_t i = 2; i < 12; i++) {
		const char kind[] = {(char)('a' + i), '\0'};

		move_many(f, kind, 1000, i, false, then_ms);
	}
	assert_true(rig_until(has_few_tags, f->cache));
}

/* ---- the table of uses ---- */

static void ages_are_counted_in_bytes(void **state)
{
	struct digest128 key = digest_fast(SLICE("a"));
	struct digest128 other = digest_fast(SLICE("b"));
	struct recency r;

	(void)state;
	recency_init(&r, 256000);
	assert_int_equal(recency_age(&r, &key), RECENCY_UNKNOWN);
	recency_touch(&r, &key);
	assert_int_equal(recency_age(&r, &key), 0);
	for (int i = 0; i < 5; i++)
		recency_advance(&r, 2000);
	assert_int_equal(recency_age(&r, &key), 5);
	recency_advance(&r, 1);
	assert_int_equal(recency_age(&r, &key), 5);
	recency_touch(&r, &key);
	assert_int_equal(recency_age(&r, &key), 0);
	assert_int_equal(recency_age(&r, &other), RECENCY_UNKNOWN);
	/* round the end of the counter */
	for (int i = 0; i < 65530; i++)
		recency_advance(&r, 2000);
	recency_touch(&r, &key);
	for (int i = 0; i < 10; i++)
		recency_advance(&r, 2000);
	assert_true(recency_age(&r, &key) >= 10);
	assert_true(recency_age(&r, &key) <= 11);
	recency_fini(&r);
	/* without memory nothing is known */
	recency_touch(&r, &key);
	assert_int_equal(recency_age(&r, &key), RECENCY_UNKNOWN);
}

#define WITH_CACHE(test) \
	cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    WITH_CACHE(what_is_read_stays),
	    WITH_CACHE(what_is_expired_goes_before_what_is_fresh),
	    WITH_CACHE(the_oldest_is_told),
	    WITH_CACHE(tags_that_nothing_needs_are_forgotten),
	    WITH_CACHE(what_is_in_doubt_stays_in_doubt),
	    WITH_CACHE(what_comes_in_doubtful_behind_the_walk_stays_in_doubt),
	    WITH_CACHE(the_tag_of_everything_is_kept),
	    WITH_CACHE(too_many_tags_stay_for_a_minute_only),
	    cmocka_unit_test(ages_are_counted_in_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
