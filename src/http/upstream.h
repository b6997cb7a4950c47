/*
 * The head of an upstream's answer, from libcurl's header callback. curl hands
 * over every block: interim 1xx answers, the final one, and then trailers,
 * line by line, unterminated. Only the fields of the final block count.
 *
 * Fields are checked here, once, so that nothing later has to: names are
 * tokens, values without CTL but HTAB. An answer that breaks this is refused
 * (it is about to be stored and sent to many clients). Folded lines are joined
 * with a space (RFC 9112 §5.2), white space before a colon is removed (§5.1).
 *
 * Pure; one thread at a time.
 */
#ifndef HTTP_UPSTREAM_H
#define HTTP_UPSTREAM_H

#include "base/buf.h"
#include "base/slice.h"

#include <stdbool.h>
#include <stdint.h>

#define UPSTREAM_FIELDS_MAX 100
#define UPSTREAM_HEAD_MAX_BYTES (64 * 1024)

enum upstream_phase {
	UPSTREAM_START, /* before a status line */
	UPSTREAM_FIELDS, /* inside a block */
	UPSTREAM_DONE, /* the final block ended; what follows is dropped */
	UPSTREAM_FAILED /* see why */
};

struct upstream {
	enum upstream_phase phase;
	const char *why; /* constant; when phase is UPSTREAM_FAILED */
	unsigned status; /* of the block that is being or was read */
	unsigned major; /* 1, 2 or 3 */
	unsigned minor;
	/* "Name: value\r\n" each; owned. */
	struct buf lines;
	unsigned fields_n;
	bool is_last_framing; /* last field was one that frames the message */
	bool is_chunked; /* Transfer-Encoding was sent */
	bool has_length;
	uint64_t length; /* Content-Length */
	unsigned trailers_n; /* lines dropped after the final block */
};

void upstream_init(struct upstream *u);
void upstream_fini(struct upstream *u);
/* For another answer; keeps the memory. */
void upstream_reset(struct upstream *u);

/* One line as curl gives it, with its line end. False once the answer is
 * refused: the transfer should be aborted. */
bool upstream_feed(struct upstream *u, struct slice line);

/* The final block was read to its blank line. */
bool upstream_is_done(const struct upstream *u);
/*
 * The end of the body is marked by something other than the end of the
 * connection, so that a cut body cannot look whole. has_body is false for
 * HEAD, 204 and 304. HTTP/2 and later always mark it.
 */
bool upstream_is_delimited(const struct upstream *u, bool has_body);
struct slice upstream_lines(const struct upstream *u);

#endif
