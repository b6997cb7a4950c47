/*
 * The request gate: the first thing that happens to a request that evhttp
 * parsed. It judges whole fields, where http/frame.h judges bytes; together
 * they refuse every input of which two hops could think differently. The gate
 * repeats the framing rules it can see (a second fence in case a byte ever
 * reaches evhttp around the framing machine).
 *
 * Not refused but simply never forwarded (the forward list is an allow-list):
 * X-HTTP-Method-Override, X-Forwarded-*, X-Original-URL and the like.
 *
 * Pure; any thread.
 */
#ifndef HTTP_GATE_H
#define HTTP_GATE_H

#include "base/slice.h"
#include "http/field.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gate_request {
	struct slice method; /* as sent */
	struct slice target; /* as sent, not canonical yet */
	unsigned major, minor;
	const struct field *fields;
	size_t fields_n;
	size_t body_n; /* bytes of body that arrived */
};

struct gate_rules {
	unsigned max_fields;
	size_t max_target_bytes;
	/*
	 * Accepted Host values, without port (any port) or with; compared
	 * case-insensitively. hosts_n = 0: any.
	 */
	const struct slice *hosts;
	size_t hosts_n;
};

struct gate_verdict {
	unsigned status; /* 0: accepted */
	const char *message; /* constant; NULL when accepted */
	bool must_close; /* framing is in doubt: close after the answer */
};

struct gate_verdict gate_check(
    const struct gate_request *rq, const struct gate_rules *rules);

/* host or host:port, an IPv4 or [IPv6] literal (RFC 3986 §3.2.2). */
bool gate_host_is_valid(struct slice host);

#endif
