/*
 * Conditional requests, answered from a stored answer (RFC 9110 §13,
 * RFC 9111 §4.3.2). Only If-None-Match and If-Modified-Since: a cache does
 * not evaluate If-Match and If-Unmodified-Since (RFC 9111 §4.3.2).
 *
 * Pure; any thread.
 */
#ifndef HTTP_CONDITIONAL_H
#define HTTP_CONDITIONAL_H

#include "base/buf.h"
#include "base/slice.h"

#include <stdbool.h>
#include <stdint.h>

/* A whole entity tag: "x" or W/"x" (RFC 9110 §8.8.3). */
bool etag_is_valid(struct slice etag);
/* Weak comparison (§8.8.3.2); false when either is not valid. */
bool etag_matches(struct slice a, struct slice b);
/* list is the value of If-None-Match: "*" or a comma list. An etag inside a
 * list that is malformed elsewhere still counts up to the malformed part. */
bool etag_list_matches(struct slice list, struct slice etag);

/* What the client sent; p is NULL where the field is absent. */
struct conditional {
	struct slice if_none_match;
	struct slice if_modified_since;
};

/*
 * True: a 304 answers the request. etag and last_modified are the stored
 * ones, n = 0 when there is none. date_s is what the stored answer has in Date,
 * against which If-Modified-Since compares when there is no Last-Modified
 * (RFC 9111 §4.3.2); negative when unknown. now_s: see http_date_parse.
 * method must be GET or HEAD and the stored status 200, which is checked by
 * the caller.
 */
bool conditional_is_not_modified(const struct conditional *c, struct slice etag,
    struct slice last_modified, int64_t date_s, int64_t now_s);

/* Appends the fields of a stored head that belong into a 304 (RFC 9110
 * §15.4.5): Date, ETag, Cache-Control, Content-Location, Expires, Vary,
 * Last-Modified, and CORS fields. */
void conditional_head_304(struct slice head, struct buf *out);

#endif
