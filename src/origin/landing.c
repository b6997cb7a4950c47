#include "base/clock.h"
#include "base/metrics.h"
#include "base/sabotage.h"
#include "origin/denial.h"
#include "origin/filing.h"
#include "origin/flight_internal.h"
#include "origin/movement.h"
#include "origin/renewal.h"

#include <assert.h>
#include <stdlib.h>

/* What a landed transfer means for everybody who waits. */
struct landing {
	struct answer *answer; /* one reference; NULL: failed */
	uint64_t seq; /* the flight's */
	const struct transfer_result *result;
	bool is_overtaken; /* a write moved one of its tags meanwhile */
	bool is_renewed; /* the answer is the stored one, with a new head */
	bool is_disproved; /* what is stored is not to be used again */
	bool is_stored;
	const char *failure; /* of an answer that a fallback is better than */
};

static void settle_waiter(
    struct origin *o, struct ask *a, const struct landing *l)
{
	/* Too large to keep: each gets it passed on, anew. */
	if (l->result->outcome == TRANSFER_TOO_LARGE) {
		a->is_collapsed = false;
		stream_ask(o, a);
		return;
	}
	/*
	 * Read your writes: who arrived after a write on these tags was
	 * decided must not see an answer that may predate it.
	 */
	if (l->is_overtaken && a->arrived_seq > l->seq &&
	    !SABOTAGE_JOIN_AFTER_WRITE) {
		metrics_add(METRIC_FLIGHTS_REDISPATCHED, 1);
		flight_ask(o, a);
		return;
	}
	origin_time_ask(a, l->result);
	if (!l->answer) {
		origin_return_failure(o, a, l->result);
		return;
	}
	/* A suspect answer is for when the upstream cannot be reached. */
	if (l->failure && ask_prefers_stale(a)) {
		a->result = ASK_STALE;
		a->detail = l->failure;
		origin_return(o, a);
		return;
	}
	if (l->is_renewed)
		a->fwd_status = l->result->status;
	flight_give(o, a, l->answer, l->is_stored);
}

static void on_stored_by_writer(struct cache_put *p, bool is_stored)
{
	struct flight *fl = p->arg;

	(void)is_stored;
	p->mail.kind = ORIGIN_MAIL_PUT;
	if (!mailbox_post(fl->origin->returns, &p->mail))
		assert(!"the origin's returns are unbounded");
}

/* Hands the answer to the writer. True when it is on its way. */
static bool file_answer(
    struct flight *fl, struct landing *l, const struct head *info)
{
	struct origin *o = fl->origin;
	struct filing filing = {
	    .fetch = fl->fetch,
	    .answer = l->answer,
	    .info = info,
	    .is_close_delimited = l->result->is_close_delimited,
	    .tags = &fl->tags,
	    .seq = SABOTAGE_STORE_AFTER_MOVE ? moves_seq(o->moves) : fl->seq,
	    .settling_ms = o->settings->settling_ms,
	    .max_bytes = o->settings->store_answer_max_bytes,
	};
	struct cache_put *p;

	if (!o->options.cache || origin_is_bypassed(o))
		return false;
	if (l->is_overtaken && !SABOTAGE_STORE_AFTER_MOVE)
		return false;
	/* A head alone is no answer to a GET. */
	if (fetch_is_head(fl->fetch) && !l->is_renewed)
		return false;
	moves_latest(
	    o->moves, o->reader, fl->tags.v, fl->tags.n, &filing.moved);
	p = filing_put(&filing);
	if (!p)
		return false;
	fl->answer = answer_ref(l->answer);
	fl->fresh_until_ms = p->must_validate ? 0 : p->fresh_until_ms;
	p->done = on_stored_by_writer;
	p->arg = fl;
	o->puts_pending++;
	cache_put_post(o->options.cache, p);
	return true;
}

/* The answer that came, or the stored one that it confirms. */
static void take_answer(
    struct flight *fl, struct transfer *t, struct landing *l, struct head *info)
{
	struct origin *o = fl->origin;

	if (fetch_is_head(fl->fetch) || l->result->status == 304)
		l->answer = renewal_make(
		    o, fl->fetch, l->result, info, &l->is_disproved);
	l->is_renewed = l->answer != NULL;
	if (!l->answer)
		l->answer = origin_answer(o, t, l->result, info);
}

static void examine(
    struct flight *fl, struct transfer *t, struct landing *l, struct head *info)
{
	struct api_context context;

	if (l->result->outcome != TRANSFER_OK)
		return;
	take_answer(fl, t, l, info);
	if (!l->answer)
		return;
	l->answer->initial_age_s = filing_initial_age_s(
	    fl->fetch, info, fl->begun_at_ms, l->answer->date_ms);
	l->failure = filing_failure(fl->fetch, l->answer, info);
	rates_update(fl->origin->rates, &fl->fetch->scope, &info->limits);
	/* Read anew: what the answer names takes the place of the coarser tags
	 * that stood in for it. */
	tag_set_fini(&fl->tags);
	context = fetch_context(fl->fetch, l->answer->body);
	api_tags_read(&context, &fl->tags);
	l->is_overtaken = flight_has_moved(fl);
	/* Of an invalid credential nothing is kept, not even that it is. */
	if (!l->failure && !denial_is_of_credential(
			       fl->origin, l->answer->status, l->answer->body))
		l->is_stored = file_answer(fl, l, info);
}

/* What the 304 is about is no longer there, or not what it is about: the whole
 * answer is needed after all. The clients wait on. */
static bool is_asked_whole(
    struct flight *fl, const struct transfer_result *r, const struct landing *l)
{
	if (r->outcome != TRANSFER_OK || r->status != 304 ||
	    !fl->fetch->is_conditional || l->is_renewed)
		return false;
	metrics_add(METRIC_REVALIDATIONS_LOST, 1);
	fl->fetch->is_conditional = false;
	fl->seq = NOT_BEGUN;
	tag_set_fini(&fl->tags);
	flight_begin_tags(fl);
	flight_depart(fl);
	return true;
}

static void settle_all(
    struct origin *o, struct ask *waiters, const struct landing *l)
{
	while (waiters) {
		struct ask *next = waiters->next;

		settle_waiter(o, waiters, l);
		waiters = next;
	}
	answer_unref(l->answer);
}

/* A landing that waits for the commit of what it moved. */
struct held_landing {
	struct movement movement;
	struct ask *waiters;
	struct landing landing;
	struct transfer_result
	    result; /* without what belongs to the transfer */
};

static void on_denied(struct movement *m, bool is_committed)
{
	struct held_landing *h = m->arg;

	(void)is_committed;
	settle_all(m->origin, h->waiters, &h->landing);
	free(h);
}

/* What must be moved before anybody hears of this landing. */
static bool has_to_move(struct origin *o, const struct fetch *f,
    const struct landing *l, struct tag_set *tags)
{
	if (!l->answer)
		return false;
	if (l->is_disproved) {
		api_tags_entry(&f->key, tags);
		return true;
	}
	return denial_tags(o, f, l->answer->status, l->answer->body, tags);
}

/* True: the waiters get their answer after the commit. For want of memory to
 * keep a promise the process ends, as it does for that of movements. */
static bool hold_if_denied(struct origin *o, struct flight *fl,
    const struct landing *l, struct ask *waiters)
{
	struct held_landing *h;
	struct tag_set tags;

	tag_set_init(&tags);
	if (!has_to_move(o, fl->fetch, l, &tags))
		return false;
	h = calloc(1, sizeof(*h));
	if (!h)
		abort();
	h->waiters = waiters;
	h->landing = *l;
	h->result = *l->result;
	h->result.fields = h->result.body = SLICE_NONE;
	h->result.detail = "";
	h->landing.result = &h->result;
	movement_init(&h->movement, o, on_denied, h);
	flight_free(fl);
	movement_send(&h->movement, &tags, false);
	return true;
}

void landing_done(
    struct queue_job *j, struct transfer *t, const struct transfer_result *r)
{
	struct flight *fl = mail_of(j, struct flight, job);
	struct origin *o = fl->origin;
	struct landing l = {.result = r, .seq = fl->seq};
	struct head info = {0};
	struct ask *waiters;
	bool is_proof = fl->fetch->is_probe && r->outcome == TRANSFER_OK;
	int64_t sent_us = j->sent_us;

	origin_note_result(o, fl->fetch, r);
	if (r->outcome == TRANSFER_TOO_LARGE) {
		metrics_add(METRIC_LARGE_ANSWERS, 1);
		large_note(&o->large, &fl->fetch->key, clock_mono_ms());
	} else if (r->outcome != TRANSFER_OK) {
		l.is_overtaken = flight_has_moved(fl);
	}
	examine(fl, t, &l, &info);
	origin_note_family(o, fl->fetch, r, l.failure);
	if (is_asked_whole(fl, r, &l)) {
		answer_unref(l.answer);
		return;
	}
	if (l.is_renewed)
		metrics_add(METRIC_REVALIDATED, 1);
	if (is_proof)
		flight_drop_stuck(o, sent_us);
	waiters = flight_take_waiters(fl);
	if (!l.is_stored) {
		if (hold_if_denied(o, fl, &l, waiters))
			return;
		flight_free(fl);
	}
	settle_all(o, waiters, &l);
}

void flight_stored(struct origin *o, struct cache_put *p)
{
	o->puts_pending--;
	flight_free(p->arg);
	cache_put_free(p);
}
