#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "origin/origin_internal.h"

/* ---- what the thread sees ---- */

void origin_count_sent(struct origin *o, const struct fetch *f)
{
	struct slice op =
	    f->match.op ? slice_of_str(f->match.op->id) : USAGE_OTHER;

	metrics_add(METRIC_UPSTREAM_REQUESTS, 1);
	usage_row_count(usage_table_row(o->usage, f->tool, op,
			    clock_wall_ms() / USAGE_HOUR_MS),
	    USAGE_UPSTREAM, 1);
}

/* A constant; NULL: the upstream is not away. */
static const char *away_reason(const struct origin *o)
{
	return online_is_away(&o->online) ? online_detail(&o->online) : NULL;
}

/* What it says about the upstream as a whole. */
static void hear(struct origin *o, const struct transfer_result *r)
{
	const char *before = away_reason(o), *after;

	online_evidence(&o->online, r, clock_mono_ms());
	after = away_reason(o);
	if (after == before)
		return;
	if (after)
		log_event(LOG_WARN, "upstream-away", LOG_STR("reason", after),
		    LOG_STR("detail", r->detail), LOG_END);
	else
		log_event(LOG_INFO, "upstream-reachable", LOG_END);
}

/* ---- families ---- */

/* How much one failure says. Two that cost a client its patience are enough. */
#define WEIGHT_ERROR 1
#define WEIGHT_SILENCE 2

static void tell_family(struct origin *o, const struct fetch *f,
    enum family_trouble what, unsigned weight)
{
	const char *why;

	if (!family_evidence(
		&o->families, f->target, what, weight, clock_mono_ms()))
		return;
	why = family_detail(what);
	if (why)
		log_event(LOG_WARN, "family-trouble",
		    LOG_SLICE("family", family_segment(f->target)),
		    LOG_STR("reason", why), LOG_END);
	else
		log_event(LOG_INFO, "family-well",
		    LOG_SLICE("family", family_segment(f->target)), LOG_END);
}

/* Neither the one nor the other: nothing was sent, we are too many, or the
 * answer came so late that it is no proof. */
static bool is_no_evidence(
    const struct origin *o, const struct transfer_result *r)
{
	int64_t took_ms = (r->ended_us - r->started_us) / 1000;

	if (r->outcome == TRANSFER_OK)
		return r->status == 429 || r->status == 501 ||
		       took_ms >= o->settings->stale_wait_ms;
	return r->outcome == TRANSFER_UNSENT;
}

void origin_note_family(struct origin *o, const struct fetch *f,
    const struct transfer_result *r, const char *failure)
{
	bool is_bad = failure || r->status >= 500;

	if (r->outcome == TRANSFER_TOO_LARGE)
		tell_family(o, f, FAMILY_WELL, 0);
	else if (r->outcome == TRANSFER_UNKNOWN &&
		 r->cause == TRANSFER_CAUSE_PROTOCOL)
		tell_family(o, f, FAMILY_ERRORS, WEIGHT_ERROR);
	else if (r->outcome == TRANSFER_UNKNOWN)
		tell_family(o, f, FAMILY_SILENT, WEIGHT_SILENCE);
	else if (!is_no_evidence(o, r))
		tell_family(
		    o, f, is_bad ? FAMILY_ERRORS : FAMILY_WELL, WEIGHT_ERROR);
}

void origin_note_slow(struct origin *o, const struct fetch *f)
{
	tell_family(o, f, FAMILY_SLOW, WEIGHT_SILENCE);
}

/* ---- */

/* That an answer is larger than asked for is no fault of the upstream. */
static bool is_error(const struct transfer_result *r)
{
	if (r->outcome == TRANSFER_TOO_LARGE)
		return false;
	return r->outcome != TRANSFER_OK || r->status >= 500;
}

void origin_note_result(
    struct origin *o, const struct fetch *f, const struct transfer_result *r)
{
	struct origin_error *e = &o->last_error;

	hear(o, r);
	if (r->started_us != 0)
		metrics_time(TIMING_UPSTREAM, r->ended_us - r->started_us);
	if (!is_error(r))
		return;
	metrics_add(METRIC_UPSTREAM_ERRORS, 1);
	atomic_store(&e->cause, (int)r->cause);
	atomic_store(&e->status, r->outcome == TRANSFER_OK ? r->status : 0);
	atomic_store(&e->op, f->match.op ? (int)api_op_index(f->match.op) : -1);
	atomic_store(&e->at_ms, clock_wall_ms());
}

void origin_time_ask(struct ask *a, const struct transfer_result *r)
{
	a->sent_us = r->started_us;
	a->upstream_us = r->started_us ? r->ended_us - r->started_us : 0;
}

/* ---- what others may ask ---- */

void origin_stat(const struct origin *o, struct origin_stat *out)
{
	const struct origin_error *e = &o->last_error;
	int op = atomic_load(&e->op);

	out->flights =
	    atomic_load_explicit(&o->flights_n, memory_order_relaxed);
	out->passages =
	    atomic_load_explicit(&o->passages_n, memory_order_relaxed);
	out->streams =
	    atomic_load_explicit(&o->streams_n, memory_order_relaxed);
	out->queued = queue_waiting(&o->queue);
	out->seq = atomic_load_explicit(&o->seq_seen, memory_order_relaxed);
	out->error_at_ms = atomic_load(&e->at_ms);
	out->error_status = (unsigned)atomic_load(&e->status);
	out->error_cause =
	    transfer_cause_name((enum transfer_cause)atomic_load(&e->cause));
	out->error_op =
	    out->error_at_ms && op >= 0 ? api_op_at((size_t)op)->id : NULL;
}

struct usage_table *origin_usage(struct origin *o)
{
	return o->usage;
}
