/*
 * The log: structured lines in logfmt, one event each, to stderr or a file.
 *
 *	ts=2026-11-22T19:00:00.123Z level=info event=request op=get-contact ...
 *
 * Where stderr is systemd's journal, which keeps the time itself, a line begins
 * with a priority instead, as sd-daemon(3) has it: <6>level=info event=...
 *
 * A thread collects its lines in a buffer of its own and hands them over with
 * one write when log_flush says so, when the buffer is full, or at once for
 * warnings and errors. When nothing takes them (a full pipe, a full disk) the
 * log never waits: lines stay in the buffer while there is room, then are
 * dropped and counted (METRIC_LOG_DROPPED).
 *
 * Every value is escaped here, so nothing a peer sends can forge a line. What
 * looks like a credential is replaced here too; that is the second net, the
 * first is not to pass one. Authorization values are never to be passed.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/buf.h"
#include "base/slice.h"

#include <stdint.h>

enum log_level {
	LOG_ERROR,
	LOG_WARN,
	LOG_INFO,
	LOG_DEBUG
};

enum log_type {
	LOG_TYPE_END,
	LOG_TYPE_SLICE,
	LOG_TYPE_INT,
	LOG_TYPE_UINT,
	LOG_TYPE_BOOL,
	LOG_TYPE_US
};

/* Made by the macros below only. */
struct log_field {
	const char *key; /* a literal: lower case, digits and _ */
	enum log_type type;
	union {
		struct slice slice;
		int64_t i;
		uint64_t u;
	} v;
};

/* A NULL string or a slice with a NULL pointer leaves the field out. */
#define LOG_SLICE(key_, s) \
	((struct log_field){(key_), LOG_TYPE_SLICE, {.slice = (s)}})
#define LOG_STR(key_, s) LOG_SLICE(key_, slice_of_str(s))
#define LOG_INT(key_, n) ((struct log_field){(key_), LOG_TYPE_INT, {.i = (n)}})
#define LOG_UINT(key_, n) \
	((struct log_field){(key_), LOG_TYPE_UINT, {.u = (n)}})
/* yes or no */
#define LOG_BOOL(key_, b) \
	((struct log_field){(key_), LOG_TYPE_BOOL, {.u = (b)}})
/* Microseconds, written as milliseconds with three decimals. */
#define LOG_US(key_, us) ((struct log_field){(key_), LOG_TYPE_US, {.i = (us)}})
#define LOG_END ((struct log_field){NULL, LOG_TYPE_END, {.u = 0}})

/*
 * log_event(LOG_INFO, "ready", LOG_STR("http", s), LOG_INT("n", 5), LOG_END)
 * Any thread. The arguments are not evaluated when the level is off.
 */
#define log_event(level, event, ...) \
	do { \
		if (log_is_on(level)) \
			log_write(level, event, \
			    (const struct log_field[]){__VA_ARGS__}); \
	} while (0)
/* The line of a request: event=request at LOG_INFO, unless switched off. */
#define log_request(...) \
	do { \
		if (log_requests_on()) \
			log_write(LOG_INFO, "request", \
			    (const struct log_field[]){__VA_ARGS__}); \
	} while (0)

/*
 * Main thread, before others start. path: file to append to (created 0640),
 * or NULL or empty for stderr. False, with errno, when the file cannot be
 * opened. Before this call lines go to stderr at LOG_INFO.
 */
bool log_open(const char *path);
/*
 * Opens the same path again, after the file was moved away; lines go to the
 * one file or the other, none is lost. Main thread. False, with errno, when
 * that fails; the old file then stays open. Nothing to do for stderr.
 */
bool log_reopen(void);
/* Main thread, after all others ended: gives its own lines up to a second to
 * leave, then closes. */
void log_close(void);

/* Any thread, at any time. */
void log_set_level(enum log_level level);
void log_set_requests(bool is_on);
bool log_is_on(enum log_level level);
bool log_requests_on(void);
/* Static string: error, warn, info, debug. */
const char *log_level_name(enum log_level level);

/* event: a literal. fields end with LOG_END. Use the macros. */
void log_write(
    enum log_level level, const char *event, const struct log_field *fields);
/*
 * Hands the calling thread's lines over. Each thread calls it at the end of a
 * loop turn and before it ends.
 */
void log_flush(void);

/* Bearer and Basic values, GHL tokens, local keys, JSON web tokens, by how they
 * begin. */
bool log_is_secret(struct slice s);

/*
 * Appends a request target as it may be logged: the path as it is, of the
 * query every parameter name, but "*" for each value whose name is not on the
 * list of harmless ones (paging, sorting, dates, location id), and for
 * whatever is secret by its beginning: part of a path, name or value.
 */
void log_mask_query(struct buf *out, struct slice target);

#endif
