#include "http/freshness.h"

static int64_t clamp_seconds(int64_t s)
{
	if (s < 0)
		return 0;
	return s > CACHECONTROL_SECONDS_MAX ? CACHECONTROL_SECONDS_MAX : s;
}

static int64_t larger(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

int64_t freshness_lifetime_s(const struct freshness_answer *a)
{
	if (a->cc.s_maxage_s >= 0)
		return a->cc.s_maxage_s;
	if (a->cc.max_age_s >= 0)
		return a->cc.max_age_s;
	if (a->has_expires)
		return clamp_seconds(a->expires_s - a->date_s);
	return 0;
}

bool freshness_is_explicit(const struct freshness_answer *a)
{
	return a->cc.s_maxage_s >= 0 || a->cc.max_age_s >= 0 || a->has_expires;
}

int64_t freshness_initial_age_s(
    int64_t age_s, int64_t date_s, int64_t request_s, int64_t response_s)
{
	int64_t apparent = clamp_seconds(response_s - date_s);
	/* A clock that stepped back must not make the answer younger. */
	int64_t delay = clamp_seconds(response_s - request_s);

	return clamp_seconds(larger(apparent, clamp_seconds(age_s) + delay));
}

int64_t freshness_age_s(
    int64_t initial_age_s, int64_t response_s, int64_t now_s)
{
	return clamp_seconds(initial_age_s + clamp_seconds(now_s - response_s));
}

/* RFC 9110 §15.1 without 206; 308 by RFC 9110 as well. These are also the
 * codes whose caching rules we implement (must-understand). */
static bool is_cacheable_by_default(unsigned status)
{
	static const unsigned short codes[] = {
	    200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501};

	for (size_t i = 0; i < sizeof(codes) / sizeof(*codes); i++) {
		if (codes[i] == status)
			return true;
	}
	return false;
}

/* §5.2.2.3: with must-understand, no-store is for caches that do not know the
 * status; without it no-store is for all. */
static bool is_store_forbidden(const struct freshness_answer *a)
{
	if (a->cc.has_must_understand)
		return !is_cacheable_by_default(a->status);
	return a->cc.has_no_store;
}

/* private="field" would allow the rest to be stored; a stored answer lacking
 * fields is worth less than none. */
static bool is_private(const struct cache_control *cc)
{
	return cc->has_private || cc->private_fields.p;
}

bool freshness_may_store(
    const struct freshness_answer *a, const struct cache_control *request)
{
	if (a->status < 200 || a->status > 599 || a->status == 304 ||
	    a->status == 429)
		return false;
	/* RFC 9110 §14.4: Content-Range means something in a 206 only. */
	if (a->status == 206 || a->is_vary_any)
		return false;
	if (request->has_no_store || is_store_forbidden(a) ||
	    is_private(&a->cc))
		return false;
	if (freshness_is_explicit(a))
		return true;
	return a->has_validator && is_cacheable_by_default(a->status);
}

/* §5.2.2.4: no-cache="field" would allow reuse without those fields; as with
 * private, asking is simpler and right. */
static bool is_no_cache(const struct cache_control *cc)
{
	return cc->has_no_cache || cc->no_cache_fields.p;
}

/* §4.2.4; s-maxage has the meaning of proxy-revalidate (§5.2.2.10). */
static bool is_stale_forbidden(const struct cache_control *answer)
{
	return answer->has_must_revalidate || answer->has_proxy_revalidate ||
	       answer->s_maxage_s >= 0;
}

enum freshness_verdict freshness_judge(const struct cache_control *answer,
    const struct cache_control *request, int64_t lifetime_s, int64_t age_s)
{
	int64_t left_s = lifetime_s - age_s;

	if (is_no_cache(answer) || is_no_cache(request))
		return FRESHNESS_ASK;
	/* max-age=0 is how clients say "revalidate"; an answer that arrived
	 * this very second is not what they mean. */
	if (request->max_age_s == 0 ||
	    (request->max_age_s > 0 && age_s > request->max_age_s))
		return FRESHNESS_ASK;
	if (request->min_fresh_s >= 0 && left_s < request->min_fresh_s)
		return FRESHNESS_ASK;
	/* §4.2: fresh while the lifetime exceeds the age. */
	if (left_s > 0)
		return FRESHNESS_FRESH;
	if (is_stale_forbidden(answer))
		return FRESHNESS_ASK;
	if (-left_s <= request->max_stale_s)
		return FRESHNESS_STALE;
	if (-left_s <= answer->stale_while_revalidate_s)
		return FRESHNESS_REVALIDATE;
	return FRESHNESS_ASK;
}

enum freshness_disconnected freshness_judge_disconnected(
    const struct cache_control *answer, const struct cache_control *request,
    int64_t lifetime_s, int64_t age_s, bool is_unreachable)
{
	int64_t stale_s = age_s - lifetime_s;
	int64_t allowed_s =
	    larger(answer->stale_if_error_s, request->stale_if_error_s);
	bool may;

	if (is_no_cache(answer) || is_no_cache(request))
		return FRESHNESS_ERROR;
	if (stale_s >= 0 && is_stale_forbidden(answer))
		return FRESHNESS_ERROR;
	if (stale_s < 0 || stale_s <= request->max_stale_s)
		may = true;
	else if (allowed_s >= 0)
		may = stale_s <= allowed_s;
	else
		may = is_unreachable;
	return may ? FRESHNESS_SERVE_STALE : FRESHNESS_ERROR;
}
