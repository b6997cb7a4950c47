/*
 * The sequence and what moved lately: the origin's own view of tags, ahead of
 * what the writer has committed.
 *
 * A movement is recorded here the moment it is decided; the store learns it
 * by mail. Whoever asks whether a flight is still good must see both, and
 * moves_latest looks at both. A movement may be forgotten here once it is
 * committed, older than the settling time, and no flight is older than it.
 *
 * Origin thread only.
 */
#ifndef ORIGIN_MOVES_H
#define ORIGIN_MOVES_H

#include "store/cache.h"

struct moves;

/* last_seq: highest one on disk. NULL when memory is exhausted. */
struct moves *moves_new(uint64_t last_seq);
void moves_free(struct moves *m);
uint64_t moves_seq(const struct moves *m);
/*
 * Takes the next sequence number for tags and returns it. When memory fails
 * the movement is recorded for every tag: correct, only coarser.
 */
uint64_t moves_record(struct moves *m, const struct digest128 *tags, size_t n,
    bool is_suspect, int64_t now_ms);
/* Latest movement of any of tags, here or in the store (reader may be NULL). */
void moves_latest(const struct moves *m, struct cache_reader *reader,
    const struct digest128 *tags, size_t n, struct cache_moved *out);
/*
 * Forgets what is committed (seq <= committed), not needed by any flight
 * (seq <= oldest_flight_seq) and older than before_ms.
 */
void moves_forget(struct moves *m, uint64_t committed,
    uint64_t oldest_flight_seq, int64_t before_ms);

#endif
