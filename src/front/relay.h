/*
 * Relays: replies whose body comes from the origin piece by piece, as a stream.
 * A request with a relay keeps its slot until the stream ended or its client
 * left, whichever is first; the stream is then given up, and what of it is
 * still in the mail goes back unseen.
 *
 * Front thread only.
 */
#ifndef FRONT_RELAY_H
#define FRONT_RELAY_H

#include "front/request.h"
#include "origin/stream.h"

/* The origin's reply brought a stream; the client is there. The ask stays the
 * caller's, its stream does not. r may be gone. */
void relay_begin(struct request *r, const struct ask *a);
/* Called from conn_watch's on_gone. r is gone. */
void relay_client_gone(struct request *r);
/* Ends the reply where it is. detail is constant. r is gone. */
void relay_cut(struct request *r, const char *detail);

/* Mail from the origin; also for streams whose request is gone. */
void relay_take_chunk(struct front *f, struct stream_chunk *c);
void relay_take_end(struct front *f, struct mail *end);

#endif
