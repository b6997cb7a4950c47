#include "cli/client.h"

#include <stdio.h>
#include <string.h>

static bool is_mode(const char *text)
{
	return strcmp(text, "on") == 0 || strcmp(text, "off") == 0 ||
	       strcmp(text, "auto") == 0;
}

static void print(const cJSON *answer)
{
	printf("offline %s, upstream %s\n", client_text(answer, "offline"),
	    client_text(answer, "upstream"));
}

static int run(const struct cli_command *self, int argc, char **argv)
{
	struct client_flags flags;
	cJSON *command;

	if (!client_flags(self, &argc, argv, &flags))
		return CLI_USAGE;
	if (argc > 2 || (argc == 2 && !is_mode(argv[1])))
		return cli_usage(self, "the mode is one of on, off, auto");
	command = client_command("offline");
	if (argc == 2)
		cJSON_AddStringToObject(command, "mode", argv[1]);
	return client_run(&flags, command, print);
}

const struct cli_command cli_offline = {
    .name = "offline",
    .synopsis = "[on | off | auto] [--state DIR] [--json]",
    .summary = "serve from the store only, or not",
    .help = "Without an argument prints the mode and whether GHL can be "
	    "reached.\n"
	    "\n"
	    "  on           never ask GHL: reads come from the store, marked "
	    "stale\n"
	    "               where they are; writes get 503\n"
	    "  off          always ask GHL, even when it seems unreachable\n"
	    "  auto         the default: as the connection is found to be\n"
	    "  --state DIR  the daemon's state directory\n"
	    "  --json       print the daemon's answer as JSON\n"
	    "\n"
	    "The mode lasts until the daemon ends.\n",
    .run = run,
};
