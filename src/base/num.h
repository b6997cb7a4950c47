/*
 * Text into numbers, and into the other small things that configuration and
 * protocol spell: durations, sizes, yes and no, host:port. The only module
 * that parses numbers; no other may call strto*, and this one has no need to.
 *
 * Every function wants the whole slice to be what it parses: no space, sign
 * or rest that the description does not name. On false the result is
 * untouched.
 *
 * Pure; any thread.
 */
#ifndef BASE_NUM_H
#define BASE_NUM_H

#include "base/slice.h"

#include <stdint.h>

/* Decimal digits only; min <= value <= max. */
bool num_parse_u64(struct slice s, uint64_t min, uint64_t max, uint64_t *out);
/* As above with an optional leading minus. */
bool num_parse_i64(struct slice s, int64_t min, int64_t max, int64_t *out);
/* Digits and one of ms, s, m, h, d; or 0. At most a hundred years. */
bool num_parse_duration(struct slice s, int64_t *out_ms);
/* Digits and one of KiB, MiB, GiB, or none for bytes. At most 2^62. */
bool num_parse_size(struct slice s, uint64_t *out_bytes);
/* yes or no. */
bool num_parse_bool(struct slice s, bool *out);

enum num_host_kind {
	NUM_HOST_NAME, /* letters, digits, - . _ */
	NUM_HOST_IPV4,
	NUM_HOST_IPV6
};

struct num_host_port {
	struct slice host; /* without brackets; borrowed from the input */
	enum num_host_kind kind;
	uint16_t port;
};

enum {
	NUM_PORT_REQUIRED = -1
};

/*
 * 127.0.0.1:80, [::1]:80, name:80; port 0 is allowed. default_port is taken
 * when the port is left out, unless it is NUM_PORT_REQUIRED. An IPv6 address
 * needs its brackets and may have no zone.
 */
bool num_parse_host_port(
    struct slice s, int default_port, struct num_host_port *out);
/* 127.0.0.0/8, ::1 or the name localhost. */
bool num_is_loopback(const struct num_host_port *hp);

#endif
