#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "http/date.h"
#include "http/field.h"
#include "store/cache_internal.h"
#include "store/crash.h"
#include "store/moved.h"
#include "store/record.h"

#include <assert.h>
#include <stdlib.h>

#define SECOND_MS 1000
#define MEASURE_PRESSED_MS 100
#define READER_CHECK_MS 30000

void cache_see_seq(struct cache *c, uint64_t seq)
{
	if (seq > c->last_seq)
		c->last_seq = seq;
}

static MDB_val key_of(const struct digest128 *d)
{
	return (MDB_val){sizeof(*d), (void *)d};
}

/* ---- movements ---- */

/* What is on disk about tag; zero when nothing is. A damaged record counts as
 * a movement of just now: whatever it said, nothing older than now is safe. */
static int read_tag(struct cache *c, MDB_txn *txn, const struct digest128 *tag,
    struct cache_moved *out)
{
	MDB_val key = key_of(tag), value;
	int rc = mdb_get(txn, c->tags, &key, &value);

	*out = (struct cache_moved){0};
	if (rc == MDB_NOTFOUND)
		return 0;
	if (rc == 0 && !moved_decode(tag, value.mv_data, value.mv_size, out))
		*out = (struct cache_moved){
		    .epoch = c->last_seq,
		    .suspect = c->last_seq,
		    .moved_at_ms = clock_wall_ms(),
		};
	return rc;
}

int cache_move_tag(struct cache *c, MDB_txn *txn, const struct digest128 *tag,
    const struct cache_moved *m)
{
	unsigned char bytes[MOVED_BYTES];
	MDB_val key = key_of(tag), value = {sizeof(bytes), bytes};
	struct cache_moved merged;
	int rc = read_tag(c, txn, tag, &merged);

	if (rc != 0)
		return rc;
	moved_merge(&merged, m);
	moved_encode(tag, &merged, bytes);
	return mdb_put(txn, c->tags, &key, &value, 0);
}

static int apply_move(struct cache *c, MDB_txn *txn, const struct cache_move *m)
{
	uint64_t seq = cache_seq_in(c, m->seq);
	struct cache_moved moved = {
	    .epoch = m->is_suspect ? 0 : seq,
	    .suspect = m->is_suspect ? seq : 0,
	    .moved_at_ms = m->moved_at_ms,
	};
	int rc = 0;

	cache_see_seq(c, seq);
	for (size_t i = 0; i < m->tags_n && rc == 0; i++)
		rc = cache_move_tag(c, txn, &m->tags[i], &moved);
	return rc;
}

/* ---- answers ---- */

static void record_of(
    struct cache *c, const struct cache_put *p, struct record *r)
{
	const struct answer *a = p->answer;
	const char *op_id = NULL;

	if (c->op_id && p->op != UINT32_MAX)
		op_id = c->op_id(p->op);
	*r = (struct record){
	    .seq = cache_seq_in(c, p->seq),
	    .stored_at_ms = a->date_ms,
	    .fresh_until_ms = p->fresh_until_ms,
	    .swr_until_ms = p->swr_until_ms,
	    .stale_until_ms = p->stale_until_ms,
	    .age_s = a->initial_age_s,
	    .status = a->status,
	    .is_stale_allowed = p->is_stale_allowed,
	    .must_revalidate = p->must_revalidate,
	    .must_validate = p->must_validate,
	    .op = p->op,
	    .op_id = slice_of_str(op_id),
	    .location = slice_of(
		p->location, strnlen(p->location, sizeof(p->location))),
	    .tags = p->tags,
	    .tags_n = p->tags_n,
	    .full_key = p->full_key,
	    .head = a->head,
	    .body = a->body,
	    .etag = a->etag,
	    .last_modified = a->last_modified,
	    .next_page = a->next_page,
	    .authority_n = a->authority_n,
	};
}

/* What a head has in Date; -1: nothing that can be read. */
static int64_t date_of(struct slice head, int64_t now_s)
{
	struct slice value;
	int64_t date_s;

	if (!field_find(head, SLICE("date"), &value) ||
	    !http_date_parse(value, now_s, &date_s))
		return -1;
	return date_s;
}

/*
 * Of two that no movement parts the one with the later Date is kept (RFC 9111
 * §4), while it is fresh: what was asked for first may come last. Dates are of
 * one clock; ages would be counted from ours, and rounded.
 */
static bool is_newer(const struct record *held, const struct cache_put *p)
{
	int64_t now_ms = p->answer->date_ms, now_s = now_ms / 1000;
	int64_t date_s = date_of(p->answer->head, now_s);

	return held->fresh_until_ms > now_ms && date_s >= 0 &&
	       date_of(held->head, now_s) > date_s;
}

/* Is what is stored under the key newer, or the answer dead on arrival? */
static int check_outdated(
    struct cache *c, MDB_txn *txn, const struct cache_put *p, bool *is_outdated)
{
	MDB_val key = key_of(&p->key), value;
	struct cache_moved moved;
	struct record held;
	uint64_t seq = cache_seq_in(c, p->seq);
	int rc = mdb_get(txn, c->answers, &key, &value);

	*is_outdated = seq < c->put_floor;
	if (rc == 0 && record_peek(value.mv_data, value.mv_size, &held) &&
	    slice_eq(held.full_key, p->full_key) &&
	    (held.seq > seq || (held.seq == seq && is_newer(&held, p))))
		*is_outdated = true;
	if (rc != 0 && rc != MDB_NOTFOUND)
		return rc;
	rc = cache_read_moved(c, txn, p->tags, p->tags_n, &moved, NULL, NULL);
	if (moved.epoch > seq)
		*is_outdated = true;
	/* The turn under way may have passed this key. */
	if (moved.suspect > seq && seq < c->walk.doubted_seq)
		c->walk.doubted_seq = seq;
	return rc;
}

static bool may_insert(struct cache *c, const struct cache_put *p, size_t size)
{
	if (!p->answer || size == 0 ||
	    !backoff_is_over(&c->inserts, clock_mono_ms()))
		return false;
	if (cache_has_room_for(c, c->used_bytes, cache_bytes_of(size)) &&
	    (!c->is_small_only || size <= CACHE_SMALL_BYTES))
		return true;
	metrics_add(METRIC_STORE_FULL, 1);
	return false;
}

/* Encoded into the page itself: no copy in between. */
static int insert(struct cache *c, MDB_txn *txn, const struct cache_put *p,
    const struct record *r, size_t size)
{
	MDB_val key = key_of(&p->key), value = {size, NULL};
	int rc = mdb_put(txn, c->answers, &key, &value, MDB_RESERVE);

	if (rc != 0)
		return rc;
	record_encode(r, value.mv_data);
	c->used_bytes += cache_bytes_of(size);
	recency_advance(&c->recency, cache_bytes_of(size));
	recency_touch(&c->recency, &p->key);
	return 0;
}

static int apply_put(struct cache *c, MDB_txn *txn, const struct cache_put *p)
{
	struct record r;
	size_t size = 0;
	bool is_outdated;
	int rc;

	if (p->answer) {
		record_of(c, p, &r);
		size = record_size(&r);
	}
	if (!may_insert(c, p, size))
		return WRITER_SKIPPED;
	rc = check_outdated(c, txn, p, &is_outdated);
	if (rc != 0)
		return rc;
	if (is_outdated)
		return WRITER_SKIPPED;
	cache_see_seq(c, r.seq);
	rc = insert(c, txn, p, &r, size);
	if (rc == 0 && p->base_full_key.n > 0)
		rc = cache_guide_put(c, txn, p);
	return rc;
}

/* ---- damage ---- */

static int remove_answer_if_damaged(
    struct cache *c, MDB_txn *txn, const struct digest128 *name)
{
	MDB_val key = key_of(name), value;
	struct record r;
	int rc = mdb_get(txn, c->answers, &key, &value);

	if (rc == MDB_NOTFOUND)
		return WRITER_SKIPPED;
	if (rc != 0)
		return rc;
	if (record_decode(value.mv_data, value.mv_size, &r))
		return WRITER_SKIPPED; /* stored anew meanwhile */
	return mdb_del(txn, c->answers, &key, NULL);
}

static int apply_damaged(
    struct cache *c, MDB_txn *txn, const struct cache_damaged *d)
{
	const struct cache_moved nothing = {0};

	if (!d->is_tag)
		return remove_answer_if_damaged(c, txn, &d->key);
	/* Reading it for the merge does the repair. */
	return cache_move_tag(c, txn, &d->key, &nothing);
}

/* ---- the writer's table ---- */

static bool is_droppable(const struct mail *m)
{
	return m->kind != CACHE_MAIL_MOVE;
}

static size_t bytes_of(const struct mail *m)
{
	const struct cache_put *p = mail_of(m, struct cache_put, mail);

	if (m->kind == CACHE_MAIL_MOVE)
		return mail_of(m, struct cache_move, mail)->tags_n *
		       (sizeof(struct digest128) + MOVED_BYTES);
	if (m->kind != CACHE_MAIL_PUT || !p->answer)
		return sizeof(struct cache_damaged);
	return p->full_key.n + p->base_full_key.n + p->answer->head.n +
	       p->answer->body.n + p->tags_n * sizeof(*p->tags);
}

static int begin(void *arg, MDB_txn **txn)
{
	struct cache *c = arg;

	if (!atomic_load(&c->is_serving))
		return atomic_load(&c->stat.outage_error);
	return mdb_txn_begin(c->env, NULL, 0, txn);
}

static int apply(void *arg, MDB_txn *txn, struct mail *m)
{
	switch (m->kind) {
	case CACHE_MAIL_MOVE:
		return apply_move(
		    arg, txn, mail_of(m, struct cache_move, mail));
	case CACHE_MAIL_PUT:
		return apply_put(arg, txn, mail_of(m, struct cache_put, mail));
	default:
		assert(m->kind == CACHE_MAIL_DAMAGED);
		return apply_damaged(
		    arg, txn, mail_of(m, struct cache_damaged, mail));
	}
}

int cache_seal(struct cache *c, MDB_txn *txn)
{
	MDB_stat answers, tags;
	int rc = cache_meta_put(c, txn, false);

	if (rc == 0)
		rc = mdb_stat(txn, c->answers, &answers);
	if (rc == 0)
		rc = mdb_stat(txn, c->tags, &tags);
	if (rc != 0)
		return rc;
	atomic_store(&c->stat.entries, answers.ms_entries);
	atomic_store(&c->stat.tags, tags.ms_entries);
	return 0;
}

static int seal(void *arg, MDB_txn *txn)
{
	return cache_seal(arg, txn);
}

static void pause_inserts(struct cache *c, int rc)
{
	if (c->inserts.wait_ms == 0)
		log_event(LOG_ERROR, "store-not-storing",
		    LOG_STR("error", mdb_strerror(rc)), LOG_END);
	backoff_more(&c->inserts, clock_mono_ms());
	atomic_store(&c->stat.insert_error, rc);
}

/*
 * A movement that is not recorded makes every stored answer doubtful. An
 * answer that is not stored harms nobody: the old ones go on serving, which
 * is what they are for when a disk is full.
 */
bool cache_failed(struct cache *c, int rc, bool is_durable)
{
	if (!atomic_load(&c->is_serving) && !is_durable)
		return false;
	metrics_add(METRIC_STORE_FAILED, 1);
	if (is_durable || env_must_reopen(rc)) {
		cache_go_out_of_service(c, rc, is_durable);
		return false;
	}
	if (env_is_full(rc) && !c->is_small_only) {
		c->is_small_only = true;
		return true;
	}
	pause_inserts(c, rc);
	return false;
}

static bool failed(void *arg, int rc, bool is_durable)
{
	return cache_failed(arg, rc, is_durable);
}

static void put_done(struct cache *c, struct cache_put *p, bool is_stored)
{
	if (is_stored) {
		metrics_add(METRIC_STORED, 1);
		c->inserts = (struct backoff){0};
		atomic_store(&c->stat.insert_error, 0);
	}
	if (p->done)
		p->done(p, is_stored);
	else
		cache_put_free(p);
}

static void move_done(struct cache *c, struct cache_move *m, bool is_committed)
{
	if (!is_committed) {
		cache_see_seq(c, cache_seq_in(c, m->seq));
		pending_add(&c->pending, m);
	}
	if (m->done)
		m->done(m, is_committed);
	else
		cache_move_free(m);
}

static void done(void *arg, struct mail *m, bool is_committed)
{
	if (m->kind == CACHE_MAIL_MOVE)
		move_done(
		    arg, mail_of(m, struct cache_move, mail), is_committed);
	else if (m->kind == CACHE_MAIL_PUT)
		put_done(arg, mail_of(m, struct cache_put, mail), is_committed);
	else
		free(mail_of(m, struct cache_damaged, mail));
}

/* On the posting thread: what is large goes now, the rest with done. */
static void shed(struct mail *m)
{
	struct cache_put *p = mail_of(m, struct cache_put, mail);

	if (m->kind != CACHE_MAIL_PUT)
		return;
	metrics_add(METRIC_STORE_DROPPED, 1);
	answer_unref(p->answer);
	p->answer = NULL;
	free((void *)p->full_key.p);
	p->full_key = SLICE_NONE;
	free(p->tags);
	p->tags = NULL;
	p->tags_n = 0;
}

static bool is_due(int64_t *at_ms, int64_t now_ms, int64_t every_ms)
{
	if (now_ms < *at_ms)
		return false;
	*at_ms = now_ms + every_ms;
	return true;
}

/* Pressed all of a sudden, it need not wait as long as it was going to. */
static int64_t sweep_at_ms(const struct cache *c)
{
	if (cache_is_pressed(c) && c->sweep_wait_ms == CACHE_SWEEP_MS)
		return c->swept_at_ms;
	return c->swept_at_ms + c->sweep_wait_ms;
}

static void keep_house(struct cache *c, int64_t now_ms)
{
	if (is_due(&c->second_at_ms, now_ms, SECOND_MS)) {
		c->is_small_only = false;
		if (now_ms >= c->forget_crash_at_ms)
			crash_forget();
		atomic_store(&c->stat.lookup_error,
		    atomic_exchange(&c->lookup_error, 0));
	}
	if (is_due(&c->measure_at_ms, now_ms,
		cache_is_pressed(c) ? MEASURE_PRESSED_MS : SECOND_MS))
		cache_measure(c);
	if (now_ms >= sweep_at_ms(c)) {
		c->sweep_wait_ms = cache_sweep(c, clock_wall_ms());
		c->swept_at_ms = clock_mono_ms();
	}
	if (is_due(&c->reader_check_at_ms, now_ms, READER_CHECK_MS))
		mdb_reader_check(c->env, NULL);
}

static int tick(void *arg)
{
	struct cache *c = arg;
	int64_t now_ms = clock_mono_ms();
	int reader_error = atomic_exchange(&c->reader_error, 0);

	if (reader_error != 0)
		cache_go_out_of_service(c, reader_error, false);
	if (atomic_load(&c->is_serving))
		keep_house(c, now_ms);
	else if (backoff_is_over(&c->recovery, now_ms))
		cache_recover(c);
	if (!atomic_load(&c->is_serving))
		return SECOND_MS;
	now_ms = clock_mono_ms();
	return sweep_at_ms(c) > now_ms ? (int)(sweep_at_ms(c) - now_ms) : 0;
}

const struct writer_ops *cache_writer_ops(void)
{
	static const struct writer_ops ops = {
	    .name = "cache-writer",
	    .is_droppable = is_droppable,
	    .bytes = bytes_of,
	    .begin = begin,
	    .apply = apply,
	    .seal = seal,
	    .failed = failed,
	    .done = done,
	    .shed = shed,
	    .tick = tick,
	};

	return &ops;
}
