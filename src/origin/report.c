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
