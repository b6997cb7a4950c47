#include "cli/cli.h"
#include "cli/policies.h"
#include "store/why.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int report(
    struct config *config, struct api_policies *policies, char *why)
{
	bool is_ok = config && policies;

	if (is_ok)
		printf("%s: ok\n", config->file[0] ? config->file : "defaults");
	else
		fprintf(stderr, "ghlmirror: %s\n", why ? why : "out of memory");
	api_policies_free(policies);
	config_free(config);
	free(why);
	return is_ok ? CLI_OK : CLI_FAILED;
}

/* What serve finds out only when it makes its parts. */
static bool is_readable(const struct config *config, char **why)
{
	const char *file = config->upstream_ca;

	if (!file[0] || access(file, R_OK) == 0)
		return true;
	why_set(why, "upstream_ca: %s: %s", file, strerror(errno));
	return false;
}

static int run(const struct cli_command *self, int argc, char **argv)
{
	const char *file = NULL;
	char *why = NULL;
	struct api_policies *policies = NULL;
	struct config *config;
	bool is_usage;
	int rest, code;

	/* A file name alone is what people type. */
	if (argc > 1 && argv[1][0] != '-') {
		file = argv[1];
		argv[1] = argv[0];
		argv++;
		argc--;
	}
	config = config_load(file, argc, argv, &rest, &why);
	if (rest > 0 && rest < argc) {
		config_free(config);
		free(why);
		return cli_usage(self, "unknown argument \"%s\"", argv[rest]);
	}
	if (config && is_readable(config, &why))
		policies = policies_of_config(config, &why);
	is_usage = !config && rest == 0;
	code = report(config, policies, why);
	return is_usage ? CLI_USAGE : code;
}

const struct cli_command cli_check_config = {
    .name = "check-config",
    .synopsis = "[FILE | --config FILE] [--OPTION VALUE ...]",
    .summary = "say whether a configuration can be used",
    .help = "Reads a configuration as serve would, and says what is wrong "
	    "with it: file,\n"
	    "line and reason. Touches nothing.\n",
    .run = run,
};
