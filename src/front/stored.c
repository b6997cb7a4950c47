#include "front/stored.h"

#include "base/metrics.h"
#include "front/front_internal.h"
#include "front/reply.h"
#include "origin/filing.h"

/* The store as if it were not there; who may share a flight still does. */
void stored_bypass(struct request *r)
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

/* Whole seconds; negative from the moment of expiry on (RFC 9211 §2.4). */
static int64_t ttl_s(const struct request *r, const struct cache_view *v)
{
	int64_t left_ms = v->fresh_until_ms - r->now_ms;

	return left_ms > 0 ? left_ms / 1000 : -(1 - left_ms / 1000);
}

/* RFC 9111 §5.2.1: what the client's Cache-Control allows. */
bool stored_is_accepted(const struct request *r, const struct cache_view *v)
{
	/* In ms: a reload (max-age=0) within the second asks again, too. */
	int64_t age_ms = v->age_s * 1000 + r->now_ms - v->stored_at_ms;

	if (r->cc.has_no_cache)
		return false;
	if (r->cc.max_age_s >= 0 && age_ms >= r->cc.max_age_s * 1000)
		return false;
	return r->cc.min_fresh_s < 0 || ttl_s(r, v) >= r->cc.min_fresh_s;
}

enum ask_fallback stored_fallback(
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
void stored_serve(
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

enum cache_state stored_look_up(struct request *r, struct cache_view *v)
{
	if (!r->front->reader || r->kind != FETCH_READ || !r->may_store) {
		v->state = CACHE_MISS;
		return CACHE_MISS;
	}
	cache_lookup(
	    r->front->reader, &r->key, buf_slice(&r->full_key), r->now_ms, v);
	return filing_review(v, r->match.op, &r->policy, r->now_ms);
}

void stored_close(struct request *r)
{
	if (r->front->reader && r->kind == FETCH_READ && r->may_store)
		cache_release(r->front->reader);
}
