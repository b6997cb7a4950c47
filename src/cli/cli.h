/*
 * The command line: one file per command, one table of them (cli.c).
 *
 * A command gets argv from its own name on and returns the exit code: 0, 1
 * (failed, or no daemon), 2 (usage).
 */
#ifndef CLI_CLI_H
#define CLI_CLI_H

enum {
	CLI_OK = 0,
	CLI_FAILED = 1,
	CLI_USAGE = 2
};

struct cli_command {
	const char *name;
	const char *synopsis; /* behind "ghlmirror NAME " */
	const char *summary; /* one line of "ghlmirror --help" */
	const char *help; /* of "ghlmirror NAME --help", whole lines */
	int (*run)(const struct cli_command *self, int argc, char **argv);
};

extern const struct cli_command cli_serve;
extern const struct cli_command cli_status;
extern const struct cli_command cli_usage_of;
extern const struct cli_command cli_purge;
extern const struct cli_command cli_offline;
extern const struct cli_command cli_bypass;
extern const struct cli_command cli_check_config;

int cli_main(int argc, char **argv);
/* Says what is wrong and how to get help, on stderr. Gives CLI_USAGE. */
int cli_usage(const struct cli_command *c, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

#endif
