/*
 * Asking whether a stored answer still holds: the conditions to send, and what
 * the answer to them says (RFC 9111 §4.3). What clients ask us is
 * http/conditional.h's.
 *
 * Pure; any thread.
 */
#ifndef HTTP_VALIDATE_H
#define HTTP_VALIDATE_H

#include "base/buf.h"
#include "base/slice.h"
#include "http/head.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * §4.3.1. Appends If-None-Match and If-Modified-Since lines, as far as there is
 * an ETag that is one and a Last-Modified (n = 0: none): an origin that knows
 * the first ignores the second.
 */
void validate_conditions(
    struct slice etag, struct slice last_modified, struct buf *out);
/*
 * §4.3.4: does a 304 with this head confirm the stored answer with these
 * validators? Not when it brings another strong validator, nor another weak one
 * where that is all it has.
 */
bool validate_selects(
    const struct head *newer, struct slice etag, struct slice last_modified);

enum validate_head {
	VALIDATE_HEAD_FRESHENS, /* its fields are those of the stored answer */
	VALIDATE_HEAD_INVALIDATES, /* that is another one by now */
	VALIDATE_HEAD_NOTHING /* it does not tell */
};

/* Content-Length of the HEAD, and of what is stored. */
struct validate_length {
	bool is_known;
	uint64_t n;
	uint64_t stored_n;
};

/*
 * §4.3.5: what a 200 to a HEAD says of the stored answer to a GET. Validators
 * that both have must agree, and a Content-Length with the stored one; where
 * none is there to compare nothing is said.
 */
enum validate_head validate_head(const struct head *newer, struct slice etag,
    struct slice last_modified, const struct validate_length *length);

#endif
