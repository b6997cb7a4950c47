#include "front/request.h"

#include "api/key.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/metrics.h"
#include "front/access.h"
#include "front/cross.h"
#include "front/front_internal.h"
#include "front/identity.h"
#include "front/local.h"
#include "front/peer.h"
#include "front/relay.h"
#include "front/reply.h"
#include "front/tool.h"
#include "http/target.h"
#include "origin/filing.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

/*
 * The path of a request, top to bottom. A step either lets the request go on
 * to the next one or has replied (or handed it to the origin), after which
 * the request may be gone.
 */
enum step {
	STEP_NEXT,
	STEP_DONE
};

/* Writes may take away what the origin meant us to serve, but not for ever. */
#define ASKED_MAX 3

static enum step fail(struct request *r, unsigned status, const char *message)
{
	r->cache.fwd = CACHESTATUS_LOCAL;
	r->cache.detail = message;
	reply_error(r, status, message);
	return STEP_DONE;
}

/* Who sends what must be refused is not believed about what follows. */
static enum step refuse(struct request *r, unsigned status, const char *message)
{
	metrics_add(METRIC_REFUSED, 1);
	conn_close_after(r->conn);
	return fail(r, status, message);
}

/* 1. What evhttp parsed must mean the same to everybody. */
static enum step step_gate(struct request *r)
{
	struct field fields[IDENTITY_FIELDS_MAX];
	const struct front_options *o = &r->front->options;
	struct gate_rules rules = {
	    .max_fields = o->listener.max_fields < IDENTITY_FIELDS_MAX
			      ? o->listener.max_fields
			      : IDENTITY_FIELDS_MAX,
	    .max_target_bytes = o->listener.max_target_bytes,
	};
	struct gate_request gate;
	struct gate_verdict verdict;

	peer_host_rules(r, &rules);
	identity_gate_request(r->req, fields, &gate);
	r->method_name = gate.method;
	r->method = api_method_of(gate.method);
	r->is_head = r->method == API_HEAD;
	verdict = gate_check(&gate, &rules);
	if (verdict.status == 0)
		return STEP_NEXT;
	return refuse(r, verdict.status, verdict.message);
}

/* 2. Who the client is, where a trusted proxy speaks for it. */
static enum step step_peer(struct request *r)
{
	struct gate_rules rules = {.max_fields = 0};

	peer_read(r);
	peer_host_rules(r, &rules);
	if (r->forwarded.host.n == 0 ||
	    gate_host_is_accepted(&rules, r->forwarded.host))
		return STEP_NEXT;
	return refuse(r, 421, "this proxy does not serve that host");
}

/* 3. A browser asks whether a page of another origin may ask. */
static enum step step_preflight(struct request *r)
{
	if (!cross_is_preflight(r))
		return STEP_NEXT;
	cross_reply(r);
	return STEP_DONE;
}

/* 4. On whose behalf: said before the path, and then no part of it. */
static enum step step_tool(struct request *r)
{
	struct slice tool;
	const char *fault = tool_strip(
	    slice_of_str(identity_uri(r->req)), &tool, &r->sent_target);

	if (fault)
		return fail(r, 400, fault);
	snprintf(r->tool, sizeof(r->tool), "%.*s", (int)tool.n,
	    tool.n > 0 ? tool.p : "");
	return STEP_NEXT;
}

/* 5. One spelling of the target, for everything that follows. */
static enum step step_target(struct request *r)
{
	const char *why = NULL;

	buf_reset(&r->target);
	if (!target_canon(r->sent_target, &r->target, &why)) {
		return refuse(
		    r, 400, why ? why : "the request target is too long");
	}
	target_split(buf_slice(&r->target), &r->path, &r->query);
	return STEP_NEXT;
}

/* 6. The proxy's own endpoints. */
static enum step step_local(struct request *r)
{
	if (!slice_starts(r->path, SLICE("/-/")) &&
	    !slice_eq(r->path, SLICE("/-")))
		return STEP_NEXT;
	r->cache.fwd = CACHESTATUS_LOCAL;
	local_reply(r);
	return STEP_DONE;
}

/* The operation's own spelling of the trailing slash goes upstream. */
static bool set_slash(struct request *r)
{
	struct buf spelled;
	bool wants = api_op_has_slash(r->match.op);

	if (slice_ends(r->path, SLICE("/")) == wants)
		return true;
	buf_init(&spelled, r->target.max + 1);
	target_set_slash(buf_slice(&r->target), wants, &spelled);
	buf_reset(&r->target);
	buf_add_slice(&r->target, buf_slice(&spelled));
	buf_fini(&spelled);
	if (r->target.has_failed)
		return false;
	target_split(buf_slice(&r->target), &r->path, &r->query);
	return api_find(r->method, r->path, &r->match);
}

static void classify_known(struct request *r, enum api_class class)
{
	switch (class) {
	case API_CLASS_CACHE:
	case API_CLASS_SHORT:
	case API_CLASS_READ_POST:
		r->kind = FETCH_READ;
		r->may_store = r->may_join = true;
		break;
	case API_CLASS_WRITE:
		r->kind = FETCH_WRITE;
		break;
	case API_CLASS_NEVER:
		r->kind = FETCH_PASS;
		break;
	case API_CLASS_STREAM:
		r->kind = FETCH_STREAM;
		break;
	}
}

/* Paths that the table does not know follow plain RFC 9111: safe methods may
 * be stored if the upstream says so, the others may have changed anything. */
static void classify_unknown(struct request *r)
{
	switch (r->method) {
	case API_GET:
		r->kind = FETCH_READ;
		r->may_store = true;
		break;
	case API_HEAD:
	case API_OPTIONS:
		r->kind = FETCH_PASS;
		break;
	default:
		r->kind = FETCH_WRITE;
		break;
	}
}

/* 7. Which operation, and so which rules. */
static enum step step_classify(struct request *r)
{
	r->may_store = r->may_join = r->is_bypassed = false;
	r->is_counted = true;
	if (api_find(r->method, r->path, &r->match)) {
		if (!set_slash(r))
			return fail(r, 414, "the request target is too long");
		r->policy =
		    *api_policy_of(r->front->settings->policies, r->match.op);
		classify_known(r, r->match.op->class);
	} else {
		r->policy = (struct api_policy){0};
		classify_unknown(r);
	}
	r->may_write = r->kind == FETCH_WRITE;
	if (api_is_mcp(r->path)) {
		r->kind = FETCH_STREAM;
		r->may_store = false;
	}
	return STEP_NEXT;
}

/* The store as if it were not there; who may share a flight still does. */
static void bypass_store(struct request *r)
{
	if (!r->may_store || !origin_is_bypassed(r->front->options.origin))
		return;
	r->may_store = false;
	r->is_bypassed = true;
	r->fallback = ASK_FALLBACK_NONE;
	r->cache = (struct cachestatus){
	    .fwd = CACHESTATUS_BYPASS,
	    .detail = "switched-off",
	};
	metrics_add(METRIC_BYPASSED, 1);
}

/* 8. Who asks, and what of the head goes upstream. */
static enum step step_identify(struct request *r)
{
	unsigned status = identity_read(r);

	if (status != 0)
		return refuse(r, status, "too many header fields to send on");
	/* Without a credential there is nobody an answer could belong to. */
	if (r->authorization.n == 0 || r->cc.has_no_store)
		r->may_store = false;
	if (r->authorization.n == 0)
		r->may_join = false;
	bypass_store(r);
	r->body = identity_body(r->req);
	return STEP_NEXT;
}

/* A search is told from another by its body, however it is spaced. */
static struct slice keyed_body(struct request *r)
{
	if (!r->match.op || r->match.op->class != API_CLASS_READ_POST)
		return SLICE_NONE;
	buf_reset(&r->minified);
	if (!json_minify(r->body, &r->minified)) {
		r->may_store = r->may_join = false;
		return SLICE_NONE;
	}
	return buf_slice(&r->minified);
}

/* 9. The key: everything that decides what the upstream would say. */
static enum step step_key(struct request *r)
{
	if (r->kind != FETCH_READ)
		return STEP_NEXT;
	buf_reset(&r->full_key);
	api_key_build(&r->full_key, &r->scope, r->match.op, r->method,
	    buf_slice(&r->target), r->fields, r->fields_n, keyed_body(r));
	if (r->full_key.has_failed) {
		/* A search too long to be a key is passed on as it is. */
		buf_reset(&r->full_key);
		r->may_store = r->may_join = false;
	}
	r->key = digest_fast(buf_slice(&r->full_key));
	return STEP_NEXT;
}

/* ---- 10. the store ---- */

/* Whole seconds; negative from the moment of expiry on (RFC 9211 §2.4). */
static int64_t ttl_s(const struct request *r, const struct cache_view *v)
{
	int64_t left_ms = v->fresh_until_ms - r->now_ms;

	return left_ms > 0 ? left_ms / 1000 : -(1 - left_ms / 1000);
}

/* RFC 9111 §5.2.1: what the client's Cache-Control allows. */
static bool client_accepts(const struct request *r, const struct cache_view *v)
{
	/* In ms: a reload (max-age=0) within the second asks again, too. */
	int64_t age_ms = v->age_s * 1000 + r->now_ms - v->stored_at_ms;

	if (r->cc.has_no_cache)
		return false;
	if (r->cc.max_age_s >= 0 && age_ms >= r->cc.max_age_s * 1000)
		return false;
	return r->cc.min_fresh_s < 0 || ttl_s(r, v) >= r->cc.min_fresh_s;
}

static enum ask_fallback fallback_of(
    const struct request *r, const struct cache_view *v)
{
	int64_t stale_ms;

	if (v->state == CACHE_MISS || !v->is_stale_allowed ||
	    v->must_revalidate || r->cc.has_no_cache)
		return ASK_FALLBACK_NONE;
	stale_ms = r->now_ms - v->fresh_until_ms;
	if (r->match.op && stale_ms >= r->policy.stale_ms)
		return ASK_FALLBACK_NONE;
	if (stale_ms >= r->front->settings->keep_stale_ms)
		return ASK_FALLBACK_NONE;
	return v->state == CACHE_SUSPECT ? ASK_FALLBACK_SUSPECT
					 : ASK_FALLBACK_STALE;
}

/* Replies from the open view; detail is NULL for a fresh one. */
static void serve_view(
    struct request *r, const struct cache_view *v, const char *detail)
{
	struct reply reply = reply_of_view(v, r->now_ms);
	struct cache_reader *reader = r->front->reader;

	r->cache = (struct cachestatus){
	    .fwd = CACHESTATUS_HIT,
	    .has_ttl = true,
	    .ttl_s = ttl_s(r, v),
	    .detail = v->state == CACHE_SUSPECT ? "unconfirmed-write" : detail,
	};
	metrics_add(detail ? METRIC_HITS_STALE : METRIC_HITS, 1);
	/* conn_reply consumes the bytes, so the view may close after it. */
	reply_send(r, &reply);
	cache_release(reader);
}

static enum cache_state look_up(struct request *r, struct cache_view *v)
{
	if (!r->front->reader || r->kind != FETCH_READ || !r->may_store) {
		v->state = CACHE_MISS;
		return CACHE_MISS;
	}
	cache_lookup(
	    r->front->reader, &r->key, buf_slice(&r->full_key), r->now_ms, v);
	return filing_review(v, r->match.op, &r->policy, r->now_ms);
}

static void close_view(struct request *r)
{
	if (r->front->reader && r->kind == FETCH_READ && r->may_store)
		cache_release(r->front->reader);
}

static enum step ask_origin(struct request *r);
static void revalidate(struct request *r);

/* Nobody need be asked: the upstream is away, and it is not our turn to
 * find out whether it is back. */
static bool serve_if_away(struct request *r, const struct cache_view *v)
{
	struct online *online = origin_online(r->front->options.origin);

	if (r->fallback == ASK_FALLBACK_NONE ||
	    online_may_ask(online, r->started_us / 1000))
		return false;
	serve_view(r, v, online_detail(online));
	return true;
}

static enum step step_look_up(struct request *r)
{
	struct cache_view v;

	if (!r->is_bypassed)
		r->cache = (struct cachestatus){.fwd = CACHESTATUS_BYPASS};
	if (r->may_write)
		r->cache.fwd = CACHESTATUS_METHOD;
	if (look_up(r, &v) == CACHE_FRESH && client_accepts(r, &v)) {
		serve_view(r, &v, NULL);
		return STEP_DONE;
	}
	r->fallback = fallback_of(r, &v);
	if (serve_if_away(r, &v))
		return STEP_DONE;
	/* Also expired is what a clock set back makes look fresh for long. */
	if (v.state == CACHE_EXPIRED && r->now_ms >= v.fresh_until_ms &&
	    r->now_ms < v.swr_until_ms && r->fallback == ASK_FALLBACK_STALE &&
	    client_accepts(r, &v)) {
		revalidate(r);
		serve_view(r, &v, "revalidating");
		return STEP_DONE;
	}
	close_view(r);
	if (r->kind == FETCH_READ && r->may_store) {
		r->cache.fwd = v.state == CACHE_MISS	? CACHESTATUS_URI_MISS
			       : v.state == CACHE_FRESH ? CACHESTATUS_REQUEST
							: CACHESTATUS_STALE;
	}
	return STEP_NEXT;
}

/* ---- 11. the origin ---- */

static enum step step_may_ask(struct request *r)
{
	struct online *online = origin_online(r->front->options.origin);

	if (r->cc.has_only_if_cached && r->kind == FETCH_READ) {
		reply_error(r, 504, "not in the store, and only-if-cached");
		return STEP_DONE;
	}
	if (online_get_mode(online) != ONLINE_OFFLINE)
		return STEP_NEXT;
	r->cache.detail = "offline";
	reply_error(r, 503,
	    r->may_write ? "ghlmirror is set offline: writes are refused"
			 : "ghlmirror is set offline and has no stored answer");
	return STEP_DONE;
}

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
	};
	struct ask *a = calloc(1, sizeof(*a));

	if (!a)
		return NULL;
	/* A GET fills the store for both. */
	if (r->is_head && r->kind == FETCH_READ)
		spec.method_name = SLICE("GET");
	a->fetch = fetch_new(&spec);
	if (!a->fetch) {
		free(a);
		return NULL;
	}
	a->mail.kind = ORIGIN_MAIL_ASK;
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
static void revalidate(struct request *r)
{
	struct ask *a = new_ask(r);

	if (!a)
		return;
	/* Whatever the client demands, it has been given. */
	a->must_ask = false;
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

static enum step ask_origin(struct request *r)
{
	struct ask *a = new_ask(r);

	if (!a)
		return fail(r, 503, "out of memory");
	a->reply_to = r->front->mailbox;
	a->slot = r->slot;
	a->generation = r->generation;
	a->fallback = r->fallback;
	r->body_bytes = r->body.n;
	if (!origin_post(r->front->options.origin, &a->mail)) {
		drop_ask(a);
		metrics_add(METRIC_OVERLOAD, 1);
		return fail(r, 503, "too many requests are waiting");
	}
	if (r->asked++ == 0)
		conn_watch(r->conn, r->req, on_client_gone, r);
	/* The fetch has a copy; only what may be looked up again needs ours. */
	if (r->kind != FETCH_READ) {
		identity_drop_body(r->req);
		r->body = SLICE_NONE;
	}
	r->is_waiting = true;
	return STEP_DONE;
}

typedef enum step (*step_fn)(struct request *r);

static const step_fn steps[] = {
    step_gate,
    step_peer,
    step_preflight,
    step_tool,
    step_target,
    step_local,
    step_classify,
    step_identify,
    step_key,
    step_look_up,
    step_may_ask,
    ask_origin,
};

void request_begin(struct request *r)
{
	/* Until it is known who asks, it is not whom the slot served last. */
	r->scope = (struct digest128){{0}};
	for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++)
		if (steps[i](r) == STEP_DONE)
			return;
	assert(!"the last step always ends");
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

static void reply_failed(struct request *r, const struct ask *a)
{
	r->cache.detail = a->detail;
	reply_error(r, a->fail_status,
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
	reply->age_s = a->answer->age_s + (now_ms - a->answer->date_ms) / 1000;
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
	r->cache.fwd_status = a->answer->status;
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
	bypass_store(r); /* switched off meanwhile */
	if (look_up(r, &v) == CACHE_FRESH) {
		serve_view(r, &v, NULL);
		return;
	}
	fallback = fallback_of(r, &v);
	if (a->result == ASK_STALE && fallback != ASK_FALLBACK_NONE &&
	    fallback <= r->fallback) {
		serve_view(r, &v, a->detail);
		return;
	}
	close_view(r);
	r->fallback = fallback;
	if (r->asked < ASKED_MAX) {
		ask_origin(r);
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
