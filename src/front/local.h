/*
 * The proxy's own endpoints, under "/-/". health and ready are open to all,
 * status and metrics only to the operator. Front thread only.
 */
#ifndef FRONT_LOCAL_H
#define FRONT_LOCAL_H

#include "front/request.h"

/* Replies to r, whose path starts with "/-/". r is gone. */
void local_reply(struct request *r);
/*
 * r comes from somebody who is on this machine and knows whom he asks: over
 * loopback or a unix socket, not through a proxy for somebody elsewhere, and
 * not from a web page that is not ours. To be asked before anything is told
 * that not everybody may know.
 */
bool local_is_operator(struct request *r);

#endif
