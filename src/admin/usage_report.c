#include "admin/usage_report.h"

#include <stdlib.h>
#include <time.h>

#define ROWS_MAX 4096

/* ---- rows ---- */

void usage_report_add(cJSON *o, const uint64_t v[USAGE_COUNT])
{
	uint64_t served = v[USAGE_HITS] + v[USAGE_STALE];
	uint64_t cacheable = served + v[USAGE_MISSES];

	for (int c = 0; c < USAGE_COUNT; c++)
		cJSON_AddNumberToObject(
		    o, usage_json_name((enum usage_count)c), (double)v[c]);
	cJSON_AddNumberToObject(
	    o, "hitRatio", cacheable ? (double)served / (double)cacheable : 0);
	cJSON_AddNumberToObject(
	    o, "callsSaved", (double)(served + v[USAGE_COALESCED]));
}

static void add_time(cJSON *o, const char *name, int64_t ms)
{
	time_t s = (time_t)(ms / 1000);
	struct tm tm;
	char text[32];

	gmtime_r(&s, &tm);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
	cJSON_AddStringToObject(o, name, text);
}

/* ---- the question ---- */

static const char *const by_names[] = {
    [USAGE_BY_TOOL] = "tool",
    [USAGE_BY_OPERATION] = "operation",
    [USAGE_BY_HOUR] = "hour",
};

static struct slice text_of(const cJSON *command, const char *name)
{
	return slice_of_str(cJSON_GetStringValue(
	    cJSON_GetObjectItemCaseSensitive(command, name)));
}

static bool read_by(const cJSON *command, enum usage_by *by)
{
	struct slice text = text_of(command, "by");

	*by = USAGE_BY_TOOL;
	if (text.n == 0)
		return true;
	for (int i = USAGE_BY_TOOL; i <= USAGE_BY_HOUR; i++)
		if (slice_eq(text, slice_of_str(by_names[i]))) {
			*by = (enum usage_by)i;
			return true;
		}
	return false;
}

/* NULL, or what is wrong. */
static const char *read_question(const cJSON *command, struct usage_question *q)
{
	const cJSON *since = cJSON_GetObjectItemCaseSensitive(command, "since");
	double ms = cJSON_IsNumber(since) ? since->valuedouble : 0;

	q->tool = text_of(command, "tool");
	q->op = text_of(command, "operation");
	if (!read_by(command, &q->by))
		return "by is none of tool, operation, hour";
	if (q->tool.n > 0 && !usage_tool_is_valid(q->tool) &&
	    !slice_eq(q->tool, USAGE_NO_TOOL))
		return "no tool can have this name";
	if (q->op.n > 0 && !api_by_id(q->op) && !slice_eq(q->op, USAGE_OTHER))
		return "there is no such operation";
	if (!(ms >= 0 && ms < 1e15))
		return "since is no time";
	q->from_hour = (int64_t)ms / USAGE_HOUR_MS;
	return NULL;
}

const char *usage_report_fault(const cJSON *command)
{
	struct usage_question q;

	return read_question(command, &q);
}

/* ---- the answer ---- */

static int by_asked(const void *a, const void *b)
{
	const struct usage_row *x = *(const struct usage_row *const *)a;
	const struct usage_row *y = *(const struct usage_row *const *)b;

	if (x->hour != y->hour)
		return x->hour < y->hour ? -1 : 1;
	if (x->v[USAGE_ASKED] != y->v[USAGE_ASKED])
		return x->v[USAGE_ASKED] > y->v[USAGE_ASKED] ? -1 : 1;
	return strcmp(x->tool, y->tool) + strcmp(x->op, y->op);
}

static cJSON *row_of(const struct usage_row *row, enum usage_by by)
{
	cJSON *o = cJSON_CreateObject();

	switch (by) {
	case USAGE_BY_TOOL:
		cJSON_AddStringToObject(o, by_names[by], row->tool);
		break;
	case USAGE_BY_OPERATION:
		cJSON_AddStringToObject(o, by_names[by], row->op);
		break;
	case USAGE_BY_HOUR:
		add_time(o, by_names[by], row->hour * USAGE_HOUR_MS);
		break;
	}
	usage_report_add(o, row->v);
	return o;
}

static void add_rows(
    cJSON *answer, const struct usage_table *t, enum usage_by by)
{
	size_t n = usage_table_n(t);
	const struct usage_row **rows = calloc(n + 1, sizeof(*rows));
	struct usage_row total = {.hour = 0};
	cJSON *list = cJSON_AddArrayToObject(answer, "rows");

	for (size_t i = 0; rows && i < n; i++) {
		rows[i] = usage_table_at(t, i);
		usage_row_add(&total, rows[i]->v);
	}
	if (rows)
		qsort(rows, n, sizeof(*rows), by_asked);
	for (size_t i = 0; rows && i < n; i++)
		cJSON_AddItemToArray(list, row_of(rows[i], by));
	free(rows);
	usage_report_add(cJSON_AddObjectToObject(answer, "total"), total.v);
}

cJSON *usage_report(struct accounting *a, const cJSON *command, int64_t now_ms,
    const char **fault)
{
	struct usage_book *book = accounting_book(a);
	struct usage_question q;
	struct usage_table *t;
	cJSON *answer;

	*fault = read_question(command, &q);
	if (*fault)
		return NULL;
	t = usage_table_new(ROWS_MAX);
	if (!t) {
		*fault = "out of memory";
		return NULL;
	}
	usage_book_ask(book, &q, t);
	answer = cJSON_CreateObject();
	cJSON_AddStringToObject(answer, "by", by_names[q.by]);
	add_time(answer, "since", q.from_hour * USAGE_HOUR_MS);
	add_time(answer, "until", now_ms);
	cJSON_AddBoolToObject(answer, "kept", usage_book_trouble(book) == NULL);
	if (usage_book_trouble(book))
		cJSON_AddStringToObject(
		    answer, "reason", usage_book_trouble(book));
	add_rows(answer, t, q.by);
	usage_table_free(t);
	return answer;
}
