#include "api/location.h"
#include "api/source.h"
#include "api_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

/* ---- sources ---- */

struct ids {
	char text[256]; /* "a,b," */
	size_t n;
	bool are_borrowed;
};

static void on_id(void *arg, struct slice id, bool is_borrowed)
{
	struct ids *ids = arg;

	assert_true(ids->n + id.n + 1 < sizeof(ids->text));
	memcpy(ids->text + ids->n, id.p, id.n);
	ids->n += id.n;
	ids->text[ids->n++] = ',';
	ids->text[ids->n] = '\0';
	ids->are_borrowed = ids->are_borrowed && is_borrowed;
}

#define X64 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
#define X256 X64 X64 X64 X64

#define NO SOURCE_UNKNOWN
#define ABSENT SOURCE_ABSENT
#define YES SOURCE_PRESENT

static void test_source(void **state)
{
	static const struct {
		const char *line, *body, *source;
		enum source_state state;
		const char *ids;
		bool is_decoded;
	} rows[] = {
	    /* path */
	    {"GET /contacts/c1", NULL, "{contactId}", YES, "c1,", false},
	    {"GET /contacts/c1", NULL, "{taskId}", NO, "", false},
	    {"GET /contacts/c%3A1", NULL, "{contactId}", YES, "c:1,", true},
	    {"GET /contacts/c+1", NULL, "{contactId}", YES, "c+1,", true},
	    {"GET /contacts/c%zz", NULL, "{contactId}", YES, "c%zz,", true},
	    {"GET /contacts/c%3", NULL, "{contactId}", YES, "c%3,", true},
	    {"GET /contacts/c%3a", NULL, "{contactId}", YES, "c:,", true},
	    {"GET /contacts/" X256 "%41", NULL, "{contactId}", NO, "", false},
	    /* query */
	    {"GET /c?a=1&b=2", NULL, "$query.b", YES, "2,", false},
	    {"GET /c?a=1&b=2&a=3", NULL, "$query.a", YES, "1,3,", false},
	    {"GET /c?a=x+y%20z", NULL, "$query.a", YES, "x y z,", true},
	    {"GET /c?%61=1", NULL, "$query.a", YES, "1,", false},
	    {"GET /c?%62=1", NULL, "$query.a", ABSENT, "", false},
	    {"GET /c?ab=1", NULL, "$query.a", ABSENT, "", false},
	    {"GET /c?a=", NULL, "$query.a", NO, "", false},
	    {"GET /c?a", NULL, "$query.a", NO, "", false},
	    {"GET /c", NULL, "$query.a", ABSENT, "", false},
	    {"GET /c?a=" X256, NULL, "$query.b", ABSENT, "", false},
	    {"GET /c?a=" X256 "x", NULL, "$query.a", NO, "", false},
	    /* body */
	    {"PUT /c", "{\"a\":\"x\"}", "$body.a", YES, "x,", false},
	    {"PUT /c", "{\"a\":{\"b\":\"x\"}}", "$body.a.b", YES, "x,", false},
	    {"PUT /c", "{\"a\":7}", "$body.a", YES, "7,", false},
	    {"PUT /c", "{\"a\":null}", "$body.a", YES, "", false},
	    {"PUT /c", "{\"a\":\"\"}", "$body.a", NO, "", false},
	    {"PUT /c", "{\"a\":true}", "$body.a", NO, "", false},
	    {"PUT /c", "{\"a\":{}}", "$body.a", NO, "", false},
	    {"PUT /c", "{\"a\":[\"x\"]}", "$body.a", NO, "", false},
	    {"PUT /c", "{\"a\":\"\\u0041\\n\"}", "$body.a", YES, "A\n,", true},
	    {"PUT /c", "{\"a\":\"\\n" X256 "\"}", "$body.a", NO, "", false},
	    {"PUT /c", "{\"a\":\"" X256 "x\"}", "$body.a", NO, "", false},
	    {"PUT /c", "{\"b\":\"x\"}", "$body.a", ABSENT, "", false},
	    {"PUT /c", "{\"a\":1,\"a\":2}", "$body.a", YES, "2,", false},
	    {"PUT /c", "a=x", "$body.a", NO, "", false},
	    {"PUT /c", "{\"b\":\"x\"", "$body.a", NO, "", false},
	    {"PUT /c", NULL, "$body.a", NO, "", false},
	    /* rows */
	    {"PUT /c", "{\"a\":[\"x\",\"y\"]}", "$body.a[]", YES, "x,y,",
		false},
	    {"PUT /c", "{\"a\":[]}", "$body.a[]", YES, "", false},
	    {"PUT /c", "{\"a\":null}", "$body.a[]", YES, "", false},
	    {"PUT /c", "{\"a\":\"x\"}", "$body.a[]", NO, "", false},
	    {"PUT /c", "{\"a\":[\"x\",{}]}", "$body.a[]", NO, "x,", false},
	    {"PUT /c", "{\"b\":[]}", "$body.a[]", ABSENT, "", false},
	    {"PUT /c", "{\"a\":[\"x\",}", "$body.a[]", NO, "", false},
	    {"PUT /c", "{\"a\":[{\"i\":1},{\"i\":2}]}", "$body.a[].i", YES,
		"1,2,", false},
	    {"PUT /c", "{\"a\":[{\"i\":1},{}]}", "$body.a[].i", YES, "1,",
		false},
	    {"PUT /c", "{\"a\":[{},{}]}", "$body.a[].i", ABSENT, "", false},
	    {"PUT /c", "{\"a\":[7]}", "$body.a[].i", ABSENT, "", false},
	    {"PUT /c", "{\"a\":[{\"b\":[1,2]},{\"b\":[3]}]}", "$body.a[].b[]",
		YES, "1,2,3,", false},
	    {"PUT /c", "{\"a\":[{\"b\":[1]},{\"b\":2}]}", "$body.a[].b[]", NO,
		"1,", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct api_request r = {rows[i].line, rows[i].body, NULL, NULL};
		struct ids ids = {.are_borrowed = true};
		struct api_match m;
		struct api_context c;
		enum source_state got;

		api_rig_context(&r, &m, &c);
		got =
		    source_each(&c, slice_of_str(rows[i].source), on_id, &ids);
		if (got != rows[i].state ||
		    strcmp(ids.text, rows[i].ids) != 0 ||
		    ids.are_borrowed == rows[i].is_decoded)
			fail_msg("row %zu, %s: state %d, ids %s", i,
			    rows[i].source, got, ids.text);
		assert_int_equal(
		    source_each(&c, slice_of_str(rows[i].source), NULL, NULL),
		    got);
	}
}

static void test_source_answer(void **state)
{
	struct api_request r = {"GET /contacts/c1", "{\"a\":\"no\"}",
	    "{\"contact\":{\"a\":\"yes\"}}", NULL};
	struct ids ids = {.are_borrowed = true};
	struct api_match m;
	struct api_context c;

	(void)state;
	api_rig_context(&r, &m, &c);
	assert_int_equal(
	    source_each(&c, SLICE("$answer.contact.a"), on_id, &ids),
	    SOURCE_PRESENT);
	assert_string_equal(ids.text, "yes,");
}

/* ---- locations ---- */

static void test_location(void **state)
{
	static const struct {
		struct api_request request;
		const char *location;
		size_t n;
	} rows[] = {
	    /* path, whatever else is said */
	    {{"GET /locations/L1/tags?locationId=L2", NULL, NULL, NULL}, "L1",
		1},
	    /* query */
	    {{"GET /contacts/?locationId=L1", NULL, NULL, NULL}, "L1", 1},
	    {{"GET /opportunities/search?location_id=L1", NULL, NULL, NULL},
		"L1", 1},
	    {{"GET /invoices/?altId=L1&altType=location", NULL, NULL, NULL},
		"L1", 1},
	    {{"GET /invoices/?altId=L1", NULL, NULL, NULL}, "L1", 1},
	    {{"GET /invoices/?altId=C1&altType=company", NULL, NULL, NULL}, "",
		0},
	    /* body */
	    {{"POST /contacts/", "{\"locationId\":\"L1\"}", NULL, NULL}, "L1",
		1},
	    {{"POST /invoices/", "{\"altId\":\"L1\",\"altType\":\"location\"}",
		 NULL, NULL},
		"L1", 1},
	    {{"POST /invoices/", "{\"altId\":\"C1\",\"altType\":\"company\"}",
		 NULL, NULL},
		"", 0},
	    /* an external message id is no location */
	    {{"POST /conversations/messages/inbound", "{\"altId\":\"x\"}", NULL,
		 NULL},
		"", 0},
	    /* the credential's */
	    {{"DELETE /contacts/c1", NULL, NULL, "L1"}, "L1", 1},
	    {{"GET /contacts/?locationId=L1", NULL, NULL, "L1"}, "L1", 1},
	    {{"GET /contacts/?locationId=L1", NULL, NULL, "L2"}, "L1", 2},
	    /* the answer's, only if nobody else knows */
	    {{"GET /contacts/c1", NULL, "{\"contact\":{\"locationId\":\"L1\"}}",
		 NULL},
		"L1", 1},
	    {{"GET /contacts/c1", NULL, "{\"contact\":{\"locationId\":\"L1\"}}",
		 "L2"},
		"L2", 1},
	    {{"GET /contacts/c1", NULL, NULL, NULL}, "", 0},
	    /* what the upstream ignores is ignored */
	    {{"DELETE /contacts/c1?locationId=L1", NULL, NULL, NULL}, "", 0},
	    {{"PUT /contacts/c1", "{\"locationId\":\"L1\"}", NULL, NULL}, "",
		0},
	    {{"GET /unheard?locationId=L1", NULL, NULL, NULL}, "", 0},
	    {{"GET /unheard?locationId=L1", NULL, NULL, "L2"}, "L2", 1},
	    /* several */
	    {{"GET /contacts/?locationId=L1&locationId=L2", NULL, NULL, NULL},
		"L1", 2},
	    {{"GET /contacts/?locationId=A&locationId=B&locationId=C"
	      "&locationId=D&locationId=E",
		 NULL, NULL, NULL},
		"", 0},
	    /* one that is none, or could be spelt in two ways */
	    {{"GET /contacts/?locationId=L%2F1", NULL, NULL, NULL}, "", 0},
	    {{"GET /contacts/?locationId=L.1", NULL, NULL, NULL}, "", 0},
	    {{"GET /contacts/?locationId=L.1", NULL, NULL, "L1"}, "", 0},
	    {{"GET /contacts/?locationId=" X64, NULL, NULL, NULL}, X64, 1},
	    {{"GET /contacts/?locationId=" X64 "x", NULL, NULL, NULL}, "", 0},
	    {{"GET /contacts/?locationId=", NULL, NULL, NULL}, "", 0},
	    {{"POST /contacts/", "{\"locationId\":\"\\u004c1\"}", NULL, NULL},
		"", 0},
	    {{"POST /contacts/", "{\"locationId\":\"aZ09-_\"}", NULL, NULL},
		"aZ09-_", 1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct locations known;
		struct api_match m;
		struct api_context c;
		struct slice got;

		api_rig_context(&rows[i].request, &m, &c);
		got = api_location(&c);
		locations_of(&c, &known);
		if (!slice_eq(got, slice_of_str(rows[i].location)) ||
		    known.n != rows[i].n)
			fail_msg("row %zu, %s: %.*s, %zu known", i,
			    rows[i].request.line, (int)got.n, got.p, known.n);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_source),
	    cmocka_unit_test(test_source_answer),
	    cmocka_unit_test(test_location),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
