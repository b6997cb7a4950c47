/*
 * One thread that stores and moves, a writer, three readers: nobody is ever
 * served what a movement reported as done has killed. In the middle of it the
 * environment is given up and opened again.
 */
#include "store/cache_internal.h"

#include "base/clock.h"
#include "store_rig.h"

#define READERS 3
#define KEYS 8
#define RUN_MS 4500
#define PANIC_AT_MS 500

struct scene {
	struct cache *cache;
	/* The sequence of the last movement of each key's tag whose commit was
	 * reported: from then on nothing older may be served. */
	atomic_ullong moved[KEYS];
	atomic_bool is_over;
	atomic_ullong hits;
	atomic_ullong violations;
	atomic_uint commits;
	atomic_uint pending; /* mail under way */
};

static const char *const names[KEYS] = {
    "k0", "k1", "k2", "k3", "k4", "k5", "k6", "k7"};

/* ---- readers ---- */

static void look_once(struct scene *s, struct cache_reader *r, unsigned i)
{
	struct digest128 key = digest_fast(slice_of_str(names[i]));
	uint64_t moved = atomic_load(&s->moved[i]);
	struct cache_view v;
	size_t ok = 0;

	if (cache_lookup(r, &key, slice_of_str(names[i]), RIG_NOW_MS, &v) ==
	    CACHE_FRESH) {
		while (ok < v.body.n && v.body.p[ok] == 'x')
			ok++;
		if (v.seq < moved || ok < v.body.n)
			atomic_fetch_add(&s->violations, 1);
		atomic_fetch_add(&s->hits, 1);
	}
	cache_release(r);
}

static void *read_on(void *arg)
{
	struct scene *s = arg;
	struct cache_reader *r = cache_reader_new(s->cache);

	metrics_thread_init();
	for (unsigned n = 0; !atomic_load(&s->is_over); n++)
		look_once(s, r, n % KEYS);
	cache_reader_free(r);
	metrics_thread_fini();
	return NULL;
}

/* ---- the one that stores and moves ---- */

struct noted_move {
	struct cache_move move;
	struct scene *scene;
	unsigned i;
};

static void on_put(struct cache_put *p, bool is_stored)
{
	struct scene *s = p->arg;

	(void)is_stored;
	cache_put_free(p);
	atomic_fetch_sub(&s->pending, 1);
}

/* Holds whether it was committed or not: that is the promise. */
static void on_move(struct cache_move *m, bool is_committed)
{
	struct noted_move *n = m->arg;
	struct scene *s = n->scene;

	if (is_committed)
		atomic_fetch_add(&s->commits, 1);
	atomic_store(&s->moved[n->i], m->seq);
	free(m->tags);
	free(n);
	atomic_fetch_sub(&s->pending, 1);
}

static void put(struct scene *s, unsigned i, uint64_t seq)
{
	struct cache_put *p = rig_put_new(
	    names[i], seq, RIG_TAGS(names[i]), 100 + (seq * 397) % 20000);

	p->done = on_put;
	p->arg = s;
	atomic_fetch_add(&s->pending, 1);
	cache_put_post(s->cache, p);
}

static void move(struct scene *s, unsigned i, uint64_t seq)
{
	struct noted_move *n = calloc(1, sizeof(*n));

	assert_non_null(n);
	n->scene = s;
	n->i = i;
	n->move.seq = seq;
	n->move.moved_at_ms = RIG_NOW_MS;
	n->move.tags = rig_tags(RIG_TAGS(names[i]), &n->move.tags_n);
	n->move.done = on_move;
	n->move.arg = n;
	atomic_fetch_add(&s->pending, 1);
	cache_move_post(s->cache, &n->move);
}

static void write_on(struct scene *s)
{
	int64_t start_ms = clock_mono_ms();
	bool has_panicked = false;
	uint64_t seq = 1;

	while (clock_mono_ms() - start_ms < RUN_MS) {
		unsigned i = (unsigned)(seq * 5 % KEYS);

		if (atomic_load(&s->pending) > 64) {
			usleep(500);
			continue;
		}
		put(s, i, seq);
		if (seq % 3 == 0)
			move(s, (i + 3) % KEYS, seq + 1);
		seq++;
		if (!has_panicked && clock_mono_ms() - start_ms > PANIC_AT_MS) {
			atomic_store(&s->cache->reader_error, MDB_PANIC);
			has_panicked = true;
		}
	}
}

static void nobody_sees_the_past(void **state)
{
	char *dir = rig_dir_new();
	struct cache_options o = rig_options(dir);
	struct scene s = {.cache = rig_start(&o)};
	pthread_t threads[READERS];
	unsigned long long hits_before;
	struct cache_stat stat;

	(void)state;
	for (size_t i = 0; i < READERS; i++)
		assert_int_equal(
		    pthread_create(&threads[i], NULL, read_on, &s), 0);
	hits_before = atomic_load(&s.hits);
	write_on(&s);
	cache_stat(s.cache, &stat);
	atomic_store(&s.is_over, true);
	for (size_t i = 0; i < READERS; i++)
		pthread_join(threads[i], NULL);
	rig_stop(s.cache);
	assert_int_equal(atomic_load(&s.violations), 0);
	assert_int_equal(atomic_load(&s.pending), 0);
	assert_true(atomic_load(&s.hits) > hits_before + 100);
	assert_true(atomic_load(&s.commits) > 10);
	assert_true(stat.is_serving);
	rig_dir_free(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(nobody_sees_the_past),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
