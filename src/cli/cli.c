#include "cli/cli.h"

#include "base/sabotage.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static const struct cli_command *const commands[] = {
    &cli_serve,
    &cli_status,
    &cli_usage_of,
    &cli_purge,
    &cli_offline,
    &cli_bypass,
    &cli_check_config,
};

#define COMMANDS_N (sizeof(commands) / sizeof(*commands))

static void print_help(FILE *out)
{
	fputs("usage: ghlmirror COMMAND [ARGUMENTS]\n"
	      "\n"
	      "A caching proxy and offline mirror for the GoHighLevel API.\n"
	      "\n"
	      "commands:\n",
	    out);
	for (size_t i = 0; i < COMMANDS_N; i++)
		fprintf(out, "  %-14s %s\n", commands[i]->name,
		    commands[i]->summary);
	fputs("\n"
	      "ghlmirror COMMAND --help tells more, ghlmirror --version the "
	      "version.\n"
	      "Exit status: 0; 1 failed, or no daemon; 2 wrong usage.\n",
	    out);
}

static void print_command_help(const struct cli_command *c)
{
	printf("usage: ghlmirror %s%s%s\n\n%s", c->name,
	    c->synopsis[0] ? " " : "", c->synopsis, c->help);
}

int cli_usage(const struct cli_command *c, const char *fmt, ...)
{
	va_list args;

	fprintf(stderr, "ghlmirror %s: ", c->name);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fprintf(stderr, "\nghlmirror %s --help tells more.\n", c->name);
	return CLI_USAGE;
}

static bool wants_help(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--") == 0)
			return false;
		if (strcmp(argv[i], "--help") == 0 ||
		    strcmp(argv[i], "-h") == 0)
			return true;
	}
	return false;
}

static int run(const struct cli_command *c, int argc, char **argv)
{
	if (wants_help(argc, argv)) {
		print_command_help(c);
		return CLI_OK;
	}
	return c->run(c, argc, argv);
}

int cli_main(int argc, char **argv)
{
	if (argc < 2) {
		print_help(stderr);
		return CLI_USAGE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
	    strcmp(argv[1], "help") == 0) {
		print_help(stdout);
		return CLI_OK;
	}
	if (strcmp(argv[1], "--version") == 0) {
		printf("ghlmirror %s%s\n", PACKAGE_VERSION, SABOTAGE_NOTE);
		return CLI_OK;
	}
	for (size_t i = 0; i < COMMANDS_N; i++)
		if (strcmp(argv[1], commands[i]->name) == 0)
			return run(commands[i], argc - 1, argv + 1);
	fprintf(stderr,
	    "ghlmirror: there is no command \"%s\"\n"
	    "ghlmirror --help lists them.\n",
	    argv[1]);
	return CLI_USAGE;
}
