/*
 * Usage: tables that are bounded and lose no count, records that are believed
 * only whole, and the book that keeps thirty days.
 */
#include "store/usage_book.h"
#include "store/usage_record.h"
#include "store/vault_schema.h"

#include "store_rig.h"

#define HOUR INT64_C(500000)

/* ---- tables ---- */

static void count(struct usage_table *t, const char *tool, const char *op,
    int64_t hour, enum usage_count c, uint64_t n)
{
	usage_row_count(
	    usage_table_row(t, slice_of_str(tool), slice_of_str(op), hour), c,
	    n);
}

/* Of one count, over the rows that match; NULL matches all. */
static uint64_t total(const struct usage_table *t, const char *tool,
    const char *op, int64_t hour, enum usage_count c)
{
	struct usage_row sum = {.hour = 0};

	for (size_t i = 0; i < usage_table_n(t); i++) {
		const struct usage_row *row = usage_table_at(t, i);

		if ((tool && strcmp(tool, row->tool) != 0) ||
		    (op && strcmp(op, row->op) != 0) ||
		    (hour && hour != row->hour))
			continue;
		usage_row_add(&sum, row->v);
	}
	return sum.v[c];
}

static void names_of_tools(void **state)
{
	static const struct {
		const char *name;
		bool is_valid;
	} rows[] = {
	    {"zapier", true},
	    {"n8n.Office_2-b", true},
	    {"A", true},
	    {"...", true},
	    {"abcdefghijklmnopqrstuvwxyz012345", true},
	    {"abcdefghijklmnopqrstuvwxyz0123456", false},
	    {"", false},
	    {"-", false},
	    {".", false},
	    {"..", false},
	    {"a b", false},
	    {"a%20b", false},
	    {"a\nb", false},
	    {"\xc3\xa9", false},
	    {"a/b", false},
	    {"a\"b", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		assert_int_equal(
		    usage_tool_is_valid(slice_of_str(rows[i].name)),
		    rows[i].is_valid);
}

static void rows_are_told_apart(void **state)
{
	struct usage_table *t = usage_table_new(1000);
	char tool[8], op[8];

	(void)state;
	for (int round = 0; round < 2; round++)
		for (int i = 0; i < 900; i++) {
			snprintf(tool, sizeof(tool), "t%d", i % 10);
			snprintf(op, sizeof(op), "o%d", i / 10 % 10);
			count(t, tool, op, HOUR + i / 100, USAGE_ASKED,
			    (uint64_t)i);
		}
	assert_int_equal(usage_table_n(t), 900);
	assert_int_equal(total(t, "t7", "o3", HOUR + 4, USAGE_ASKED), 2 * 437);
	assert_int_equal(total(t, NULL, NULL, 0, USAGE_ASKED), 900 * 899);
	usage_table_clear(t);
	assert_int_equal(usage_table_n(t), 0);
	count(t, "t7", "o3", HOUR, USAGE_ASKED, 1);
	assert_int_equal(total(t, "t7", "o3", HOUR, USAGE_ASKED), 1);
	/* The case of a name matters; what is longer than a name is cut. */
	count(t, "T7", "o3", HOUR, USAGE_ASKED, 5);
	assert_int_equal(total(t, "t7", "o3", HOUR, USAGE_ASKED), 1);
	count(t, "abcdefghijklmnopqrstuvwxyz0123456789", "o", HOUR, USAGE_ASKED,
	    1);
	assert_int_equal(total(t, "abcdefghijklmnopqrstuvwxyz012345", "o", HOUR,
			     USAGE_ASKED),
	    1);
	usage_table_free(t);
}

static void the_oldest_is_a_maximum(void **state)
{
	struct usage_row row = {.hour = HOUR};
	uint64_t more[USAGE_COUNT] = {0};

	(void)state;
	usage_row_count(&row, USAGE_OLDEST_S, 7);
	usage_row_count(&row, USAGE_OLDEST_S, 5);
	assert_int_equal(row.v[USAGE_OLDEST_S], 7);
	more[USAGE_OLDEST_S] = 9;
	more[USAGE_BYTES] = 100;
	usage_row_add(&row, more);
	usage_row_add(&row, more);
	assert_int_equal(row.v[USAGE_OLDEST_S], 9);
	assert_int_equal(row.v[USAGE_BYTES], 200);
}

/* More tools and operations than fit: every request is still counted. */
static void a_full_table_counts_on(void **state)
{
	struct usage_table *t = usage_table_new(100);
	char tool[16], op[16];

	(void)state;
	for (int i = 0; i < 10000; i++) {
		snprintf(tool, sizeof(tool), "t%d", i / 10);
		snprintf(op, sizeof(op), "o%d", i % 10);
		count(t, tool, op, HOUR, USAGE_ASKED, 1);
	}
	assert_int_equal(total(t, NULL, NULL, 0, USAGE_ASKED), 10000);
	assert_true(usage_table_n(t) < 400);
	/* The first are whole, the next keep their name, the rest do not. */
	assert_int_equal(total(t, "t3", "o3", HOUR, USAGE_ASKED), 1);
	assert_int_equal(total(t, "t50", "other", HOUR, USAGE_ASKED), 10);
	assert_int_equal(total(t, "t900", NULL, 0, USAGE_ASKED), 0);
	assert_true(total(t, "other", "other", HOUR, USAGE_ASKED) > 5000);
	usage_table_clear(t);
	assert_int_equal(usage_table_n(t), 0);
	usage_table_free(t);
}

/* ---- records ---- */

static struct usage_table *sample(void)
{
	struct usage_table *t = usage_table_new(100);

	count(t, "zapier", "contacts.get-contact", HOUR, USAGE_ASKED, 300);
	count(
	    t, "zapier", "contacts.get-contact", HOUR, USAGE_BYTES, UINT64_MAX);
	count(t, "-", "other", HOUR, USAGE_OLDEST_S, 127);
	count(t, "-", "other", HOUR, USAGE_FAILURES, 128);
	count(t, "later", "other", HOUR + 1, USAGE_ASKED, 1);
	return t;
}

static void records_come_back(void **state)
{
	struct usage_table *t = sample(), *back = usage_table_new(100);
	struct buf b;

	(void)state;
	buf_init(&b, 10000);
	usage_record_encode(t, HOUR, &b);
	assert_true(usage_record_decode(buf_slice(&b), HOUR, back));
	assert_int_equal(usage_table_n(back), 2);
	assert_int_equal(
	    total(back, "zapier", "contacts.get-contact", HOUR, USAGE_ASKED),
	    300);
	assert_true(
	    total(back, "zapier", NULL, HOUR, USAGE_BYTES) == UINT64_MAX);
	assert_int_equal(total(back, "-", "other", HOUR, USAGE_OLDEST_S), 127);
	assert_int_equal(total(back, "-", "other", HOUR, USAGE_FAILURES), 128);
	/* Once more adds up. */
	assert_true(usage_record_decode(buf_slice(&b), HOUR, back));
	assert_int_equal(total(back, "zapier", NULL, HOUR, USAGE_ASKED), 600);
	assert_int_equal(total(back, NULL, NULL, 0, USAGE_OLDEST_S), 127);
	buf_fini(&b);
	usage_table_free(t);
	usage_table_free(back);
}

/* Each byte flipped, each length: all or nothing. */
static void damaged_records_are_refused(void **state)
{
	struct usage_table *t = sample(), *back = usage_table_new(100);
	struct buf b;

	(void)state;
	buf_init(&b, 10000);
	usage_record_encode(t, HOUR, &b);
	assert_false(usage_record_decode(buf_slice(&b), HOUR + 1, back));
	for (size_t n = 0; n < b.n; n++) {
		char *cut = malloc(n + 1);

		memcpy(cut, b.p, n);
		assert_false(usage_record_decode(slice_of(cut, n), HOUR, back));
		free(cut);
		b.p[n] ^= 0x40;
		assert_false(usage_record_decode(buf_slice(&b), HOUR, back));
		b.p[n] ^= 0x40;
	}
	assert_int_equal(usage_table_n(back), 0);
	buf_fini(&b);
	usage_table_free(t);
	usage_table_free(back);
}

/* With a count less or one more, under a right checksum. */
static void counts_may_be_added(void **state)
{
	for (int more = -1; more <= 1; more += 2) {
		struct usage_table *back = usage_table_new(100);
		int64_t hour = HOUR;
		uint64_t sum = 0;
		struct buf b;

		(void)state;
		buf_init(&b, 10000);
		buf_add(&b, &sum, 8);
		buf_add(&b, &hour, 8);
		buf_add_char(&b, 1);
		buf_add_char(&b, (char)(USAGE_COUNT + more));
		for (int row = 0; row < 2; row++) {
			buf_printf(&b, "\x01%c\x01o", 'a' + row);
			for (int c = 0; c < USAGE_COUNT + more; c++)
				buf_add_char(&b, (char)(c + 1));
		}
		sum = digest_checksum(slice_of(b.p + 8, b.n - 8));
		memcpy(b.p, &sum, 8);
		assert_true(usage_record_decode(buf_slice(&b), HOUR, back));
		assert_int_equal(total(back, "b", "o", HOUR, USAGE_ASKED), 1);
		assert_int_equal(total(back, "a", "o", HOUR, USAGE_OLDEST_S),
		    more < 0 ? 0 : USAGE_OLDEST_S + 1);
		buf_fini(&b);
		usage_table_free(back);
	}
}

/* ---- the book ---- */

struct rig {
	char *dir;
	struct vault *vault;
	struct usage_book *book;
};

static void open_book(struct rig *r)
{
	struct digest_secret secret;
	char *why;

	r->vault = vault_open(r->dir, &secret, &why);
	if (!r->vault)
		fail_msg("%s", why);
	r->book = usage_book_open(r->vault);
	assert_non_null(r->book);
	assert_null(usage_book_trouble(r->book));
}

static void close_book(struct rig *r)
{
	usage_book_close(r->book);
	vault_close(r->vault);
}

static void add(struct usage_book *b, const char *tool, const char *op,
    int64_t hour, uint64_t n)
{
	struct usage_table *t = usage_table_new(10);

	usage_row_count(
	    usage_table_row(t, usage_book_tool(b, slice_of_str(tool)),
		slice_of_str(op), hour),
	    USAGE_ASKED, n);
	usage_book_add(b, t);
	usage_table_free(t);
}

static struct usage_table *ask(struct usage_book *b, enum usage_by by,
    const char *tool, const char *op, int64_t from_hour)
{
	struct usage_table *t = usage_table_new(2000);
	struct usage_question q = {
	    .from_hour = from_hour,
	    .tool = slice_of_str(tool),
	    .op = slice_of_str(op),
	    .by = by,
	};

	usage_book_ask(b, &q, t);
	return t;
}

static uint64_t asked(
    struct usage_book *b, const char *tool, const char *op, int64_t from_hour)
{
	struct usage_table *t = ask(b, USAGE_BY_HOUR, tool, op, from_hour);
	uint64_t n = total(t, NULL, NULL, 0, USAGE_ASKED);

	usage_table_free(t);
	return n;
}

static void the_book_is_kept(void **state)
{
	struct rig r = {.dir = rig_dir_new()};
	struct usage_table *t;

	(void)state;
	open_book(&r);
	add(r.book, "a", "x", HOUR, 1);
	assert_true(usage_book_commit(r.book, HOUR));
	add(r.book, "a", "x", HOUR, 2);
	add(r.book, "b", "y", HOUR, 4);
	/* Asked for with what is committed and what is not. */
	assert_int_equal(asked(r.book, "", "", HOUR), 7);
	assert_true(usage_book_commit(r.book, HOUR + 1));
	add(r.book, "b", "x", HOUR + 1, 8);
	assert_true(usage_book_commit(r.book, HOUR + 1));
	add(r.book, "b", "x", HOUR + 1, 1000); /* killed before the commit */
	close_book(&r);

	open_book(&r);
	assert_int_equal(asked(r.book, "", "", HOUR), 15);
	assert_int_equal(asked(r.book, "", "", HOUR + 1), 8);
	assert_int_equal(asked(r.book, "b", "", 0), 12);
	assert_int_equal(asked(r.book, "", "x", 0), 11);
	assert_int_equal(asked(r.book, "b", "x", 0), 8);
	assert_int_equal(asked(r.book, "c", "", 0), 0);
	t = ask(r.book, USAGE_BY_TOOL, "", "", 0);
	assert_int_equal(usage_table_n(t), 2);
	assert_int_equal(total(t, "a", "", 0, USAGE_ASKED), 3);
	usage_table_free(t);
	t = ask(r.book, USAGE_BY_OPERATION, "", "", 0);
	assert_int_equal(total(t, "", "x", 0, USAGE_ASKED), 11);
	usage_table_free(t);
	t = ask(r.book, USAGE_BY_HOUR, "", "", 0);
	assert_int_equal(usage_table_n(t), 2);
	assert_int_equal(total(t, "", "", HOUR + 1, USAGE_ASKED), 8);
	usage_table_free(t);
	close_book(&r);
	rig_dir_free(r.dir);
}

static void old_hours_are_removed(void **state)
{
	struct rig r = {.dir = rig_dir_new()};

	(void)state;
	open_book(&r);
	for (int64_t h = 0; h < USAGE_KEEP_HOURS + 5; h++) {
		add(r.book, "a", "x", HOUR + h, 1);
		if (h % 20 == 0)
			assert_true(usage_book_commit(r.book, HOUR + h));
	}
	assert_true(usage_book_commit(r.book, HOUR + USAGE_KEEP_HOURS + 4));
	assert_int_equal(asked(r.book, "", "", 0), USAGE_KEEP_HOURS);
	assert_int_equal(asked(r.book, "", "", HOUR + USAGE_KEEP_HOURS), 5);
	close_book(&r);
	rig_dir_free(r.dir);
}

static void names_are_bounded(void **state)
{
	struct rig r = {.dir = rig_dir_new()};
	struct usage_table *t;
	char name[16];

	(void)state;
	open_book(&r);
	for (int i = 0; i < 400; i++) {
		snprintf(name, sizeof(name), "tool-%d", i);
		add(r.book, name, "x", HOUR, 1);
	}
	add(r.book, "-", "x", HOUR, 1);
	assert_true(usage_book_commit(r.book, HOUR));
	close_book(&r);

	open_book(&r); /* which knows the names again */
	add(r.book, "one-more", "x", HOUR, 1);
	add(r.book, "tool-3", "x", HOUR, 1);
	t = ask(r.book, USAGE_BY_TOOL, "", "", 0);
	assert_int_equal(usage_table_n(t), USAGE_TOOLS_MAX + 2);
	assert_int_equal(total(t, "tool-3", "", 0, USAGE_ASKED), 2);
	assert_int_equal(
	    total(t, "other", "", 0, USAGE_ASKED), 400 - USAGE_TOOLS_MAX + 1);
	assert_int_equal(total(t, "-", "", 0, USAGE_ASKED), 1);
	usage_table_free(t);
	close_book(&r);
	rig_dir_free(r.dir);
}

static void without_a_vault(void **state)
{
	struct usage_book *b = usage_book_open(NULL);

	(void)state;
	assert_non_null(usage_book_trouble(b));
	for (int64_t h = 0; h < 60; h++)
		add(b, "a", "x", HOUR + h, 1);
	assert_false(usage_book_commit(b, HOUR + 60));
	assert_int_equal(asked(b, "", "", 0), 48);
	assert_int_equal(asked(b, "a", "x", HOUR + 59), 1);
	usage_book_close(b);
}

/* A vault without room: nothing is lost, and it goes on when there is. */
static void a_vault_that_fails(void **state)
{
	struct rig r = {.dir = rig_dir_new()};
	MDB_envinfo info;
	char op[32];

	(void)state;
	open_book(&r);
	mdb_env_info(vault_env(r.vault), &info);
	assert_int_equal(mdb_env_set_mapsize(vault_env(r.vault), 16 * 4096), 0);
	for (int i = 0; i < 500; i++) {
		snprintf(op, sizeof(op), "a-rather-long-operation-%d", i);
		for (int64_t h = 0; h < 8; h++)
			add(r.book, "a", op, HOUR + h, 1);
	}
	assert_false(usage_book_commit(r.book, HOUR));
	assert_non_null(usage_book_trouble(r.book));
	assert_int_equal(asked(r.book, "", "", 0), 4000);
	assert_int_equal(
	    mdb_env_set_mapsize(vault_env(r.vault), info.me_mapsize), 0);
	assert_true(usage_book_commit(r.book, HOUR));
	assert_null(usage_book_trouble(r.book));
	assert_int_equal(asked(r.book, "", "", 0), 4000);
	close_book(&r);
	rig_dir_free(r.dir);
}

/* The hour that is damaged is lost, the others are not. */
static void a_damaged_hour(void **state)
{
	struct rig r = {.dir = rig_dir_new()};
	unsigned char name[8] = {0};
	MDB_val key = {8, name}, value = {5, (void *)"waste"};
	MDB_txn *txn;
	MDB_dbi dbi;

	(void)state;
	open_book(&r);
	for (int64_t h = 0; h < 3; h++)
		add(r.book, "a", "x", HOUR + h, 1);
	assert_true(usage_book_commit(r.book, HOUR));
	for (int i = 0; i < 8; i++)
		name[i] = (unsigned char)((HOUR + 1) >> (56 - 8 * i));
	assert_int_equal(mdb_txn_begin(vault_env(r.vault), NULL, 0, &txn), 0);
	assert_int_equal(mdb_dbi_open(txn, "usage", 0, &dbi), 0);
	assert_int_equal(mdb_put(txn, dbi, &key, &value, 0), 0);
	assert_int_equal(mdb_txn_commit(txn), 0);
	close_book(&r);

	open_book(&r);
	assert_int_equal(asked(r.book, "", "", 0), 2);
	add(r.book, "a", "x", HOUR + 1, 1);
	assert_true(usage_book_commit(r.book, HOUR));
	assert_int_equal(asked(r.book, "", "", 0), 3);
	close_book(&r);
	rig_dir_free(r.dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(names_of_tools),
	    cmocka_unit_test(rows_are_told_apart),
	    cmocka_unit_test(the_oldest_is_a_maximum),
	    cmocka_unit_test(a_full_table_counts_on),
	    cmocka_unit_test(records_come_back),
	    cmocka_unit_test(damaged_records_are_refused),
	    cmocka_unit_test(counts_may_be_added),
	    cmocka_unit_test(the_book_is_kept),
	    cmocka_unit_test(old_hours_are_removed),
	    cmocka_unit_test(names_are_bounded),
	    cmocka_unit_test(without_a_vault),
	    cmocka_unit_test(a_vault_that_fails),
	    cmocka_unit_test(a_damaged_hour),
	};

	digest_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
