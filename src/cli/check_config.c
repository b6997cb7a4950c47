#include "admin/control.h"
#include "base/unix_socket.h"
#include "cli/cli.h"
#include "cli/settings.h"
#include "origin/transfer.h"
#include "store/state.h"
#include "store/why.h"

#include <errno.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

struct wants {
	bool must_print;
	bool is_json;
};

/* Takes the flags of the command out of those of the configuration. */
static void take_flags(int *argc, char **argv, struct wants *w)
{
	int n = 1;

	*w = (struct wants){false, false};
	for (int i = 1; i < *argc; i++) {
		if (strcmp(argv[i], "--print") == 0)
			w->must_print = true;
		else if (strcmp(argv[i], "--json") == 0)
			w->is_json = true;
		else
			argv[n++] = argv[i];
	}
	*argc = n;
	argv[n] = NULL;
}

/* ---- what serve finds out only when it makes its parts ---- */

static bool is_ca_good(const struct config *c, char **why)
{
	const char *fault = NULL;

	if (c->upstream_ca[0])
		fault = transfer_ca_fault(c->upstream_ca);
	if (fault)
		why_set(why, "upstream_ca: %s: %s", c->upstream_ca, fault);
	return !fault;
}

/* path is changed. With errno when not. */
static bool can_be_written(char *path)
{
	struct stat st;

	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
		errno = EISDIR;
		return false;
	}
	/* Missing, it will be made, if its directory lets us. */
	return access(path, W_OK) == 0 ||
	       (errno == ENOENT && access(dirname(path), W_OK | X_OK) == 0);
}

static bool is_log_good(const struct config *c, char **why)
{
	char *copy = strdup(c->log_file);
	bool is_good = copy && (!copy[0] || can_be_written(copy));

	free(copy);
	if (!is_good)
		why_set(why, "log_file: %s: %s", c->log_file, strerror(errno));
	return is_good;
}

static bool is_state_good(const struct config *c, char **why)
{
	size_t n = strlen(c->state) + strlen("/" CONTROL_SOCKET);

	if (n < sizeof(((struct sockaddr_un *)0)->sun_path))
		return state_may_be(c->state, why);
	why_set(why, "state: %s: the path is too long for the control socket",
	    c->state);
	return false;
}

static bool are_sockets_good(const struct config *c, char **why)
{
	for (size_t i = 0; i < c->listen.n; i++) {
		struct config_listen item;
		char *path;
		bool is_good;

		if (!config_parse_listen(slice_of_str(c->listen.v[i]), &item) ||
		    !item.is_unix)
			continue;
		path = strndup(item.path.p, item.path.n);
		is_good = path && unix_socket_may_be(path, why);
		free(path);
		if (!is_good)
			return false;
	}
	return true;
}

static bool is_usable(const struct config *c, char **why)
{
	static bool (*const checks[])(const struct config *, char **) = {
	    is_ca_good, is_log_good, is_state_good, are_sockets_good};
	struct settings *settings = settings_new(c, why);

	if (!settings)
		return false;
	settings_free(settings);
	for (size_t i = 0; i < sizeof(checks) / sizeof(*checks); i++)
		if (!checks[i](c, why))
			return false;
	return true;
}

/* ---- the answer ---- */

static void show(const struct config *c, const struct wants *w)
{
	if (w->is_json)
		config_print_json(stdout, c);
	else if (w->must_print)
		config_print(stdout, c);
	else
		printf("%s: ok\n", c->file[0] ? c->file : "defaults");
}

static int check(const char *file, int argc, char **argv,
    const struct cli_command *self, const struct wants *w)
{
	char *why = NULL;
	int rest, code = CLI_OK;
	struct config *c = config_load(file, argc, argv, &rest, &why);

	if (rest > 0 && rest < argc) {
		code = cli_usage(self, "unknown argument \"%s\"", argv[rest]);
	} else if (c && is_usable(c, &why)) {
		show(c, w);
	} else {
		fprintf(stderr, "ghlmirror: %s\n", why ? why : "out of memory");
		code = rest == 0 ? CLI_USAGE : CLI_FAILED;
	}
	config_free(c);
	free(why);
	return code;
}

static int run(const struct cli_command *self, int argc, char **argv)
{
	const char *file = NULL;
	struct wants w;

	take_flags(&argc, argv, &w);
	/* A file name alone is what people type. */
	if (argc > 1 && argv[1][0] != '-') {
		file = argv[1];
		argv[1] = argv[0];
		argv++;
		argc--;
	}
	return check(file, argc, argv, self, &w);
}

const struct cli_command cli_check_config = {
    .name = "check-config",
    .synopsis = "[FILE | --config FILE] [--print] [--json] "
		"[--OPTION VALUE ...]",
    .summary = "say whether a configuration can be used",
    .help = "Reads a configuration as serve would, and says what is wrong "
	    "with it: file,\n"
	    "line and reason. Touches nothing.\n"
	    "\n"
	    "  --print  print what would be in force, as a configuration file\n"
	    "  --json   print that as JSON\n",
    .run = run,
};
