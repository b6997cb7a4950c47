/*
 * What proxies before this one say about the client: X-Forwarded-For, -Proto
 * and -Host, or Forwarded (RFC 7239). Anybody can write these fields, so they
 * mean something only when the peer itself is trusted, and then only as far to
 * the left as the chain of trusted proxies reaches: each proxy appends at the
 * right the address it was called from.
 *
 * Parsed strictly. What cannot be understood names nobody; it never makes a
 * client of whoever it might have meant.
 *
 * Pure; any thread. Slices borrow from the fields.
 */
#ifndef HTTP_FORWARDED_H
#define HTTP_FORWARDED_H

#include "base/addr.h"
#include "http/field.h"

enum forwarded_state {
	FORWARDED_NOT, /* nothing says that a proxy passed this on */
	FORWARDED_KNOWN, /* client is the address */
	FORWARDED_HIDDEN, /* the proxy does not tell the address */
	FORWARDED_BAD /* it cannot be told: malformed or contradictory */
};

struct forwarded {
	enum forwarded_state state;
	struct addr client; /* when it is known */
	struct slice scheme; /* "http", "https" or empty */
	struct slice host; /* valid as a Host field, or empty */
};

/*
 * Reads the fields of a request whose peer is trusted. The client is the
 * rightmost address that is not in trusted, or the leftmost if all are.
 *
 * When both kinds of fields are there and name different clients, a proxy that
 * knows one kind has passed on the other, as the client wrote it: BAD.
 *
 * With several values, proto and host are those of the element that names the
 * client in Forwarded; X-Forwarded-Proto and -Host are used only with a single
 * value, because nothing says whose the others are.
 */
void forwarded_read(const struct field *fields, size_t n,
    const struct addr_range *trusted, size_t trusted_n, struct forwarded *out);

/* There is a field that only proxies send; whoever the peer is. */
bool forwarded_has_any(const struct field *fields, size_t n);

#endif
