#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "store/cache_internal.h"

#include <errno.h>
#include <poll.h>

#define WAIT_MIN_MS 1000
#define WAIT_MAX_MS 30000

/* A reader is inside for as long as one reply takes to hand to a socket. */
#define LEAVE_MAX_MS 2000

/* ---- backoff ---- */

bool backoff_is_over(const struct backoff *b, int64_t now_ms)
{
	return now_ms >= b->until_ms;
}

void backoff_more(struct backoff *b, int64_t now_ms)
{
	b->wait_ms = b->wait_ms ? b->wait_ms * 2 : WAIT_MIN_MS;
	if (b->wait_ms > WAIT_MAX_MS)
		b->wait_ms = WAIT_MAX_MS;
	b->until_ms = now_ms + b->wait_ms;
}

/* ---- going ---- */

/*
 * This process remembers what is missing; the flag tells the next one. When
 * not even that can be written, the file is taken away, so that the next
 * process finds nothing old to serve, and this one starts anew too.
 */
static void remember_for_next_process(struct cache *c)
{
	int rc;

	if (c->unrecorded.is_raised)
		return;
	rc = flag_set(&c->unrecorded, true);
	if (rc == 0)
		return;
	if (!c->is_note_refused)
		log_event(LOG_ERROR, "store-removed",
		    LOG_STR(
			"detail", "cannot note that writes are not recorded"),
		    LOG_STR("error", mdb_strerror(rc)), LOG_END);
	c->is_note_refused = true;
	/* What cannot be removed either is still good for this process. */
	if (env_remove(c->dir) == 0)
		c->must_rebuild = true;
}

void cache_go_out_of_service(struct cache *c, int rc, bool is_move_lost)
{
	bool was_serving = atomic_exchange(&c->is_serving, false);

	if (env_must_reopen(rc))
		c->must_reopen = true;
	if (env_is_ruined(rc))
		c->must_rebuild = true;
	if (is_move_lost)
		remember_for_next_process(c);
	atomic_store(&c->stat.outage_error, rc);
	if (!was_serving)
		return;
	c->recovery = (struct backoff){0};
	backoff_more(&c->recovery, clock_mono_ms());
	log_event(LOG_ERROR, "store-out-of-service",
	    LOG_STR("error", mdb_strerror(rc)), LOG_END);
}

/* ---- coming back ---- */

/*
 * The agreement with the readers: one that wants in says busy and then looks
 * whether the cache serves; here is_serving went down first and then busy is
 * looked at. Both in one total order (seq_cst), so either the reader sees
 * that it may not, or it is seen here. Called with readers_lock, which keeps
 * new readers from coming.
 */
static bool cache_readers_leave(struct cache *c)
{
	int64_t until_ms = clock_mono_ms() + LEAVE_MAX_MS;

	for (struct cache_reader *r = c->readers; r; r = r->next) {
		while (atomic_load(&r->is_busy)) {
			if (clock_mono_ms() >= until_ms)
				return false;
			poll(NULL, 0, 1);
		}
	}
	for (struct cache_reader *r = c->readers; r; r = r->next) {
		if (r->txn)
			mdb_txn_abort(r->txn); /* NOTLS: any thread may */
		r->txn = NULL;
	}
	return true;
}

static int exchange(struct cache *c)
{
	int rc = 0;

	if (c->env)
		mdb_env_close(c->env);
	c->env = NULL;
	if (c->must_rebuild) {
		log_event(LOG_WARN, "store-renewed",
		    LOG_STR("detail", "the cache starts empty"), LOG_END);
		rc = env_remove(c->dir);
	}
	if (rc == 0)
		rc = cache_env_open(c);
	if (rc == 0) {
		c->must_reopen = false;
		c->must_rebuild = false;
		cache_walk_begin(c);
	}
	return rc;
}

static int reopen(struct cache *c)
{
	int rc = EBUSY;

	pthread_mutex_lock(&c->readers_lock);
	if (cache_readers_leave(c))
		rc = exchange(c);
	pthread_mutex_unlock(&c->readers_lock);
	return rc;
}

static int put_one_pending(struct cache *c, MDB_txn *txn,
    const struct digest128 *tag, const struct cache_moved *moved)
{
	struct cache_moved m = *moved;

	if (m.epoch > 0)
		m.epoch = cache_seq_in(c, m.epoch);
	if (m.suspect > 0)
		m.suspect = cache_seq_in(c, m.suspect);
	cache_see_seq(c, m.epoch);
	cache_see_seq(c, m.suspect);
	return cache_move_tag(c, txn, tag, &m);
}

static int put_pending(struct cache *c, MDB_txn *txn)
{
	int rc = put_one_pending(c, txn, &c->all_tag, &c->pending.all);

	for (size_t i = 0; i < c->pending.n && rc == 0; i++) {
		const struct pending_tag *t = &c->pending.v[i];

		rc = put_one_pending(c, txn, &t->tag, &t->moved);
	}
	return rc == 0 ? cache_seal(c, txn) : rc;
}

/* Also shows that the environment takes a transaction again. */
static int record_pending(struct cache *c)
{
	MDB_txn *txn;
	int rc = mdb_txn_begin(c->env, NULL, 0, &txn);

	if (rc != 0)
		return rc;
	rc = put_pending(c, txn);
	if (rc != 0) {
		mdb_txn_abort(txn);
		return rc;
	}
	rc = mdb_txn_commit(txn);
	if (rc == 0)
		rc = mdb_env_sync(c->env, 1);
	if (rc == 0 && c->unrecorded.is_raised)
		rc = flag_set(&c->unrecorded, false);
	return rc;
}

static void return_to_service(struct cache *c)
{
	pending_clear(&c->pending);
	c->recovery = (struct backoff){0};
	c->inserts = (struct backoff){0};
	c->is_note_refused = false;
	atomic_store(&c->stat.insert_error, 0);
	cache_measure(c);
	atomic_store(&c->is_serving, true);
	log_event(LOG_WARN, "store-in-service",
	    LOG_STR("detail", "the store works again"), LOG_END);
}

void cache_recover(struct cache *c)
{
	/* What a reader met is dealt with now; later finds count anew. */
	int rc = 0;

	atomic_store(&c->is_serving, false);
	if (c->must_reopen || c->must_rebuild)
		rc = reopen(c);
	if (rc == 0)
		rc = record_pending(c);
	if (rc == 0) {
		return_to_service(c);
		return;
	}
	metrics_add(METRIC_STORE_FAILED, 1);
	/*
	 * No room even for movements, the reserve included, and not for a
	 * moment only: an empty cache is better than none.
	 */
	if (env_is_full(rc) || env_is_ruined(rc))
		c->must_rebuild = true;
	if (env_must_reopen(rc))
		c->must_reopen = true;
	atomic_store(&c->stat.outage_error, rc);
	backoff_more(&c->recovery, clock_mono_ms());
}
