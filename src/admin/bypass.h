/*
 * The switch of `ghlmirror bypass`: nothing is served from the store or put
 * into it, everything else goes on. It is kept in STATE/bypass, so a restart
 * changes nothing.
 *
 * Main thread only, but for bypass_is_on.
 */
#ifndef ADMIN_BYPASS_H
#define ADMIN_BYPASS_H

#include "origin/origin.h"

struct bypass;

/*
 * Reads the switch from the state directory and tells o, which outlives it.
 * When the file cannot be used the switch is off and is not kept (said in the
 * log). NULL when memory is exhausted.
 */
struct bypass *bypass_new(const char *state_dir, struct origin *o);
/* NULL is fine. */
void bypass_free(struct bypass *b);

/* False: it is switched, but could not be kept for the next start (said in
 * the log). */
bool bypass_set(struct bypass *b, bool is_on);

#endif
