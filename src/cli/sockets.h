/*
 * Where clients connect: the sockets of `listen`, or, when a service manager
 * has handed some over, those and no others.
 *
 * Main thread, before the fronts start.
 */
#ifndef CLI_SOCKETS_H
#define CLI_SOCKETS_H

#include "base/config.h"
#include "front/front.h"

/*
 * Gives every front its part of the inherited sockets. Sets *has_any to
 * whether there were some, appends " http=HOST:PORT" for each to listening.
 * False with a message in why (caller frees): something else was handed over,
 * or an address that others can reach without permission.
 */
bool sockets_inherit(const struct config *c, struct front *const *fronts,
    unsigned fronts_n, struct buf *listening, bool *has_any, char **why);

#endif
