#include "origin/rates.h"

#include <stdatomic.h>
#include <stdlib.h>

/*
 * Direct-mapped: two credentials that fall on one place take turns, which
 * costs a reply its x-ratelimit fields and nothing else.
 */
#define PLACES 256

/* The fields of struct head_limits that replies show, in its order. */
#define SHOWN 6

struct place {
	atomic_ullong scope; /* first 8 bytes of it, 0: free */
	atomic_llong value[SHOWN];
};

struct rates {
	struct place places[PLACES];
};

struct rates *rates_new(void)
{
	return calloc(1, sizeof(struct rates));
}

void rates_free(struct rates *r)
{
	free(r);
}

static unsigned long long name_of(const struct digest128 *scope)
{
	unsigned long long name;

	memcpy(&name, scope->b, sizeof(name));
	return name ? name : 1;
}

void rates_update(struct rates *r, const struct digest128 *scope,
    const struct head_limits *seen)
{
	unsigned long long name = name_of(scope);
	struct place *p = &r->places[name % PLACES];
	const int64_t values[SHOWN] = {
	    seen->max,
	    seen->remaining,
	    seen->interval_ms,
	    seen->limit_daily,
	    seen->daily_remaining,
	    seen->daily_reset_ms,
	};

	if (seen->max < 0 && seen->limit_daily < 0)
		return;
	for (int i = 0; i < SHOWN; i++)
		atomic_store_explicit(
		    &p->value[i], values[i], memory_order_relaxed);
	atomic_store_explicit(&p->scope, name, memory_order_release);
}

bool rates_view(const struct rates *r, const struct digest128 *scope,
    struct head_limits *out)
{
	unsigned long long name = name_of(scope);
	const struct place *p = &r->places[name % PLACES];
	int64_t *const values[SHOWN] = {
	    &out->max,
	    &out->remaining,
	    &out->interval_ms,
	    &out->limit_daily,
	    &out->daily_remaining,
	    &out->daily_reset_ms,
	};

	if (atomic_load_explicit(&p->scope, memory_order_acquire) != name)
		return false;
	for (int i = 0; i < SHOWN; i++)
		*values[i] =
		    atomic_load_explicit(&p->value[i], memory_order_relaxed);
	out->retry_after_s = -1;
	return true;
}
