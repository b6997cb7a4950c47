/*
 * Denials: the upstream refuses a credential, or this answer to it. What is
 * stored for it must not outlive that: of an invalid credential everything,
 * else what is stored for this very request. Committed before the client hears
 * of it, like a write, and so true after kill -9 and without the upstream, too.
 *
 * Origin thread only. Nobody outside src/origin includes it.
 */
#ifndef ORIGIN_DENIAL_H
#define ORIGIN_DENIAL_H

#include "api/tags.h"
#include "origin/fetch.h"

struct origin;

/*
 * Adds the tags to move because of an answer with this status and body to f;
 * none when it denies nothing, or nothing is stored. False: none were added.
 */
bool denial_tags(struct origin *o, const struct fetch *f, unsigned status,
    struct slice body, struct tag_set *tags);
/* Does it say that the credential is invalid? */
bool denial_is_of_credential(
    const struct origin *o, unsigned status, struct slice body);
/* Must the body of an answer with this status be seen first? */
bool denial_is_possible(const struct origin *o, unsigned status);

#endif
