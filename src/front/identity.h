/*
 * Who asks, and what of a client's head goes on to the upstream: credential
 * scope, forwarded fields, conditionals, Cache-Control. The only reader of
 * evhttp's header lists besides the gate.
 *
 * Front thread only; slices borrow from the request.
 */
#ifndef FRONT_IDENTITY_H
#define FRONT_IDENTITY_H

#include "front/request.h"
#include "http/gate.h"

#define IDENTITY_FIELDS_MAX 128

/* Fields and facts of a request as the gate wants them. fields has room for
 * IDENTITY_FIELDS_MAX; more than that are counted, not copied. */
void identity_gate_request(
    struct evhttp_request *req, struct field *fields, struct gate_request *out);
/* The target as it was sent. */
const char *identity_uri(struct evhttp_request *req);
/* There is a body, if only an empty one. */
bool identity_has_length(struct evhttp_request *req);
/* Value of Host, empty when there is none. */
struct slice identity_host(struct evhttp_request *req);
/* The body, contiguous; borrowed from req. */
struct slice identity_body(struct evhttp_request *req);
/* A client's field of this name goes upstream, with some request at least. */
bool identity_is_forwarded(const struct front *f, struct slice name);
/* It is not simply asked for what is there: a range, or a condition that only
 * the origin server can judge (RFC 9111 §4.3.2). */
bool identity_asks_for_part(struct evhttp_request *req);
/* Frees the body: nothing that borrowed it may be used any more. */
void identity_drop_body(struct evhttp_request *req);
/* Value of a field, SLICE_NONE when absent. */
struct slice identity_field(struct evhttp_request *req, const char *name);
/*
 * Fills scope, fields, cc and conditional of r. Returns 0, or the status to
 * refuse with when the request has more to send on than a fetch holds.
 */
unsigned identity_read(struct request *r);

#endif
