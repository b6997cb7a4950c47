#include "api/policy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static struct slice str(const char *s)
{
	return slice_of_str(s);
}

static const struct api_policy *policy(
    const struct api_policies *p, const char *id)
{
	const struct api_op *op = api_by_id(str(id));

	assert_non_null(op);
	return api_policy_of(p, op);
}

static void test_defaults(void **state)
{
	struct api_route_error error;
	struct api_policies *p = api_policies_new(NULL, 0, &error);
	const struct api_policy *got;

	(void)state;
	assert_non_null(p);
	for (size_t i = 0; i < api_ops_n(); i++) {
		const struct api_op *op = api_op_at(i);

		got = api_policy_of(p, op);
		assert_int_equal(got->ttl_ms, op->ttl_ms);
		assert_int_equal(got->swr_ms, op->swr_ms);
		assert_int_equal(got->stale, op->stale);
		assert_int_equal(got->stale_ms,
		    op->stale == API_STALE_MARKED ? API_STALE_UNLIMITED : 0);
		assert_false(got->is_override_upstream);
	}
	assert_true(api_policy_may_store(policy(p, "contacts.get-contact")));
	assert_false(api_policy_may_store(policy(p, "payments.list-orders")));
	got = api_policy_of(p, NULL);
	assert_int_equal(got->stale, API_STALE_NEVER);
	assert_false(api_policy_may_store(got));
	api_policies_free(p);
	api_policies_free(NULL);
}

static void test_match(void **state)
{
	static const struct {
		const char *match, *id;
	} rows[] = {
	    {"contacts.get-contact", "contacts.get-contact"},
	    {"GET /contacts/{contactId}", "contacts.get-contact"},
	    {"GET /contacts/{id}", "contacts.get-contact"},
	    {"GET /contacts/{id}/", "contacts.get-contact"},
	    {"GET /contacts", "contacts.get-contacts"},
	    {"GET /contacts/", "contacts.get-contacts"},
	    {"POST /contacts/search", "contacts.search-contacts-advanced"},
	    {"GET /contacts/{c}/tasks/{t}", "contacts.get-task"},
	    {"short", "contacts.get-duplicate-contact"},
	    {"read-post", "users.filter-users-by-email"},
	    {"cache", "contacts.get-contact"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct api_route_rule rule = {
		    .match = str(rows[i].match),
		    .has_ttl = true,
		    .ttl_ms = 1234567,
		};
		struct api_route_error error;
		struct api_policies *p = api_policies_new(&rule, 1, &error);
		bool is_class = strchr(rows[i].match, ' ') == NULL &&
				strchr(rows[i].match, '.') == NULL;
		size_t n = 0;

		if (!p)
			fail_msg("%s: %s", rows[i].match, error.message);
		for (size_t j = 0; j < api_ops_n(); j++)
			n += api_policy_of(p, api_op_at(j))->ttl_ms == 1234567;
		assert_int_equal(policy(p, rows[i].id)->ttl_ms, 1234567);
		assert_true(is_class ? n > 1 : n == 1);
		api_policies_free(p);
	}
}

static void test_refused(void **state)
{
	static const char *const matches[] = {"", "contacts", "GET",
	    "GET /contacts/c1", "PATCH /contacts/{contactId}",
	    "get /contacts/{contactId}", "GET contacts/{contactId}",
	    "/contacts/{contactId}", "GET /contacts/{a}/tasks/{b}/{c}",
	    "GET  /contacts/", "contacts.get-contact ", "Cache",
	    /* operations that have no policy */
	    "contacts.create-contact", "POST /contacts/", "write", "never",
	    "stream", "payments.fetch-config", "POST /oauth/location-token"};
	struct api_route_rule rules[2] = {{.match = SLICE("cache")}};

	(void)state;
	for (size_t i = 0; i < sizeof(matches) / sizeof(matches[0]); i++) {
		struct api_route_error error;

		rules[1] = (struct api_route_rule){
		    .match = str(matches[i]),
		    .has_ttl = true,
		    .ttl_ms = 1,
		};
		if (api_policies_new(rules, 2, &error))
			fail_msg("\"%s\" is accepted", matches[i]);
		assert_int_equal(error.rule, 1);
		assert_non_null(error.message);
	}
}

/* Operations beat classes wherever they stand; the later beats its equal. */
static void test_precedence(void **state)
{
	const struct api_route_rule rules[] = {
	    {.match = SLICE("GET /contacts/{contactId}"),
		.has_ttl = true,
		.ttl_ms = 1},
	    {.match = SLICE("contacts.get-task"), .has_ttl = true, .ttl_ms = 2},
	    {.match = SLICE("contacts.get-task"), .has_ttl = true, .ttl_ms = 3},
	    {.match = SLICE("cache"), .has_ttl = true, .ttl_ms = 4},
	    {.match = SLICE("cache"), .has_swr = true, .swr_ms = 5},
	};
	struct api_route_error error;
	struct api_policies *p = api_policies_new(rules, 5, &error);

	(void)state;
	assert_non_null(p);
	assert_null(error.message);
	assert_int_equal(policy(p, "contacts.get-contact")->ttl_ms, 1);
	assert_int_equal(policy(p, "contacts.get-contact")->swr_ms, 5);
	assert_int_equal(policy(p, "contacts.get-task")->ttl_ms, 3);
	assert_int_equal(policy(p, "contacts.get-note")->ttl_ms, 4);
	assert_int_equal(
	    policy(p, "contacts.search-contacts-advanced")->ttl_ms, 15000);
	api_policies_free(p);
}

static void test_stale_and_override(void **state)
{
	const struct api_route_rule rules[] = {
	    {.match = SLICE("payments.list-orders"),
		.has_stale = true,
		.stale_ms = 3600000},
	    {.match = SLICE("contacts.get-contact"),
		.has_stale = true,
		.stale_ms = 0},
	    {.match = SLICE("contacts.get-task"),
		.has_override = true,
		.is_override_upstream = true},
	};
	struct api_route_error error;
	struct api_policies *p = api_policies_new(rules, 3, &error);
	const struct api_policy *got;

	(void)state;
	assert_non_null(p);
	got = policy(p, "payments.list-orders");
	assert_int_equal(got->stale, API_STALE_MARKED);
	assert_int_equal(got->stale_ms, 3600000);
	assert_int_equal(got->ttl_ms, 0);
	assert_true(api_policy_may_store(got));
	got = policy(p, "contacts.get-contact");
	assert_int_equal(got->stale, API_STALE_NEVER);
	assert_int_equal(got->ttl_ms, 30000);
	assert_true(policy(p, "contacts.get-task")->is_override_upstream);
	assert_int_equal(policy(p, "contacts.get-task")->ttl_ms, 30000);
	api_policies_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_defaults),
	    cmocka_unit_test(test_match),
	    cmocka_unit_test(test_refused),
	    cmocka_unit_test(test_precedence),
	    cmocka_unit_test(test_stale_and_override),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
