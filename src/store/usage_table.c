#include "store/usage_table.h"

#include "base/digest.h"

#include <assert.h>
#include <stdlib.h>

/* Rows for (tool, other) beyond those of a table. */
#define SPARE_ROWS 256
#define FIRST_ROWS 32

struct usage_table {
	struct usage_row *rows; /* owned */
	uint32_t *index; /* owned; row number + 1, 0: free */
	size_t n;
	size_t room; /* of rows; the index has twice as many places */
	size_t max;
	bool is_spilling;
	struct usage_row spill; /* of what has no row, once is_spilling */
};

/* ---- names ---- */

static const struct {
	const char *json, *metric, *help;
} names[] = {
#define USAGE_NAMES(id, json, metric, help) {json, metric, help},
    USAGE_COUNTS(USAGE_NAMES)
#undef USAGE_NAMES
};

const char *usage_json_name(enum usage_count c)
{
	assert(c >= 0 && c < USAGE_COUNT);
	return names[c].json;
}

const char *usage_metric_name(enum usage_count c)
{
	assert(c >= 0 && c < USAGE_COUNT);
	return names[c].metric;
}

const char *usage_help(enum usage_count c)
{
	assert(c >= 0 && c < USAGE_COUNT);
	return names[c].help;
}

static bool is_name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
}

bool usage_tool_is_valid(struct slice name)
{
	if (name.n == 0 || name.n > USAGE_TOOL_MAX)
		return false;
	for (size_t i = 0; i < name.n; i++)
		if (!is_name_char(name.p[i]))
			return false;
	return !slice_eq(name, USAGE_NO_TOOL) && !slice_eq(name, SLICE(".")) &&
	       !slice_eq(name, SLICE(".."));
}

/* ---- rows ---- */

void usage_row_count(struct usage_row *row, enum usage_count c, uint64_t n)
{
	assert(c >= 0 && c < USAGE_COUNT);
	if (c != USAGE_OLDEST_S)
		row->v[c] += n;
	else if (n > row->v[c])
		row->v[c] = n;
}

void usage_row_add(struct usage_row *to, const uint64_t v[USAGE_COUNT])
{
	for (int c = 0; c < USAGE_COUNT; c++)
		usage_row_count(to, (enum usage_count)c, v[c]);
}

static void set_text(char *to, size_t size, struct slice text)
{
	size_t n = text.n < size ? text.n : size - 1;

	if (n > 0)
		memcpy(to, text.p, n);
	to[n] = '\0';
}

static void set_key(
    struct usage_row *row, struct slice tool, struct slice op, int64_t hour)
{
	memset(row, 0, sizeof(*row));
	set_text(row->tool, sizeof(row->tool), tool);
	set_text(row->op, sizeof(row->op), op);
	row->hour = hour;
}

static bool is_same(const struct usage_row *a, const struct usage_row *b)
{
	return a->hour == b->hour && strcmp(a->tool, b->tool) == 0 &&
	       strcmp(a->op, b->op) == 0;
}

/* Both names at once: they are zeroed behind their end and nothing lies
 * between them. */
static uint64_t hash_of(const struct usage_row *key)
{
	uint64_t names_hash = digest_checksum(
	    slice_of((const char *)key, sizeof(key->tool) + sizeof(key->op)));

	return names_hash + (uint64_t)key->hour * UINT64_C(0x9e3779b97f4a7c15);
}

_Static_assert(
    offsetof(struct usage_row, tool) == 0 &&
	offsetof(struct usage_row, op) == sizeof(((struct usage_row *)0)->tool),
    "the names of a row lie side by side at its start");

/* The place of the row, or the free one where it would be. */
static uint32_t *place_of(struct usage_table *t, const struct usage_row *key)
{
	size_t places = 2 * t->room;
	size_t i = hash_of(key) % places;

	while (t->index[i] && !is_same(&t->rows[t->index[i] - 1], key))
		i = i + 1 == places ? 0 : i + 1;
	return &t->index[i];
}

/* ---- tables ---- */

struct usage_table *usage_table_new(size_t max_rows)
{
	struct usage_table *t = calloc(1, sizeof(*t));

	if (t)
		t->max = max_rows;
	return t;
}

void usage_table_free(struct usage_table *t)
{
	if (!t)
		return;
	free(t->rows);
	free(t->index);
	free(t);
}

void usage_table_clear(struct usage_table *t)
{
	if (t->room > 0)
		memset(t->index, 0, 2 * t->room * sizeof(*t->index));
	t->n = 0;
	t->is_spilling = false;
}

static bool grow(struct usage_table *t)
{
	size_t room = t->room ? 2 * t->room : FIRST_ROWS;
	struct usage_row *rows = realloc(t->rows, room * sizeof(*rows));
	uint32_t *index;

	if (!rows)
		return false;
	t->rows = rows;
	index = calloc(2 * room, sizeof(*index));
	if (!index)
		return false;
	free(t->index);
	t->index = index;
	t->room = room;
	for (size_t i = 0; i < t->n; i++)
		*place_of(t, &rows[i]) = (uint32_t)i + 1;
	return true;
}

/* NULL when there is no room for another one. */
static struct usage_row *find_or_make(
    struct usage_table *t, const struct usage_row *key, size_t max)
{
	uint32_t *place = t->room > 0 ? place_of(t, key) : NULL;

	if (place && *place)
		return &t->rows[*place - 1];
	if (t->n >= max)
		return NULL;
	if (t->n == t->room) {
		if (!grow(t))
			return NULL;
		place = place_of(t, key);
	}
	t->rows[t->n] = *key;
	*place = (uint32_t)++t->n;
	return &t->rows[t->n - 1];
}

struct usage_row *usage_table_row(
    struct usage_table *t, struct slice tool, struct slice op, int64_t hour)
{
	struct usage_row key, *row;

	set_key(&key, tool, op, hour);
	row = find_or_make(t, &key, t->max);
	if (row)
		return row;
	set_key(&key, tool, USAGE_OTHER, hour);
	row = find_or_make(t, &key, t->max + SPARE_ROWS);
	if (row)
		return row;
	if (!t->is_spilling)
		set_key(&t->spill, USAGE_OTHER, USAGE_OTHER, hour);
	t->is_spilling = true;
	return &t->spill;
}

size_t usage_table_n(const struct usage_table *t)
{
	return t->n + t->is_spilling;
}

const struct usage_row *usage_table_at(const struct usage_table *t, size_t i)
{
	assert(i < usage_table_n(t));
	return i < t->n ? &t->rows[i] : &t->spill;
}
