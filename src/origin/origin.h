/*
 * The origin: one thread that decides once for all what is asked of the
 * upstream: flights and who may share them, the order of invalidations, the
 * online state; later budget, credentials, crawl and outbox.
 *
 * Everything reaches it by mail. Life: origin_new, origin_start, origin_stop,
 * origin_free, all by the main thread; origin_post by any.
 */
#ifndef ORIGIN_ORIGIN_H
#define ORIGIN_ORIGIN_H

#include "origin/ask.h"
#include "origin/family.h"
#include "origin/online.h"
#include "origin/rates.h"
#include "store/cache.h"

struct origin;

enum origin_mail_kind {
	ORIGIN_MAIL_ASK = 1, /* struct ask */
	ORIGIN_MAIL_PURGE, /* struct origin_purge */
	ORIGIN_MAIL_MOVED, /* struct cache_move, from the writer */
	ORIGIN_MAIL_PUT, /* struct cache_put, from the writer */
	ORIGIN_MAIL_SWITCH, /* struct origin_switch, from origin_use */
	ORIGIN_MAIL_USAGE, /* struct usage_collect */
	ORIGIN_MAIL_CHUNK, /* struct stream_chunk, empty again */
	ORIGIN_MAIL_STREAM_LEFT, /* struct stream, as the next */
	ORIGIN_MAIL_STREAM_CLOSED,
	ORIGIN_MAIL_GONE, /* struct origin_gone */
	ORIGIN_MAIL_STOP /* struct mail, owned by origin_stop */
};

/* What replies carry as mail.kind in a front's mailbox. */
#define ORIGIN_REPLY_KIND ORIGIN_MAIL_ASK

/*
 * The client of an ask has left. The ask comes back at once, failed, unless it
 * is on its way back already, or was sent as a write or what passes once. What
 * was to be sent for this client alone is dropped. In
 * malloc'd memory, which the origin frees.
 */
struct origin_gone {
	struct mail mail;
	const struct mailbox *reply_to; /* these as in the ask */
	uint32_t slot;
	uint32_t generation;
	struct digest128 key; /* of a read; else whatever it is */
};

/* An operator's invalidation. Comes back to reply_to after the commit. */
struct origin_purge {
	struct mail mail;
	struct mailbox *reply_to; /* gets mail back, */
	int reply_kind; /* as this kind */
	struct tag_set tags; /* owned */
	bool is_committed; /* reply: false when the store failed */
	void *arg; /* the sender's */
};

/*
 * What a reload may change, as of one moment. Immutable; whoever made it keeps
 * it until the origin does not use it any more.
 */
struct origin_settings {
	const struct api_policies *policies;
	struct transfers_terms transfers;
	int64_t stale_wait_ms;
	int64_t settling_ms;
	size_t
	    store_answer_max_bytes; /* larger answers of reads are streamed */
	int64_t stream_idle_timeout_ms;
};

/*
 * New settings on their way to the origin. Comes back to reply_to once the
 * origin follows them, and reads the former ones no more.
 */
struct origin_switch {
	struct mail mail;
	const struct origin_settings *settings;
	struct mailbox *reply_to;
	int reply_kind;
};

struct origin_options {
	struct transfers_options transfers; /* its terms: from settings */
	struct cache *cache; /* NULL: no store, requests pass through */
	bool is_standards; /* no path is GHL's: RFC 9111 alone */
	const struct origin_settings *settings; /* at the start */
	size_t mailbox_capacity; /* asks that may be queued */
};

/* NULL with a message in why (caller frees). */
struct origin *origin_new(const struct origin_options *o, char **why);
bool origin_start(struct origin *o);
/* After origin_start and before origin_stop. s is the origin's until it is
 * back; never refused for want of room. Main thread. */
void origin_use(struct origin *o, struct origin_switch *s);
/*
 * Cancels what runs, returns every ask (failed, 503), ends the thread. The
 * writer must still run.
 */
void origin_stop(struct origin *o);
void origin_free(struct origin *o);

/* Takes m over; false (and m stays the caller's) when the mailbox is full. */
bool origin_post(struct origin *o, struct mail *m);
struct online *origin_online(struct origin *o);
struct families *origin_families(struct origin *o);
/*
 * The operator's word that nothing is served from the store or put into it;
 * flights are still shared and tags still move. Any thread: who sees the old
 * word for a moment does what was right then.
 */
bool origin_is_bypassed(const struct origin *o);
void origin_set_bypass(struct origin *o, bool is_on);
const struct rates *origin_rates(const struct origin *o);

/* For status; any thread. */
struct origin_stat {
	unsigned flights;
	unsigned passages; /* writes and what passes once */
	unsigned streams;
	unsigned queued; /* of flights and passages: not sent yet */
	uint64_t seq;
	/* The last upstream request without a usable answer. */
	int64_t error_at_ms; /* wall clock; 0: none yet */
	unsigned error_status; /* of an answer 5xx, else 0 */
	const char *error_cause; /* static string */
	const char *error_op; /* id; NULL: unknown path */
};
void origin_stat(const struct origin *o, struct origin_stat *out);
/* The upstream requests that were counted and not collected. After
 * origin_stop; owned by the origin. */
struct usage_table *origin_usage(struct origin *o);

#endif
