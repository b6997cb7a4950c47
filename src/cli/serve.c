#include "cli/cli.h"
#include "cli/daemon.h"

#include "base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int fail(char *why)
{
	fprintf(stderr, "ghlmirror: %s\n", why ? why : "out of memory");
	free(why);
	return CLI_FAILED;
}

static int serve(const struct config *config, int argc, char **argv)
{
	char *why = NULL;
	struct daemon *d;
	bool is_ok;

	log_set_level((enum log_level)config->log_level);
	log_set_requests(config->log_requests);
	if (!log_open(config->log_file)) {
		fprintf(stderr, "ghlmirror: %s: the log cannot be opened\n",
		    config->log_file);
		return CLI_FAILED;
	}
	d = daemon_new(config, argc, argv, &why);
	if (!d) {
		log_close();
		return fail(why);
	}
	is_ok = daemon_run(d);
	daemon_free(d);
	log_close();
	return is_ok ? CLI_OK : CLI_FAILED;
}

static int run(const struct cli_command *self, int argc, char **argv)
{
	char *why = NULL;
	struct config *config;
	int rest, code;

	daemon_hold_hangup();
	config = config_load(NULL, argc, argv, &rest, &why);
	if (!config) {
		code = fail(why);
		return rest == 0 ? CLI_USAGE : code;
	}
	if (rest < argc) {
		code = cli_usage(self, "unknown argument \"%s\"", argv[rest]);
		config_free(config);
		return code;
	}
	code = serve(config, argc, argv);
	config_free(config);
	return code;
}

const struct cli_command cli_serve = {
    .name = "serve",
    .synopsis = "[--config FILE] [--OPTION VALUE ...]",
    .summary = "run the proxy",
    .help = "Runs the proxy in the foreground until SIGTERM or SIGINT. When "
	    "it serves, it\n"
	    "prints one line on standard output:\n"
	    "\n"
	    "  ready http=127.0.0.1:8788\n"
	    "\n"
	    "  --config FILE    read the configuration from FILE\n"
	    "  --listen H:P     where to listen (127.0.0.1:8788; port 0 takes "
	    "a free one)\n"
	    "  --upstream URL   the API (https://services.leadconnectorhq.com)"
	    "\n"
	    "  --state DIR      where to keep state\n"
	    "\n"
	    "Every option of ghlmirror.conf(5) is a flag: cache_max is "
	    "--cache-max.\n"
	    "A flag overrides the file.\n",
    .run = run,
};
