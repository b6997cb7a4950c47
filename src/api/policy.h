/*
 * The effective cache policy of every operation: the table's terms, changed by
 * the [route] blocks of the configuration.
 *
 * Built once per configuration by the thread that loads it, constant from then
 * on; any thread may read.
 */
#ifndef API_POLICY_H
#define API_POLICY_H

#include "api/op.h"

#define API_STALE_UNLIMITED INT64_MAX

struct api_policy {
	int64_t ttl_ms; /* fresh for; 0: coalesced only */
	int64_t swr_ms; /* served stale while revalidating, past ttl */
	enum api_stale stale; /* NEVER exactly when stale_ms is 0 */
	/* Served, past ttl, while the upstream is away. */
	int64_t stale_ms;
	bool is_override_upstream; /* stored in spite of no-store */
};

/*
 * One [route] block. match: an operation id, "METHOD /template" with the
 * parameters named as they like, or the name of a class. What is not has_ is
 * not touched. Durations are >= 0.
 */
struct api_route_rule {
	struct slice match;
	bool has_ttl;
	int64_t ttl_ms;
	bool has_swr;
	int64_t swr_ms;
	bool has_stale;
	int64_t stale_ms; /* stale_if_error; 0: never */
	bool has_override;
	bool is_override_upstream;
};

struct api_route_error {
	size_t rule; /* index of the rule that is wrong */
	const char *message; /* constant text */
};

struct api_policies;

/*
 * Rules for classes come first, then those for single operations; among equals
 * the later wins. NULL when a rule matches nothing that is stored (a write, a
 * never-operation, a misspelt name) or memory is exhausted; error then says
 * which and why. rules are borrowed for the call.
 */
struct api_policies *api_policies_new(const struct api_route_rule *rules,
    size_t n, struct api_route_error *error);
/* p may be NULL. */
void api_policies_free(struct api_policies *p);
/* op NULL (a path that the table does not know): nothing is granted, plain
 * RFC 9111 decides. Lives as long as p. */
const struct api_policy *api_policy_of(
    const struct api_policies *p, const struct api_op *op);

/* Can an answer under this policy ever be used again? */
static inline bool api_policy_may_store(const struct api_policy *p)
{
	return p->ttl_ms > 0 || p->swr_ms > 0 || p->stale_ms > 0;
}

#endif
