/*
 * Counters and times. Each thread counts in a block of its own, so that
 * counting costs one plain addition; whoever wants the totals sums all blocks.
 *
 * One list makes the enum, the names and the help texts. The names become
 * those of Prometheus (ghlmirror_NAME_total), so they are part of the product.
 */
#ifndef BASE_METRICS_H
#define BASE_METRICS_H

#include <stdint.h>

/* X(enum suffix, name, help: one sentence for users) */
#define METRICS(X) \
	X(REQUESTS, "requests", "Requests answered, whatever the answer.") \
	X(HITS, "hits", "Requests answered with a fresh stored answer.") \
	X(HITS_STALE, "hits_stale", \
	    "Requests answered with a stored answer that was stale.") \
	X(MISSES, "misses", "Cacheable requests the store could not answer.") \
	X(BYPASSED, "bypassed", \
	    "Cacheable requests that went past the store because bypass " \
	    "was on.") \
	X(COALESCED, "coalesced", \
	    "Requests that shared the upstream request of another one.") \
	X(NOT_MODIFIED, "not_modified", \
	    "Requests answered 304 because the client's copy was current.") \
	X(REFUSED, "refused", "Requests refused as malformed or unsafe.") \
	X(PREFLIGHTS, "preflights", \
	    "Questions of browsers, whether a page may ask, answered.") \
	X(FORWARDED_UNUSED, "forwarded_unused", \
	    "Requests of trusted proxies whose words on the client were " \
	    "malformed or contradictory, and not believed.") \
	X(OVERLOAD, "overload", "Requests answered 503 for lack of slots.") \
	X(CLIENT_ERRORS, "client_errors", \
	    "Client connections that ended in the middle of a message.") \
	X(WAITERS_GONE, "waiters_gone", \
	    "Clients that left before their answer came.") \
	X(DROPPED, "dropped", \
	    "Requests not sent upstream because their clients left while " \
	    "they waited for their turn.") \
	X(UPSTREAM_REQUESTS, "upstream_requests", "Requests sent upstream.") \
	X(UPSTREAM_ERRORS, "upstream_errors", \
	    "Upstream requests without a usable answer: connection failures, " \
	    "time-outs and 5xx.") \
	X(RESEND_STOPPED, "resend_stopped", \
	    "Upstream requests that would have been sent twice and were not.") \
	X(STREAMS, "streams", \
	    "Answers passed on piece by piece instead of being collected.") \
	X(STREAMS_CUT, "streams_cut", \
	    "Streams that ended before their end: the upstream broke off or " \
	    "fell silent, the client left, or the daemon stopped.") \
	X(STREAMS_REFUSED, "streams_refused", \
	    "Requests answered 503 because too many streams were open.") \
	X(REVALIDATED, "revalidated", \
	    "Stored answers that the upstream confirmed instead of sending " \
	    "them again.") \
	X(REVALIDATIONS_LOST, "revalidations_lost", \
	    "Confirmations of stored answers that were gone by then; the " \
	    "upstream was asked again.") \
	X(CREDENTIALS_DENIED, "credentials_denied", \
	    "Answers by which the upstream called a credential invalid; what " \
	    "was stored for it is not used any more.") \
	X(ANSWERS_DENIED, "answers_denied", \
	    "Stored answers given up because the upstream refuses them to " \
	    "their credential now, or no longer has what they tell of.") \
	X(LARGE_ANSWERS, "large_answers", \
	    "Reads begun again as streams because their answer was too large " \
	    "to store.") \
	X(FLIGHTS_REDISPATCHED, "flights_redispatched", \
	    "Reads sent again because a write overtook their first answer.") \
	X(WRITES, "writes", "Writes the upstream confirmed.") \
	X(WRITES_UNKNOWN, "writes_unknown", \
	    "Writes of which nobody knows whether the upstream did them.") \
	X(MOVES, "moves", "Tags moved, which made stored answers stale.") \
	X(STORED, "stored", "Answers stored.") \
	X(STORE_DROPPED, "store_dropped", \
	    "Answers not stored because the writer was behind.") \
	X(STORE_FULL, "store_full", \
	    "Answers not stored because the store was full.") \
	X(STORE_REMOVED, "store_removed", \
	    "Stored answers removed as too old, overtaken or damaged.") \
	X(STORE_EVICTED, "store_evicted", \
	    "Stored answers removed to make room for others.") \
	X(STORE_TAGS_FORGOTTEN, "store_tags_forgotten", \
	    "Tags removed because no stored answer could depend on them.") \
	X(STORE_FAILED, "store_failed", \
	    "Operations on the store that failed.") \
	X(STORE_DAMAGED, "store_damaged", \
	    "Stored answers passed over because they were damaged.") \
	X(NO_STORE_HONOURED, "no_store_honoured", \
	    "Answers not stored because the upstream said no-store.") \
	X(SETTLING_UNSTORED, "settling_unstored", \
	    "Search answers not stored because a write had just been made.") \
	X(CONNECTIONS, "connections", "Client connections accepted.") \
	X(CONNECTIONS_ENDED, "connections_ended", \
	    "Client connections that are over.") \
	X(CONNECTIONS_SHED, "connections_shed", \
	    "Client connections closed because there were too many.") \
	X(REPLIES_SHED, "replies_shed", \
	    "Replies cut because too many bytes waited for slow clients.") \
	X(ACCEPT_PAUSED, "accept_paused", \
	    "Times that accepting stopped for lack of descriptors or memory.") \
	X(CLIENT_TIMEOUTS, "client_timeouts", \
	    "Client connections cut by the header, body or write deadline.") \
	X(LOG_DROPPED, "log_dropped", \
	    "Log lines lost because nothing took them.")

enum metric {
#define METRICS_ENUM(id, name, help) METRIC_##id,
	METRICS(METRICS_ENUM)
#undef METRICS_ENUM
	METRIC_COUNT
};

/*
 * Gives the calling thread its own block. Without one (not called, or no
 * memory) the thread counts in a shared block, which is slower but right.
 */
void metrics_thread_init(void);
/* Before the thread ends: keeps its counts, frees its block. */
void metrics_thread_fini(void);

/* Any thread. */
void metrics_add(enum metric m, uint64_t n);
/*
 * The totals since the start of the process. Any thread; takes a lock, so not
 * on the path of a request. Each counter is exact and never goes back, but
 * two of them need not be of the same instant.
 */
void metrics_sum(uint64_t out[METRIC_COUNT]);

/* Static strings. */
const char *metrics_name(enum metric m);
const char *metrics_help(enum metric m);

/*
 * Times, counted in buckets with fixed bounds. As counters: each thread has
 * its own. ghlmirror_NAME_seconds for Prometheus.
 */
/* X(enum suffix, name, help: one sentence for users) */
#define TIMINGS(X) \
	X(HIT, "hit", \
	    "Time from request to reply, of those answered from the store.") \
	X(WAIT, "wait", \
	    "Time from request to reply, of those that had to ask upstream.") \
	X(QUEUE, "queue", \
	    "Time that requests waited before their upstream request began.") \
	X(UPSTREAM, "upstream", "Time that upstream requests took.")

enum timing {
#define TIMINGS_ENUM(id, name, help) TIMING_##id,
	TIMINGS(TIMINGS_ENUM)
#undef TIMINGS_ENUM
	TIMING_COUNT
};

#define TIMING_BOUNDS 18

struct timing_sum {
	/* Of each bucket alone, not of those below it; the last one is for
	 * what is longer than the last bound. */
	uint64_t buckets[TIMING_BOUNDS + 1];
	uint64_t sum_us;
};

/* Any thread, as metrics_add. Negative times count as 0. */
void metrics_time(enum timing t, int64_t us);
/* As metrics_sum. */
void metrics_time_sum(enum timing t, struct timing_sum *out);
/* Upper bound of bucket i < TIMING_BOUNDS, inclusive. */
int64_t metrics_bound_us(unsigned i);
/* Static strings. */
const char *metrics_time_name(enum timing t);
const char *metrics_time_help(enum timing t);

#endif
