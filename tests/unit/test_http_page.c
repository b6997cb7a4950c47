#include "http/page.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct row {
	const char *body;
	const char *authority; /* NULL: nothing to rewrite */
	const char *rest;
};

#define META(url) "{\"contacts\":[],\"meta\":{\"nextPageUrl\":" url "}}"

static const struct row rows[] = {
    {META("\"https://services.leadconnectorhq.com/contacts/?a=b\""),
	"https://services.leadconnectorhq.com", "/contacts/?a=b"},
    {META("\"http://odd.host:8080/x\""), "http://odd.host:8080", "/x"},
    {META("\"HTTPS:\\/\\/h.example\\/x\""), "HTTPS:\\/\\/h.example", "\\/x"},
    {META("\"https:/\\/h/x\""), "https:/\\/h", "/x"},
    {META("\"https://h\""), "https://h", ""},
    {META("\"https://h?a=b\""), "https://h", "?a=b"},
    {META("\"https://h#a\""), "https://h", "#a"},
    {META("\"https://u:p@[::1]:1/a\""), "https://u:p@[::1]:1", "/a"},
    {META("\"https://h/a\\u0026b\\\"c\""), "https://h", "/a\\u0026b\\\"c"},

    {META("null"), NULL, NULL},
    {META("\"\""), NULL, NULL},
    {META("7"), NULL, NULL},
    {META("\"/contacts/?page=2\""), NULL, NULL},
    {META("\"//h/contacts\""), NULL, NULL},
    {META("\"ftp://h/x\""), NULL, NULL},
    {META("\"https:h/x\""), NULL, NULL},
    {META("\"https:/h/x\""), NULL, NULL},
    {META("\"https:\""), NULL, NULL},
    {META("\"https://\""), NULL, NULL},
    {META("\"https:///x\""), NULL, NULL},
    {META("\"https:\\u002f/h/x\""), NULL, NULL},
    {META("\"https://h\\u002fx\""), NULL, NULL},
    {META("\"h\\u0074tps://h/x\""), NULL, NULL},
    {META("\"https://h"), NULL, NULL},
    {"{\"nextPageUrl\":\"https://h/x\"}", NULL, NULL},
    {"{\"meta\":[]}", NULL, NULL},
    {"<html>", NULL, NULL},
    {"", NULL, NULL},
};

static void test_find(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct slice body = slice_of_str(rows[i].body), url;
		size_t n = 0;
		bool is_found = page_find(body, &url, &n);

		if (is_found != (rows[i].authority != NULL))
			fail_msg("%s", rows[i].body);
		if (!is_found)
			continue;
		assert_true(url.p > body.p && url.p + url.n < body.p + body.n);
		if (!slice_eq(slice_sub(url, 0, n),
			slice_of_str(rows[i].authority)) ||
		    !slice_eq(
			slice_sub(url, n, url.n), slice_of_str(rows[i].rest)))
			fail_msg("%s at %zu", rows[i].body, n);
	}
}

static void test_base(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 200);
	page_base(
	    SLICE("http"), SLICE("proxy.lan:8788"), SLICE("/-/as/crm"), &b);
	assert_true(
	    slice_eq(buf_slice(&b), SLICE("http://proxy.lan:8788/-/as/crm")));
	buf_reset(&b);
	page_base(SLICE("http"), SLICE("a\"b\\c d\n"), SLICE_NONE, &b);
	assert_true(
	    slice_eq(buf_slice(&b), SLICE("http://a\\\"b\\\\c d\\u000a")));
	buf_fini(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_find),
	    cmocka_unit_test(test_base),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
