/*
 * What the store has for a request, and what of it the request may be given:
 * the look-up with the policy and the client's Cache-Control applied.
 *
 * stored_look_up leaves the reader's transaction open; stored_serve and
 * stored_close end it. Nothing of a view is used after that.
 *
 * Front thread only.
 */
#ifndef FRONT_STORED_H
#define FRONT_STORED_H

#include "front/request.h"

/* The store as if it were not there, if the operator switched it off. */
void stored_bypass(struct request *r);
enum cache_state stored_look_up(struct request *r, struct cache_view *v);
/* What the client's Cache-Control says of it (RFC 9111 §5.2.1). */
bool stored_is_accepted(const struct request *r, const struct cache_view *v);
/* Fresh, accepted, and to be served without asking anybody. */
bool stored_is_usable(const struct request *r, const struct cache_view *v);
/* Expired, and the client said that it takes it so (max-stale). */
bool stored_is_welcome_stale(
    const struct request *r, const struct cache_view *v);
/* What it is good for should the upstream fail. */
enum ask_fallback stored_fallback(
    const struct request *r, const struct cache_view *v);
/* Replies from the open view and closes it; detail is NULL for a fresh one. r
 * is gone. */
void stored_serve(
    struct request *r, const struct cache_view *v, const char *detail);
/* Copies what it takes to ask the upstream about it, for r->held; the view must
 * be open. */
void stored_hold(struct request *r, const struct cache_view *v);
void stored_close(struct request *r);

#endif
