/*
 * What is told of a request when it is over: its log line, its times, its
 * place in the accounting. Front thread only.
 */
#ifndef FRONT_ACCESS_H
#define FRONT_ACCESS_H

#include "front/request.h"
#include "http/answer.h"

/* The client's address as logs show it, text; borrowed from r or c. */
const char *access_client(const struct request *r);
const char *access_peer(const struct conn *c);
/* Remembers GHL's traceId: of the answer's body, else of its head. */
void access_trace_id(struct request *r, const struct answer *a);

/* Once for every request that passed the framing: answered, or the client has
 * left and what it asked for has come. */
void access_end(struct request *r);
/* A message that was answered without becoming a request. why: constant. */
void access_refused(
    struct front *f, const struct conn *c, unsigned status, const char *why);
/* A new request id; size: at least 24. */
void access_new_id(struct front *f, char *id, size_t size);

#endif
