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
/*
 * Sends the command (freed here) and returns the answer, to be freed with
 * cJSON_Delete. NULL, said on stderr, when there is no daemon or it reports
 * an error.
 */
cJSON *client_call(const struct client_flags *flags, cJSON *command);
/* Prints the answer as one line of JSON and frees it. */
void client_print_json(cJSON *answer);

#endif
