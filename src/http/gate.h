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
	bool takes_any_method;
	/*
	 * Accepted Host values, without port (any port) or with; compared
	 * case-insensitively. hosts_n = 0: any, or by must_be_local the own
	 * names, which are written likewise, and those that only the client's
	 * own network can have given a meaning (gate_host_is_local).
	 */
	const struct slice *hosts;
	size_t hosts_n;
	bool must_be_local;
	const struct slice *own_hosts;
	size_t own_hosts_n;
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
/*
 * Of a valid host: an address, localhost or below it, or a name without dots.
 * Nobody on the Internet can let such a name point to the address of another
 * (DNS rebinding).
 */
bool gate_host_is_local(struct slice host);
/* The rules accept this valid host. */
bool gate_host_is_accepted(const struct gate_rules *rules, struct slice host);

#endif
