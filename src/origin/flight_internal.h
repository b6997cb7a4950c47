/*
 * What the parts of a flight share: its table and its waiters (flight.c), and
 * what becomes of it when its answer is there (landing.c). Nobody else includes
 * it. Origin thread only.
 */
#ifndef ORIGIN_FLIGHT_INTERNAL_H
#define ORIGIN_FLIGHT_INTERNAL_H

#include "origin/origin_internal.h"

/*
 * A flight: one read under way to the upstream, and everybody who waits for
 * it. After landing it stays findable until the writer has committed its
 * answer, so that nobody asks again for what has just arrived.
 */
struct flight {
	struct flight *next_in_bucket;
	struct origin *origin;
	struct fetch *fetch; /* one reference */
	struct queue_job job; /* until it has landed */
	struct tag_set tags; /* of the request; of the answer too, landed */
	uint64_t seq; /* when handed to curl; NOT_BEGUN before */
	int64_t begun_at_ms; /* wall; likewise */
	struct ask *waiters; /* oldest first */
	struct ask **waiters_end;
	struct answer *answer; /* landed, waiting for the commit; else NULL */
	int64_t fresh_until_ms; /* wall; landed */
	bool is_shared; /* others may join */
	bool is_slow; /* and it was said */
	bool is_wanted; /* whoever waits for it: to renew what is stored */
};

/* Newer than any movement, for those who ask whether it may be too old: what
 * is still to be sent will not be overtaken by what has happened. */
#define NOT_BEGUN UINT64_MAX

/* ---- flight.c ---- */

/* Was one of its tags moved since it was handed to curl? */
bool flight_has_moved(struct flight *fl);
/* Nobody waits for it. */
void flight_free(struct flight *fl);
/* The oldest first; the flight has none then. */
struct ask *flight_take_waiters(struct flight *fl);
/* Sets the tags that the request alone tells. */
void flight_begin_tags(struct flight *fl);
/* With all who wait already: it may be over before this returns. */
void flight_depart(struct flight *fl);
/*
 * A probe that was sent at since_us was answered: reads that were sent well
 * before it are on connections that are dead, as far as anybody can tell. Who
 * waits for one is asked for once more; the others end.
 */
void flight_drop_stuck(struct origin *o, int64_t since_us);
void flight_give(
    struct origin *o, struct ask *a, struct answer *answer, bool is_stored);

/* ---- landing.c ---- */

/* The job's done: the transfer is over. */
void landing_done(
    struct queue_job *j, struct transfer *t, const struct transfer_result *r);

#endif
