/*
 * The daemon as a whole: makes its parts in order, runs them, takes them down
 * in reverse. Main thread only.
 */
#ifndef CLI_DAEMON_H
#define CLI_DAEMON_H

#include "base/config.h"

#include <stdbool.h>

struct daemon;

/*
 * Everything up to listening sockets; nothing runs yet. NULL with a message
 * in why (caller frees): the operator reads it and the process ends with 1.
 * The configuration is borrowed and outlives the daemon.
 */
struct daemon *daemon_new(const struct config *config, char **why);
/* Starts the threads, prints the ready line, runs until a signal ends it.
 * False when it could not start (said on the log). */
bool daemon_run(struct daemon *d);
/* d may be NULL. */
void daemon_free(struct daemon *d);

#endif
