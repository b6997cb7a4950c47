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

bool stored_is_usable(const struct request *r, const struct cache_view *v)
{
	return v->state == CACHE_FRESH && !v->must_validate &&
	       stored_is_accepted(r, v);
}

static bool may_be_stale(const struct cache_view *v)
{
	return v->is_stale_allowed && !v->must_revalidate && !v->must_validate;
}

/* RFC 9111 §5.2.1.2. Not for what a write may have changed. */
bool stored_is_welcome_stale(
    const struct request *r, const struct cache_view *v)
{
	return v->state == CACHE_EXPIRED && may_be_stale(v) &&
	       r->cc.max_stale_s >= 0 &&
	       r->now_ms - v->fresh_until_ms <= r->cc.max_stale_s * 1000 &&
	       stored_is_accepted(r, v);
}

/*
 * RFC 5861 §4: who answered so, or asks so, allows it for this long and no
 * longer; a failure that leaves us disconnected allows it without being told
 * (RFC 9111 §4.2.4), and for GHL's API the operator does (policy).
 */
static enum ask_fallback fallback_by_rfc(
    const struct request *r, const struct cache_view *v)
{
	int64_t stale_ms = r->now_ms - v->fresh_until_ms;
	bool is_bounded =
	    v->stale_until_ms != INT64_MAX || r->cc.stale_if_error_s >= 0;

	if ((v->stale_until_ms != INT64_MAX &&
		r->now_ms <= v->stale_until_ms) ||
	    (r->cc.stale_if_error_s >= 0 &&
		stale_ms <= r->cc.stale_if_error_s * 1000))
		return ASK_FALLBACK_ERROR;
	if (is_bounded)
		return ASK_FALLBACK_NONE;
	return r->front->options.is_standards ? ASK_FALLBACK_AWAY
					      : ASK_FALLBACK_STALE;
}

enum ask_fallback stored_fallback(
    const struct request *r, const struct cache_view *v)
{
	int64_t stale_ms = r->now_ms - v->fresh_until_ms;

	if (v->state == CACHE_MISS || !may_be_stale(v) || r->cc.has_no_cache)
		return ASK_FALLBACK_NONE;
	if (r->match.op && stale_ms >= r->policy.stale_ms)
		return ASK_FALLBACK_NONE;
	if (stale_ms >= r->front->settings->keep_stale_ms)
		return ASK_FALLBACK_NONE;
	if (v->state == CACHE_SUSPECT)
		return ASK_FALLBACK_AWAY;
	return r->match.op ? ASK_FALLBACK_STALE : fallback_by_rfc(r, v);
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

/* ---- looking up ---- */

/* The key of what is stored for a request with these values of the fields that
 * an answer named in Vary. */
static bool look_up_variant(struct request *r, struct slice names,
    struct buf *key, struct digest128 *digest, struct cache_view *v)
{
	buf_reset(key);
	filing_variant_key(
	    key, buf_slice(&r->full_key), names, r->fields, r->fields_n);
	if (key->has_failed)
		return false;
	*digest = digest_fast(buf_slice(key));
	return cache_lookup(r->front->reader, digest, buf_slice(key), r->now_ms,
		   v) != CACHE_MISS;
}

static void swap_keys(struct buf *a, struct buf *b)
{
	struct buf was = *a;

	*a = *b;
	*b = was;
}

/* RFC 9111 §4.1: of several that match the most recent one. */
static void look_up_variants(struct request *r, struct cache_view *v)
{
	struct slice lists[CACHE_VARY_LISTS_MAX];
	struct buf *key = &r->front->variant_key;
	size_t n = cache_vary_lists(
	    r->front->reader, &r->key, buf_slice(&r->full_key), lists);
	bool has_names = false;

	*v = (struct cache_view){.state = CACHE_MISS, .op = UINT32_MAX};
	for (size_t i = 0; i < n; i++) {
		struct digest128 digest;
		struct cache_view one;

		has_names |= lists[i].n > 0;
		if (!look_up_variant(r, lists[i], key, &digest, &one) ||
		    (v->state != CACHE_MISS &&
			one.stored_at_ms <= v->stored_at_ms))
			continue;
		*v = one;
		r->held.key = digest;
		swap_keys(&r->held_key, key);
	}
	r->is_vary_miss = has_names && v->state == CACHE_MISS;
}

static void look_up_plain(struct request *r, struct cache_view *v)
{
	cache_lookup(
	    r->front->reader, &r->key, buf_slice(&r->full_key), r->now_ms, v);
	r->held.key = r->key;
}

enum cache_state stored_look_up(struct request *r, struct cache_view *v)
{
	r->is_vary_miss = false;
	if (!r->front->reader || r->kind != FETCH_READ || !r->may_store) {
		*v = (struct cache_view){.state = CACHE_MISS};
		return CACHE_MISS;
	}
	if (r->front->options.is_standards)
		look_up_variants(r, v);
	else
		look_up_plain(r, v);
	r->is_stale_forbidden =
	    v->state != CACHE_MISS && (v->must_revalidate || v->must_validate);
	return filing_review(v, r->match.op, &r->policy, r->now_ms);
}

/* A search is no GET, and a HEAD says what there is by itself. */
static bool may_ask_about(const struct request *r)
{
	return !r->match.op ? r->method == API_GET
			    : r->match.op->method == API_GET;
}

void stored_hold(struct request *r, const struct cache_view *v)
{
	struct buf *b = &r->validators;

	r->held.full_key = SLICE_NONE;
	if (v->state == CACHE_MISS)
		return;
	buf_reset(b);
	buf_add_slice(b, v->etag);
	buf_add_slice(b, v->last_modified);
	/* A HEAD tells by the length, too. */
	if (b->has_failed || (b->n == 0 && !r->is_head))
		return;
	r->held.etag = slice_sub(buf_slice(b), 0, v->etag.n);
	r->held.last_modified = slice_sub(buf_slice(b), v->etag.n, b->n);
	r->held.full_key = r->front->options.is_standards
			       ? buf_slice(&r->held_key)
			       : buf_slice(&r->full_key);
	r->held.may_ask = b->n > 0 && may_ask_about(r);
}

void stored_close(struct request *r)
{
	if (r->front->reader && r->kind == FETCH_READ && r->may_store)
		cache_release(r->front->reader);
}
