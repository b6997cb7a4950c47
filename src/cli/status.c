#include "cli/client.h"

#include <stdio.h>
#include <string.h>

#define MIB 1048576.0

/* "3 d 4 h", "12 min", "5 s": the two biggest units. */
static const char *span(char *text, size_t size, double seconds)
{
	long long s = (long long)seconds;

	if (s >= 86400)
		snprintf(
		    text, size, "%lld d %lld h", s / 86400, s % 86400 / 3600);
	else if (s >= 3600)
		snprintf(
		    text, size, "%lld h %lld min", s / 3600, s % 3600 / 60);
	else if (s >= 60)
		snprintf(text, size, "%lld min %lld s", s / 60, s % 60);
	else
		snprintf(text, size, "%lld s", s);
	return text;
}

static void print_troubles(const cJSON *doc)
{
	const cJSON *trouble;

	cJSON_ArrayForEach(trouble, client_member(doc, "troubles"))
	{
		if (cJSON_IsString(trouble))
			printf("TROUBLE    %s\n", trouble->valuestring);
	}
}

static void print_life(const cJSON *doc)
{
	char text[64];

	printf("ghlmirror  %s, %s, up %s\n", client_text(doc, "version"),
	    client_text(doc, "state"),
	    span(text, sizeof(text), client_number(doc, "uptimeSeconds")));
	if (cJSON_IsTrue(client_member(doc, "bypass")))
		printf("bypass     on: the store is neither read nor filled\n");
}

static void print_last_error(const cJSON *error)
{
	char text[64];

	printf("last error %s ago: ",
	    span(text, sizeof(text), client_number(error, "secondsAgo")));
	if (client_member(error, "status"))
		printf("status %.0f", client_number(error, "status"));
	else
		printf("%s", client_text(error, "cause"));
	printf(", %s\n", client_text(error, "operation"));
}

/* online: nobody said otherwise, and it is reached. */
static const char *connection_of(const cJSON *upstream)
{
	if (strcmp(client_text(upstream, "offline"), "on") == 0)
		return "offline";
	return strcmp(client_text(upstream, "state"), "away") == 0 ? "away"
								   : "online";
}

static void print_troubled(const cJSON *list)
{
	const cJSON *one;
	char text[64];

	cJSON_ArrayForEach(one, list)
	{
		printf("           /%s not well for %s: %s\n",
		    client_text(one, "family"),
		    span(text, sizeof(text), client_number(one, "seconds")),
		    client_text(one, "reason"));
	}
}

static void print_upstream(const cJSON *doc)
{
	const cJSON *o = client_member(doc, "upstream");
	char text[64];

	printf("upstream   %s for %s, %s %s\n", connection_of(o),
	    span(text, sizeof(text), client_number(o, "stateSeconds")),
	    client_text(o, "url"), client_text(o, "state"));
	print_troubled(client_member(o, "troubled"));
	if (client_member(o, "lastError"))
		print_last_error(client_member(o, "lastError"));
}

static void print_today(const cJSON *doc)
{
	const cJSON *today = client_member(doc, "today");
	char text[64];

	printf("today      %.0f asked, hit ratio %.1f %%, upstream calls saved "
	       "%.0f\n",
	    client_number(today, "asked"),
	    100 * client_number(today, "hitRatio"),
	    client_number(today, "callsSaved"));
	printf("           %.0f upstream calls, %.0f refused by GHL, %.0f "
	       "failed\n",
	    client_number(today, "upstream"),
	    client_number(today, "clientErrors"),
	    client_number(today, "failures"));
	printf("oldest     %s, of the answers served today\n",
	    span(text, sizeof(text), client_number(today, "oldestSeconds")));
}

static void print_store(const cJSON *doc)
{
	const cJSON *o = client_member(doc, "store");

	if (client_member(o, "entries"))
		printf("store      %s, %.0f answers, %.1f of %.1f MiB\n",
		    client_text(o, "state"), client_number(o, "entries"),
		    client_number(o, "usedBytes") / MIB,
		    client_number(o, "maxBytes") / MIB);
	else
		printf("store      %s\n", client_text(o, "state"));
}

static void print_now(const cJSON *doc)
{
	const cJSON *origin = client_member(doc, "origin");

	printf("now        %.0f connections, %.0f reads and %.0f writes under "
	       "way\n",
	    client_number(client_member(doc, "clients"), "connections"),
	    client_number(origin, "flights"),
	    client_number(origin, "passages"));
}

static void print_start(const cJSON *doc)
{
	const cJSON *o = client_member(doc, "counters");

	printf("all        %.0f requests since the start, hit ratio %.1f %%, "
	       "%.0f upstream calls\n",
	    client_number(o, "requests"), 100 * client_number(doc, "hitRatio"),
	    client_number(o, "upstream_requests"));
	if (client_number(o, "accept_paused") > 0)
		printf("attention  stopped accepting clients %.0f times for "
		       "lack of file descriptors or memory\n",
		    client_number(o, "accept_paused"));
}

static void print_top(const cJSON *doc)
{
	const cJSON *list =
	    client_member(client_member(doc, "today"), "topOperations");
	const cJSON *row;

	if (cJSON_GetArraySize(list) > 0)
		printf(
		    "\n%8s %10s  today's operations\n", "asked", "hit ratio");
	cJSON_ArrayForEach(row, list)
	{
		printf("%8.0f %8.1f %%  %s\n", client_number(row, "asked"),
		    100 * client_number(row, "hitRatio"),
		    client_text(row, "operation"));
	}
}

/* What is wrong stands first; the whole fits a screen. */
static void print(const cJSON *doc)
{
	print_troubles(doc);
	print_life(doc);
	print_upstream(doc);
	print_today(doc);
	print_store(doc);
	print_now(doc);
	print_start(doc);
	print_top(doc);
}

static int run(const struct cli_command *self, int argc, char **argv)
{
	struct client_flags flags;

	if (!client_flags(self, &argc, argv, &flags))
		return CLI_USAGE;
	if (argc != 1)
		return cli_usage(self, "unknown argument \"%s\"", argv[1]);
	return client_run(&flags, client_command("status"), print);
}

const struct cli_command cli_status = {
    .name = "status",
    .synopsis = "[--state DIR] [--json]",
    .summary = "what the daemon is doing",
    .help = "Prints the state of the running daemon: what is wrong, the "
	    "upstream, what was\n"
	    "served today from where, the store.\n"
	    "\n"
	    "  --state DIR  the daemon's state directory\n"
	    "  --json       print everything as JSON\n",
    .run = run,
};
