#include "base/metrics.h"
#include "store/cache_internal.h"
#include "store/record.h"

#include <stdlib.h>

/*
 * Which stored answers go.
 *
 * 1. The dead: a tag moved past them, or they are damaged. They serve nobody,
 *    ever, and go whenever the walk meets them.
 * 2. Those past their time: keep_stale after they stopped being fresh, at
 *    once when they may never be served stale.
 * 3. Under pressure (more than 80 % in use) also good ones. What is expired or
 *    doubtful goes before what is fresh: with the upstream there, a fresh one
 *    saves a call and an expired one saves nothing; with the upstream away
 *    nothing is stored, so there is no pressure either. Among equals the least
 *    recently used goes first: what is read all day is what will be asked for
 *    in an outage, expired by then or not.
 *
 * No index by time or use: it would cost a second put (and, when an answer is
 * replaced, a second delete) for every answer stored, or a write for every
 * hit. Keys are digests, so a slice of the walk is a random sample, and the
 * worst of each sample are about the worst of all.
 */

/*
 * Pages freed by one transaction: LMDB lists them in a record of its free
 * list, which up to here fits into one page and so finds room in the most
 * fragmented file. A single answer may have more.
 */
#define TXN_FREED_BYTES (400u * 4096u)

/* A smaller sample than this says little about the whole. */
#define SAMPLE_MIN 64

/* Good answers leaving in one slice: three such transactions, after which
 * waiting mail has its turn. */
#define SLICE_EVICTED_BYTES (4u << 20)

/* LMDB's own in a page, and beside each value. */
#define PAGE_BYTES 4096u
#define NODE_BYTES 64u

struct candidate {
	struct digest128 key;
	int64_t stored_at_ms;
	uint64_t bytes;
	unsigned age;
	bool is_fresh;
};

struct slice_of_work {
	struct cache *cache;
	MDB_txn *txn;
	int64_t now_ms; /* wall */
	size_t limit;
	struct candidate lost[CACHE_SLICE_ANSWERS];
	size_t lost_n;
	struct candidate good[CACHE_SLICE_ANSWERS];
	size_t good_n;
	uint64_t good_bytes;
};

uint64_t cache_bytes_of(size_t record_bytes)
{
	uint64_t bytes = record_bytes + NODE_BYTES;

	if (bytes <= PAGE_BYTES / 2)
		return bytes;
	return (bytes + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;
}

/* ---- looking ---- */

static bool is_past_its_time(
    const struct slice_of_work *w, const struct record *r)
{
	int64_t end_ms = r->fresh_until_ms > r->swr_until_ms ? r->fresh_until_ms
							     : r->swr_until_ms;
	int64_t keep_ms = atomic_load(&w->cache->keep_stale_ms);

	/* What may not be served stale can still be asked about. */
	if ((!r->is_stale_allowed || r->must_revalidate) && r->etag.n == 0 &&
	    r->last_modified.n == 0)
		keep_ms = 0;
	return end_ms < w->now_ms && w->now_ms - end_ms > keep_ms;
}

static void note_kept(struct cache *c, const struct record *r, bool is_suspect)
{
	struct walk *walk = &c->walk;

	if (is_suspect && r->seq < walk->doubted_seq)
		walk->doubted_seq = r->seq;
	if (r->stored_at_ms < walk->oldest_ms)
		walk->oldest_ms = r->stored_at_ms;
}

/* 0 or an LMDB code. */
static int judge(struct slice_of_work *w, const struct record *r,
    struct candidate *it, bool *must_go)
{
	struct cache *c = w->cache;
	struct cache_moved moved;
	bool is_suspect;
	int rc =
	    cache_read_moved(c, w->txn, r->tags, r->tags_n, &moved, NULL, NULL);

	if (rc != 0)
		return rc;
	is_suspect = moved.suspect > r->seq;
	*must_go = moved.epoch > r->seq || is_past_its_time(w, r);
	it->stored_at_ms = r->stored_at_ms;
	it->is_fresh = !is_suspect && w->now_ms < r->fresh_until_ms;
	if (!*must_go)
		note_kept(c, r, is_suspect);
	return 0;
}

static int look_at(
    struct slice_of_work *w, const MDB_val *key, const MDB_val *value)
{
	struct candidate it = {.bytes = cache_bytes_of(value->mv_size)};
	struct record r;
	bool must_go = true;
	int rc = 0;

	if (key->mv_size != sizeof(it.key))
		return MDB_CORRUPTED;
	memcpy(&it.key, key->mv_data, sizeof(it.key));
	it.age = recency_age(&w->cache->recency, &it.key);
	if (record_peek(value->mv_data, value->mv_size, &r))
		rc = judge(w, &r, &it, &must_go);
	if (rc != 0)
		return rc;
	if (must_go) {
		w->lost[w->lost_n++] = it;
	} else {
		w->good[w->good_n++] = it;
		w->good_bytes += it.bytes;
	}
	return 0;
}

/* Goes on at the first answer behind the last one; the turn ends where it
 * began. rc is what the cursor said. */
static int wrap(
    struct walk *walk, MDB_cursor *cursor, MDB_val *key, MDB_val *value, int rc)
{
	if (rc == MDB_NOTFOUND && !walk->has_wrapped) {
		walk->has_wrapped = true;
		rc = mdb_cursor_get(cursor, key, value, MDB_FIRST);
	}
	if (rc == 0 && walk->has_wrapped &&
	    key->mv_size == sizeof(walk->start) &&
	    memcmp(key->mv_data, &walk->start, sizeof(walk->start)) >= 0)
		return MDB_NOTFOUND;
	return rc;
}

/* From where the last slice ended. At the end of all, says so. */
static int look(struct slice_of_work *w, bool *is_end)
{
	struct walk *walk = &w->cache->walk;
	struct digest128 from = walk->from;
	MDB_val key = {sizeof(from), &from}, value;
	MDB_cursor *cursor;
	int rc = mdb_cursor_open(w->txn, w->cache->answers, &cursor);

	if (rc != 0)
		return rc;
	rc = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);
	rc = wrap(walk, cursor, &key, &value, rc);
	for (size_t i = 0; rc == 0 && i < w->limit; i++) {
		rc = look_at(w, &key, &value);
		if (rc == 0)
			rc = wrap(walk, cursor, &key, &value,
			    mdb_cursor_get(cursor, &key, &value, MDB_NEXT));
	}
	*is_end = rc == MDB_NOTFOUND;
	if (rc == 0)
		memcpy(&walk->from, key.mv_data, sizeof(walk->from));
	mdb_cursor_close(cursor);
	return *is_end ? 0 : rc;
}

/* ---- choosing ---- */

/* What should go first comes first. */
static int compare(const void *a, const void *b)
{
	const struct candidate *one = a, *other = b;

	if (one->is_fresh != other->is_fresh)
		return one->is_fresh ? 1 : -1;
	if (one->age != other->age)
		return one->age > other->age ? -1 : 1;
	return (one->stored_at_ms > other->stored_at_ms) -
	       (one->stored_at_ms < other->stored_at_ms);
}

/*
 * How much of a sample goes grows from next to nothing at 80 % to half of it
 * at 95 %, so that eviction finds the pace at which answers come in by itself,
 * and under a light load takes the very worst only.
 */
static uint64_t bytes_to_evict(const struct slice_of_work *w)
{
	const struct cache *c = w->cache;
	uint64_t one = c->max_bytes / 100;
	uint64_t over = c->used_bytes - one * CACHE_EVICT_PERCENT;
	uint64_t range = one * (CACHE_INSERT_PERCENT - CACHE_EVICT_PERCENT);
	uint64_t bytes;

	if (over > range)
		over = range;
	bytes = (uint64_t)((double)w->good_bytes / 2 * (double)over /
			   (double)range);
	if (bytes > SLICE_EVICTED_BYTES)
		bytes = SLICE_EVICTED_BYTES;
	return bytes > 0 ? bytes : 1;
}

/* The last slice of a turn may hold a few answers only, and be all hot. */
static bool is_sample(const struct slice_of_work *w)
{
	uint64_t all = atomic_load(&w->cache->stat.entries);

	return w->good_n > 0 &&
	       (w->good_n >= SAMPLE_MIN || w->good_n >= all / 2);
}

/* Sorts the good ones and says how many of them go. */
static size_t choose(struct slice_of_work *w)
{
	uint64_t bytes = 0, enough = bytes_to_evict(w);
	size_t n = 0;

	qsort(w->good, w->good_n, sizeof(w->good[0]), compare);
	while (n < w->good_n && bytes < enough)
		bytes += w->good[n++].bytes;
	return n;
}

/* ---- removing ---- */

static int remove_keys(
    struct cache *c, MDB_txn *txn, const struct candidate *v, size_t n)
{
	int rc = 0;

	for (size_t i = 0; i < n && rc == 0; i++) {
		MDB_val key = {sizeof(v[i].key), (void *)&v[i].key};

		rc = mdb_del(txn, c->answers, &key, NULL);
	}
	return rc == 0 ? cache_seal(c, txn) : rc;
}

static int remove_in_one(struct cache *c, const struct candidate *v, size_t n)
{
	MDB_txn *txn;
	int rc = mdb_txn_begin(c->env, NULL, 0, &txn);

	if (rc != 0)
		return rc;
	rc = remove_keys(c, txn, v, n);
	if (rc == 0)
		return mdb_txn_commit(txn);
	mdb_txn_abort(txn);
	return rc;
}

static int remove_all(struct cache *c, const struct candidate *v, size_t n,
    enum metric counted_as)
{
	size_t from = 0;
	int rc = 0;

	while (from < n && rc == 0) {
		size_t to = from;
		uint64_t bytes = 0;

		while (to < n &&
		       (to == from || bytes + v[to].bytes <= TXN_FREED_BYTES))
			bytes += v[to++].bytes;
		rc = remove_in_one(c, v + from, to - from);
		if (rc != 0)
			break;
		metrics_add(counted_as, to - from);
		c->used_bytes -= bytes < c->used_bytes ? bytes : c->used_bytes;
		from = to;
	}
	if (counted_as == METRIC_STORE_EVICTED)
		atomic_fetch_add(&c->stat.evicted, from);
	return rc;
}

int cache_walk_answers(
    struct cache *c, int64_t now_ms, size_t limit, bool *is_end, size_t *gone)
{
	struct slice_of_work w = {.cache = c, .now_ms = now_ms, .limit = limit};
	size_t evicted = 0;
	int rc = mdb_txn_begin(c->env, NULL, MDB_RDONLY, &w.txn);

	if (rc != 0)
		return rc;
	rc = look(&w, is_end);
	mdb_txn_abort(w.txn);
	if (rc == 0)
		rc = remove_all(c, w.lost, w.lost_n, METRIC_STORE_REMOVED);
	if (rc == 0 && cache_is_pressed(c) && is_sample(&w)) {
		evicted = choose(&w);
		rc = remove_all(c, w.good, evicted, METRIC_STORE_EVICTED);
	}
	*gone = w.lost_n + evicted;
	return rc;
}
