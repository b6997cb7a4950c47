/*
 * The control socket: STATE/control.sock, 0600, where the commands of the
 * command line speak to the daemon. One JSON object per connection goes in,
 * ended by a line feed; one comes back, and the connection closes.
 *
 *	{"command":"status"}
 *	{"command":"usage","by":"tool","since":MS,"tool":"...","operation":"..."}
 *	{"command":"purge","location":"ID"}     or all, contact, operation, path
 *	{"command":"offline"}, {"command":"offline","mode":"on"}
 *	{"command":"bypass"}, {"command":"bypass","on":true}
 *
 * An answer has "error" (text for the operator) when the command failed.
 *
 * Main thread only.
 */
#ifndef ADMIN_CONTROL_H
#define ADMIN_CONTROL_H

#include "admin/bypass.h"
#include "admin/status.h"

struct event_base;
struct control;

struct control_options {
	const char *path; /* of the socket */
	const struct status_sources *status;
	struct origin *origin;
	struct bypass *bypass;
	struct accounting *accounting;
	struct mailbox *mailbox; /* main's: purges come back to it */
	int mail_kind; /* as which kind */
};

/* The name of the socket inside a state directory. */
#define CONTROL_SOCKET "control.sock"

/* NULL with a message in why (caller frees). Replaces a stale socket. */
struct control *control_new(
    struct event_base *base, const struct control_options *o, char **why);
/* Mail of mail_kind arrived in main's mailbox. */
void control_mail(struct control *c, struct mail *m);
/* Closes all connections and removes the socket. No purge may be on its way
 * (the origin has stopped and its mail was handed to control_mail). */
void control_free(struct control *c);

#endif
