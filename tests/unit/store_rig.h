/*
 * What the tests of the store share: a directory that goes away again, a
 * cache in it, and puts and moves that are waited for.
 */
#ifndef TESTS_UNIT_STORE_RIG_H
#define TESTS_UNIT_STORE_RIG_H

#include "base/clock.h"
#include "base/metrics.h"
#include "store/cache.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <errno.h>
#include <ftw.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define RIG_NOW_MS INT64_C(1767225600000)
#define RIG_MAX_BYTES (64u << 20)
#define RIG_WAIT_S 60

/* ---- directories ---- */

static inline char *rig_dir_new(void)
{
	const char *base = getenv("TMPDIR");
	char *path = NULL;

	if (asprintf(&path, "%s/store-XXXXXX", base ? base : ".") < 0)
		abort();
	assert_non_null(mkdtemp(path));
	return path;
}

static inline int rig_remove_one(
    const char *path, const struct stat *st, int kind, struct FTW *at)
{
	(void)st;
	(void)kind;
	(void)at;
	return remove(path);
}

static inline void rig_dir_free(char *path)
{
	assert_int_equal(
	    nftw(path, rig_remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
	free(path);
}

static inline char *rig_path(const char *dir, const char *name)
{
	char *path = NULL;

	if (asprintf(&path, "%s/%s", dir, name) < 0)
		abort();
	return path;
}

/* Fails unless *why contains part; frees it. */
static inline void rig_expect_why(char **why, const char *part)
{
	assert_non_null(*why);
	if (!strstr(*why, part))
		fail_msg("\"%s\" does not say \"%s\"", *why, part);
	free(*why);
	*why = NULL;
}

/* ---- names ---- */

static inline struct digest128 rig_tag(const char *name)
{
	return digest_fast(slice_of_str(name));
}

static inline const char *rig_op_id(uint32_t op)
{
	return op == 7 ? "contacts.get-contact" : "contacts.other";
}

/* ---- a cache ---- */

static inline struct cache_options rig_options(const char *dir)
{
	return (struct cache_options){
	    .dir = dir,
	    .max_bytes = RIG_MAX_BYTES,
	    /* RIG_NOW_MS is long ago for the clock of housekeeping */
	    .keep_stale_ms = INT64_C(100) * 366 * 24 * 3600 * 1000,
	    .boot_id = "boot-1",
	    .all_tag = rig_tag("all"),
	    .op_id = rig_op_id,
	};
}

static inline struct cache *rig_open(const struct cache_options *o)
{
	char *why;
	struct cache *c = cache_open(o, &why);

	if (!c)
		fail_msg("%s", why);
	return c;
}

/* With its writer running. */
static inline struct cache *rig_start(const struct cache_options *o)
{
	struct cache *c = rig_open(o);

	assert_true(cache_writer_start(c));
	return c;
}

static inline void rig_stop(struct cache *c)
{
	cache_writer_stop(c);
	cache_close(c);
}

/* ---- mail that is waited for ---- */

struct rig_wait {
	sem_t done;
	bool is_ok;
};

static inline void rig_wait_init(struct rig_wait *w)
{
	sem_init(&w->done, 0, 0);
	w->is_ok = false;
}

static inline bool rig_wait(struct rig_wait *w)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += RIG_WAIT_S;
	while (sem_timedwait(&w->done, &until) < 0)
		assert_int_equal(errno, EINTR);
	sem_destroy(&w->done);
	return w->is_ok;
}

static inline void rig_put_done(struct cache_put *p, bool is_stored)
{
	struct rig_wait *w = p->arg;

	cache_put_free(p);
	w->is_ok = is_stored;
	sem_post(&w->done);
}

static inline void rig_move_done(struct cache_move *m, bool is_committed)
{
	struct rig_wait *w = m->arg;

	cache_move_free(m);
	w->is_ok = is_committed;
	sem_post(&w->done);
}

static inline char *rig_copy(const void *p, size_t n)
{
	char *copy = malloc(n ? n : 1);

	assert_non_null(copy);
	if (n > 0)
		memcpy(copy, p, n);
	return copy;
}

static inline struct digest128 *rig_tags(const char *const *names, size_t *n)
{
	struct digest128 *v;

	*n = 0;
	while (names[*n])
		++*n;
	v = malloc((*n + 1) * sizeof(*v));
	assert_non_null(v);
	for (size_t i = 0; i < *n; i++)
		v[i] = rig_tag(names[i]);
	return v;
}

#define RIG_HEAD "Content-Type: application/json\r\nETag: W/\"7\"\r\n"

/* An answer whose body is n bytes c, or "{...}" with a next page for n = 0. */
static inline struct answer *rig_answer(size_t n, char c)
{
	static const char page[] =
	    "{\"meta\":{\"nextPageUrl\":\"http://odd.example/x?page=2\"}}";
	struct answer *a;
	char *body;

	if (n == 0) {
		body = rig_copy(page, sizeof(page) - 1);
		n = sizeof(page) - 1;
	} else {
		body = malloc(n);
		assert_non_null(body);
		memset(body, c, n);
	}
	a = answer_new(200, rig_copy(RIG_HEAD, sizeof(RIG_HEAD) - 1),
	    sizeof(RIG_HEAD) - 1, body, n);
	assert_non_null(a);
	a->date_ms = RIG_NOW_MS;
	a->initial_age_s = 3;
	a->etag = slice_of(strstr(a->head.p, "W/"), 5);
	if (n == sizeof(page) - 1) {
		a->next_page = slice_of(strstr(a->body.p, "http:"), 27);
		a->authority_n = 18;
	}
	return a;
}

/* Fresh for a minute from RIG_NOW_MS; key is the full key too. */
static inline struct cache_put *rig_put_new(
    const char *key, uint64_t seq, const char *const *tags, size_t body_n)
{
	struct cache_put *p = calloc(1, sizeof(*p));

	assert_non_null(p);
	p->key = digest_fast(slice_of_str(key));
	p->full_key = slice_of(rig_copy(key, strlen(key)), strlen(key));
	p->answer = rig_answer(body_n, 'x');
	p->seq = seq;
	p->fresh_until_ms = RIG_NOW_MS + 60000;
	p->swr_until_ms = RIG_NOW_MS + 90000;
	p->is_stale_allowed = true;
	p->op = 7;
	p->tags = rig_tags(tags, &p->tags_n);
	snprintf(p->location, sizeof(p->location), "LOC");
	return p;
}

/* As rig_put_new, but fresh even when housekeeping looks. */
static inline struct cache_put *rig_put_lasting(
    const char *key, uint64_t seq, const char *const *tags, size_t body_n)
{
	struct cache_put *p = rig_put_new(key, seq, tags, body_n);

	p->fresh_until_ms = p->swr_until_ms = INT64_MAX / 16;
	return p;
}

/* Posts p and says whether it was stored. */
static inline bool rig_post(struct cache *c, struct cache_put *p)
{
	struct rig_wait w;

	rig_wait_init(&w);
	p->done = rig_put_done;
	p->arg = &w;
	cache_put_post(c, p);
	return rig_wait(&w);
}

static inline bool rig_put(
    struct cache *c, const char *key, uint64_t seq, const char *const *tags)
{
	return rig_post(c, rig_put_new(key, seq, tags, 0));
}

/* Moves tags and says whether that was committed. */
static inline bool rig_move(
    struct cache *c, uint64_t seq, bool is_suspect, const char *const *tags)
{
	struct cache_move *m = calloc(1, sizeof(*m));
	struct rig_wait w;

	assert_non_null(m);
	rig_wait_init(&w);
	m->seq = seq;
	m->is_suspect = is_suspect;
	m->moved_at_ms = clock_wall_ms();
	m->tags = rig_tags(tags, &m->tags_n);
	m->done = rig_move_done;
	m->arg = &w;
	cache_move_post(c, m);
	return rig_wait(&w);
}

#define RIG_TAGS(...) ((const char *const[]){__VA_ARGS__, NULL})

/* Only the state; nothing is held afterwards. */
static inline enum cache_state rig_state_at(
    struct cache_reader *r, const char *key, int64_t now_ms)
{
	struct digest128 d = digest_fast(slice_of_str(key));
	struct cache_view v;
	enum cache_state state =
	    cache_lookup(r, &d, slice_of_str(key), now_ms, &v);

	cache_release(r);
	return state;
}

static inline enum cache_state rig_state(
    struct cache_reader *r, const char *key)
{
	return rig_state_at(r, key, RIG_NOW_MS + 1000);
}

static inline uint64_t rig_count(enum metric m)
{
	uint64_t all[METRIC_COUNT];

	metrics_sum(all);
	return all[m];
}

/* Polls until is_true holds, for at most RIG_WAIT_S. */
static inline bool rig_until(bool (*is_true)(void *arg), void *arg)
{
	for (int i = 0; i < RIG_WAIT_S * 100; i++) {
		if (is_true(arg))
			return true;
		usleep(10000);
	}
	return false;
}

#endif
