/*
 * What the parts of the origin share. Nobody outside src/origin includes it.
 * Origin thread only, but for the counters that status reads.
 */
#ifndef ORIGIN_ORIGIN_INTERNAL_H
#define ORIGIN_ORIGIN_INTERNAL_H

#include "base/pulse.h"
#include "origin/large.h"
#include "origin/moves.h"
#include "origin/origin.h"
#include "origin/queue.h"
#include "origin/stream.h"
#include "store/usage_collect.h"

#include <pthread.h>
#include <stdatomic.h>

struct event;
struct flight;
struct passage;

/* The last upstream request without a usable answer. Written by the origin
 * thread; a reader may see parts of two, each of which was true. */
struct origin_error {
	atomic_llong at_ms; /* wall clock; 0: none yet */
	atomic_int cause; /* enum transfer_cause */
	atomic_int status; /* of an answer 5xx, else 0 */
	atomic_int op; /* api_op_index; -1: unknown path */
};

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
	struct queue queue; /* of what goes through them, but for streams */
	struct cache_reader *reader; /* NULL: without a store */
	struct moves *moves;
	struct online online;
	struct families families;
	atomic_bool is_bypassed;
	struct rates *rates;
	/* Flights by key; chained hash, sized once. */
	struct flight **flights; /* owned */
	size_t flights_size;
	unsigned moves_pending; /* sent to the writer, not committed yet */
	uint64_t committed_seq;
	unsigned puts_pending; /* likewise */
	struct passage *passages;
	struct usage_table *usage; /* owned; counts upstream requests */
	struct origin_error last_error;
	struct stream *streams;
	struct stream *changed_streams;
	struct event *streams_event; /* acts on the changed ones */
	int64_t echo_until_ms; /* mono; see stream.c */
	struct large large;
	atomic_uint streams_n;
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
/* The same without returning it. */
void origin_set_failure(struct ask *a, const struct transfer_result *r);
/* Is it this ask whose client has left? */
bool origin_is_gone(const struct origin_gone *g, const struct ask *a);
/* What a failed transfer is to a client without a fallback: 502, 503, 504. */
uint16_t origin_fail_status(const struct transfer_result *r);
/* What a client is told of it; NULL: what its status says. */
const char *origin_fail_message(const struct transfer_result *r);
/* Head and body of a finished transfer as an answer, with the facts of its
 * head, which borrow from the answer. NULL: unusable head, or no memory. */
struct answer *origin_answer(struct origin *o, struct transfer *t,
    const struct transfer_result *r, struct head *info);
/* The same as origin_answer of a head whose body is still to come. */
struct answer *origin_answer_head(
    struct origin *o, const struct transfer_result *r, struct head *info);
/* What of an upstream's head is kept. */
enum head_rules origin_head_rules(const struct origin *o);
/* Makes an answer of a head, which is emptied, and info, which is about it.
 * Takes body. NULL: no memory. */
struct answer *origin_make_answer(struct origin *o, unsigned status,
    struct buf *head, char *body, size_t body_n, struct head *info);
/* At once: what has to wait for its turn goes through the queue. sink: NULL,
 * or where the body goes. */
struct transfer *origin_send(struct origin *o, const struct fetch *f,
    const struct transfer_sink *sink, transfer_done done, void *arg);

/* ---- report.c ---- */

/* A request goes upstream on behalf of f's tool. */
void origin_count_sent(struct origin *o, const struct fetch *f);
/* A transfer has ended: evidence, counters, the last error. Logs when the
 * upstream went away or came back. */
void origin_note_result(
    struct origin *o, const struct fetch *f, const struct transfer_result *r);
/* What it says of the family it was sent to. failure: what is wrong with the
 * answer, as filing_failure has it; NULL: nothing that was looked for. */
void origin_note_family(struct origin *o, const struct fetch *f,
    const struct transfer_result *r, const char *failure);
/* It was sent, and there is no answer yet that there should be. */
void origin_note_slow(struct origin *o, const struct fetch *f);
/* Tells the asker when the transfer began and how long it took. */
void origin_time_ask(struct ask *a, const struct transfer_result *r);

/* ---- flight.c: reads ---- */

/* Takes the ask over. */
void flight_ask(struct origin *o, struct ask *a);
/* A filing_holds; arg is the origin. */
bool flight_holds(
    const struct digest128 *key, struct slice full_key, void *arg);
/* Is an answer to what f asks for stored, or may one be soon? Without f. */
bool flight_is_filed(struct origin *o, const struct fetch *f);
/* Asks for a record that a write has just changed; takes f over. */
void flight_refetch(struct origin *o, struct fetch *f);
/* Gives back the ask whose client left. False: no flight has it. */
bool flight_client_gone(struct origin *o, const struct origin_gone *g);
/* The writer is done with a put. */
void flight_stored(struct origin *o, struct cache_put *p);
/* Sets when a waiter gets its stored answer instead, if it has one. */
void flight_time_stale(struct origin *o, struct ask *a);
/* The stale timer fired: serves stale to waiters whose time has come. */
void flight_release_stale(struct origin *o);
uint64_t flight_oldest_seq(const struct origin *o);
/* Fails all waiters, forgets all flights. */
void flight_stop_all(struct origin *o);

/* ---- write.c: writes, what passes once, and purges ---- */

/* Takes the ask over. */
void write_ask(struct origin *o, struct ask *a);
void write_purge(struct origin *o, struct origin_purge *p);
/* Drops what waits to be sent for the client that left. False: nothing is sent
 * for it, or has been already. */
bool write_client_gone(struct origin *o, const struct origin_gone *g);
/* Fails those whose answer never came. */
void write_stop_all(struct origin *o);

/* ---- stream.c: what passes piece by piece ---- */

/* Takes the ask over. */
void stream_ask(struct origin *o, struct ask *a);
/* Ends the transfer of one without a head. False: no such stream. */
bool stream_client_gone(struct origin *o, const struct origin_gone *g);
/* Stops those without a head whose clients have something stored and have
 * waited long enough for better. Returns the next time, or INT64_MAX. */
int64_t stream_release_stale(struct origin *o, int64_t now_ms);
/* Passes on what has arrived since. */
void stream_act_all(struct origin *o);
/* Mail from fronts. */
void stream_chunk_came(struct stream_chunk *c);
void stream_left(struct mail *m);
void stream_closed(struct mail *m);
/* Ends all transfers. */
void stream_stop_all(struct origin *o);
/* After the fronts have given everything back. */
void stream_free_all(struct origin *o);

#endif
