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

/* The command object, NULL when the arguments name nothing or two things. */
static cJSON *command_of(int argc, char **argv)
{
	cJSON *o = NULL;

	if (argc == 2 && strcmp(argv[1], "--all") == 0) {
		o = cJSON_CreateObject();
		cJSON_AddTrueToObject(o, "all");
	}
	for (size_t i = 0; argc == 3 && i < sizeof(kinds) / sizeof(*kinds);
	     i++) {
		if (strcmp(argv[1], kinds[i].flag) != 0)
			continue;
		o = cJSON_CreateObject();
		cJSON_AddStringToObject(o, kinds[i].name, argv[2]);
	}
	if (o)
		cJSON_AddStringToObject(o, "command", "purge");
	return o;
}

static int run(const struct cli_command *self, int argc, char **argv)
{
	struct client_flags flags;
	cJSON *command, *answer;

	if (!client_flags(self, &argc, argv, &flags))
		return CLI_USAGE;
	command = command_of(argc, argv);
	if (!command)
		return cli_usage(self, "one of --all, --location ID, "
				       "--contact ID, --operation ID or "
				       "--path P is needed");
	answer = client_call(&flags, command);
	if (!answer)
		return CLI_FAILED;
	if (flags.is_json) {
		client_print_json(answer);
	} else {
		puts("purged");
		cJSON_Delete(answer);
	}
	return CLI_OK;
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
