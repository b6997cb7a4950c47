/*
 * The cache environment when things go wrong: damaged, foreign, full, on a
 * disk that takes no more, given up by LMDB. In all of it: no movement of tags
 * is lost, and nothing dead is served.
 */
#include "store/cache_internal.h"

#include "store_rig.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>

struct fixture {
	char *dir;
	struct cache_options options;
	struct cache *cache;
	struct cache_reader *reader;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->dir = rig_dir_new();
	f->options = rig_options(f->dir);
	*state = f;
	return 0;
}

static void open_fixture(struct fixture *f)
{
	f->cache = rig_start(&f->options);
	f->reader = cache_reader_new(f->cache);
	assert_non_null(f->reader);
}

static void close_fixture(struct fixture *f)
{
	cache_reader_free(f->reader);
	if (f->cache)
		rig_stop(f->cache);
	f->reader = NULL;
	f->cache = NULL;
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

static bool is_serving(void *arg)
{
	struct cache_stat stat;

	cache_stat(arg, &stat);
	return stat.is_serving;
}

/* ---- damage ---- */

/* Turns one bit of a record in the closed cache. */
static void damage(const char *dir, const char *db, const char *name)
{
	struct digest128 digest = digest_fast(slice_of_str(name));
	MDB_val key = {sizeof(digest), &digest}, value;
	MDB_env *env;
	MDB_txn *txn;
	MDB_dbi dbi;
	char *copy;

	assert_int_equal(mdb_env_create(&env), 0);
	mdb_env_set_maxdbs(env, 4);
	assert_int_equal(mdb_env_open(env, dir, 0, 0600), 0);
	assert_int_equal(mdb_txn_begin(env, NULL, 0, &txn), 0);
	assert_int_equal(mdb_dbi_open(txn, db, 0, &dbi), 0);
	assert_int_equal(mdb_get(txn, dbi, &key, &value), 0);
	copy = rig_copy(value.mv_data, value.mv_size);
	copy[value.mv_size - 1] ^= 1;
	value.mv_data = copy;
	assert_int_equal(mdb_put(txn, dbi, &key, &value, 0), 0);
	assert_int_equal(mdb_txn_commit(txn), 0);
	mdb_env_close(env);
	free(copy);
}

static bool is_empty(void *arg)
{
	struct cache_stat stat;

	cache_stat(arg, &stat);
	return stat.entries == 0;
}

static void a_damaged_answer_is_a_miss_and_goes(void **state)
{
	struct fixture *f = *state;
	uint64_t before = rig_count(METRIC_STORE_DAMAGED);

	open_fixture(f);
	assert_true(rig_put(f->cache, "a", 1, RIG_TAGS("t")));
	close_fixture(f);
	damage(f->dir, "answers", "a");
	open_fixture(f);
	assert_int_equal(rig_state(f->reader, "a"), CACHE_MISS);
	assert_int_equal(rig_state(f->reader, "a"), CACHE_MISS);
	assert_int_equal(rig_count(METRIC_STORE_DAMAGED) - before, 2);
	assert_true(rig_until(is_empty, f->cache));
	assert_true(rig_put(f->cache, "a", 1, RIG_TAGS("t")));
	assert_int_equal(rig_state(f->reader, "a"), CACHE_FRESH);
}

static bool is_stored(void *arg)
{
	struct fixture *f = arg;

	return rig_put(f->cache, "a", 9, RIG_TAGS("t"));
}

static void a_damaged_tag_vouches_for_nothing(void **state)
{
	struct fixture *f = *state;
	struct digest128 tag = rig_tag("t");
	struct cache_moved moved;

	open_fixture(f);
	assert_true(rig_move(f->cache, 1, false, RIG_TAGS("t")));
	assert_true(rig_put(f->cache, "a", 5, RIG_TAGS("t")));
	assert_true(rig_put(f->cache, "b", 8, RIG_TAGS("u")));
	close_fixture(f);
	damage(f->dir, "tags", "t");
	open_fixture(f);
	assert_true(cache_tags_moved(f->reader, &tag, 1, &moved));
	assert_int_equal(moved.epoch, UINT64_MAX);
	assert_int_equal(rig_state(f->reader, "a"), CACHE_MISS);
	assert_int_equal(rig_state(f->reader, "b"), CACHE_FRESH);
	/* repaired as moved at the last sequence: only older ones stay dead */
	assert_true(rig_until(is_stored, f));
	assert_int_equal(rig_state(f->reader, "a"), CACHE_FRESH);
	assert_true(cache_tags_moved(f->reader, &tag, 1, &moved));
	assert_int_equal(moved.epoch, 8);
}

static void overwrite(const char *dir, const char *name, size_t n, char c)
{
	char *path = rig_path(dir, name), *bytes = malloc(n);
	int fd = open(path, O_WRONLY | O_CREAT, 0600);

	memset(bytes, c, n);
	assert_int_equal(write(fd, bytes, n), n);
	close(fd);
	free(bytes);
	free(path);
}

static void a_foreign_file_is_replaced(void **state)
{
	struct fixture *f = *state;

	overwrite(f->dir, "data.mdb", 16384, 'j');
	open_fixture(f);
	assert_int_equal(cache_last_seq(f->cache), 0);
	assert_true(rig_put(f->cache, "a", 1, RIG_TAGS("t")));
	assert_int_equal(rig_state(f->reader, "a"), CACHE_FRESH);
}

static void a_cache_of_another_version_is_replaced(void **state)
{
	struct fixture *f = *state;
	MDB_env *env;
	MDB_txn *txn;
	MDB_dbi dbi;
	MDB_val key = {4, (void *)"some"}, value = {5, (void *)"thing"};

	assert_int_equal(mdb_env_create(&env), 0);
	mdb_env_set_maxdbs(env, 4);
	assert_int_equal(mdb_env_open(env, f->dir, 0, 0600), 0);
	assert_int_equal(mdb_txn_begin(env, NULL, 0, &txn), 0);
	assert_int_equal(mdb_dbi_open(txn, "meta", MDB_CREATE, &dbi), 0);
	assert_int_equal(mdb_put(txn, dbi, &key, &value, 0), 0);
	assert_int_equal(mdb_txn_commit(txn), 0);
	mdb_env_close(env);
	open_fixture(f);
	assert_true(rig_put(f->cache, "a", 1, RIG_TAGS("t")));
	close_fixture(f);
	open_fixture(f);
	assert_int_equal(rig_state(f->reader, "a"), CACHE_FRESH);
}

/* A file that lost its end: no SIGBUS, no wrong answer. */
static void a_cut_file_serves_nothing_wrong(void **state)
{
	struct fixture *f = *state;
	char *path = rig_path(f->dir, "data.mdb");

	open_fixture(f);
	for (uint64_t i = 1; i <= 20; i++) {
		char key[16];

		snprintf(key, sizeof(key), "k%d", (int)i);
		assert_true(rig_post(
		    f->cache, rig_put_new(key, i, RIG_TAGS("t"), 20000)));
	}
	close_fixture(f);
	assert_int_equal(truncate(path, 64 * 1024), 0);
	open_fixture(f);
	for (int i = 1; i <= 20; i++) {
		char key[16];
		enum cache_state s;

		snprintf(key, sizeof(key), "k%d", i);
		s = rig_state(f->reader, key);
		assert_true(s == CACHE_MISS || s == CACHE_FRESH);
	}
	assert_true(rig_until(is_serving, f->cache));
	free(path);
}

/* ---- a full store ---- */

static bool is_called_full(void *arg)
{
	struct cache_stat stat;

	cache_stat(arg, &stat);
	return !stat.is_storing && strcmp(stat.trouble, "full") == 0;
}

/* More tags at once than the whole store may hold: the reserve takes them. */
static uint64_t fill_with_tags(struct fixture *f, uint64_t seq)
{
	char name[24];

	while (!is_called_full(f->cache)) {
		snprintf(name, sizeof(name), "tag%d", (int)++seq);
		assert_true(rig_move(f->cache, seq, false, RIG_TAGS(name)));
		assert_true(seq < 100000);
	}
	return seq;
}

static void a_full_store_refuses_answers_only(void **state)
{
	struct fixture *f = *state;
	uint64_t full = rig_count(METRIC_STORE_FULL), seq;

	f->options.max_bytes = 1u << 20;
	open_fixture(f);
	assert_true(
	    rig_post(f->cache, rig_put_lasting("first", 1, RIG_TAGS("t"), 0)));
	assert_false(rig_post(
	    f->cache, rig_put_lasting("large", 1, RIG_TAGS("t"), 1 << 20)));
	assert_int_equal(rig_count(METRIC_STORE_FULL) - full, 1);
	assert_int_equal(rig_state(f->reader, "first"), CACHE_FRESH);
	seq = fill_with_tags(f, 1);
	assert_false(
	    rig_post(f->cache, rig_put_lasting("b", seq, RIG_TAGS("t"), 0)));
	assert_true(rig_move(f->cache, ++seq, false, RIG_TAGS("t")));
	assert_int_equal(rig_state(f->reader, "first"), CACHE_MISS);
	assert_true(stat_of(f).is_serving);
}

static bool takes_answers(void *arg)
{
	return rig_post(arg, rig_put_new("new", 99, RIG_TAGS("u"), 1000));
}

struct put {
	struct cache *cache;
	const char *key;
};

static bool takes_put(void *arg)
{
	const struct put *p = arg;

	return rig_post(
	    p->cache, rig_put_lasting(p->key, 2, RIG_TAGS("u"), 10000));
}

static void the_dead_make_room_for_the_living(void **state)
{
	struct fixture *f = *state;
	char key[24];

	f->options.max_bytes = 1u << 20;
	open_fixture(f);
	for (int i = 0; i < 60; i++) {
		snprintf(key, sizeof(key), "dead%d", i);
		assert_true(rig_post(
		    f->cache, rig_put_lasting(key, 1, RIG_TAGS("t"), 10000)));
	}
	assert_true(rig_move(f->cache, 2, false, RIG_TAGS("t")));
	for (int i = 0; i < 60; i++) {
		struct put live = {f->cache, key};

		/* The sweep may have to catch up. */
		snprintf(key, sizeof(key), "live%d", i);
		assert_true(rig_until(takes_put, &live));
	}
	assert_int_equal(stat_of(f).evicted, 0);
	assert_int_equal(rig_state(f->reader, "live0"), CACHE_FRESH);
}

/*
 * A reader that never lets go keeps every page from being used again, so the
 * map itself fills up: then even movements fail. They take the store out of
 * service until they are recorded after all.
 */
static void a_full_map_loses_no_movement(void **state)
{
	struct fixture *f = *state;
	struct cache_reader *pin;
	struct digest128 key = digest_fast(SLICE("a"));
	struct cache_view v;
	uint64_t seq = 1;
	bool is_committed = true;

	f->options.max_bytes = 32u << 20;
	open_fixture(f);
	pin = cache_reader_new(f->cache);
	assert_true(rig_put(f->cache, "a", 1, RIG_TAGS("t")));
	assert_int_equal(
	    cache_lookup(pin, &key, SLICE("a"), RIG_NOW_MS, &v), CACHE_FRESH);
	while (is_committed) {
		rig_post(
		    f->cache, rig_put_new("big", seq, RIG_TAGS("u"), 4000000));
		rig_post(
		    f->cache, rig_put_new("small", seq, RIG_TAGS("u"), 1000));
		is_committed = rig_move(f->cache, ++seq, false, RIG_TAGS("t"));
		assert_true(seq < 100000);
	}
	assert_false(stat_of(f).is_serving);
	assert_true(strstr(stat_of(f).trouble, "MDB_MAP_FULL") != NULL);
	assert_int_equal(rig_state(f->reader, "small"), CACHE_MISS);
	/* what was found before is still there to be sent */
	assert_int_equal(v.status, 200);
	assert_true(v.body.n > 0);
	cache_release(pin);
	assert_true(rig_until(is_serving, f->cache));
	assert_int_equal(rig_state(f->reader, "a"), CACHE_MISS);
	/* an answer asked for before the movement arrives dead */
	assert_false(rig_put(f->cache, "a", seq - 1, RIG_TAGS("t")));
	assert_true(rig_put(f->cache, "a", seq, RIG_TAGS("t")));
	assert_int_equal(rig_state(f->reader, "a"), CACHE_FRESH);
	cache_reader_free(pin);
}

/* ---- a full disk ---- */

/* No file may grow beyond n bytes; 0: any. Stands for a full disk. */
static void limit_files(rlim_t n)
{
	struct rlimit limit;

	getrlimit(RLIMIT_FSIZE, &limit);
	limit.rlim_cur = n ? n : limit.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void fill_disk(struct fixture *f)
{
	char *path = rig_path(f->dir, "data.mdb");
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	limit_files((rlim_t)st.st_size);
	free(path);
}

/* Moves fresh tags until that fails; returns the sequence of the failed one,
 * which moves the tag "t" as well. */
static uint64_t move_until_failure(struct fixture *f, uint64_t seq)
{
	char name[24];

	do {
		snprintf(name, sizeof(name), "tag%d", (int)++seq);
		assert_true(seq < 100000);
	} while (rig_move(f->cache, seq, false, RIG_TAGS(name)));
	assert_false(rig_move(f->cache, ++seq, false, RIG_TAGS("t")));
	return seq;
}

static void a_full_disk_only_stops_storing(void **state)
{
	struct fixture *f = *state;

	open_fixture(f);
	assert_true(rig_put(f->cache, "a", 1, RIG_TAGS("t")));
	fill_disk(f);
	assert_false(
	    rig_post(f->cache, rig_put_new("b", 1, RIG_TAGS("t"), 1000000)));
	assert_int_equal(rig_state(f->reader, "a"), CACHE_FRESH);
	assert_true(stat_of(f).is_serving);
	assert_false(stat_of(f).is_storing);
	assert_string_equal(stat_of(f).trouble, "File too large");
	limit_files(0);
	assert_true(rig_until(takes_answers, f->cache));
	assert_true(stat_of(f).is_storing);
	assert_string_equal(stat_of(f).trouble, "");
}

static void a_movement_waits_for_the_disk(void **state)
{
	struct fixture *f = *state;
	uint64_t seq;

	open_fixture(f);
	assert_true(rig_put(f->cache, "a", 1, RIG_TAGS("t")));
	assert_true(rig_put(f->cache, "b", 1, RIG_TAGS("u")));
	fill_disk(f);
	seq = move_until_failure(f, 1);
	assert_false(stat_of(f).is_serving);
	assert_int_equal(rig_state(f->reader, "a"), CACHE_MISS);
	assert_int_equal(rig_state(f->reader, "b"), CACHE_MISS);
	assert_false(rig_put(f->cache, "c", seq, RIG_TAGS("u")));
	limit_files(0);
	assert_true(rig_until(is_serving, f->cache));
	assert_int_equal(rig_state(f->reader, "a"), CACHE_MISS);
	assert_int_equal(rig_state(f->reader, "b"), CACHE_FRESH);
	assert_true(rig_put(f->cache, "a", seq, RIG_TAGS("t")));
	assert_int_equal(rig_state(f->reader, "a"), CACHE_FRESH);
}

static void a_movement_never_recorded_voids_the_next_start(void **state)
{
	struct fixture *f = *state;

	open_fixture(f);
	assert_true(rig_put(f->cache, "a", 1, RIG_TAGS("t")));
	assert_true(rig_put(f->cache, "b", 1, RIG_TAGS("u")));
	fill_disk(f);
	move_until_failure(f, 1);
	close_fixture(f);
	limit_files(0);
	open_fixture(f);
	assert_int_equal(rig_state(f->reader, "a"), CACHE_MISS);
	assert_int_equal(rig_state(f->reader, "b"), CACHE_MISS);
	close_fixture(f);
	/* once is enough */
	open_fixture(f);
	assert_true(
	    rig_put(f->cache, "b", cache_last_seq(f->cache), RIG_TAGS("u")));
	close_fixture(f);
	open_fixture(f);
	assert_int_equal(rig_state(f->reader, "b"), CACHE_FRESH);
}

/* ---- given up by LMDB ---- */

/* Without a writer: this thread is it. */
static void open_alone(struct fixture *f)
{
	f->cache = rig_open(&f->options);
	f->reader = cache_reader_new(f->cache);
	assert_non_null(f->reader);
}

static void opens_anew_and_keeps_the_answers(void **state)
{
	struct fixture *f = *state;
	struct cache_reader *late;

	open_fixture(f);
	assert_true(rig_put(f->cache, "a", 1, RIG_TAGS("t")));
	close_fixture(f);
	open_alone(f);
	cache_go_out_of_service(f->cache, MDB_PANIC, false);
	assert_int_equal(rig_state(f->reader, "a"), CACHE_MISS);
	late = cache_reader_new(f->cache);
	assert_non_null(late);
	cache_recover(f->cache);
	assert_true(stat_of(f).is_serving);
	assert_int_equal(rig_state(f->reader, "a"), CACHE_FRESH);
	assert_int_equal(rig_state(late, "a"), CACHE_FRESH);
	cache_reader_free(late);
}

static void waits_for_a_reader_inside(void **state)
{
	struct fixture *f = *state;
	struct digest128 key = digest_fast(SLICE("a"));
	struct cache_view v;

	open_fixture(f);
	assert_true(rig_put(f->cache, "a", 1, RIG_TAGS("t")));
	close_fixture(f);
	open_alone(f);
	assert_int_equal(
	    cache_lookup(f->reader, &key, SLICE("a"), RIG_NOW_MS, &v),
	    CACHE_FRESH);
	cache_go_out_of_service(f->cache, MDB_PANIC, false);
	cache_recover(f->cache);
	assert_false(stat_of(f).is_serving);
	assert_memory_equal(v.body.p, "{\"meta\"", 7);
	cache_release(f->reader);
	cache_recover(f->cache);
	assert_true(stat_of(f).is_serving);
	assert_int_equal(rig_state(f->reader, "a"), CACHE_FRESH);
}

static void starts_anew_when_ruined(void **state)
{
	struct fixture *f = *state;

	open_fixture(f);
	assert_true(rig_put(f->cache, "a", 6, RIG_TAGS("t")));
	assert_true(rig_move(f->cache, 7, false, RIG_TAGS("u")));
	atomic_store(&f->cache->reader_error, MDB_CORRUPTED);
	assert_true(rig_until(is_empty, f->cache));
	assert_true(rig_until(is_serving, f->cache));
	assert_int_equal(rig_state(f->reader, "a"), CACHE_MISS);
	/* the old tags are gone, so what is older than they is not taken */
	assert_false(rig_put(f->cache, "b", 6, RIG_TAGS("u")));
	assert_true(rig_put(f->cache, "b", 7, RIG_TAGS("u")));
	close_fixture(f);
	open_fixture(f);
	assert_int_equal(cache_last_seq(f->cache), 7);
	assert_int_equal(rig_state(f->reader, "b"), CACHE_FRESH);
}

/* ---- a directory that may not be written ---- */

static void an_unwritable_directory_is_named(void **state)
{
	struct fixture *f = *state;
	bool is_root = geteuid() == 0;

	if (is_root)
		assert_int_equal(seteuid(65534), 0);
	else
		assert_int_equal(chmod(f->dir, 0500), 0);
	f->cache = rig_open(&f->options);
	if (is_root)
		assert_int_equal(seteuid(0), 0);
	else
		assert_int_equal(chmod(f->dir, 0700), 0);
	assert_false(stat_of(f).is_serving);
	assert_string_equal(stat_of(f).trouble, "Permission denied");
	f->reader = cache_reader_new(f->cache);
	assert_int_equal(rig_state(f->reader, "a"), CACHE_MISS);
}

/* ---- a directory that cannot be used at the start ---- */

/* Puts the environment's file out of the way, and a directory there. */
static void obstruct(struct fixture *f, bool is_obstructed)
{
	char *path = rig_path(f->dir, "data.mdb");
	char *aside = rig_path(f->dir, "aside");

	if (is_obstructed) {
		assert_int_equal(rename(path, aside), 0);
		assert_int_equal(mkdir(path, 0700), 0);
	} else {
		assert_int_equal(rmdir(path), 0);
		assert_int_equal(rename(aside, path), 0);
	}
	free(aside);
	free(path);
}

/* Entries "a" of the tag t and "b" of u, as of sequence 50. */
static void leave_two(struct fixture *f)
{
	open_fixture(f);
	assert_true(rig_move(f->cache, 49, false, RIG_TAGS("t")));
	assert_true(rig_put(f->cache, "a", 50, RIG_TAGS("t")));
	assert_true(rig_put(f->cache, "b", 50, RIG_TAGS("u")));
	close_fixture(f);
}

/*
 * The callers begin to count at 1 when nothing could be read, which must not
 * make what they do look older than what is stored.
 */
static void comes_into_service_late(void **state)
{
	struct fixture *f = *state;
	struct digest128 tag = rig_tag("t");
	struct cache_moved moved;
	uint64_t seq;

	leave_two(f);
	obstruct(f, true);
	open_fixture(f);
	assert_int_equal(cache_last_seq(f->cache), 0);
	assert_false(stat_of(f).is_serving);
	assert_string_equal(stat_of(f).trouble, "Is a directory");
	assert_false(rig_move(f->cache, 1, false, RIG_TAGS("t")));
	assert_false(rig_put(f->cache, "c", 1, RIG_TAGS("t")));
	obstruct(f, false);
	assert_true(rig_until(is_serving, f->cache));
	assert_int_equal(rig_state(f->reader, "a"), CACHE_MISS);
	assert_int_equal(rig_state(f->reader, "b"), CACHE_FRESH);
	assert_true(cache_tags_moved(f->reader, &tag, 1, &moved));
	assert_int_equal(moved.epoch, 1);
	assert_false(rig_put(f->cache, "a", 0, RIG_TAGS("t")));
	assert_true(rig_put(f->cache, "a", 1, RIG_TAGS("t")));
	assert_true(rig_move(f->cache, 2, true, RIG_TAGS("u")));
	assert_int_equal(rig_state(f->reader, "b"), CACHE_SUSPECT);
	close_fixture(f);
	open_fixture(f);
	seq = cache_last_seq(f->cache);
	assert_true(seq > 52);
	assert_int_equal(rig_state(f->reader, "a"), CACHE_FRESH);
	assert_int_equal(rig_state(f->reader, "b"), CACHE_SUSPECT);
}

/*
 * Every try to open takes up the sequence that is stored; only one that
 * succeeds may keep it. With that of each failed one added, what came after
 * looked older than what an emptied store began with, for ever.
 */
static void tries_to_open_leave_the_sequence_alone(void **state)
{
	struct fixture *f = *state;

	leave_two(f);
	obstruct(f, true);
	open_fixture(f);
	assert_false(rig_move(f->cache, 1, false, RIG_TAGS("t")));
	cache_writer_stop(f->cache);
	obstruct(f, false);
	limit_files(8192);
	for (int i = 0; i < 4; i++)
		cache_recover(f->cache);
	limit_files(0);
	assert_false(stat_of(f).is_serving);
	cache_recover(f->cache);
	assert_true(stat_of(f).is_serving);
	f->cache->must_rebuild = true;
	cache_recover(f->cache);
	assert_true(stat_of(f).is_serving);
	assert_true(cache_writer_start(f->cache));
	assert_true(rig_put(f->cache, "c", 2, RIG_TAGS("t")));
}

static void never_in_service_voids_the_next_start(void **state)
{
	struct fixture *f = *state;

	leave_two(f);
	obstruct(f, true);
	open_fixture(f);
	assert_false(rig_move(f->cache, 1, false, RIG_TAGS("t")));
	close_fixture(f);
	obstruct(f, false);
	open_fixture(f);
	assert_int_equal(rig_state(f->reader, "a"), CACHE_MISS);
	assert_int_equal(rig_state(f->reader, "b"), CACHE_MISS);
}

/* Without a write in between nothing is lost. */
static void an_idle_time_out_of_service_costs_nothing(void **state)
{
	struct fixture *f = *state;

	leave_two(f);
	obstruct(f, true);
	open_fixture(f);
	close_fixture(f);
	obstruct(f, false);
	open_fixture(f);
	assert_int_equal(cache_last_seq(f->cache), 50);
	assert_int_equal(rig_state(f->reader, "a"), CACHE_FRESH);
}

#define IN_DIR(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    IN_DIR(a_damaged_answer_is_a_miss_and_goes),
	    IN_DIR(a_damaged_tag_vouches_for_nothing),
	    IN_DIR(a_foreign_file_is_replaced),
	    IN_DIR(a_cache_of_another_version_is_replaced),
	    IN_DIR(a_cut_file_serves_nothing_wrong),
	    IN_DIR(a_full_store_refuses_answers_only),
	    IN_DIR(the_dead_make_room_for_the_living),
	    IN_DIR(a_full_map_loses_no_movement),
	    IN_DIR(a_full_disk_only_stops_storing),
	    IN_DIR(a_movement_waits_for_the_disk),
	    IN_DIR(a_movement_never_recorded_voids_the_next_start),
	    IN_DIR(opens_anew_and_keeps_the_answers),
	    IN_DIR(waits_for_a_reader_inside),
	    IN_DIR(starts_anew_when_ruined),
	    IN_DIR(an_unwritable_directory_is_named),
	    IN_DIR(comes_into_service_late),
	    IN_DIR(tries_to_open_leave_the_sequence_alone),
	    IN_DIR(never_in_service_voids_the_next_start),
	    IN_DIR(an_idle_time_out_of_service_costs_nothing),
	};

	/* A write beyond RLIMIT_FSIZE then fails instead of killing us. */
	signal(SIGXFSZ, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
