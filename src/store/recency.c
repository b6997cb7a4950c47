#include "store/recency.h"

#include <stdlib.h>

/* A slot for each page that may be stored: answers take at least about half
 * of one. 1 MiB of slots, 2 MiB of memory, for 4 GiB. */
#define BYTES_PER_SLOT 4096
#define SLOTS_MIN (1u << 12)
#define SLOTS_MAX (1u << 22)

/* Ticks while the store is filled once. Enough to tell the hot from the cold;
 * 16 bits then last for 256 fillings before an old tick looks new again. */
#define TICKS_PER_FILLING 256

void recency_init(struct recency *r, uint64_t max_bytes)
{
	size_t n = SLOTS_MIN;

	while (n < SLOTS_MAX && n < max_bytes / BYTES_PER_SLOT)
		n *= 2;
	r->slots = calloc(n, sizeof(*r->slots));
	r->mask = n - 1;
	r->tick_bytes = max_bytes / TICKS_PER_FILLING + 1;
	r->bytes = 0;
	atomic_init(&r->now, 1);
}

void recency_fini(struct recency *r)
{
	free(r->slots);
	r->slots = NULL;
}

static atomic_ushort *slot_of(
    const struct recency *r, const struct digest128 *key)
{
	uint64_t h;

	memcpy(&h, key->b, sizeof(h));
	return &r->slots[(size_t)h & r->mask];
}

void recency_touch(struct recency *r, const struct digest128 *key)
{
	unsigned short now;
	atomic_ushort *slot;

	if (!r->slots)
		return;
	now = atomic_load_explicit(&r->now, memory_order_relaxed);
	slot = slot_of(r, key);
	/* Read first: a slot that is hot on two cores stays in both. */
	if (atomic_load_explicit(slot, memory_order_relaxed) != now)
		atomic_store_explicit(slot, now, memory_order_relaxed);
}

void recency_advance(struct recency *r, uint64_t bytes)
{
	unsigned short now;

	r->bytes += bytes;
	if (r->bytes < r->tick_bytes)
		return;
	r->bytes = 0;
	now = atomic_load_explicit(&r->now, memory_order_relaxed);
	now = (unsigned short)(now + 1);
	atomic_store_explicit(
	    &r->now, now ? now : (unsigned short)1, memory_order_relaxed);
}

unsigned recency_age(const struct recency *r, const struct digest128 *key)
{
	unsigned short now, then;

	if (!r->slots)
		return RECENCY_UNKNOWN;
	now = atomic_load_explicit(&r->now, memory_order_relaxed);
	then = atomic_load_explicit(slot_of(r, key), memory_order_relaxed);
	return then == 0 ? RECENCY_UNKNOWN : (unsigned short)(now - then);
}
