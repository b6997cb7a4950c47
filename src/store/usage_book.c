#include "store/usage_book.h"

#include "base/log.h"
#include "store/usage_record.h"
#include "store/vault_schema.h"

#include <errno.h>
#include <stdlib.h>

/* Without a vault, or while it fails. */
#define MEMORY_HOURS 48
#define RECORD_MAX_BYTES (1u << 20)

/* What was counted in an hour and is not in the vault yet. */
struct hour {
	int64_t hour;
	struct usage_table *rows; /* owned */
};

struct usage_book {
	struct vault *vault; /* NULL: none, or its table cannot be opened */
	MDB_dbi dbi;
	const char *trouble;
	int64_t damaged_hour; /* said so last */
	struct hour hours[MEMORY_HOURS];
	size_t hours_n;
	char tools[USAGE_TOOLS_MAX][USAGE_TOOL_MAX + 1];
	size_t tools_n;
	struct usage_table *scratch; /* an hour out of the vault */
	struct buf record;
};

/* ---- keys: the hour, biggest byte first, so that hours are in order ---- */

#define KEY_BYTES 8

static void write_key(unsigned char key[KEY_BYTES], int64_t hour)
{
	for (int i = 0; i < KEY_BYTES; i++)
		key[i] = (unsigned char)((uint64_t)hour >> (56 - 8 * i));
}

static int64_t read_key(const MDB_val *key)
{
	const unsigned char *p = key->mv_data;
	uint64_t hour = 0;

	if (key->mv_size != KEY_BYTES)
		return -1;
	for (int i = 0; i < KEY_BYTES; i++)
		hour = hour << 8 | p[i];
	return (int64_t)hour;
}

static struct slice slice_of_val(const MDB_val *v)
{
	return slice_of(v->mv_data, v->mv_size);
}

/* ---- names ---- */

struct slice usage_book_tool(struct usage_book *b, struct slice tool)
{
	char *name;

	if (slice_eq(tool, USAGE_NO_TOOL) || slice_eq(tool, USAGE_OTHER))
		return slice_eq(tool, USAGE_NO_TOOL) ? USAGE_NO_TOOL
						     : USAGE_OTHER;
	for (size_t i = 0; i < b->tools_n; i++)
		if (slice_eq(slice_of_str(b->tools[i]), tool))
			return slice_of_str(b->tools[i]);
	if (b->tools_n == USAGE_TOOLS_MAX || tool.n > USAGE_TOOL_MAX)
		return USAGE_OTHER;
	name = b->tools[b->tools_n++];
	memcpy(name, tool.p, tool.n);
	name[tool.n] = '\0';
	return slice_of_str(name);
}

static void learn_names(struct usage_book *b, const struct usage_table *t)
{
	for (size_t i = 0; i < usage_table_n(t); i++)
		usage_book_tool(b, slice_of_str(usage_table_at(t, i)->tool));
}

/* ---- the vault ---- */

/* The record into scratch, which is empty when there is none. A damaged one is
 * none: counts are not worth refusing to count. */
static void read_record(
    struct usage_book *b, int64_t hour, const MDB_val *value)
{
	usage_table_clear(b->scratch);
	if (!usage_record_decode(slice_of_val(value), hour, b->scratch))
		log_event(
		    LOG_WARN, "usage-damaged", LOG_INT("hour", hour), LOG_END);
}

/* Calls visit for each hour from from_hour on, oldest first, with its rows in
 * scratch. */
static int read_hours(struct usage_book *b, int64_t from_hour,
    void (*visit)(struct usage_book *b, int64_t hour, void *arg), void *arg)
{
	unsigned char name[KEY_BYTES];
	MDB_val key = {KEY_BYTES, name}, value;
	MDB_cursor *cursor;
	MDB_txn *txn;
	int rc = mdb_txn_begin(vault_env(b->vault), NULL, MDB_RDONLY, &txn);

	if (rc != 0)
		return rc;
	rc = mdb_cursor_open(txn, b->dbi, &cursor);
	if (rc != 0) {
		mdb_txn_abort(txn);
		return rc;
	}
	write_key(name, from_hour > 0 ? from_hour : 0);
	rc = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);
	while (rc == 0) {
		read_record(b, read_key(&key), &value);
		visit(b, read_key(&key), arg);
		rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
	}
	mdb_cursor_close(cursor);
	mdb_txn_abort(txn);
	return rc == MDB_NOTFOUND ? 0 : rc;
}

static int write_hour(struct usage_book *b, MDB_txn *txn, const struct hour *h)
{
	unsigned char name[KEY_BYTES];
	MDB_val key = {KEY_BYTES, name}, value;
	int rc;

	write_key(name, h->hour);
	usage_table_clear(b->scratch);
	rc = mdb_get(txn, b->dbi, &key, &value);
	if (rc == 0)
		read_record(b, h->hour, &value);
	else if (rc != MDB_NOTFOUND)
		return rc;
	for (size_t i = 0; i < usage_table_n(h->rows); i++) {
		const struct usage_row *row = usage_table_at(h->rows, i);

		usage_row_add(
		    usage_table_row(b->scratch, slice_of_str(row->tool),
			slice_of_str(row->op), h->hour),
		    row->v);
	}
	buf_reset(&b->record);
	usage_record_encode(b->scratch, h->hour, &b->record);
	if (b->record.has_failed)
		return ENOMEM;
	value = (MDB_val){b->record.n, b->record.p};
	return mdb_put(txn, b->dbi, &key, &value, 0);
}

static int remove_before(struct usage_book *b, MDB_txn *txn, int64_t hour)
{
	MDB_cursor *cursor;
	MDB_val key, value;
	int rc = mdb_cursor_open(txn, b->dbi, &cursor);

	if (rc != 0)
		return rc;
	while ((rc = mdb_cursor_get(cursor, &key, &value, MDB_FIRST)) == 0 &&
	       read_key(&key) < hour) {
		rc = mdb_cursor_del(cursor, 0);
		if (rc != 0)
			break;
	}
	mdb_cursor_close(cursor);
	return rc == MDB_NOTFOUND ? 0 : rc;
}

static int write_all(struct usage_book *b, int64_t now_hour)
{
	MDB_txn *txn;
	int rc = mdb_txn_begin(vault_env(b->vault), NULL, 0, &txn);

	if (rc != 0)
		return rc;
	for (size_t i = 0; rc == 0 && i < b->hours_n; i++)
		rc = write_hour(b, txn, &b->hours[i]);
	if (rc == 0)
		rc = remove_before(b, txn, now_hour - USAGE_KEEP_HOURS + 1);
	if (rc == 0)
		return mdb_txn_commit(txn);
	mdb_txn_abort(txn);
	return rc;
}

/* ---- hours in memory ---- */

static void drop_oldest(struct usage_book *b)
{
	size_t oldest = 0;

	for (size_t i = 1; i < b->hours_n; i++)
		if (b->hours[i].hour < b->hours[oldest].hour)
			oldest = i;
	usage_table_free(b->hours[oldest].rows);
	b->hours[oldest] = b->hours[--b->hours_n];
}

static void forget_hours(struct usage_book *b)
{
	while (b->hours_n > 0)
		usage_table_free(b->hours[--b->hours_n].rows);
}

/* NULL when memory is exhausted. */
static struct usage_table *hour_of(struct usage_book *b, int64_t hour)
{
	struct hour *h;

	for (size_t i = 0; i < b->hours_n; i++)
		if (b->hours[i].hour == hour)
			return b->hours[i].rows;
	if (b->hours_n == MEMORY_HOURS)
		drop_oldest(b);
	h = &b->hours[b->hours_n];
	h->hour = hour;
	h->rows = usage_table_new(USAGE_HOUR_ROWS);
	if (h->rows)
		b->hours_n++;
	return h->rows;
}

void usage_book_add(struct usage_book *b, const struct usage_table *t)
{
	for (size_t i = 0; i < usage_table_n(t); i++) {
		const struct usage_row *row = usage_table_at(t, i);
		struct usage_table *to = hour_of(b, row->hour);

		if (to)
			usage_row_add(
			    usage_table_row(to, slice_of_str(row->tool),
				slice_of_str(row->op), row->hour),
			    row->v);
	}
}

/* ---- life ---- */

static void learn_hour(struct usage_book *b, int64_t hour, void *arg)
{
	(void)hour;
	(void)arg;
	learn_names(b, b->scratch);
}

static int open_table(struct usage_book *b)
{
	MDB_txn *txn;
	int rc = mdb_txn_begin(vault_env(b->vault), NULL, 0, &txn);

	if (rc != 0)
		return rc;
	rc = mdb_dbi_open(txn, "usage", MDB_CREATE, &b->dbi);
	if (rc != 0) {
		mdb_txn_abort(txn);
		return rc;
	}
	rc = mdb_txn_commit(txn);
	return rc ? rc : read_hours(b, 0, learn_hour, NULL);
}

/* Says so once, when it begins and when it ends. */
static void set_trouble(struct usage_book *b, const char *trouble)
{
	if (trouble && !b->trouble)
		log_event(LOG_ERROR, "usage-not-kept",
		    LOG_STR("reason", trouble), LOG_END);
	else if (!trouble && b->trouble)
		log_event(LOG_INFO, "usage-kept", LOG_END);
	b->trouble = trouble;
}

struct usage_book *usage_book_open(struct vault *v)
{
	struct usage_book *b = calloc(1, sizeof(*b));
	int rc;

	if (!b)
		return NULL;
	b->scratch = usage_table_new(USAGE_HOUR_ROWS);
	buf_init(&b->record, RECORD_MAX_BYTES);
	if (!b->scratch) {
		usage_book_close(b);
		return NULL;
	}
	b->vault = v;
	rc = v ? open_table(b) : 0;
	if (rc != 0)
		b->vault = NULL;
	if (!b->vault)
		set_trouble(b, v ? mdb_strerror(rc) : "there is no vault");
	return b;
}

void usage_book_close(struct usage_book *b)
{
	if (!b)
		return;
	forget_hours(b);
	usage_table_free(b->scratch);
	buf_fini(&b->record);
	free(b);
}

bool usage_book_commit(struct usage_book *b, int64_t now_hour)
{
	int rc;

	if (!b->vault)
		return false;
	rc = write_all(b, now_hour);
	set_trouble(b, rc ? mdb_strerror(rc) : NULL);
	if (rc == 0)
		forget_hours(b);
	return rc == 0;
}

const char *usage_book_trouble(const struct usage_book *b)
{
	return b->trouble;
}

/* ---- questions ---- */

struct answering {
	const struct usage_question *question;
	struct usage_table *out;
};

static bool is_wanted(struct slice wanted, const char *name)
{
	return wanted.n == 0 || slice_eq(wanted, slice_of_str(name));
}

static void answer_rows(
    const struct answering *a, const struct usage_table *rows)
{
	const struct usage_question *q = a->question;

	for (size_t i = 0; i < usage_table_n(rows); i++) {
		const struct usage_row *row = usage_table_at(rows, i);
		struct slice tool = slice_of_str(row->tool);
		struct slice op = slice_of_str(row->op);

		if (row->hour < q->from_hour ||
		    !is_wanted(q->tool, row->tool) ||
		    !is_wanted(q->op, row->op))
			continue;
		usage_row_add(usage_table_row(a->out,
				  q->by == USAGE_BY_TOOL ? tool : SLICE(""),
				  q->by == USAGE_BY_OPERATION ? op : SLICE(""),
				  q->by == USAGE_BY_HOUR ? row->hour : 0),
		    row->v);
	}
}

static void answer_hour(struct usage_book *b, int64_t hour, void *arg)
{
	(void)hour;
	answer_rows(arg, b->scratch);
}

void usage_book_ask(struct usage_book *b, const struct usage_question *q,
    struct usage_table *out)
{
	struct answering a = {.question = q, .out = out};
	int rc = 0;

	if (b->vault)
		rc = read_hours(b, q->from_hour, answer_hour, &a);
	if (rc != 0)
		set_trouble(b, mdb_strerror(rc));
	for (size_t i = 0; i < b->hours_n; i++)
		answer_rows(&a, b->hours[i].rows);
}
