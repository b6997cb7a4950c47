/*
 * Filing: may this answer be stored, for how long, and as what. The one
 * place where the rules of the operation table, of RFC 9111 and of the store
 * meet. Also finds what to fetch again after a write.
 *
 * Pure; origin thread.
 */
#ifndef ORIGIN_FILING_H
#define ORIGIN_FILING_H

#include "http/head.h"
#include "origin/fetch.h"
#include "store/cache.h"

struct filing {
	const struct fetch *fetch;
	struct answer *answer; /* no failure; a reference is taken when filed */
	const struct head *info;
	bool is_close_delimited; /* may have been cut unnoticed */
	const struct tag_set *tags;
	struct cache_moved moved; /* latest movement of the tags */
	uint64_t seq;
	int64_t settling_ms;
	size_t max_bytes; /* larger ones pass unstored */
};

/*
 * Why an answer is a failure of the upstream, which is never stored and less
 * worth than a stale answer: the detail of Cache-Status. NULL: it is none.
 */
const char *filing_failure(
    const struct fetch *f, const struct answer *a, const struct head *info);
/* The age that an answer had on arrival (RFC 9111 §4.2.3), of which nobody
 * knows how long it was under way here. Times on the wall clock. */
int64_t filing_initial_age_s(const struct fetch *f, const struct head *info,
    int64_t requested_at_ms, int64_t received_at_ms);
/*
 * Appends the key of a variant (RFC 9111 §4.1): base is a key built without
 * fields, names what http/vary.h makes of the answer's Vary, fields those of
 * the request.
 */
void filing_variant_key(struct buf *key, struct slice base, struct slice names,
    const struct slice *fields, size_t fields_n);
/* Would b find in the store what a brought, an answer with this head? Their
 * keys are equal. */
bool filing_is_same_variant(
    const struct fetch *a, const struct fetch *b, struct slice head);
/* Ready to post but for done and arg; NULL when it may not be stored. */
struct cache_put *filing_put(const struct filing *f);
/*
 * What was stored under another policy is worth no more than this one would
 * have given it: terms that became shorter count at once, longer ones for what
 * is stored from now on. Shortens the terms of the view and gives its state.
 * op NULL: they came from the upstream, and stay.
 */
enum cache_state filing_review(struct cache_view *v, const struct api_op *op,
    const struct api_policy *policy, int64_t now_ms);
/* Is an answer with this key stored, or on its way into the store? */
typedef bool (*filing_holds)(
    const struct digest128 *key, struct slice full_key, void *arg);

/*
 * The record that a write changes, if its answer is held for this credential:
 * asked again afterwards, so that an outage finds no hole. One reference; NULL
 * when there is nothing to ask. To be called before the movement, which takes
 * the answer away.
 */
struct fetch *filing_refetch(const struct api_policies *policies,
    const struct fetch *write, filing_holds holds, void *arg);

#endif
