/*
 * Who used what: counts by tool, operation and hour, in memory. The thread
 * that counts has a table of its own; the main thread adds them up.
 *
 * A table is bounded. What finds no room in it is counted all the same, under
 * the operation "other", at last under the tool "other": sums stay right.
 *
 * Pure; one thread at a time.
 */
#ifndef STORE_USAGE_TABLE_H
#define STORE_USAGE_TABLE_H

#include "base/slice.h"

#include <stdint.h>

#define USAGE_TOOL_MAX 32 /* bytes of a name */
#define USAGE_OP_MAX 63
#define USAGE_HOUR_MS INT64_C(3600000)

/* Requests without a tool's name; what no row names. */
#define USAGE_NO_TOOL SLICE("-")
#define USAGE_OTHER SLICE("other")

/*
 * X(enum suffix, JSON name, metric name, help: one sentence for users). The
 * order is that of stored records: new ones go to the end.
 *
 * Of one request at most one of HITS, STALE and MISSES is counted: none for
 * writes and for what is never stored.
 */
#define USAGE_COUNTS(X) \
	X(ASKED, "asked", "asked", "Requests for the API.") \
	X(HITS, "hits", "hits", \
	    "Requests answered with a fresh stored answer.") \
	X(STALE, "stale", "stale", \
	    "Requests answered with a stored answer that was stale.") \
	X(MISSES, "misses", "misses", \
	    "Cacheable requests that no stored answer was given for.") \
	X(COALESCED, "coalesced", "coalesced", \
	    "Requests that shared the upstream request of another one.") \
	X(UPSTREAM, "upstream", "upstream", \
	    "Upstream requests made for them, refreshes and refetches " \
	    "included.") \
	X(CLIENT_ERRORS, "clientErrors", "client_errors", \
	    "Requests that the upstream answered 4xx.") \
	X(FAILURES, "failures", "failures", \
	    "Requests that the upstream answered 5xx or ghlmirror itself " \
	    "answered with an error.") \
	X(BYTES, "bytes", "bytes", "Bytes of the replies.") \
	X(OLDEST_S, "oldestSeconds", NULL, \
	    "Age of the oldest stored answer that was served.")

enum usage_count {
#define USAGE_ENUM(id, json, metric, help) USAGE_##id,
	USAGE_COUNTS(USAGE_ENUM)
#undef USAGE_ENUM
	USAGE_COUNT
};

/* Static strings. usage_metric_name: NULL for what is no counter. */
const char *usage_json_name(enum usage_count c);
const char *usage_metric_name(enum usage_count c);
const char *usage_help(enum usage_count c);

struct usage_row {
	char tool[USAGE_TOOL_MAX + 1];
	char op[USAGE_OP_MAX + 1];
	int64_t hour; /* since 1970-01-01 UTC */
	uint64_t v[USAGE_COUNT]; /* OLDEST_S is a maximum, the rest are sums */
};

/* Adds n to a count; OLDEST_S becomes n where that is more. */
void usage_row_count(struct usage_row *row, enum usage_count c, uint64_t n);
void usage_row_add(struct usage_row *to, const uint64_t v[USAGE_COUNT]);

struct usage_table;

/* Takes memory as rows come, for at most max_rows and the few rows of what
 * finds no room. NULL when memory is exhausted. */
struct usage_table *usage_table_new(size_t max_rows);
/* t may be NULL. */
void usage_table_free(struct usage_table *t);
/* Forgets all rows, keeps the memory. */
void usage_table_clear(struct usage_table *t);
/*
 * The row of that key, made when there is none; where there is no room, the
 * one that stands in for it, whose hour may be another one. Never NULL. Valid
 * until the next call. Longer names are cut.
 */
struct usage_row *usage_table_row(
    struct usage_table *t, struct slice tool, struct slice op, int64_t hour);
/* All rows in the order they were made: i < usage_table_n(). */
size_t usage_table_n(const struct usage_table *t);
const struct usage_row *usage_table_at(const struct usage_table *t, size_t i);

/* A tool may call itself that: 1 to 32 of A-Z a-z 0-9 . _ -, but not "-",
 * "." or "..". */
bool usage_tool_is_valid(struct slice name);

#endif
