/*
 * Storing, freshness and reuse of an answer by RFC 9111, for paths that are
 * not in the operation table (table operations have rules of their own).
 *
 * The cache is shared by many clients but every entry belongs to one
 * credential scope. For §3.5 (Authorization) each such part is a private
 * cache of that credential, so Authorization alone does not forbid storing;
 * "private", s-maxage and proxy-revalidate are nevertheless read as a shared
 * cache reads them. No heuristics (§4.2.2): without explicit freshness the
 * lifetime is 0.
 *
 * Time is a parameter. Pure; any thread.
 */
#ifndef HTTP_FRESHNESS_H
#define HTTP_FRESHNESS_H

#include "base/slice.h"
#include "http/cachecontrol.h"

#include <stdbool.h>
#include <stdint.h>

/* What matters of an answer; see struct head, from which it is filled. */
struct freshness_answer {
	unsigned status;
	struct cache_control cc;
	bool has_expires;
	int64_t expires_s; /* when has_expires; invalid dates and "0": 0 */
	int64_t date_s; /* Date, or the time it was received */
	bool has_validator; /* ETag or Last-Modified */
	bool is_vary_any; /* Vary: * */
};

/* §4.2.1: s-maxage, max-age, Expires - Date, in this order; else 0. */
int64_t freshness_lifetime_s(const struct freshness_answer *a);
/* One of the above was present (also when it says 0). */
bool freshness_is_explicit(const struct freshness_answer *a);

/*
 * §4.2.3, Age when the answer arrived: the larger of response - Date and
 * Age + (response - request). Never negative, at most
 * CACHECONTROL_SECONDS_MAX. age_s is the Age field, 0 without.
 */
int64_t freshness_initial_age_s(
    int64_t age_s, int64_t date_s, int64_t request_s, int64_t response_s);
/* Now: the initial age plus the time it has been here; clamped likewise. */
int64_t freshness_age_s(
    int64_t initial_age_s, int64_t response_s, int64_t now_s);

/*
 * §3: may this answer to a GET (or HEAD; other methods never) be stored?
 * request is the request's Cache-Control. Partial answers and 304 are never
 * stored here (updating is §3.2). Any final status may be stored with explicit
 * freshness, 429 never; without freshness only a validator makes a 200, 203,
 * 204, 300, 301, 308, 404, 405, 410, 414 or 501 worth keeping.
 */
bool freshness_may_store(
    const struct freshness_answer *a, const struct cache_control *request);

enum freshness_verdict {
	FRESHNESS_FRESH, /* serve as it is */
	FRESHNESS_STALE, /* serve, marked; allowed by max-stale */
	FRESHNESS_REVALIDATE, /* serve, and revalidate behind (RFC 5861 §3) */
	FRESHNESS_ASK /* must ask the upstream first */
};

/* When the upstream cannot be asked, or answered 500, 502, 503 or 504. */
enum freshness_disconnected {
	FRESHNESS_SERVE_STALE, /* §4.2.4, RFC 5861 §4 */
	FRESHNESS_ERROR /* must answer 504, or the upstream's error */
};

/*
 * §4, §5.2.1: what a stored answer of this age may be used for. lifetime_s is
 * freshness_lifetime_s or an operator's rule.
 */
enum freshness_verdict freshness_judge(const struct cache_control *answer,
    const struct cache_control *request, int64_t lifetime_s, int64_t age_s);

/*
 * After FRESHNESS_ASK came to nothing. must-revalidate, proxy-revalidate,
 * s-maxage and no-cache of the answer forbid, and so does no-cache of the
 * request. A stale-if-error (either side) bounds the time past freshness;
 * without one any age is allowed (§4.2.4, disconnected) iff is_unreachable.
 */
enum freshness_disconnected freshness_judge_disconnected(
    const struct cache_control *answer, const struct cache_control *request,
    int64_t lifetime_s, int64_t age_s, bool is_unreachable);

#endif
