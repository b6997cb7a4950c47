/*
 * The upstream's rate headers as last seen, per credential: what every reply
 * shows in place of the x-ratelimit-* fields that were stored with it.
 *
 * Written by the origin thread, read by fronts without locks. A reader may
 * see fields of two neighbouring updates; each is a number that was true.
 */
#ifndef ORIGIN_RATES_H
#define ORIGIN_RATES_H

#include "base/digest.h"
#include "http/head.h"

struct rates;

struct rates *rates_new(void);
void rates_free(struct rates *r);
/* Origin thread. */
void rates_update(struct rates *r, const struct digest128 *scope,
    const struct head_limits *seen);
/* Any thread. False when nothing was seen for this credential. */
bool rates_view(const struct rates *r, const struct digest128 *scope,
    struct head_limits *out);

#endif
