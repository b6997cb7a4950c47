#include "front/request.h"

#include "api/key.h"
#include "base/json.h"
#include "base/metrics.h"
#include "front/asking.h"
#include "front/cross.h"
#include "front/front_internal.h"
#include "front/identity.h"
#include "front/local.h"
#include "front/peer.h"
#include "front/reply.h"
#include "front/stored.h"
#include "front/tool.h"
#include "http/target.h"

#include <assert.h>
#include <stdio.h>

/*
 * The path of a request, top to bottom. A step either lets the request go on
 * to the next one or has replied (or handed it to the origin), after which
 * the request may be gone.
 */
enum step {
	STEP_NEXT,
	STEP_DONE
};

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

/* One that evhttp knows under another name; kept, for the connection may go. */
static void take_method(struct request *r, struct slice *method)
{
	struct slice name = conn_method(r->conn);

	if (name.n == 0)
		return;
	assert(name.n <= sizeof(r->extension));
	memcpy(r->extension, name.p, name.n);
	*method = slice_of(r->extension, name.n);
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
	    .takes_any_method = o->listener.takes_any_method,
	};
	struct gate_request gate;
	struct gate_verdict verdict;

	peer_host_rules(r, &rules);
	identity_gate_request(r->req, fields, &gate);
	take_method(r, &gate.method);
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

/* Paths that the table does not know follow plain RFC 9111: what safe methods
 * bring may be stored if the upstream says so, the others may have changed
 * anything. */
static void classify_unknown(struct request *r)
{
	switch (r->method) {
	case API_GET:
	case API_HEAD:
		r->kind = FETCH_READ;
		r->may_store = true;
		break;
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
	if (r->front->options.is_standards) {
		r->match = (struct api_match){.op = NULL};
		r->policy = (struct api_policy){0};
		classify_unknown(r);
		r->may_write = r->kind == FETCH_WRITE;
		return STEP_NEXT;
	}
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

/* 8. Who asks, and what of the head goes upstream. */
static enum step step_identify(struct request *r)
{
	bool is_standards = r->front->options.is_standards;
	unsigned status;

	/* For the upstream to answer, piece by piece. */
	if (is_standards && r->kind == FETCH_READ &&
	    identity_asks_for_part(r->req)) {
		r->kind = FETCH_STREAM;
		r->may_store = false;
	}
	status = identity_read(r);
	if (status != 0)
		return refuse(r, status, "too many header fields to send on");
	/* Without a credential there is nobody an answer could belong to; that
	 * everybody may have it is for the standards profile only. */
	if (r->cc.has_no_store || (r->authorization.n == 0 && !is_standards))
		r->may_store = false;
	if (r->authorization.n == 0)
		r->may_join = false;
	stored_bypass(r);
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

/* 9. The key: everything that decides what the upstream would say; under the
 * standards profile but for the fields that its answer may name in Vary. */
static enum step step_key(struct request *r)
{
	size_t fields_n = r->front->options.is_standards ? 0 : r->fields_n;

	if (r->kind != FETCH_READ)
		return STEP_NEXT;
	buf_reset(&r->full_key);
	api_key_build(&r->full_key, &r->scope, r->match.op, r->method,
	    buf_slice(&r->target), r->fields, fields_n, keyed_body(r));
	if (r->full_key.has_failed) {
		/* A search too long to be a key is passed on as it is. */
		buf_reset(&r->full_key);
		r->may_store = r->may_join = false;
	}
	r->key = digest_fast(buf_slice(&r->full_key));
	return STEP_NEXT;
}

/* ---- 10. the store ---- */

/* Is its part of the upstream in trouble, so that an expired answer serves
 * better than waiting? What a write may have changed is for an upstream that
 * cannot be reached at all. */
static const char *trouble_of(const struct request *r)
{
	struct origin *o = r->front->options.origin;

	if (r->fallback != ASK_FALLBACK_STALE ||
	    online_get_mode(origin_online(o)) == ONLINE_ONLINE)
		return NULL;
	return family_detail(
	    family_trouble(origin_families(o), buf_slice(&r->target)));
}

/*
 * Nobody need wait: the upstream is away, or the part of it that this is for
 * is in trouble. When it is our turn to find out whether that is over, that is
 * done behind the client's back.
 */
static bool serve_if_away(struct request *r, const struct cache_view *v)
{
	struct origin *o = r->front->options.origin;
	int64_t now_ms = r->started_us / 1000;
	const char *why;
	bool may_probe;

	if (r->fallback == ASK_FALLBACK_NONE)
		return false;
	if (online_is_away(origin_online(o))) {
		why = online_detail(origin_online(o));
		may_probe = online_may_ask(origin_online(o), now_ms);
	} else {
		why = trouble_of(r);
		may_probe = why && family_may_probe(origin_families(o),
				       buf_slice(&r->target), now_ms);
	}
	if (!why)
		return false;
	if (may_probe) {
		stored_hold(r, v);
		asking_revalidate(r, true);
	}
	stored_serve(r, v, why);
	return true;
}

/* RFC 5861 §3. Also expired is what a clock set back makes look fresh for
 * long. */
static bool may_revalidate_behind(
    const struct request *r, const struct cache_view *v)
{
	return v->state == CACHE_EXPIRED && r->now_ms >= v->fresh_until_ms &&
	       r->now_ms < v->swr_until_ms &&
	       r->fallback != ASK_FALLBACK_NONE && stored_is_accepted(r, v);
}

static enum cachestatus_fwd why_asked(
    const struct request *r, const struct cache_view *v)
{
	if (r->is_vary_miss)
		return CACHESTATUS_VARY_MISS;
	if (v->state == CACHE_MISS)
		return CACHESTATUS_URI_MISS;
	/* With no-cache of the answer it is as if it had expired. */
	if (v->state == CACHE_FRESH && !v->must_validate)
		return CACHESTATUS_REQUEST;
	return CACHESTATUS_STALE;
}

static enum step step_look_up(struct request *r)
{
	struct cache_view v;

	if (!r->is_bypassed)
		r->cache = (struct cachestatus){.fwd = CACHESTATUS_BYPASS};
	if (r->may_write)
		r->cache.fwd = CACHESTATUS_METHOD;
	stored_look_up(r, &v);
	if (stored_is_usable(r, &v)) {
		stored_serve(r, &v, NULL);
		return STEP_DONE;
	}
	r->fallback = stored_fallback(r, &v);
	if (serve_if_away(r, &v))
		return STEP_DONE;
	if (stored_is_welcome_stale(r, &v)) {
		stored_serve(r, &v, "max-stale");
		return STEP_DONE;
	}
	stored_hold(r, &v);
	if (may_revalidate_behind(r, &v)) {
		asking_revalidate(r, false);
		stored_serve(r, &v, "revalidating");
		return STEP_DONE;
	}
	stored_close(r);
	if (r->kind == FETCH_READ && r->may_store)
		r->cache.fwd = why_asked(r, &v);
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

static enum step step_ask(struct request *r)
{
	asking_post(r);
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
    step_ask,
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
