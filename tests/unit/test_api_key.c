#include "api/key.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#define FIELDS_MAX 4

/* A request as far as the key sees it. */
struct request {
	unsigned char scope; /* first byte of the credential's digest */
	enum api_method method;
	const char *op; /* NULL: a path that the table does not know */
	const char *target;
	const char *fields[FIELDS_MAX]; /* to the first NULL */
	const char *body;
};

static void build(const struct request *r, struct buf *key)
{
	struct digest128 scope = {{r->scope}};
	struct slice fields[FIELDS_MAX];
	size_t n = 0;

	while (n < FIELDS_MAX && r->fields[n]) {
		fields[n] = slice_of_str(r->fields[n]);
		n++;
	}
	buf_init(key, 4096);
	api_key_build(key, &scope,
	    r->op ? api_by_id(slice_of_str(r->op)) : NULL, r->method,
	    slice_of_str(r->target), fields, n, slice_of_str(r->body));
	assert_false(key->has_failed);
}

static bool same_key(const struct request *a, const struct request *b)
{
	struct buf ka, kb;
	bool is_equal;

	build(a, &ka);
	build(b, &kb);
	is_equal = slice_eq(buf_slice(&ka), buf_slice(&kb));
	buf_fini(&ka);
	buf_fini(&kb);
	return is_equal;
}

#define BASE \
	1, API_GET, "contacts.get-contact", "/contacts/c1", \
	    {"Version: 2021-07-28", "Accept: */*"}, NULL

static void test_equal(void **state)
{
	static const struct request base = {BASE};
	static const struct request same[] = {
	    {BASE},
	    /* who asks is in the scope, with what is not what */
	    {1, API_GET, "contacts.get-contact", "/contacts/c1",
		{"Authorization: Bearer x", "Version: 2021-07-28",
		    "Accept: */*"},
		NULL},
	    {1, API_GET, "contacts.get-contact", "/contacts/c1",
		{"Version: 2021-07-28", "X-SDK-Version: 3.1.0", "Accept: */*"},
		NULL},
	    /* spelling of field names, white space around values */
	    {1, API_GET, "contacts.get-contact", "/contacts/c1",
		{"VERSION:\t2021-07-28 ", "accept:*/*"}, NULL},
	    /* HEAD is answered from what GET stored */
	    {1, API_HEAD, "contacts.get-contact", "/contacts/c1",
		{"Version: 2021-07-28", "Accept: */*"}, NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++)
		if (!same_key(&base, &same[i]))
			fail_msg("request %zu has another key", i);
}

static void test_different(void **state)
{
	static const struct request all[] = {
	    {BASE},
	    {2, API_GET, "contacts.get-contact", "/contacts/c1",
		{"Version: 2021-07-28", "Accept: */*"}, NULL},
	    {1, API_GET, NULL, "/contacts/c1",
		{"Version: 2021-07-28", "Accept: */*"}, NULL},
	    {1, API_POST, "contacts.get-contact", "/contacts/c1",
		{"Version: 2021-07-28", "Accept: */*"}, NULL},
	    {1, API_GET, "contacts.get-contact", "/contacts/c2",
		{"Version: 2021-07-28", "Accept: */*"}, NULL},
	    {1, API_GET, "contacts.get-contact", "/contacts/c1?",
		{"Version: 2021-07-28", "Accept: */*"}, NULL},
	    {1, API_GET, "contacts.get-contact", "/contacts/c1",
		{"Version: v3", "Accept: */*"}, NULL},
	    {1, API_GET, "contacts.get-contact", "/contacts/c1",
		{"Accept: */*"}, NULL},
	    {1, API_GET, "contacts.get-contact", "/contacts/c1",
		{"Version: 2021-07-28", "Accept: */*", "locationId: L1"}, NULL},
	    {1, API_GET, "contacts.get-contact", "/contacts/c1",
		{"Version: 2021-07-28", "Accept: */*"}, "{}"},
	    /* nothing of one part passes for another */
	    {1, API_GET, "contacts.get-contact", "/contacts/c1",
		{"Version: 2021-07-28"}, "accept:*/*\n"},
	};
	size_t n = sizeof(all) / sizeof(all[0]);

	(void)state;
	for (size_t i = 0; i < n; i++)
		for (size_t j = i + 1; j < n; j++)
			if (same_key(&all[i], &all[j]))
				fail_msg("%zu and %zu share a key", i, j);
}

static void test_fields(void **state)
{
	(void)state;
	assert_true(api_key_has_field(SLICE("version")));
	assert_true(api_key_has_field(SLICE("locationId")));
	assert_false(api_key_has_field(SLICE("AUTHORIZATION")));
	assert_false(api_key_has_field(SLICE("x-sdk-version")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_equal),
	    cmocka_unit_test(test_different),
	    cmocka_unit_test(test_fields),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
