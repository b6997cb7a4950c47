/*
 * Movements that could not be recorded yet, kept in memory until they can be.
 * Bounded: past the bound, or without memory, everything counts as moved.
 *
 * Writer thread. Inside src/store only.
 */
#ifndef STORE_PENDING_H
#define STORE_PENDING_H

#include "store/cache.h"

struct pending_tag {
	struct digest128 tag;
	struct cache_moved moved;
};

struct pending {
	struct pending_tag *v; /* owned; a tag may be there several times */
	size_t n;
	size_t size;
	struct cache_moved all; /* movement of everything; zero: none */
};

/* Adds every tag of m, with the callers' sequence. */
void pending_add(struct pending *p, const struct cache_move *m);
bool pending_is_empty(const struct pending *p);
void pending_clear(struct pending *p);

#endif
