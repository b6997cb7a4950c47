/*
 * Bringing a stored head up to date with that of a 304, or of a HEAD
 * (RFC 9111 §3.2).
 *
 * Pure; any thread.
 */
#ifndef HTTP_UPDATE_H
#define HTTP_UPDATE_H

#include "base/buf.h"
#include "base/slice.h"

/*
 * Appends stored with the fields of newer in it. Both are heads as http/head.h
 * makes them, so what is not stored is in neither. A name in newer takes the
 * place of all lines of that name, but for those that describe the stored body,
 * which newer is not about: Content-Length, Content-Encoding, Content-Range and
 * the digests of it. An ETag is taken over only where there was none: one that
 * differs names another body (who asks has made sure that it does not differ).
 */
void update_head(struct slice stored, struct slice newer, struct buf *out);

#endif
