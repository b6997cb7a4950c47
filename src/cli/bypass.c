#include "cli/client.h"

#include <stdio.h>
#include <string.h>

static bool is_mode(const char *text)
{
	return strcmp(text, "on") == 0 || strcmp(text, "off") == 0;
}

static bool is_true(const cJSON *answer, const char *name)
{
	return cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(answer, name));
}

static int run(const struct cli_command *self, int argc, char **argv)
{
	struct client_flags flags;
	cJSON *command, *answer;

	if (!client_flags(self, &argc, argv, &flags))
		return CLI_USAGE;
	if (argc > 2 || (argc == 2 && !is_mode(argv[1])))
		return cli_usage(self, "bypass is on or off");
	command = cJSON_CreateObject();
	cJSON_AddStringToObject(command, "command", "bypass");
	if (argc == 2)
		cJSON_AddBoolToObject(
		    command, "on", strcmp(argv[1], "on") == 0);
	answer = client_call(&flags, command);
	if (!answer)
		return CLI_FAILED;
	if (flags.is_json) {
		client_print_json(answer);
		return CLI_OK;
	}
	printf("bypass %s%s\n", is_true(answer, "bypass") ? "on" : "off",
	    is_true(answer, "kept") ? ""
				    : ", until the daemon ends: it could not "
				      "be kept");
	cJSON_Delete(answer);
	return CLI_OK;
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
