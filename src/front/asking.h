/*
 * Asking the origin, and what becomes of its answer: the reply to the client,
 * or another look at the store.
 *
 * The origin's reply reaches request_reply (front/request.h).
 *
 * Front thread only.
 */
#ifndef FRONT_ASKING_H
#define FRONT_ASKING_H

#include "front/request.h"

/* Asks for an answer to r, which then waits, or has been replied to. */
void asking_post(struct request *r);
/* Asks for a fresh answer that nobody waits for. is_probe: to find out whether
 * the upstream is well again. */
void asking_revalidate(struct request *r, bool is_probe);

#endif
