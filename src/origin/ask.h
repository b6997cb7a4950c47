/*
 * An ask: a front's question to the origin, and the envelope in which the
 * reply comes back. The same object travels both ways, so that answering
 * needs no memory and never finds a mailbox full: a front's mailbox has room
 * for as many asks as the front has slots.
 *
 * Owner: the front until posted, the origin until it posts it back, the
 * front from then on. An ask without reply_to is freed by the origin.
 */
#ifndef ORIGIN_ASK_H
#define ORIGIN_ASK_H

#include "base/mailbox.h"
#include "http/answer.h"
#include "origin/fetch.h"

/* What the front could serve instead, should the upstream fail. */
enum ask_fallback {
	ASK_FALLBACK_NONE,
	ASK_FALLBACK_STALE, /* an expired answer; also when upstream is slow */
	ASK_FALLBACK_ERROR, /* the same, but not when upstream is only slow */
	ASK_FALLBACK_AWAY /* only when the upstream cannot be reached: one with
			     an unconfirmed write, say */
};

struct stream;

enum ask_result {
	ASK_ANSWERED, /* answer holds what the upstream said */
	ASK_STREAMED, /* answer holds its head; the body comes by stream */
	ASK_STORED, /* a fresh answer is in the store by now: look again */
	ASK_STALE, /* serve the fallback, detail says why */
	ASK_FAILED /* fail_status and detail */
};

struct ask {
	struct mail mail;
	struct mailbox *reply_to; /* NULL: nobody waits (revalidation) */
	uint32_t slot; /* the front's; checked with generation */
	uint32_t generation;
	enum ask_fallback fallback;
	bool must_ask; /* the client wants it from the upstream */
	bool must_be_new; /* and asked for because of its question: no-cache */
	struct fetch *fetch; /* one reference; NULL in replies */

	/* origin's while it has the ask */
	struct ask *next; /* waiter list of a flight */
	uint64_t arrived_seq; /* sequence when it arrived */
	int64_t stale_at_ms; /* mono; 0: no such time */
	unsigned dispatches;

	/* the reply */
	enum ask_result result;
	struct answer *answer; /* one reference when ANSWERED or STREAMED */
	struct stream *stream; /* when STREAMED; see origin/stream.h */
	bool has_length; /* when STREAMED: the body's is known */
	uint64_t length;
	uint16_t fail_status;
	const char *detail; /* constant text, NULL when none */
	const char *message; /* ASK_FAILED: for the client; NULL: by status */
	uint16_t fwd_status; /* what the upstream said, if not answer's: 304 */
	bool is_stored;
	bool is_collapsed;
	/* Wall clock; not 0: the answer was there already, a hit. */
	int64_t fresh_until_ms;
	int64_t sent_us; /* mono: when the transfer began, 0 when none did */
	int64_t upstream_us; /* time it took */
};

/* To an error of the upstream's. */
static inline bool ask_prefers_stale(const struct ask *a)
{
	return a->fallback == ASK_FALLBACK_STALE ||
	       a->fallback == ASK_FALLBACK_ERROR;
}

#endif
