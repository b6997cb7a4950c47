#include "cli/client.h"

#include <stdio.h>

static const char *text_at(const cJSON *o, const char *name)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, name);

	return cJSON_IsString(v) ? v->valuestring : "-";
}

static double number_at(const cJSON *o, const char *name)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, name);

	return cJSON_IsNumber(v) ? v->valuedouble : 0;
}

static void print_life(const cJSON *doc)
{
	const cJSON *stalled =
	    cJSON_GetObjectItemCaseSensitive(doc, "stalledThreads");
	const cJSON *bypass = cJSON_GetObjectItemCaseSensitive(doc, "bypass");
	const cJSON *name;

	printf("ghlmirror  %s, %s, up %.0f s\n", text_at(doc, "version"),
	    text_at(doc, "state"), number_at(doc, "uptimeSeconds"));
	if (cJSON_IsTrue(bypass))
		printf("bypass     on: the store is neither read nor filled\n");
	cJSON_ArrayForEach(name, stalled)
	{
		printf("stalled    %s\n",
		    cJSON_IsString(name) ? name->valuestring : "-");
	}
}

static void print_upstream(const cJSON *doc)
{
	const cJSON *o = cJSON_GetObjectItemCaseSensitive(doc, "upstream");
	const cJSON *reason = cJSON_GetObjectItemCaseSensitive(o, "reason");

	printf("upstream   %s, %s", text_at(o, "url"), text_at(o, "state"));
	if (cJSON_IsString(reason))
		printf(" (%s)", reason->valuestring);
	printf(", offline %s\n", text_at(o, "offline"));
}

static void print_store(const cJSON *doc)
{
	const cJSON *o = cJSON_GetObjectItemCaseSensitive(doc, "store");
	const cJSON *reason = cJSON_GetObjectItemCaseSensitive(o, "reason");

	printf("store      %s", text_at(o, "state"));
	if (cJSON_GetObjectItemCaseSensitive(o, "maxBytes"))
		printf(", %.0f answers, %.1f of %.1f MiB",
		    number_at(o, "entries"),
		    number_at(o, "usedBytes") / 1048576,
		    number_at(o, "maxBytes") / 1048576);
	if (cJSON_IsString(reason))
		printf(" (%s)", reason->valuestring);
	printf("\n");
}

/* Only when there is something to say. */
static void print_vault(const cJSON *doc)
{
	const cJSON *o = cJSON_GetObjectItemCaseSensitive(doc, "vault");
	const cJSON *reason = cJSON_GetObjectItemCaseSensitive(o, "reason");

	if (cJSON_IsString(reason))
		printf("vault      %s (%s)\n", text_at(o, "state"),
		    reason->valuestring);
}

static void print_counters(const cJSON *doc)
{
	const cJSON *o = cJSON_GetObjectItemCaseSensitive(doc, "counters");

	printf("requests   %.0f, of them %.0f hits, %.0f stale, %.0f misses\n",
	    number_at(o, "requests"), number_at(o, "hits"),
	    number_at(o, "hits_stale"), number_at(o, "misses"));
	printf("hit ratio  %.1f %%, upstream calls saved %.0f\n",
	    100 * number_at(doc, "hitRatio"),
	    number_at(doc, "upstreamCallsSaved"));
	printf("upstream   %.0f calls, %.0f errors\n",
	    number_at(o, "upstream_requests"), number_at(o, "upstream_errors"));
}

static int run(const struct cli_command *self, int argc, char **argv)
{
	struct client_flags flags;
	cJSON *command, *answer;

	if (!client_flags(self, &argc, argv, &flags))
		return CLI_USAGE;
	if (argc != 1)
		return cli_usage(self, "unknown argument \"%s\"", argv[1]);
	command = cJSON_CreateObject();
	cJSON_AddStringToObject(command, "command", "status");
	answer = client_call(&flags, command);
	if (!answer)
		return CLI_FAILED;
	if (flags.is_json) {
		client_print_json(answer);
		return CLI_OK;
	}
	print_life(answer);
	print_upstream(answer);
	print_store(answer);
	print_vault(answer);
	print_counters(answer);
	cJSON_Delete(answer);
	return CLI_OK;
}

const struct cli_command cli_status = {
    .name = "status",
    .synopsis = "[--state DIR] [--json]",
    .summary = "what the daemon is doing",
    .help = "Prints the state of the running daemon: the upstream, the "
	    "store, and what\n"
	    "was served from where.\n"
	    "\n"
	    "  --state DIR  the daemon's state directory\n"
	    "  --json       print everything as JSON\n",
    .run = run,
};
