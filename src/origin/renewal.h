/*
 * Renewal: the stored answer once more, because the upstream said that it
 * still holds (RFC 9111 §4.3.3, §4.3.4: 304) or described it unchanged
 * (§4.3.5: HEAD), with what it said merged into the head (§3.2).
 *
 * What the upstream confirms is the stored answer that was found when the
 * request was made. It is looked up again, since it may have gone: replaced,
 * evicted, or moved past by a write. Then there is no renewal, whatever the
 * upstream said of it: a validator that a write left as it was proves nothing.
 *
 * Origin thread only. Nobody outside src/origin includes it.
 */
#ifndef ORIGIN_RENEWAL_H
#define ORIGIN_RENEWAL_H

#include "http/head.h"
#include "origin/fetch.h"
#include "origin/transfer.h"

struct answer;
struct origin;

/*
 * r: a complete answer to f, which is conditional (304) or a HEAD. One
 * reference, and in info the facts of the merged head; NULL when there is
 * nothing that r renews. is_disproved: it is a HEAD, and what is stored is out
 * of date (§4.3.5) and to be forgotten.
 */
struct answer *renewal_make(struct origin *o, const struct fetch *f,
    const struct transfer_result *r, struct head *info, bool *is_disproved);

#endif
