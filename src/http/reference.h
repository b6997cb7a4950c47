/*
 * References in Location and Content-Location: which target of the same host
 * they name (RFC 3986 §5), so that what is stored for it can be invalidated
 * (RFC 9111 §4.4). Never followed.
 *
 * Pure; any thread.
 */
#ifndef HTTP_REFERENCE_H
#define HTTP_REFERENCE_H

#include "base/buf.h"
#include "base/slice.h"

#include <stdbool.h>

/*
 * Appends the canonical target (http/target.h) that reference names, resolved
 * against base, the canonical target of the request. authority is that of the
 * upstream, HOST or HOST:PORT; a default port is as good as none. False, and
 * out as it was, when the reference is malformed or names another host:
 * whoever answers for one host has no say in what is stored of another.
 */
bool reference_target(struct slice reference, struct slice base,
    struct slice authority, struct buf *out);

#endif
