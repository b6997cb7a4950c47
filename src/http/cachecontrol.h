/*
 * Cache-Control of requests and answers (RFC 9111 §5.2, RFC 5861).
 *
 * Parsing never fails as a whole: unknown directives are ignored, and a known
 * one that is malformed counts as its most cautious reading, so that a typo
 * can make the cache slower but never makes it serve what it must not:
 *  - max-age, s-maxage: 0; min-fresh: the longest time;
 *  - max-stale, stale-while-revalidate, stale-if-error: as absent;
 *  - no-store and its like with an argument they do not take: as without.
 * Of repeated ages the smallest counts (§4.2.1 allows the first, or stale).
 *
 * Pure; any thread.
 */
#ifndef HTTP_CACHECONTROL_H
#define HTTP_CACHECONTROL_H

#include "base/slice.h"

#include <stdbool.h>
#include <stdint.h>

/* delta-seconds beyond this become this (§1.2.2). */
#define CACHECONTROL_SECONDS_MAX INT64_C(2147483648)

struct cache_control {
	bool is_present; /* at least one Cache-Control field was seen */
	bool has_no_store;
	bool has_no_cache; /* without field names */
	bool has_private; /* without field names */
	bool has_public;
	bool has_must_revalidate;
	bool has_proxy_revalidate;
	bool has_must_understand;
	bool has_no_transform;
	bool has_only_if_cached;
	/* no-cache="a, b" and private="a, b": the list inside the quotes, of
	 * the last such directive; p is NULL when there is none. Several such
	 * directives count as the unqualified form. Borrowed. */
	struct slice no_cache_fields;
	struct slice private_fields;
	/* Seconds; -1 when absent. */
	int64_t max_age_s;
	int64_t s_maxage_s;
	int64_t stale_while_revalidate_s;
	int64_t stale_if_error_s;
	int64_t min_fresh_s;
	int64_t max_stale_s; /* without a value: CACHECONTROL_SECONDS_MAX */
};

void cachecontrol_init(struct cache_control *cc);
/* Adds the directives of one field value; call once per field line. */
void cachecontrol_add(struct cache_control *cc, struct slice value);
/* Digits only, at least one; overflow becomes CACHECONTROL_SECONDS_MAX. */
bool cachecontrol_seconds(struct slice s, int64_t *seconds);

#endif
