/*
 * The canonical request target. One spelling is computed once, used for the
 * route, the key and the tags, and sent to the upstream exactly so: whatever
 * is decided here is decided about the bytes that the upstream sees.
 *
 * Canonical: origin form; %XX of unreserved characters decoded, hex digits of
 * the others in upper case; query order, "+" and "%2B" untouched. Nothing is
 * removed or merged: a target that would need it (dot segments, "//") is
 * refused. Canonical of canonical is the same.
 *
 * RFC 3986 §6.2.2, RFC 9112 §3.2.1. Pure; any thread.
 */
#ifndef HTTP_TARGET_H
#define HTTP_TARGET_H

#include "base/buf.h"
#include "base/slice.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Appends the canonical form of sent. False with a constant text in *why when
 * it is refused: not origin form, "//", "." or ".." as a segment (also
 * percent-encoded), %2F in the path, an encoded control in the path, %00
 * anywhere, "\", "#", a bad %XX, bytes outside 0x21-0x7e; or when the buffer
 * failed. out then holds a part.
 */
bool target_canon(struct slice sent, struct buf *out, const char **why);

/* Of a canonical target. query is without "?", and query.p is NULL when there
 * is no "?". Either may be NULL. */
void target_split(struct slice target, struct slice *path, struct slice *query);

/*
 * Appends target with its path ending in "/" or not, as wanted; "/" alone
 * stays.
 */
void target_set_slash(struct slice target, bool wants_slash, struct buf *out);

/* Next "name=value" of a query, both still encoded; empty ones are passed
 * over. value.p is NULL without "=". False at the end. */
bool target_query_next(
    struct slice *rest, struct slice *name, struct slice *value);
/*
 * First parameter of this name (compared after decoding), its value still
 * encoded. Gives the number of parameters with that name: 0 none, above 1 a
 * query whose meaning depends on who reads it. value may be NULL.
 */
unsigned target_query_get(
    struct slice query, struct slice name, struct slice *value);
/* Appends the form-decoded bytes: %XX, and "+" as a space. Bad %XX stay as
 * they are. */
void target_decode(struct slice encoded, struct buf *out);
/* encoded, form-decoded, equals text. */
bool target_decoded_eq(struct slice encoded, struct slice text);

#endif
