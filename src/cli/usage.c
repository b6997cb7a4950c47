#include "cli/client.h"

#include "base/clock.h"
#include "base/num.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define DAY_MS (INT64_C(24) * 3600 * 1000)

/* ---- printing ---- */

static const struct {
	const char *title;
	const char *member;
} columns[] = {
    {"asked", "asked"},
    {"hits", "hits"},
    {"stale", "stale"},
    {"misses", "misses"},
    {"shared", "coalesced"},
    {"calls", "upstream"},
    {"4xx", "clientErrors"},
    {"failed", "failures"},
    {"saved", "callsSaved"},
};

#define COLUMNS_N (sizeof(columns) / sizeof(*columns))

static void print_row(const char *name, int width, const cJSON *row)
{
	printf("%-*s", width, name);
	for (size_t i = 0; i < COLUMNS_N; i++)
		printf(" %8.0f", client_number(row, columns[i].member));
	printf(" %8.1f %%\n", 100 * client_number(row, "hitRatio"));
}

static int width_of(const cJSON *rows, const char *by)
{
	const cJSON *row;
	size_t width = strlen("operation");

	cJSON_ArrayForEach(row, rows)
	{
		size_t n = strlen(client_text(row, by));

		if (n > width)
			width = n;
	}
	return (int)width;
}

static void print(const cJSON *answer)
{
	const cJSON *rows = client_member(answer, "rows"), *row;
	const char *by = client_text(answer, "by");
	int width = width_of(rows, by);

	printf("since %s\n\n%-*s", client_text(answer, "since"), width, by);
	for (size_t i = 0; i < COLUMNS_N; i++)
		printf(" %8s", columns[i].title);
	printf(" %10s\n", "hit ratio");
	cJSON_ArrayForEach(row, rows)
	{
		print_row(client_text(row, by), width, row);
	}
	print_row("total", width, client_member(answer, "total"));
	if (cJSON_IsFalse(client_member(answer, "kept")))
		printf("\nThese counts are lost when the daemon ends: %s\n",
		    client_text(answer, "reason"));
}

/* ---- arguments ---- */

/* Local midnight of YYYY-MM-DD. */
static bool parse_date(const char *text, int64_t *ms)
{
	struct tm tm = {.tm_isdst = -1};
	const char *end = strptime(text, "%Y-%m-%d", &tm);
	time_t s;

	if (!end || *end)
		return false;
	s = mktime(&tm);
	*ms = (int64_t)s * 1000;
	return s > 0;
}

static bool parse_since(const char *text, int64_t *ms)
{
	int64_t ago_ms;

	if (!num_parse_duration(slice_of_str(text), &ago_ms))
		return parse_date(text, ms);
	*ms = clock_wall_ms() - ago_ms;
	if (*ms < 0)
		*ms = 0;
	return true;
}

/* False (said) when the arguments cannot be understood. */
static bool add_question(
    const struct cli_command *self, cJSON *command, int argc, char **argv)
{
	int64_t since_ms = clock_wall_ms() - DAY_MS;

	for (int i = 1; i < argc; i += 2) {
		const char *name = argv[i], *value = argv[i + 1];

		if (i + 1 == argc) {
			cli_usage(self, "%s needs a value", name);
			return false;
		}
		if (strcmp(name, "--since") == 0 &&
		    !parse_since(value, &since_ms)) {
			cli_usage(self, "--since: a time like 24h or 7d, or a "
					"date like 2026-11-22");
			return false;
		}
		if (strcmp(name, "--since") == 0)
			continue;
		if (strcmp(name, "--tool") != 0 &&
		    strcmp(name, "--operation") != 0 &&
		    strcmp(name, "--by") != 0) {
			cli_usage(self, "unknown argument \"%s\"", name);
			return false;
		}
		cJSON_DeleteItemFromObject(command, name + 2);
		cJSON_AddStringToObject(command, name + 2, value);
	}
	cJSON_AddNumberToObject(command, "since", (double)since_ms);
	return true;
}

static bool is_by(const cJSON *command)
{
	const cJSON *by = client_member(command, "by");
	const char *text = by ? by->valuestring : "tool";

	return strcmp(text, "tool") == 0 || strcmp(text, "operation") == 0 ||
	       strcmp(text, "hour") == 0;
}

static int run(const struct cli_command *self, int argc, char **argv)
{
	struct client_flags flags;
	cJSON *command;

	if (!client_flags(self, &argc, argv, &flags))
		return CLI_USAGE;
	command = client_command("usage");
	if (!add_question(self, command, argc, argv)) {
		cJSON_Delete(command);
		return CLI_USAGE;
	}
	if (!is_by(command)) {
		cJSON_Delete(command);
		return cli_usage(self, "--by is one of tool, operation, hour");
	}
	return client_run(&flags, command, print);
}

const struct cli_command cli_usage_of = {
    .name = "usage",
    .synopsis = "[--tool NAME] [--operation ID] [--since TIME] "
		"[--by tool | operation | hour] [--state DIR] [--json]",
    .summary = "who asked for what, and what it saved",
    .help = "Prints how often each tool asked, and where its answers came "
	    "from. A tool names\n"
	    "itself by its base URL, http://HOST:PORT/-/as/NAME; \"-\" are "
	    "those that do not.\n"
	    "\n"
	    "  --tool NAME      only of this tool\n"
	    "  --operation ID   only of this operation, such as "
	    "contacts.get-contact;\n"
	    "                   \"other\" are paths that GHL does not "
	    "document\n"
	    "  --since TIME     from then on, in whole hours: 24h (the "
	    "default), 7d, or a\n"
	    "                   date, 2026-11-22; 30 days are kept\n"
	    "  --by WHAT        a row for each tool (the default), operation "
	    "or hour (UTC)\n"
	    "  --state DIR      the daemon's state directory\n"
	    "  --json           print as JSON\n"
	    "\n"
	    "saved are the calls to GHL that were not made: hits, stale and "
	    "shared.\n",
    .run = run,
};
