/*
 * The daemon as a whole: makes its parts in order, runs them, takes them down
 * in reverse. Main thread only.
 */
#ifndef CLI_DAEMON_H
#define CLI_DAEMON_H

#include "base/config.h"

#include <stdbool.h>

struct daemon;

/* Until daemon_run, SIGHUP waits, instead of ending the process. */
void daemon_hold_hangup(void);

/*
 * Everything up to listening sockets; nothing runs yet. NULL with a message
 * in why (caller frees): the operator reads it and the process ends with 1.
 * config was loaded from argv, the arguments of serve, and SIGHUP loads it from
 * there again. Both are borrowed and outlive the daemon. SIGHUP must be held
 * back (daemon_hold_hangup) since before config was loaded.
 */
struct daemon *daemon_new(
    const struct config *config, int argc, char **argv, char **why);
/* Starts the threads, prints the ready line, runs until a signal ends it.
 * False when it could not start (said on the log). */
bool daemon_run(struct daemon *d);
/* d may be NULL. */
void daemon_free(struct daemon *d);

#endif
