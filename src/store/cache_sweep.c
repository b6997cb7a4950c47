#include "base/metrics.h"
#include "store/cache_internal.h"
#include "store/record.h"

/*
 * Housekeeping walks over the answers, a slice at a time, and removes what
 * serves nobody any more. No index by time of expiry: it would cost a second
 * put (and, when an answer is replaced, a second delete) for every answer
 * stored, and could not find the dead, whose end lies in their tags. A walk
 * reads the first page of each record and writes only to delete. Keys are
 * digests, so under pressure the order of the walk is a random one.
 */
#define SLICE_ENTRIES 512

/* Below this share the file's length is a good enough bound of what is used,
 * and the free list need not be walked. */
#define MEASURE_PERCENT 50

static uint64_t percent_of(uint64_t n, unsigned percent)
{
	return n / 100 * percent;
}

void cache_measure(struct cache *c)
{
	struct env_usage usage;
	MDB_envinfo info;
	MDB_stat dbs;
	MDB_txn *txn;

	mdb_env_info(c->env, &info);
	mdb_env_stat(c->env, &dbs);
	c->used_bytes = (info.me_last_pgno + 1) * (uint64_t)dbs.ms_psize;
	atomic_store(&c->stat.file_bytes, c->used_bytes);
	if (c->used_bytes > percent_of(c->max_bytes, MEASURE_PERCENT) &&
	    mdb_txn_begin(c->env, NULL, MDB_RDONLY, &txn) == 0) {
		if (env_measure(txn, &usage) == 0)
			c->used_bytes = usage.page_bytes *
					(usage.file_pages - usage.free_pages);
		mdb_txn_abort(txn);
	}
	atomic_store(&c->stat.used_bytes, c->used_bytes);
}

bool cache_has_room_for(
    const struct cache *c, uint64_t used_bytes, size_t bytes)
{
	return used_bytes + bytes <=
	       percent_of(c->max_bytes, CACHE_INSERT_PERCENT);
}

/* ---- the walk ---- */

struct slice_of_work {
	struct cache *cache;
	MDB_txn *txn;
	int64_t now_ms; /* wall */
	bool is_pressed;
	struct digest128 found[SLICE_ENTRIES];
	size_t found_n;
};

/*
 * Expired answers are kept for outages until they are too old for that, or
 * the room is needed; those that may never be served stale are kept for
 * nothing. Dead ones serve nobody. Tags stay: they are small, and one that
 * was forgotten would bring what it killed back to life.
 */
static int is_dispensable(
    struct slice_of_work *w, const struct record *r, bool *yes)
{
	struct cache_moved moved;
	int64_t end_ms = r->fresh_until_ms > r->swr_until_ms ? r->fresh_until_ms
							     : r->swr_until_ms;
	int64_t keep_ms = atomic_load(&w->cache->keep_stale_ms);

	if (w->is_pressed || !r->is_stale_allowed || r->must_revalidate)
		keep_ms = 0;
	*yes = end_ms < w->now_ms && w->now_ms - end_ms > keep_ms;
	if (*yes)
		return 0;
	if (cache_read_moved(
		w->cache, w->txn, r->tags, r->tags_n, &moved, NULL, NULL) != 0)
		return -1;
	*yes = moved.epoch > r->seq;
	return 0;
}

static void look_at(
    struct slice_of_work *w, const MDB_val *key, const MDB_val *value)
{
	struct record r;
	bool must_go = true;

	if (key->mv_size != sizeof(struct digest128))
		return;
	if (record_peek(value->mv_data, value->mv_size, &r) &&
	    is_dispensable(w, &r, &must_go) != 0)
		return;
	if (must_go)
		memcpy(&w->found[w->found_n++], key->mv_data,
		    sizeof(struct digest128));
}

/* From where the last slice ended; starts over at the end. */
static int find(struct slice_of_work *w)
{
	struct cache *c = w->cache;
	struct digest128 from = c->swept_to;
	MDB_val key = {sizeof(from), &from}, value;
	MDB_cursor *cursor;
	int rc = mdb_cursor_open(w->txn, c->answers, &cursor);

	if (rc != 0)
		return rc;
	rc = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);
	for (size_t i = 0; rc == 0 && i < SLICE_ENTRIES; i++) {
		look_at(w, &key, &value);
		rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
	}
	if (rc == 0 && key.mv_size == sizeof(c->swept_to))
		memcpy(&c->swept_to, key.mv_data, sizeof(c->swept_to));
	else
		memset(&c->swept_to, 0, sizeof(c->swept_to));
	mdb_cursor_close(cursor);
	return rc == MDB_NOTFOUND ? 0 : rc;
}

static int remove_found(struct slice_of_work *w)
{
	struct cache *c = w->cache;
	MDB_txn *txn;
	int rc = mdb_txn_begin(c->env, NULL, 0, &txn);

	if (rc != 0)
		return rc;
	for (size_t i = 0; i < w->found_n && rc == 0; i++) {
		MDB_val key = {sizeof(w->found[i]), &w->found[i]};

		rc = mdb_del(txn, c->answers, &key, NULL);
	}
	if (rc == 0)
		rc = cache_seal(c, txn);
	if (rc == 0)
		return mdb_txn_commit(txn);
	mdb_txn_abort(txn);
	return rc;
}

void cache_sweep(struct cache *c, int64_t now_ms)
{
	struct slice_of_work w = {.cache = c, .now_ms = now_ms};
	int rc = mdb_txn_begin(c->env, NULL, MDB_RDONLY, &w.txn);

	if (rc == 0) {
		w.is_pressed = c->used_bytes >
			       percent_of(c->max_bytes, CACHE_EVICT_PERCENT);
		rc = find(&w);
		mdb_txn_abort(w.txn);
	}
	if (rc == 0 && w.found_n > 0)
		rc = remove_found(&w);
	if (rc == 0)
		metrics_add(METRIC_STORE_REMOVED, w.found_n);
	else
		cache_failed(c, rc, false);
}
