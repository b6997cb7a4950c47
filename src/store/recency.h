/*
 * When each stored answer was last used, roughly: what eviction goes by.
 *
 * A table of ticks, indexed by the key's digest. A hit writes the current tick
 * into its slot (no lock, no system call, and no write at all when the tick is
 * there already); the writer's housekeeping reads it. The clock counts bytes
 * stored, not seconds: what matters is how much has come in since an answer
 * was used, and in a quiet night nothing grows old. Two keys in one slot make
 * one of them look younger than it is. Lost with the process; then the time
 * at which an answer was stored decides.
 *
 * Inside src/store only.
 */
#ifndef STORE_RECENCY_H
#define STORE_RECENCY_H

#include "base/digest.h"

#include <stdatomic.h>

/* Older than every tick: not used as far as this process knows. */
#define RECENCY_UNKNOWN 65535u

struct recency {
	atomic_ushort *slots; /* owned; NULL: everything is unknown */
	size_t mask;
	atomic_ushort now; /* never 0, which is an unused slot */
	uint64_t tick_bytes;
	uint64_t bytes; /* of this tick; writer */
};

/* Sized for a store of max_bytes. Without memory nothing is remembered. */
void recency_init(struct recency *r, uint64_t max_bytes);
void recency_fini(struct recency *r);
/* key was used now. Any thread. */
void recency_touch(struct recency *r, const struct digest128 *key);
/* That many bytes more were stored. Writer. */
void recency_advance(struct recency *r, uint64_t bytes);
/* Ticks since key was used, RECENCY_UNKNOWN when it was not. Any thread. */
unsigned recency_age(const struct recency *r, const struct digest128 *key);

#endif
