#include "store/cache_internal.h"

/*
 * Housekeeping goes round over the whole store without an end, a slice at a
 * time: first every answer (cache_evict.c), then every tag (cache_forget.c).
 * With room to spare it takes its time, for a disk that is cold has to find a
 * page for every answer looked at; pressed for room it hurries, one slice
 * between two batches of the writer.
 */

/* A turn takes about this long, in slices of a second; more when the store
 * holds more than a million answers. */
#define TURN_SLICES 1800
#define SLICE_MIN 16

#define PRESSED_MS 5
/* Pressed, and nothing found that could go. */
#define IDLE_MS 100

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
    const struct cache *c, uint64_t used_bytes, uint64_t bytes)
{
	return used_bytes + bytes <=
	       percent_of(c->max_bytes, CACHE_INSERT_PERCENT);
}

bool cache_is_pressed(const struct cache *c)
{
	return c->used_bytes > percent_of(c->max_bytes, CACHE_EVICT_PERCENT);
}

/* ---- a turn ---- */

void cache_walk_begin(struct cache *c)
{
	c->walk = (struct walk){
	    .doubted_seq = UINT64_MAX,
	    .oldest_ms = INT64_MAX,
	};
}

static size_t slice_size(const struct cache *c)
{
	uint64_t n = atomic_load(&c->stat.entries) / TURN_SLICES;

	if (cache_is_pressed(c) || n > CACHE_SLICE_ANSWERS)
		return CACHE_SLICE_ANSWERS;
	return n < SLICE_MIN ? SLICE_MIN : (size_t)n;
}

/*
 * A turn begins anywhere. Eviction takes more when it comes late than when it
 * comes at once, and how it comes can fall into step with a turn of few
 * slices; what lies where it always takes little would never leave.
 */
static int walk_answers(struct cache *c, int64_t now_ms, size_t *gone)
{
	struct walk *w = &c->walk;
	bool is_end = false;
	int rc;

	if (!w->is_begun) {
		w->is_begun = true;
		w->began_seq = c->last_seq;
		w->began_ms = now_ms;
		c->turns++;
		w->start = digest_fast(
		    slice_of((const char *)&c->turns, sizeof(c->turns)));
		w->from = w->start;
	}
	rc = cache_walk_answers(c, now_ms, slice_size(c), &is_end, gone);
	if (rc != 0 || !is_end)
		return rc;
	atomic_store(
	    &c->stat.oldest_ms, w->oldest_ms == INT64_MAX ? 0 : w->oldest_ms);
	w->is_past_answers = true;
	memset(&w->from, 0, sizeof(w->from));
	return 0;
}

static int walk_tags(struct cache *c)
{
	bool is_end = false;
	int rc = cache_walk_tags(c, &is_end);

	if (rc == 0 && is_end)
		cache_walk_begin(c);
	return rc;
}

int cache_sweep(struct cache *c, int64_t now_ms)
{
	size_t gone = 0;
	int rc;

	if (c->walk.is_past_answers) {
		rc = walk_tags(c);
		gone = 1; /* the answers are next */
	} else {
		rc = walk_answers(c, now_ms, &gone);
	}
	atomic_store(&c->stat.used_bytes, c->used_bytes);
	if (rc != 0) {
		/* What was not judged, or not removed, voids the turn. */
		cache_walk_begin(c);
		cache_failed(c, rc, false);
		return CACHE_SWEEP_MS;
	}
	if (!cache_is_pressed(c))
		return CACHE_SWEEP_MS;
	return gone > 0 ? PRESSED_MS : IDLE_MS;
}
