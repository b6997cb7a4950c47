#include "cli/client.h"

#include <stdio.h>
#include <string.h>

static const struct {
	const char *flag;
	const char *name;
} kinds[] = {
    {"--location", "location"},
    {"--contact", "contact"},
    {"--operation", "operation"},
    {"--path", "path"},
};

/* Puts into the command what to purge. False when the arguments name nothing
 * or two things. */
static bool add_what(cJSON *command, int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "--all") == 0)
		return cJSON_AddTrueToObject(command, "all") != NULL;
	for (size_t i = 0; argc == 3 && i < sizeof(kinds) / sizeof(*kinds); i++)
		if (strcmp(argv[1], kinds[i].flag) == 0)
			return cJSON_AddStringToObject(
				   command, kinds[i].name, argv[2]) != NULL;
	return false;
}

static void print(const cJSON *answer)
{
	(void)answer;
	puts("purged");
}

static int run(const struct cli_command *self, int argc, char **argv)
{
	struct client_flags flags;
	cJSON *command;

	if (!client_flags(self, &argc, argv, &flags))
		return CLI_USAGE;
	command = client_command("purge");
	if (add_what(command, argc, argv))
		return client_run(&flags, command, print);
	cJSON_Delete(command);
	return cli_usage(self, "one of --all, --location ID, --contact ID, "
			       "--operation ID or --path P is needed");
}

const struct cli_command cli_purge = {
    .name = "purge",
    .synopsis = "--all | --location ID | --contact ID | --operation ID | "
		"--path P [--state DIR] [--json]",
    .summary = "make stored answers unusable",
    .help = "Makes stored answers unusable, so that the next read of each "
	    "asks GHL.\n"
	    "Returns after that has taken effect.\n"
	    "\n"
	    "  --all            everything\n"
	    "  --location ID    what belongs to a location\n"
	    "  --contact ID     a contact with its tasks, notes and "
	    "appointments\n"
	    "  --operation ID   what an operation answered, such as "
	    "contacts.get-contact\n"
	    "  --path P         what a path answered, whatever its query\n"
	    "  --state DIR      the daemon's state directory\n"
	    "  --json           print the daemon's answer as JSON\n",
    .run = run,
};
