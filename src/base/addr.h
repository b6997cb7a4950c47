/*
 * Internet addresses and ranges of them. An IPv4 address and the same address
 * mapped into IPv6 (::ffff:192.0.2.1) are one, because which of the two a
 * socket reports depends only on how it was opened.
 *
 * Pure; any thread.
 */
#ifndef BASE_ADDR_H
#define BASE_ADDR_H

#include "base/slice.h"

#include <stdint.h>

struct sockaddr;

struct addr {
	uint8_t b[16]; /* IPv6 in network order; IPv4 is mapped */
};

struct addr_range {
	struct addr base; /* bits beyond the prefix are zero */
	unsigned bits; /* length of the prefix, of 128 */
};

enum {
	ADDR_TEXT_SIZE = 46 /* with the NUL */
};

/* The whole slice: 192.0.2.1 or 2001:db8::1, without brackets, port and
 * zone. On false out is untouched, here and below. */
bool addr_parse(struct slice s, struct addr *out);
/* An address, or ADDRESS/BITS whose bits beyond the prefix are zero. */
bool addr_range_parse(struct slice s, struct addr_range *out);
/* False for families other than IPv4 and IPv6. */
bool addr_of_sockaddr(const struct sockaddr *sa, struct addr *out);

bool addr_is_equal(const struct addr *a, const struct addr *b);
/* 127.0.0.0/8 or ::1 */
bool addr_is_loopback(const struct addr *a);
/* 0.0.0.0 or ::, which a socket binds to for all addresses. */
bool addr_is_any(const struct addr *a);
bool addr_is_in(const struct addr *a, const struct addr_range *r);
/* In some of the n ranges. */
bool addr_is_in_any(
    const struct addr *a, const struct addr_range *ranges, size_t n);
/* The usual text, IPv4 in its own form. */
void addr_format(const struct addr *a, char out[ADDR_TEXT_SIZE]);

#endif
