/*
 * A movement of tags on its way to the store: decided here, committed by the
 * writer, reported back. Whatever a client is told of a write is told after
 * that report.
 *
 * Made before what causes it is sent, so that a write whose tags could not be
 * moved is never begun. Nobody outside src/origin includes it. Origin thread
 * only.
 */
#ifndef ORIGIN_MOVEMENT_H
#define ORIGIN_MOVEMENT_H

#include "api/tags.h"
#include "store/cache.h"

struct origin;

struct movement {
	struct cache_move move; /* the writer's while it has it */
	struct origin *origin;
	/* The store has it, or failed to take it. m is the caller's again. */
	void (*done)(struct movement *m, bool is_committed);
	void *arg; /* done's */
	bool is_committed;
};

/* m is the caller's, who keeps it while it is sent. */
void movement_init(struct movement *m, struct origin *o,
    void (*done)(struct movement *, bool), void *arg);
/*
 * Decides the movement and sends it. Takes the content of tags; a set that
 * could not name its tags moves everything. is_suspect: the outcome is not
 * known. done is called after the commit; without a store at once.
 */
void movement_send(struct movement *m, struct tag_set *tags, bool is_suspect);
/* The writer is done with one of ours. */
void movement_moved(struct origin *o, struct cache_move *move);

#endif
