#include "front/asking.h"

#include "base/clock.h"
#include "base/metrics.h"
#include "front/access.h"
#include "front/front_internal.h"
#include "front/identity.h"
#include "front/relay.h"
#include "front/reply.h"
#include "front/stored.h"
#include "front/tool.h"

#include <stdlib.h>

/* Writes may take away what the origin meant us to serve, but not for ever. */
#define ASKED_MAX 3

/* "Content-Length: 0" of a GET or HEAD says nothing, and goes no further. */
static bool has_body(const struct request *r)
{
	if (r->method == API_GET || r->method == API_HEAD ||
	    r->method == API_OPTIONS)
		return false;
	return r->body.n > 0 || identity_has_length(r->req);
}

static struct ask *new_ask(struct request *r)
{
	struct fetch_spec spec = {
	    .kind = r->kind,
	    .is_standards = r->front->options.is_standards,
	    .may_store = r->may_store,
	    .may_join = r->may_join,
	    .may_write = r->may_write,
	    .scope = r->scope,
	    .key = r->key,
	    .full_key = buf_slice(&r->full_key),
	    .method = r->method,
	    .method_name = r->method_name,
	    .target = buf_slice(&r->target),
	    .body = r->body,
	    .has_body = has_body(r),
	    .tool = tool_name(r),
	    .fields = r->fields,
	    .fields_n = r->fields_n,
	    .policy = r->policy,
	    .held = r->held,
	};
	struct ask *a = calloc(1, sizeof(*a));

	if (!a)
		return NULL;
	/* A GET fills the store for both; where nothing says that a GET is as
	 * harmless, what was asked for is sent. */
	if (r->is_head && r->kind == FETCH_READ && r->match.op)
		spec.method_name = SLICE("GET");
	a->fetch = fetch_new(&spec);
	if (!a->fetch) {
		free(a);
		return NULL;
	}
	a->mail.kind = ORIGIN_MAIL_ASK;
	a->must_be_new = r->cc.has_no_cache;
	a->must_ask = r->cc.has_no_cache || r->cc.max_age_s >= 0 ||
		      r->cc.min_fresh_s >= 0;
	return a;
}

static void drop_ask(struct ask *a)
{
	fetch_unref(a->fetch);
	free(a);
}

/* Asks for a fresh answer that nobody waits for. */
void asking_revalidate(struct request *r, bool is_probe)
{
	struct ask *a = new_ask(r);

	if (!a)
		return;
	a->fetch->is_probe = is_probe;
	/* Whatever the client demands, it has been given. */
	a->must_ask = a->must_be_new = false;
	if (!origin_post(r->front->options.origin, &a->mail))
		drop_ask(a);
}

/* With the connection its share of the budget is gone; the origin's copy of
 * the body stays as long as the slot. */
static void keep_charged(struct request *r)
{
	struct budget *bodies = r->front->options.listener.bodies;

	if (!bodies)
		return;
	r->charged_bytes = r->body_bytes;
	budget_take(bodies, r->charged_bytes);
}

/* Best effort: an origin that is not told does what was asked for. */
static void tell_gone(const struct request *r)
{
	struct origin_gone *g = malloc(sizeof(*g));

	if (!g)
		return;
	*g = (struct origin_gone){
	    .mail.kind = ORIGIN_MAIL_GONE,
	    .reply_to = r->front->mailbox,
	    .slot = r->slot,
	    .generation = r->generation,
	    .key = r->key,
	};
	if (!origin_post(r->front->options.origin, &g->mail))
		free(g);
}

static void on_client_gone(void *arg)
{
	struct request *r = arg;
	struct evhttp_request *req = r->req;

	if (r->stream) {
		relay_client_gone(r);
		return;
	}
	metrics_add(METRIC_WAITERS_GONE, 1);
	keep_charged(r);
	r->ended_us = clock_mono_us();
	r->conn = NULL;
	r->req = NULL;
	/* The slot stays until the origin's reply names it. */
	conn_reply(NULL, req, NULL, 0);
	tell_gone(r);
}

static void refuse_busy(struct request *r, const char *message)
{
	r->cache.fwd = CACHESTATUS_LOCAL;
	r->cache.detail = message;
	reply_error(r, 503, message);
}

void asking_post(struct request *r)
{
	struct ask *a = new_ask(r);

	if (!a) {
		refuse_busy(r, "out of memory");
		return;
	}
	a->reply_to = r->front->mailbox;
	a->slot = r->slot;
	a->generation = r->generation;
	a->fallback = r->fallback;
	r->body_bytes = r->body.n;
	if (!origin_post(r->front->options.origin, &a->mail)) {
		drop_ask(a);
		metrics_add(METRIC_OVERLOAD, 1);
		refuse_busy(r, "too many requests are waiting");
		return;
	}
	if (r->asked++ == 0)
		conn_watch(r->conn, r->req, on_client_gone, r);
	/* The fetch has a copy; only what may be looked up again needs ours. */
	if (r->kind != FETCH_READ) {
		identity_drop_body(r->req);
		r->body = SLICE_NONE;
	}
	r->is_waiting = true;
}

/* ---- the reply ---- */

static const char *failure_text(unsigned status, bool is_write)
{
	if (status == 504 && is_write)
		return "the upstream did not answer; the write may or may not "
		       "have been done";
	if (status == 504)
		return "the upstream did not answer in time";
	if (status == 503)
		return "the upstream cannot be reached";
	return "the upstream's answer could not be used";
}

/* RFC 9111 §5.2.2.2: a stored answer that must not be served stale makes an
 * unreachable upstream a time-out. */
static unsigned fail_status(const struct request *r, const struct ask *a)
{
	return a->fail_status == 503 && r->is_stale_forbidden ? 504
							      : a->fail_status;
}

static void reply_failed(struct request *r, const struct ask *a)
{
	r->cache.detail = a->detail;
	reply_error(r, fail_status(r, a),
	    a->message ? a->message
		       : failure_text(a->fail_status, r->may_write));
}

/* The answer came before this request did, but after it was looked for. */
static void reply_landed(
    struct request *r, const struct ask *a, struct reply *reply)
{
	int64_t now_ms = clock_wall_ms();

	r->cache = (struct cachestatus){
	    .fwd = CACHESTATUS_HIT,
	    .has_ttl = true,
	    .ttl_s = (a->fresh_until_ms - now_ms) / 1000,
	};
	reply->age_s =
	    a->answer->initial_age_s + (now_ms - a->answer->date_ms) / 1000;
	metrics_add(METRIC_HITS, 1);
	reply_send(r, reply);
}

static void reply_answered(struct request *r, const struct ask *a)
{
	struct reply reply = reply_of_answer(a->answer);

	if (a->fresh_until_ms != 0) {
		reply_landed(r, a, &reply);
		return;
	}
	r->cache.fwd_status =
	    a->fwd_status != 0 ? a->fwd_status : a->answer->status;
	r->cache.is_stored = a->is_stored;
	r->cache.is_collapsed = a->is_collapsed;
	access_trace_id(r, a->answer);
	reply_send(r, &reply);
}

/*
 * The stored answer after all: the upstream failed or is slow, or somebody
 * else's flight has filled the store. Meanwhile a write may have taken it, or
 * made it suspect, which is for an unreachable upstream only; then the origin
 * is asked again, as if the request had come now.
 */
static void reply_stored(struct request *r, const struct ask *a)
{
	enum ask_fallback fallback;
	struct cache_view v;

	r->now_ms = clock_wall_ms();
	stored_bypass(r); /* switched off meanwhile */
	stored_look_up(r, &v);
	if (v.state == CACHE_FRESH && !v.must_validate) {
		stored_serve(r, &v, NULL);
		return;
	}
	fallback = stored_fallback(r, &v);
	if (a->result == ASK_STALE && fallback != ASK_FALLBACK_NONE &&
	    fallback <= r->fallback) {
		stored_serve(r, &v, a->detail);
		return;
	}
	stored_hold(r, &v);
	stored_close(r);
	r->fallback = fallback;
	if (r->asked < ASKED_MAX) {
		asking_post(r);
		return;
	}
	r->cache.detail = a->detail;
	reply_error(r, 503, failure_text(503, false));
}

void request_reply(struct request *r, struct ask *a)
{
	r->is_waiting = false;
	r->is_shared = a->is_collapsed;
	r->sent_us = a->sent_us;
	r->upstream_us = a->upstream_us;
	if (!r->req) {
		if (a->result == ASK_STREAMED)
			stream_leave(a->stream);
		if (!r->is_answered)
			access_end(r); /* the client left long ago */
		request_free(r);
	} else if (a->result == ASK_STREAMED) {
		relay_begin(r, a);
	} else if (a->result == ASK_ANSWERED) {
		reply_answered(r, a);
	} else if (a->result == ASK_FAILED) {
		reply_failed(r, a);
	} else {
		reply_stored(r, a);
	}
	answer_unref(a->answer);
	free(a);
}

void request_give_up(struct request *r)
{
	if (!r->req)
		return;
	if (r->stream) {
		relay_cut(r, "stopping");
		return;
	}
	r->cache.detail = "stopping";
	/* 503 would say that nothing was done, and invite a second try. */
	if (r->kind == FETCH_READ)
		reply_error(r, 503, "ghlmirror is stopping");
	else
		reply_error(r, 504,
		    "ghlmirror is stopping; the request may or may not have "
		    "been carried out");
}
