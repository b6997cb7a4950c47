/*
 * An answer: what an upstream said to one request, complete and immutable,
 * shared by reference between the writer that stores it and the fronts that
 * send it.
 *
 * The head is already filtered and serialised ("Name: value\r\n" lines, no
 * status line, no final blank line): hop-by-hop fields, those named in
 * Connection, and those that are never replayed are gone; so are
 * Content-Length, Date, Age, Via and Cache-Status, which are written anew for
 * each reply.
 *
 * Life: answer_new gives one reference; answer_ref adds one; answer_unref
 * drops one and frees at zero. Any thread; the counter is atomic, the rest is
 * constant after construction.
 */
#ifndef HTTP_ANSWER_H
#define HTTP_ANSWER_H

#include "base/slice.h"

#include <stdatomic.h>
#include <stdint.h>

struct answer {
	atomic_uint refs;
	uint16_t status;
	int64_t date_ms; /* when it was received, wall clock */
	int64_t age_s; /* Age upstream claimed, 0 if none */
	int64_t initial_age_s; /* what of it counts here (RFC 9111 §4.2.3) */
	struct slice head; /* owned */
	struct slice body; /* owned */
	struct slice etag; /* inside head; n = 0 when there is none */
	struct slice last_modified; /* inside head; n = 0 when none */
	/*
	 * Value of meta.nextPageUrl inside body, without quotes: rewritten at
	 * reply time. next_page.n = 0: none. authority_n bytes of it, from the
	 * start, are scheme and authority, the part to replace.
	 */
	struct slice next_page;
	size_t authority_n;
};

/*
 * Takes ownership of head and body (malloc memory, either may be NULL with
 * length 0) even on failure. Returns NULL when memory is exhausted. The caller
 * fills the slices that point inside before sharing.
 */
struct answer *answer_new(
    uint16_t status, char *head, size_t head_n, char *body, size_t body_n);
struct answer *answer_ref(struct answer *a);
/* a may be NULL. */
void answer_unref(struct answer *a);

#endif
