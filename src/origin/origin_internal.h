/*
 * What the parts of the origin share. Nobody outside src/origin includes it.
 * Origin thread only, but for the counters that status reads.
 */
#ifndef ORIGIN_ORIGIN_INTERNAL_H
#define ORIGIN_ORIGIN_INTERNAL_H

#include "base/pulse.h"
#include "origin/moves.h"
#include "origin/origin.h"

#include <pthread.h>
#include <stdatomic.h>

struct event;
struct flight;
struct passage;

struct origin {
	struct origin_options options;
	const struct origin_settings *settings; /* of now */
	pthread_t thread;
	bool is_running;
	bool is_stopping;
	struct pulse pulse;
	struct event_base *base;
	struct mailbox *mailbox; /* asks and commands */
	/* What must never be refused: from the writer and main; unbounded. */
	struct mailbox *returns;
	struct event *mailbox_event;
	struct event *returns_event;
	struct event *tick;
	struct event *stale_timer;
	int64_t stale_timer_at_ms; /* mono; 0: not armed */
	struct transfers *transfers;
	struct cache_reader *reader; /* NULL: without a store */
	struct moves *moves;
	struct online online;
	atomic_bool is_bypassed;
	struct rates *rates;
	/* Flights by key; chained hash, sized once. */
	struct flight **flights; /* owned */
	size_t flights_size;
	unsigned moves_pending; /* sent to the writer, not committed yet */
	uint64_t committed_seq;
	unsigned puts_pending; /* likewise */
	struct passage *passages;
	atomic_uint flights_n;
	atomic_uint passages_n;
	atomic_ullong seq_seen;
};

/* ---- origin.c ---- */

/* Posts the ask back (or frees it when nobody waits). */
void origin_return(struct origin *o, struct ask *a);
void origin_return_failed(
    struct origin *o, struct ask *a, uint16_t status, const char *detail);
/* A fallback when it has one for this failure, else failed. */
void origin_return_failure(
    struct origin *o, struct ask *a, const struct transfer_result *r);
/* What a failed transfer is to a client without a fallback: 502, 503, 504. */
uint16_t origin_fail_status(const struct transfer_result *r);
/* Head and body of a finished transfer as an answer, with the facts of its
 * head, which borrow from the answer. NULL: unusable head, or no memory. */
struct answer *origin_answer(
    struct transfer *t, const struct transfer_result *r, struct head *info);
/* What a finished transfer says about the upstream as a whole; logs when it
 * went away or came back. */
void origin_heard(struct origin *o, const struct transfer_result *r);
struct transfer *origin_send(
    struct origin *o, const struct fetch *f, transfer_done done, void *arg);

/* ---- flight.c: reads ---- */

/* Takes the ask over. */
void flight_ask(struct origin *o, struct ask *a);
/* A filing_holds; arg is the origin. */
bool flight_holds(
    const struct digest128 *key, struct slice full_key, void *arg);
/* Asks for a record that a write has just changed; takes f over. */
void flight_refetch(struct origin *o, struct fetch *f);
/* The writer is done with a put. */
void flight_stored(struct origin *o, struct cache_put *p);
/* The stale timer fired: serves stale to waiters whose time has come. */
void flight_release_stale(struct origin *o);
uint64_t flight_oldest_seq(const struct origin *o);
/* Fails all waiters, forgets all flights. */
void flight_stop_all(struct origin *o);

/* ---- write.c: writes, what passes once, and purges ---- */

/* Takes the ask over. */
void write_ask(struct origin *o, struct ask *a);
void write_purge(struct origin *o, struct origin_purge *p);
/* Fails those whose answer never came. */
void write_stop_all(struct origin *o);

#endif
