#include "api/op.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#define OPS_N 576

static struct slice str(const char *s)
{
	return slice_of_str(s);
}

/* ---- the table ---- */

static void test_counts(void **state)
{
	size_t n[API_CLASS_STREAM + 1] = {0};

	(void)state;
	assert_int_equal(api_ops_n(), OPS_N);
	for (size_t i = 0; i < api_ops_n(); i++)
		n[api_op_at(i)->class]++;
	assert_int_equal(n[API_CLASS_CACHE], 202);
	assert_int_equal(n[API_CLASS_SHORT], 29);
	assert_int_equal(n[API_CLASS_READ_POST], 9);
	assert_int_equal(n[API_CLASS_WRITE], 321);
	assert_int_equal(n[API_CLASS_NEVER] + n[API_CLASS_STREAM], 15);
	assert_int_equal(n[API_CLASS_STREAM], 2);
}

static void test_rows_are_unique(void **state)
{
	(void)state;
	for (size_t i = 0; i < api_ops_n(); i++) {
		const struct api_op *a = api_op_at(i);

		assert_ptr_equal(api_by_id(str(a->id)), a);
		assert_int_equal(api_op_index(a), i);
		for (size_t j = i + 1; j < api_ops_n(); j++) {
			const struct api_op *b = api_op_at(j);

			assert_string_not_equal(a->id, b->id);
			assert_true(a->method != b->method ||
				    strcmp(a->template, b->template) != 0);
		}
	}
}

/* The look-up bisects by first segment. */
static void test_rows_are_in_order(void **state)
{
	char last[64] = "", first[64];

	(void)state;
	for (size_t i = 0; i < api_ops_n(); i++) {
		struct slice t = str(api_op_at(i)->template);
		struct slice s = slice_sub(t, 1, slice_find(t, 1, '/'));

		assert_int_equal(t.p[0], '/');
		assert_true(s.n > 0 && s.n < sizeof(first) && s.p[0] != '{');
		memcpy(first, s.p, s.n);
		first[s.n] = '\0';
		assert_true(strcmp(last, first) <= 0);
		memcpy(last, first, s.n + 1);
	}
}

static void test_rows_are_whole(void **state)
{
	(void)state;
	for (size_t i = 0; i < api_ops_n(); i++) {
		const struct api_op *op = api_op_at(i);
		bool is_read = api_class_is_read(op->class);

		assert_non_null(strchr(op->id, '.'));
		assert_null(strchr(op->scopes, ':'));
		assert_int_equal(is_read, op->tags_read[0] != '\0');
		assert_true(
		    op->class == API_CLASS_WRITE || op->tags_moved[0] == '\0');
		assert_true(
		    is_read || (!op->ttl_ms && !op->swr_ms &&
				   !op->is_settling && !op->is_refetched));
		assert_true(!op->is_queueable || op->class == API_CLASS_WRITE);
		assert_true(
		    op->class != API_CLASS_READ_POST || op->method == API_POST);
		assert_true(op->class != API_CLASS_WRITE ||
			    (op->method != API_GET && op->method != API_HEAD));
		/* What may not be shown stale is not stored at all. */
		assert_true(op->stale == API_STALE_MARKED || !op->ttl_ms);
	}
}

/* Fresh times that users were promised. */
static void test_terms(void **state)
{
	static const struct {
		const char *id;
		uint32_t ttl_s, swr_s;
		enum api_stale stale;
	} rows[] = {
	    {"contacts.get-contact", 30, 0, API_STALE_MARKED},
	    {"contacts.get-task", 30, 0, API_STALE_MARKED},
	    {"contacts.get-all-notes", 30, 0, API_STALE_MARKED},
	    {"calendars.get-appointment", 30, 0, API_STALE_MARKED},
	    {"contacts.get-contacts", 15, 0, API_STALE_MARKED},
	    {"contacts.search-contacts-advanced", 15, 0, API_STALE_MARKED},
	    {"locations.task-search", 15, 0, API_STALE_MARKED},
	    {"calendars.get-calendar-events", 15, 0, API_STALE_MARKED},
	    {"opportunities.get-opportunity", 15, 0, API_STALE_MARKED},
	    {"conversations.get-conversation", 5, 0, API_STALE_MARKED},
	    {"calendars.get-blocked-slots", 5, 0, API_STALE_MARKED},
	    {"contacts.get-duplicate-contact", 0, 0, API_STALE_NEVER},
	    {"calendars.get-slots", 0, 0, API_STALE_NEVER},
	    {"payments.list-orders", 0, 0, API_STALE_NEVER},
	    {"payments.get-subscription-by-id", 0, 0, API_STALE_NEVER},
	    {"invoices.get-invoice", 0, 0, API_STALE_NEVER},
	    {"opportunities.get-pipelines", 600, 600, API_STALE_MARKED},
	    {"locations.get-custom-fields", 600, 600, API_STALE_MARKED},
	    {"users.get-user", 600, 600, API_STALE_MARKED},
	    {"calendars.get-calendars", 600, 600, API_STALE_MARKED},
	    {"locations.get-location-tags", 600, 600, API_STALE_MARKED},
	    {"ad-manager.fb-get-reporting", 60, 0, API_STALE_MARKED},
	    {"payments.fetch-config", 0, 0, API_STALE_NEVER},
	    {"contacts.create-contact", 0, 0, API_STALE_NEVER},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct api_op *op = api_by_id(str(rows[i].id));

		if (!op)
			fail_msg("no operation %s", rows[i].id);
		assert_int_equal(op->ttl_ms, rows[i].ttl_s * 1000);
		assert_int_equal(op->swr_ms, rows[i].swr_s * 1000);
		assert_int_equal(op->stale, rows[i].stale);
	}
}

static void test_flags(void **state)
{
	static const char *const settling[] = {
	    "contacts.search-contacts-advanced", "contacts.get-contacts",
	    "objects.search-object-records", "locations.task-search",
	    "opportunities.search-opportunity",
	    "opportunities.search-opportunities-advanced",
	    "conversations.search-conversation"};
	static const char *const refetched[] = {"contacts.get-contact",
	    "contacts.get-task", "contacts.get-note",
	    "calendars.get-appointment", "opportunities.get-opportunity"};
	static const char *const queueable[] = {"contacts.create-contact",
	    "contacts.update-contact", "contacts.add-tags",
	    "contacts.create-note", "contacts.update-task-completed"};

	(void)state;
	for (size_t i = 0; i < 7; i++)
		assert_true(api_by_id(str(settling[i]))->is_settling);
	for (size_t i = 0; i < 5; i++) {
		assert_true(api_by_id(str(refetched[i]))->is_refetched);
		assert_true(api_by_id(str(queueable[i]))->is_queueable);
	}
	/* Only contacts, tags, notes and tasks may wait in the outbox. */
	for (size_t i = 0; i < api_ops_n(); i++)
		assert_true(!api_op_at(i)->is_queueable ||
			    strncmp(api_op_at(i)->id, "contacts.", 9) == 0);
	assert_false(api_by_id(str("contacts.get-contact"))->is_settling);
	assert_null(api_by_id(str("contacts.get")));
	assert_null(api_by_id(SLICE_NONE));
}

/* ---- look-up ---- */

/* The template with each {name} replaced by "v" and its number. */
static struct slice sample_path(const char *template, char *out, size_t size)
{
	size_t n = 0;

	for (const char *t = template; *t; t++) {
		assert_true(n + 2 < size);
		if (*t != '{') {
			out[n++] = *t;
			continue;
		}
		out[n++] = 'v';
		out[n++] = (char)('0' + (t - template) % 10);
		t = strchr(t, '}');
	}
	return slice_of(out, n);
}

static void find_both_ways(const struct api_op *op, const char *template)
{
	char text[256];
	struct slice path = sample_path(template, text, sizeof(text) - 1);
	struct api_match m;

	assert_true(api_find(op->method, path, &m));
	assert_ptr_equal(m.op, op);
	if (text[path.n - 1] == '/')
		path.n--;
	else
		text[path.n++] = '/';
	assert_true(api_find(op->method, path, &m));
	assert_ptr_equal(m.op, op);
	for (size_t i = 0; i < m.params_n; i++) {
		assert_int_equal(m.params[i].value.n, 2);
		assert_int_equal(m.params[i].value.p[0], 'v');
		assert_true(slice_eq(
		    api_param(&m, m.params[i].name), m.params[i].value));
	}
}

static void test_each_finds_itself(void **state)
{
	(void)state;
	for (size_t i = 0; i < api_ops_n(); i++) {
		const struct api_op *op = api_op_at(i);

		find_both_ways(op, op->template);
		if (op->alias)
			find_both_ways(op, op->alias);
	}
}

static void test_find(void **state)
{
	static const struct {
		enum api_method method;
		const char *path;
		const char *id; /* NULL: unknown */
	} rows[] = {
	    {API_GET, "/contacts/search/duplicate",
		"contacts.get-duplicate-contact"},
	    {API_POST, "/contacts/search", "contacts.search-contacts-advanced"},
	    {API_GET, "/contacts/search", "contacts.get-contact"},
	    {API_POST, "/contacts/upsert", "contacts.upsert-contact"},
	    {API_GET, "/contacts/business/b1",
		"contacts.get-contacts-by-businessId"},
	    {API_DELETE, "/contacts/c1/campaigns/removeAll",
		"contacts.remove-contact-from-every-campaign"},
	    {API_DELETE, "/contacts/c1/campaigns/remove-all",
		"contacts.remove-contact-from-every-campaign"},
	    {API_DELETE, "/contacts/c1/campaigns/k1",
		"contacts.remove-contact-from-campaign"},
	    {API_GET, "/contacts/", "contacts.get-contacts"},
	    {API_GET, "/contacts", "contacts.get-contacts"},
	    {API_HEAD, "/contacts/c1", "contacts.get-contact"},
	    {API_POST, "/oauth/location-token",
		"oauth.get-location-access-token"},
	    {API_GET, "/oauth/installed-locations",
		"oauth.get-installed-location"},
	    {API_GET, "/saas/locations", "saas-api.locations"},
	    {API_GET, "/saas-api/public-api/locations",
		"saas-api.locations-deprecated"},
	    {API_POST, "/email/verify", "email-isv.verify-email"},
	    {API_GET, "/invoices/estimate/template/preview",
		"invoices.preview-estimate-template"},
	    {API_GET, "/knowledge-bases/faqs", "knowledge-base.list"},
	    {API_GET, "/ad-publishing/linkedin/a1/forms",
		"ad-manager.li-get-lead-forms"},
	    {API_PATCH, "/contacts/c1", NULL},
	    {API_OPTIONS, "/contacts/c1", NULL},
	    {API_METHOD_UNKNOWN, "/contacts/c1", NULL},
	    {API_GET, "/contacts/c1/unheard", NULL},
	    {API_GET, "/contacts/c1/tasks/t1/completed/x", NULL},
	    {API_GET, "/contacts//tasks", NULL},
	    {API_GET, "/Contacts/c1", NULL},
	    {API_GET, "/contact/c1", NULL},
	    {API_GET, "/contactsx/c1", NULL},
	    {API_GET, "contacts/c1", NULL},
	    {API_GET, "/", NULL},
	    {API_GET, "", NULL},
	    {API_GET, "//", NULL},
	    {API_GET, "/zzz", NULL},
	    {API_GET, "/mcp/", NULL},
	};
	struct api_match m;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		bool is_found = api_find(rows[i].method, str(rows[i].path), &m);

		if (is_found != (rows[i].id != NULL) ||
		    is_found != (m.op != NULL) ||
		    (m.op && strcmp(m.op->id, rows[i].id) != 0))
			fail_msg("%s gives %s", rows[i].path,
			    m.op ? m.op->id : "nothing");
	}
}

static void test_params(void **state)
{
	struct api_match m;

	(void)state;
	assert_true(api_find(API_GET, str("/contacts/c%3A1/tasks/t1"), &m));
	assert_int_equal(m.params_n, 2);
	assert_true(slice_eq(api_param(&m, str("contactId")), str("c%3A1")));
	assert_true(slice_eq(api_param(&m, str("taskId")), str("t1")));
	assert_int_equal(api_param(&m, str("id")).n, 0);
}

static void test_slash(void **state)
{
	(void)state;
	assert_true(api_op_has_slash(api_by_id(str("contacts.get-contacts"))));
	assert_false(api_op_has_slash(api_by_id(str("contacts.get-contact"))));
}

/* ---- names ---- */

static void test_names(void **state)
{
	enum api_class c = API_CLASS_WRITE;

	(void)state;
	for (int m = API_GET; m < API_METHOD_UNKNOWN; m++)
		assert_int_equal(
		    api_method_of(str(api_method_name((enum api_method)m))), m);
	assert_int_equal(api_method_of(str("get")), API_METHOD_UNKNOWN);
	assert_int_equal(api_method_of(SLICE_NONE), API_METHOD_UNKNOWN);
	assert_string_equal(api_method_name(API_METHOD_UNKNOWN), "UNKNOWN");
	for (int i = API_CLASS_CACHE; i <= API_CLASS_STREAM; i++) {
		assert_true(
		    api_class_of(str(api_class_name((enum api_class)i)), &c));
		assert_int_equal(c, i);
	}
	assert_false(api_class_of(str("Cache"), &c));
	assert_int_equal(c, API_CLASS_STREAM);
	assert_true(api_class_is_never(API_CLASS_STREAM));
	assert_false(api_class_is_never(API_CLASS_WRITE));
}

static void test_mcp(void **state)
{
	(void)state;
	assert_true(api_is_mcp(str("/mcp/")));
	assert_true(api_is_mcp(str("/mcp")));
	assert_true(api_is_mcp(str("/mcp/sse")));
	assert_false(api_is_mcp(str("/mcpx")));
	assert_false(api_is_mcp(str("/contacts/")));
}

/* ---- comparison with the list of documented operations ---- */

#define TSV_COLUMNS 7

struct tsv_row {
	char *app, *method, *path, *id, *version, *scopes, *class;
};

static FILE *open_tsv(void)
{
	const char *path = getenv("GHL_OPERATIONS_TSV");
	const char *top = getenv("top_srcdir");
	char text[4096];

	if (path)
		return fopen(path, "r");
	snprintf(text, sizeof(text), "%s/../shared/reference/%s",
	    top ? top : ".", "ghl-operations.tsv");
	return fopen(text, "r");
}

static bool split(char *line, struct tsv_row *row)
{
	char *field[TSV_COLUMNS];

	line[strcspn(line, "\r\n")] = '\0';
	for (size_t i = 0; i < TSV_COLUMNS; i++) {
		field[i] = line;
		line = line ? strchr(line, '\t') : NULL;
		if (line)
			*line++ = '\0';
	}
	if (!field[TSV_COLUMNS - 1])
		return false;
	*row = (struct tsv_row){field[0], field[1], field[2], field[3],
	    field[4], field[5], field[6]};
	return true;
}

static bool same_class(const char *name, enum api_class c)
{
	if (strcmp(name, "GET") == 0)
		return c == API_CLASS_CACHE;
	if (strcmp(name, "GET-SHORT-TTL") == 0)
		return c == API_CLASS_SHORT;
	if (strcmp(name, "GET-NOCACHE") == 0)
		return api_class_is_never(c);
	if (strcmp(name, "READPOST") == 0)
		return c == API_CLASS_READ_POST;
	return strcmp(name, "WRITE") == 0 && c == API_CLASS_WRITE;
}

static bool has_word(const char *words, struct slice word)
{
	struct slice s = str(words);

	for (size_t at = 0; at < s.n;) {
		size_t end = slice_find(s, at, ' ');

		if (slice_eq(slice_sub(s, at, end), word))
			return true;
		at = end + 1;
	}
	return false;
}

/* "Location-Access:a.write|bearer:b": the names behind the colons. */
static void compare_scopes(const char *scopes, const struct api_op *op)
{
	struct slice s = str(scopes);
	size_t bytes = 0;

	for (size_t at = 0; at < s.n;) {
		size_t end = slice_find(s, at, '|');
		size_t colon = slice_find(s, at, ':');
		struct slice name = slice_sub(s, colon + 1, end);

		if (name.n > 0 && !has_word(op->scopes, name))
			fail_msg("%s lacks a scope of %s", op->id, scopes);
		bytes += name.n;
		at = end + 1;
	}
	assert_true(strlen(op->scopes) <= bytes);
}

static void compare(const struct tsv_row *row)
{
	struct slice method = str(row->method);
	char prefix[256];
	size_t n;

	for (size_t i = 0; i < api_ops_n(); i++) {
		const struct api_op *op = api_op_at(i);

		if (op->method != api_method_of(method) ||
		    strcmp(op->template, row->path) != 0)
			continue;
		n = (size_t)snprintf(
		    prefix, sizeof(prefix), "%s.%s", row->app, row->id);
		assert_int_equal(strncmp(op->id, prefix, n), 0);
		assert_true(op->id[n] == '\0' || op->id[n] == '-');
		assert_string_equal(
		    op->version ? op->version : "", row->version);
		if (!same_class(row->class, op->class))
			fail_msg("%s is %s, not %s", op->id,
			    api_class_name(op->class), row->class);
		compare_scopes(row->scopes, op);
		return;
	}
	fail_msg("no row for %s %s", row->method, row->path);
}

static void test_tsv(void **state)
{
	FILE *f = open_tsv();
	char line[4096];
	struct tsv_row row = {0};
	size_t n = 0;

	(void)state;
	if (!f)
		skip();
	assert_non_null(fgets(line, sizeof(line), f)); /* names of columns */
	while (fgets(line, sizeof(line), f)) {
		assert_true(split(line, &row));
		compare(&row);
		n++;
	}
	fclose(f);
	assert_int_equal(n, OPS_N);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_counts),
	    cmocka_unit_test(test_rows_are_unique),
	    cmocka_unit_test(test_rows_are_in_order),
	    cmocka_unit_test(test_rows_are_whole),
	    cmocka_unit_test(test_terms),
	    cmocka_unit_test(test_flags),
	    cmocka_unit_test(test_each_finds_itself),
	    cmocka_unit_test(test_find),
	    cmocka_unit_test(test_params),
	    cmocka_unit_test(test_slash),
	    cmocka_unit_test(test_names),
	    cmocka_unit_test(test_mcp),
	    cmocka_unit_test(test_tsv),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
