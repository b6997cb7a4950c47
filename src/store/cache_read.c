#include "base/metrics.h"
#include "store/cache_internal.h"
#include "store/moved.h"
#include "store/record.h"

#include <assert.h>
#include <stdlib.h>

/*
 * Clocks of threads differ by little; a clock that was set back by more than
 * this makes what was stored before look fresh for too long.
 */
#define CLOCK_STEP_MS 5000

/* Between two messages about one damaged record. */
#define TELL_AGAIN_MS 1000

/* ---- life ---- */

static void link_reader(struct cache *c, struct cache_reader *r)
{
	r->next = c->readers;
	r->link = &c->readers;
	if (r->next)
		r->next->link = &r->next;
	c->readers = r;
}

static void unlink_reader(struct cache_reader *r)
{
	*r->link = r->next;
	if (r->next)
		r->next->link = r->link;
}

/* Takes a slot now, so that the lack of one shows at start. */
static bool take_slot(struct cache_reader *r)
{
	struct cache *c = r->cache;

	if (!atomic_load(&c->is_serving))
		return true; /* later, when there is an environment */
	if (mdb_txn_begin(c->env, NULL, MDB_RDONLY, &r->txn) != 0)
		return false;
	mdb_txn_reset(r->txn);
	return true;
}

struct cache_reader *cache_reader_new(struct cache *c)
{
	struct cache_reader *r;
	bool is_ok;

	if (!c)
		return NULL;
	r = calloc(1, sizeof(*r));
	if (!r)
		return NULL;
	r->cache = c;
	pthread_mutex_lock(&c->readers_lock);
	is_ok = take_slot(r);
	if (is_ok)
		link_reader(c, r);
	pthread_mutex_unlock(&c->readers_lock);
	if (!is_ok) {
		free(r);
		return NULL;
	}
	return r;
}

void cache_reader_free(struct cache_reader *r)
{
	if (!r)
		return;
	assert(!atomic_load(&r->is_busy));
	pthread_mutex_lock(&r->cache->readers_lock);
	unlink_reader(r);
	if (r->txn)
		mdb_txn_abort(r->txn);
	pthread_mutex_unlock(&r->cache->readers_lock);
	free(r);
}

/* ---- trouble ---- */

/* Left to the writer, which looks every second. */
static void report_error(struct cache_reader *r, int rc)
{
	int none = 0;

	metrics_add(METRIC_STORE_FAILED, 1);
	atomic_store_explicit(
	    &r->cache->lookup_error, rc, memory_order_relaxed);
	if (env_must_reopen(rc))
		atomic_compare_exchange_strong(
		    &r->cache->reader_error, &none, rc);
}

static void report_damaged(struct cache_reader *r, const struct digest128 *key,
    bool is_tag, int64_t now_ms)
{
	struct cache_damaged *d;

	metrics_add(METRIC_STORE_DAMAGED, 1);
	if (digest_equal(&r->told, key) && now_ms >= r->told_at_ms &&
	    now_ms - r->told_at_ms < TELL_AGAIN_MS)
		return;
	r->told = *key;
	r->told_at_ms = now_ms > 0 ? now_ms : 0;
	d = calloc(1, sizeof(*d));
	if (!d)
		return; /* the next one to find it tells */
	d->mail.kind = CACHE_MAIL_DAMAGED;
	d->key = *key;
	d->is_tag = is_tag;
	writer_post(r->cache->writer, &d->mail);
}

/* ---- inside ---- */

static int renew(struct cache_reader *r)
{
	if (r->txn)
		return mdb_txn_renew(r->txn);
	return mdb_txn_begin(r->cache->env, NULL, MDB_RDONLY, &r->txn);
}

/* False: not inside, and nothing to leave. */
bool cache_enter(struct cache_reader *r)
{
	int rc;

	assert(!atomic_load_explicit(&r->is_busy, memory_order_relaxed));
	/* In this order: see cache_readers_leave. */
	atomic_store(&r->is_busy, true);
	if (!atomic_load(&r->cache->is_serving)) {
		atomic_store(&r->is_busy, false);
		return false;
	}
	rc = renew(r);
	if (rc == 0)
		return true;
	report_error(r, rc);
	/* A txn that failed to renew is of no use but to be aborted. */
	if (r->txn)
		mdb_txn_abort(r->txn);
	r->txn = NULL;
	atomic_store(&r->is_busy, false);
	return false;
}

void cache_leave(struct cache_reader *r)
{
	mdb_txn_reset(r->txn);
	atomic_store_explicit(&r->is_busy, false, memory_order_release);
}

/* ---- tags ---- */

static int read_one(struct cache *c, MDB_txn *txn, const struct digest128 *tag,
    struct cache_moved *out, bool *is_damaged)
{
	MDB_val key = {sizeof(*tag), (void *)tag}, value;
	struct cache_moved moved;
	int rc = mdb_get(txn, c->tags, &key, &value);

	*is_damaged = false;
	if (rc == MDB_NOTFOUND)
		return 0;
	if (rc != 0)
		return rc;
	if (moved_decode(tag, value.mv_data, value.mv_size, &moved))
		moved_merge(out, &moved);
	else
		*is_damaged = true;
	return 0;
}

int cache_read_moved(struct cache *c, MDB_txn *txn,
    const struct digest128 *tags, size_t n, struct cache_moved *out,
    void (*on_damaged)(void *arg, const struct digest128 *tag), void *arg)
{
	static const struct cache_moved after_everything = {
	    UINT64_MAX, UINT64_MAX, INT64_MAX};

	*out = (struct cache_moved){0};
	for (size_t i = 0; i <= n; i++) {
		const struct digest128 *tag = i < n ? &tags[i] : &c->all_tag;
		bool is_damaged;
		int rc;

		if (i < n && digest_equal(tag, &c->all_tag))
			continue; /* comes last, in any case */
		rc = read_one(c, txn, tag, out, &is_damaged);
		if (rc != 0)
			return rc;
		if (!is_damaged)
			continue;
		*out = after_everything;
		if (on_damaged)
			on_damaged(arg, tag);
	}
	return 0;
}

struct finder {
	struct cache_reader *reader;
	int64_t now_ms;
};

static void on_damaged_tag(void *arg, const struct digest128 *tag)
{
	struct finder *f = arg;

	report_damaged(f->reader, tag, true, f->now_ms);
}

static bool read_moved(struct finder *f, const struct digest128 *tags, size_t n,
    struct cache_moved *out)
{
	struct cache_reader *r = f->reader;
	int rc =
	    cache_read_moved(r->cache, r->txn, tags, n, out, on_damaged_tag, f);

	if (rc == 0)
		return true;
	report_error(r, rc);
	return false;
}

bool cache_tags_moved(struct cache_reader *r, const struct digest128 *tags,
    size_t n, struct cache_moved *out)
{
	struct finder f = {.reader = r};
	bool was_inside, is_ok;

	*out = (struct cache_moved){0};
	if (!r)
		return false;
	was_inside = atomic_load_explicit(&r->is_busy, memory_order_relaxed);
	if (!was_inside && !cache_enter(r))
		return false;
	is_ok = read_moved(&f, tags, n, out);
	if (!is_ok)
		*out = (struct cache_moved){0};
	out->epoch = cache_seq_out(r->cache, out->epoch);
	out->suspect = cache_seq_out(r->cache, out->suspect);
	if (!was_inside)
		cache_leave(r);
	return is_ok;
}

/* ---- answers ---- */

bool cache_find(struct cache_reader *r, const struct digest128 *key,
    struct slice full_key, int64_t now_ms, struct record *out)
{
	MDB_val k = {sizeof(*key), (void *)key}, value;
	int rc = mdb_get(r->txn, r->cache->answers, &k, &value);

	if (rc == MDB_NOTFOUND)
		return false;
	if (rc != 0) {
		report_error(r, rc);
		return false;
	}
	if (!record_decode(value.mv_data, value.mv_size, out)) {
		report_damaged(r, key, false, now_ms);
		return false;
	}
	return slice_eq(out->full_key, full_key);
}

static enum cache_state state_of(struct finder *f, const struct record *rec)
{
	struct cache_moved moved;

	if (!read_moved(f, rec->tags, rec->tags_n, &moved) ||
	    moved.epoch > rec->seq)
		return CACHE_MISS;
	if (moved.suspect > rec->seq)
		return CACHE_SUSPECT;
	if (f->now_ms >= rec->fresh_until_ms ||
	    f->now_ms < rec->stored_at_ms - CLOCK_STEP_MS)
		return CACHE_EXPIRED;
	return CACHE_FRESH;
}

static uint32_t op_of(const struct cache *c, const struct record *rec)
{
	const char *id = NULL;

	if (c->op_id && rec->op != UINT32_MAX)
		id = c->op_id(rec->op);
	return id && slice_eq(rec->op_id, slice_of_str(id)) ? rec->op
							    : UINT32_MAX;
}

static void fill_view(
    const struct cache *c, const struct record *rec, struct cache_view *v)
{
	v->status = rec->status;
	v->head = rec->head;
	v->body = rec->body;
	v->etag = rec->etag;
	v->last_modified = rec->last_modified;
	v->next_page = rec->next_page;
	v->authority_n = rec->authority_n;
	v->stored_at_ms = rec->stored_at_ms;
	v->age_s = rec->age_s;
	v->fresh_until_ms = rec->fresh_until_ms;
	v->swr_until_ms = rec->swr_until_ms;
	v->is_stale_allowed = rec->is_stale_allowed;
	v->stale_until_ms = rec->stale_until_ms;
	v->must_revalidate = rec->must_revalidate;
	v->must_validate = rec->must_validate;
	v->seq = cache_seq_out(c, rec->seq);
	v->op = op_of(c, rec);
	v->op_id = rec->op_id;
	v->location = rec->location;
}

enum cache_state cache_lookup(struct cache_reader *r,
    const struct digest128 *key, struct slice full_key, int64_t now_ms,
    struct cache_view *v)
{
	struct finder f = {.reader = r, .now_ms = now_ms};
	struct record rec;

	memset(v, 0, sizeof(*v));
	v->state = CACHE_MISS;
	v->op = UINT32_MAX;
	if (!r || (!r->is_kept && !cache_enter(r)))
		return CACHE_MISS;
	if (!cache_find(r, key, full_key, now_ms, &rec) || rec.is_guide)
		return CACHE_MISS;
	v->state = state_of(&f, &rec);
	if (v->state != CACHE_MISS) {
		recency_touch(&r->cache->recency, key);
		fill_view(r->cache, &rec, v);
	}
	return v->state;
}

void cache_release(struct cache_reader *r)
{
	if (r)
		r->is_kept = false;
	if (r && atomic_load_explicit(&r->is_busy, memory_order_relaxed))
		cache_leave(r);
}
