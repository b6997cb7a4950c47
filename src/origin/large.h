/*
 * Which reads lately had answers too large to store. They are passed on as
 * streams at once, instead of being fetched up to the limit first.
 *
 * A small table, not a truth: forgetting costs one transfer that is stopped
 * and begun again, remembering too long costs an answer that is not stored.
 *
 * Origin thread only.
 */
#ifndef ORIGIN_LARGE_H
#define ORIGIN_LARGE_H

#include "base/digest.h"

enum {
	LARGE_SIZE = 256,
	LARGE_MS = 10 * 60 * 1000
};

struct large {
	struct {
		struct digest128 key;
		int64_t until_ms; /* mono; 0: free */
	} v[LARGE_SIZE];
};

/* A struct large starts as zeroes. */
void large_note(struct large *l, const struct digest128 *key, int64_t now_ms);
void large_forget(struct large *l, const struct digest128 *key);
bool large_has(
    const struct large *l, const struct digest128 *key, int64_t now_ms);

#endif
