/*
 * The value of Cache-Status (RFC 9211): one member, ours.
 *
 *	ghlmirror; hit; ttl=41
 *	ghlmirror; hit; ttl=-9; detail=upstream-unreachable
 *	ghlmirror; fwd=miss; fwd-status=200; stored; collapsed
 *
 * Pure; any thread.
 */
#ifndef HTTP_CACHESTATUS_H
#define HTTP_CACHESTATUS_H

#include "base/buf.h"
#include "base/slice.h"

#include <stdbool.h>
#include <stdint.h>

/* Why the request went on (§2.2); HIT means that it did not. */
enum cachestatus_fwd {
	CACHESTATUS_HIT,
	CACHESTATUS_BYPASS, /* never-operations, or the store is broken */
	CACHESTATUS_METHOD, /* a write */
	CACHESTATUS_URI_MISS,
	CACHESTATUS_VARY_MISS,
	CACHESTATUS_MISS,
	CACHESTATUS_REQUEST, /* the client's Cache-Control */
	CACHESTATUS_STALE,
	CACHESTATUS_PARTIAL,
	CACHESTATUS_LOCAL /* answered by the proxy itself: name and detail */
};

struct cachestatus {
	enum cachestatus_fwd fwd;
	bool has_ttl;
	int64_t ttl_s; /* remaining freshness, negative when stale */
	unsigned fwd_status; /* 0: no answer came */
	bool is_stored;
	bool is_collapsed;
	/* A token is written as such, other printable ASCII as a quoted
	 * string, anything else is left out. NULL: none. */
	const char *detail;
};

void cachestatus_write(const struct cachestatus *s, struct buf *out);

#endif
