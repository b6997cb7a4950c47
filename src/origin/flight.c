#include "base/clock.h"
#include "base/metrics.h"
#include "base/sabotage.h"
#include "origin/filing.h"
#include "origin/flight_internal.h"

#include <assert.h>
#include <event2/event.h>
#include <stdlib.h>

/* ---- the table ---- */

static struct flight **bucket_of_key(
    struct origin *o, const struct digest128 *key)
{
	uint64_t h;

	memcpy(&h, key->b, sizeof(h));
	return &o->flights[h % o->flights_size];
}

static struct flight **bucket_of(struct origin *o, const struct fetch *f)
{
	return bucket_of_key(o, &f->key);
}

bool flight_has_moved(struct flight *fl)
{
	struct cache_moved moved;

	moves_latest(fl->origin->moves, fl->origin->reader, fl->tags.v,
	    fl->tags.n, &moved);
	return moved.epoch > fl->seq || moved.suspect > fl->seq;
}

/* How long the answer of a landed flight is fresh for f, whose policy may be a
 * newer one: as filing_review has it for what is stored. */
static int64_t fresh_until_ms(const struct flight *fl, const struct fetch *f)
{
	int64_t most_ms = fl->answer->date_ms + f->policy.ttl_ms;

	if (f->match.op && most_ms < fl->fresh_until_ms)
		return most_ms;
	return fl->fresh_until_ms;
}

/*
 * Landed, it is as good as stored, and no more than that: f may have the answer
 * if it would find it in the store, which for paths that the table does not
 * know is a matter of Vary.
 */
static bool is_as_if_stored(const struct flight *fl, const struct fetch *f)
{
	return f->may_store && clock_wall_ms() < fresh_until_ms(fl, f) &&
	       filing_is_same_variant(fl->fetch, f, fl->answer->head);
}

/* What one that may be shared must be. */
struct terms {
	uint64_t min_seq; /* begun at it or later */
	int64_t min_sent_us; /* mono; likewise */
	bool may_have_landed;
};

/*
 * no-cache: what was sent this long before the question came still is asked for
 * its sake, or a thousand clients that reload at once would ask a thousand
 * times.
 */
#define NEW_ENOUGH_US 100000

/* a asks again when it was told that a write overtook it. Then it takes only a
 * flight begun after it arrived: such a one cannot be overtaken for it, so it
 * is asked twice at most. */
static struct terms terms_of(const struct ask *a)
{
	return (struct terms){
	    .min_seq = a->dispatches > 1 ? a->arrived_seq : 0,
	    .min_sent_us = a->must_be_new ? clock_mono_us() - NEW_ENOUGH_US : 0,
	    .may_have_landed = !a->must_ask,
	};
}

static bool is_new_enough(const struct flight *fl, const struct terms *t)
{
	return fl->seq >= t->min_seq && (fl->job.state == QUEUE_WAITING ||
					    fl->job.sent_us >= t->min_sent_us);
}

/* The flight that f may share; else NULL. */
static struct flight *find_shared(
    struct origin *o, const struct fetch *f, const struct terms *t)
{
	struct flight *fl = *bucket_of(o, f);

	for (; fl; fl = fl->next_in_bucket) {
		if (!is_new_enough(fl, t) ||
		    !slice_eq(fl->fetch->full_key, f->full_key))
			continue;
		if (flight_has_moved(fl) && !SABOTAGE_JOIN_AFTER_WRITE)
			continue;
		/* It has less patience. */
		if (fl->fetch->is_hasty && !f->is_hasty && !fl->answer)
			continue;
		if (fl->answer ? t->may_have_landed && is_as_if_stored(fl, f)
			       : fl->is_shared && f->may_join)
			return fl;
	}
	return NULL;
}

void flight_free(struct flight *fl)
{
	struct flight **at = bucket_of(fl->origin, fl->fetch);

	assert(!fl->waiters);
	while (*at != fl)
		at = &(*at)->next_in_bucket;
	*at = fl->next_in_bucket;
	atomic_fetch_sub(&fl->origin->flights_n, 1);
	fetch_unref(fl->fetch);
	answer_unref(fl->answer);
	tag_set_fini(&fl->tags);
	free(fl);
}

/* ---- waiters ---- */

/* The stale timer is armed for the earliest waiter that has a fallback. */
static void arm_stale_timer(struct origin *o, int64_t at_ms, int64_t now_ms)
{
	int64_t wait_ms = at_ms > now_ms ? at_ms - now_ms : 0;
	struct timeval tv = {
	    .tv_sec = wait_ms / 1000,
	    .tv_usec = wait_ms % 1000 * 1000,
	};

	if (o->stale_timer_at_ms && o->stale_timer_at_ms <= at_ms)
		return;
	o->stale_timer_at_ms = at_ms;
	event_add(o->stale_timer, &tv);
}

void flight_time_stale(struct origin *o, struct ask *a)
{
	int64_t now_ms = clock_mono_ms();

	if (a->fallback != ASK_FALLBACK_STALE)
		return;
	if (a->stale_at_ms == 0)
		a->stale_at_ms = now_ms + o->settings->stale_wait_ms;
	arm_stale_timer(o, a->stale_at_ms, now_ms);
}

static void await(struct flight *fl, struct ask *a)
{
	struct origin *o = fl->origin;

	a->next = NULL;
	*fl->waiters_end = a;
	fl->waiters_end = &a->next;
	flight_time_stale(o, a);
}

struct ask *flight_take_waiters(struct flight *fl)
{
	struct ask *first = fl->waiters;

	fl->waiters = NULL;
	fl->waiters_end = &fl->waiters;
	return first;
}

/* The waiter whose client left, NULL when it is none of this flight's. */
static struct ask *take_gone(struct flight *fl, const struct origin_gone *g)
{
	struct ask **at = &fl->waiters, *a;

	while (*at && !origin_is_gone(g, *at))
		at = &(*at)->next;
	a = *at;
	if (!a)
		return NULL;
	*at = a->next;
	if (!*at)
		fl->waiters_end = at;
	return a;
}

void flight_give(
    struct origin *o, struct ask *a, struct answer *answer, bool is_stored)
{
	a->result = ASK_ANSWERED;
	a->answer = answer_ref(answer);
	a->is_stored = is_stored;
	origin_return(o, a);
}

/* One that waits to be sent and has nobody to be sent for. True: it is gone.
 * What was sent is worth storing for whoever comes next. */
static bool drop_if_unwanted(struct flight *fl)
{
	if (fl->waiters || fl->is_wanted || fl->job.state != QUEUE_WAITING)
		return false;
	queue_leave(&fl->job);
	flight_free(fl);
	return true;
}

/* Those that the request alone tells. */
void flight_begin_tags(struct flight *fl)
{
	struct api_context context = fetch_context(fl->fetch, SLICE_NONE);

	tag_set_init(&fl->tags);
	api_tags_read(&context, &fl->tags);
}

/* ---- take-off ---- */

static struct flight *flight_new(struct origin *o, struct fetch *f)
{
	struct flight *fl = calloc(1, sizeof(*fl));
	struct flight **bucket = bucket_of(o, f);

	if (!fl)
		return NULL;
	fl->origin = o;
	fl->fetch = fetch_ref(f);
	fl->seq = NOT_BEGUN;
	fl->is_shared = f->may_join;
	fl->waiters_end = &fl->waiters;
	flight_begin_tags(fl);
	fl->next_in_bucket = *bucket;
	*bucket = fl;
	atomic_fetch_add(&o->flights_n, 1);
	return fl;
}

/* Its turn has come. */
static void take_off(struct queue_job *j)
{
	struct flight *fl = mail_of(j, struct flight, job);

	fl->seq = moves_seq(fl->origin->moves);
	fl->begun_at_ms = clock_wall_ms();
}

/* Nobody need wait for its turn who has something else. */
static void on_no_way(struct queue_job *j, const struct transfer_result *r)
{
	struct flight *fl = mail_of(j, struct flight, job);
	struct ask **at = &fl->waiters;

	if (!online_is_away(&fl->origin->online))
		return;
	while (*at) {
		struct ask *a = *at;

		if (a->fallback == ASK_FALLBACK_NONE) {
			at = &a->next;
			continue;
		}
		*at = a->next;
		origin_return_failure(fl->origin, a, r);
	}
	fl->waiters_end = at;
	drop_if_unwanted(fl);
}

static const struct queue_ops ops = {
    .begin = take_off,
    .done = landing_done,
    .no_way = on_no_way,
};

/* With all who wait already: it may be over before this returns. */
void flight_depart(struct flight *fl)
{
	fl->job.ops = &ops;
	fl->job.fetch = fl->fetch;
	queue_add(&fl->origin->queue, &fl->job);
}

/* Did a flight land and get committed while the ask was in the mail? */
static bool is_stored_by_now(struct origin *o, const struct ask *a)
{
	int64_t now_ms = clock_wall_ms();
	struct cache_view view;
	enum cache_state state;

	/* Nothing is stored for whom the front would not look it up. */
	if (!o->reader || a->must_ask || !a->fetch->may_store ||
	    !a->fetch->may_join || origin_is_bypassed(o))
		return false;
	cache_lookup(
	    o->reader, &a->fetch->key, a->fetch->full_key, now_ms, &view);
	/* As the front will. */
	state =
	    filing_review(&view, a->fetch->match.op, &a->fetch->policy, now_ms);
	cache_release(o->reader);
	/*
	 * Movements decided but not committed do not matter here: the writes
	 * behind them have not been answered.
	 */
	return state == CACHE_FRESH;
}

/*
 * What has landed is as good as stored: it only waits for the writer's commit.
 */
static void join(struct origin *o, struct flight *fl, struct ask *a)
{
	if (fl->answer) {
		a->fresh_until_ms = fresh_until_ms(fl, a->fetch);
		flight_give(o, a, fl->answer, true);
		return;
	}
	a->is_collapsed = true;
	metrics_add(METRIC_COALESCED, 1);
	if (a->reply_to) {
		await(fl, a);
		return;
	}
	fl->is_wanted = true;
	origin_return(o, a);
}

static void begin(struct origin *o, struct ask *a)
{
	struct flight *fl = flight_new(o, a->fetch);

	if (!fl) {
		origin_return_failed(o, a, 503, "memory");
		return;
	}
	await(fl, a);
	flight_depart(fl);
}

void flight_ask(struct origin *o, struct ask *a)
{
	struct flight *fl = NULL;
	struct terms terms;

	a->dispatches++;
	a->is_collapsed = false;
	if (large_has(&o->large, &a->fetch->key, clock_mono_ms())) {
		stream_ask(o, a);
		return;
	}
	terms = terms_of(a);
	fl = find_shared(o, a->fetch, &terms);
	if (fl) {
		join(o, fl, a);
	} else if (a->dispatches == 1 && is_stored_by_now(o, a)) {
		a->result = ASK_STORED;
		origin_return(o, a);
	} else {
		begin(o, a);
	}
}

/* own: one that does not count. */
static bool has_flight(struct origin *o, const struct digest128 *key,
    struct slice full_key, const struct fetch *own)
{
	struct flight *fl = *bucket_of_key(o, key);

	for (; fl; fl = fl->next_in_bucket)
		if (fl->fetch != own && slice_eq(fl->fetch->full_key, full_key))
			return true;
	return false;
}

static bool is_in_store(
    struct origin *o, const struct digest128 *key, struct slice full_key)
{
	enum cache_state state;
	struct cache_view view;

	if (!o->reader)
		return false;
	/* Of any age: before all time nothing has expired. */
	state = cache_lookup(o->reader, key, full_key, INT64_MIN, &view);
	cache_release(o->reader);
	return state != CACHE_MISS;
}

bool flight_holds(const struct digest128 *key, struct slice full_key, void *arg)
{
	return has_flight(arg, key, full_key, NULL) ||
	       is_in_store(arg, key, full_key);
}

bool flight_is_filed(struct origin *o, const struct fetch *f)
{
	return has_flight(o, &f->key, f->full_key, f) ||
	       is_in_store(o, &f->key, f->full_key);
}

void flight_refetch(struct origin *o, struct fetch *f)
{
	static const struct terms any = {.may_have_landed = true};
	struct flight *fl;
	bool is_new;

	/* Nobody would keep the answer while the store is bypassed. */
	if (online_is_away(&o->online) || origin_is_bypassed(o)) {
		fetch_unref(f);
		return;
	}
	fl = find_shared(o, f, &any);
	is_new = !fl;
	if (is_new)
		fl = flight_new(o, f);
	if (fl)
		fl->is_wanted = true;
	if (fl && is_new)
		flight_depart(fl);
	fetch_unref(f);
}

bool flight_client_gone(struct origin *o, const struct origin_gone *g)
{
	struct flight *fl = *bucket_of_key(o, &g->key);
	struct ask *a = NULL;

	for (; fl; fl = fl->next_in_bucket) {
		a = take_gone(fl, g);
		if (a)
			break;
	}
	if (!a)
		return false;
	origin_return_failed(o, a, 503, "client-left");
	if (drop_if_unwanted(fl))
		metrics_add(METRIC_DROPPED, 1);
	return true;
}

/* ---- time ---- */

/* Once, and only of what was sent: waiting for its turn is no fault of the
 * upstream's. */
static void note_slow(struct flight *fl)
{
	if (fl->is_slow || fl->job.state != QUEUE_SENT)
		return;
	fl->is_slow = true;
	origin_note_slow(fl->origin, fl->fetch);
}

/* Serves stale to those whose time has come; returns the next time. */
static int64_t release_stale(struct flight *fl, int64_t now_ms)
{
	struct ask **at = &fl->waiters;
	int64_t next_ms = INT64_MAX;

	while (*at) {
		struct ask *a = *at;

		if (a->stale_at_ms == 0 || now_ms < a->stale_at_ms) {
			if (a->stale_at_ms && a->stale_at_ms < next_ms)
				next_ms = a->stale_at_ms;
			at = &a->next;
			continue;
		}
		*at = a->next;
		fl->is_wanted = true;
		note_slow(fl);
		a->result = ASK_STALE;
		a->detail = "upstream-slow";
		origin_return(fl->origin, a);
	}
	fl->waiters_end = at;
	return next_ms;
}

void flight_release_stale(struct origin *o)
{
	int64_t now_ms = clock_mono_ms();
	int64_t next_ms = stream_release_stale(o, now_ms);

	o->stale_timer_at_ms = 0;
	for (size_t i = 0; i < o->flights_size; i++)
		for (struct flight *fl = o->flights[i]; fl;
		     fl = fl->next_in_bucket) {
			int64_t t = release_stale(fl, now_ms);

			if (t < next_ms)
				next_ms = t;
		}
	if (next_ms != INT64_MAX)
		arm_stale_timer(o, next_ms, now_ms);
}

/* Sent so long before that it should have been answered. */
static bool is_stuck(const struct flight *fl, int64_t since_us)
{
	int64_t patience_us = fl->origin->settings->stale_wait_ms * 1000;

	return fl->job.state == QUEUE_SENT && !fl->fetch->is_hasty &&
	       fl->job.sent_us + patience_us <= since_us;
}

static void unstick(struct flight *fl)
{
	queue_leave(&fl->job);
	if (!fl->waiters) {
		flight_free(fl);
		return;
	}
	fl->is_slow = false;
	fl->seq = NOT_BEGUN;
	flight_depart(fl);
}

void flight_drop_stuck(struct origin *o, int64_t since_us)
{
	for (size_t i = 0; i < o->flights_size; i++)
		for (struct flight *fl = o->flights[i], *next; fl; fl = next) {
			next = fl->next_in_bucket;
			if (is_stuck(fl, since_us))
				unstick(fl);
		}
}

uint64_t flight_oldest_seq(const struct origin *o)
{
	uint64_t oldest = UINT64_MAX;

	if (atomic_load_explicit(&o->flights_n, memory_order_relaxed) == 0)
		return oldest;
	for (size_t i = 0; i < o->flights_size; i++)
		for (struct flight *fl = o->flights[i]; fl;
		     fl = fl->next_in_bucket)
			if (fl->seq < oldest)
				oldest = fl->seq;
	return oldest;
}

void flight_stop_all(struct origin *o)
{
	for (size_t i = 0; i < o->flights_size; i++) {
		struct flight *fl = o->flights[i];

		while (fl) {
			struct flight *next = fl->next_in_bucket;
			struct ask *a = flight_take_waiters(fl);

			while (a) {
				struct ask *later = a->next;

				origin_return_failed(o, a, 503, "stopping");
				a = later;
			}
			/* Landed ones belong to the writer's mail. */
			if (!fl->answer) {
				queue_leave(&fl->job);
				flight_free(fl);
			}
			fl = next;
		}
	}
}
