/*
 * The proxy's own endpoints, under "/-/". health and ready are open to all,
 * status and metrics only to this machine. Front thread only.
 */
#ifndef FRONT_LOCAL_H
#define FRONT_LOCAL_H

#include "front/request.h"

/* Replies to r, whose path starts with "/-/". r is gone. */
void local_reply(struct request *r);

#endif
