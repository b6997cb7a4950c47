#include "cli/client.h"

#include <stdio.h>
#include <string.h>

static bool is_mode(const char *text)
{
	return strcmp(text, "on") == 0 || strcmp(text, "off") == 0;
}

static bool is_true(const cJSON *answer, const char *name)
{
	return cJSON_IsTrue(client_member(answer, name));
}

static void print(const cJSON *answer)
{
	printf("bypass %s%s\n", is_true(answer, "bypass") ? "on" : "off",
	    is_true(answer, "kept") ? ""
				    : ", until the daemon ends: it could not "
				      "be kept");
}

static int run(const struct cli_command *self, int argc, char **argv)
{
	struct client_flags flags;
	cJSON *command;

	if (!client_flags(self, &argc, argv, &flags))
		return CLI_USAGE;
	if (argc > 2 || (argc == 2 && !is_mode(argv[1])))
		return cli_usage(self, "bypass is on or off");
	command = client_command("bypass");
	if (argc == 2)
		cJSON_AddBoolToObject(
		    command, "on", strcmp(argv[1], "on") == 0);
	return client_run(&flags, command, print);
}

const struct cli_command cli_bypass = {
    .name = "bypass",
    .synopsis = "[on | off] [--state DIR] [--json]",
    .summary = "switch the store off, or on again",
    .help = "Without an argument prints whether the store is bypassed.\n"
	    "\n"
	    "  on           nothing is served from the store or put into it; "
	    "GHL is\n"
	    "               asked for everything, once for identical reads at "
	    "the same\n"
	    "               time, and there is no stale answer while it is "
	    "away\n"
	    "  off          the store serves again, without what was written "
	    "meanwhile\n"
	    "  --state DIR  the daemon's state directory\n"
	    "  --json       print the daemon's answer as JSON\n"
	    "\n"
	    "It stays so when the daemon is started again.\n",
    .run = run,
};
