/*
 * The other end of the control socket: what commands use to speak to the
 * daemon.
 */
#ifndef CLI_CLIENT_H
#define CLI_CLIENT_H

#include "cli/cli.h"

#include <cjson/cJSON.h>
#include <stdbool.h>

/* Flags that every command to the daemon has; parsed out of argv. */
struct client_flags {
	const char *state; /* --state DIR; NULL: the default one */
	bool is_json; /* --json */
};

/*
 * Takes --state and --json out of argv; what is left is argv[1..*argc). False
 * (said on stderr) when --state lacks its value.
 */
bool client_flags(const struct cli_command *c, int *argc, char **argv,
    struct client_flags *flags);
/* A command of that name for the daemon, to be filled and given to
 * client_run. */
cJSON *client_command(const char *name);
/*
 * Sends the command (freed here) and prints the answer: as one line of JSON
 * where the flags say so, else by print. Gives the exit code; says on stderr
 * when there is no daemon or it reports an error.
 */
int client_run(const struct client_flags *flags, cJSON *command,
    void (*print)(const cJSON *answer));

/* Members of an answer, wherever they may be missing: "-" and 0. */
const char *client_text(const cJSON *o, const char *name);
double client_number(const cJSON *o, const char *name);
const cJSON *client_member(const cJSON *o, const char *name);

#endif
