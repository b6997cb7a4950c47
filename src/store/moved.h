/*
 * The record of a tag: when it last moved.
 *
 * The checksum covers the tag's name as well, so that a record which turns up
 * under another name is not believed.
 *
 * Pure; any thread.
 */
#ifndef STORE_MOVED_H
#define STORE_MOVED_H

#include "store/cache.h"

#define MOVED_BYTES 40

void moved_encode(const struct digest128 *tag, const struct cache_moved *m,
    unsigned char out[MOVED_BYTES]);
/* p needs no alignment. False on anything odd; out is then untouched. */
bool moved_decode(const struct digest128 *tag, const void *p, size_t n,
    struct cache_moved *out);
/* The later of both, each number for itself. */
void moved_merge(struct cache_moved *into, const struct cache_moved *from);

#endif
