/*
 * From the fields an upstream sent to the head that is stored and replayed
 * (struct answer), and to the facts in it that the proxy acts on.
 *
 * Dropped: hop-by-hop fields and those that Connection names, fields that are
 * never replayed, and those written anew for each reply (http/field.h). Vary
 * lines are joined into one. Everything else, known or not, is kept in order
 * and byte for byte (RFC 9111 §3.1).
 *
 * Pure; any thread.
 */
#ifndef HTTP_HEAD_H
#define HTTP_HEAD_H

#include "base/buf.h"
#include "base/slice.h"
#include "http/cachecontrol.h"
#include "http/freshness.h"

#include <stdbool.h>
#include <stdint.h>

/* GHL's rate headers; a negative number is "not sent or not a number". */
struct head_limits {
	int64_t max; /* x-ratelimit-max */
	int64_t remaining; /* x-ratelimit-remaining */
	int64_t interval_ms; /* x-ratelimit-interval-milliseconds */
	int64_t limit_daily; /* x-ratelimit-limit-daily */
	int64_t daily_remaining; /* x-ratelimit-daily-remaining */
	int64_t daily_reset_ms; /* x-ratelimit-daily-reset */
	int64_t retry_after_s; /* Retry-After; a date becomes the wait */
};

struct head {
	/* Inside the buffer that head_build appended to; n = 0 when absent. */
	struct slice etag;
	struct slice last_modified;
	struct slice content_type;
	struct slice content_encoding;
	struct slice vary; /* all Vary fields, joined */
	struct slice location;
	struct slice content_location;
	struct slice trace_id; /* x-trace-id, traceid */
	/* Inside lines. */
	struct cache_control cc;

	bool has_date;
	int64_t date_s;
	int64_t age_s; /* 0 when absent or malformed (RFC 9111 §5.1) */
	bool has_expires;
	int64_t expires_s; /* 0 when malformed: in the past (§5.3) */
	bool has_content_range;
	struct head_limits limits;
};

/* Which fields are kept; never those that end at this hop, nor those that are
 * written anew for each reply. */
enum head_rules {
	HEAD_DROPS_OURS, /* nor what belongs to one exchange, or is the proxy's
			    to say: field_is_never_replayed */
	HEAD_KEEPS_ALL /* all others (RFC 9111 §3.1) */
};

/*
 * lines: "Name: value\r\n" of the final block as http/upstream.h gives it.
 * now_s, the time of receipt, becomes the Date of a head without one
 * (RFC 9110 §6.6.1). Appends the stored head to out, from where h's slices
 * borrow: do not append to out while using them (they move with its memory).
 * now_s: see http_date_parse. False, with a constant text in *why, when a name
 * or value is not valid, a line is malformed, or the buffer failed.
 */
bool head_build(struct slice lines, int64_t now_s, enum head_rules rules,
    struct buf *out, struct head *h, const char **why);
/* The facts of a head that is stored: h borrows from it. False when a line is
 * malformed. */
bool head_read(struct slice stored, int64_t now_s, struct head *h);

/* What http/freshness.h needs; received_s stands in for a missing Date. */
void head_freshness(const struct head *h, unsigned status, int64_t received_s,
    struct freshness_answer *a);

#endif
