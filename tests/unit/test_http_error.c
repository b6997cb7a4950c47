#include "http/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_reasons(void **state)
{
	static const struct {
		unsigned status;
		const char *phrase;
	} cases[] = {
	    {200, "OK"},
	    {400, "Bad Request"},
	    {413, "Content Too Large"},
	    {421, "Misdirected Request"},
	    {429, "Too Many Requests"},
	    {431, "Request Header Fields Too Large"},
	    {503, "Service Unavailable"},
	    {505, "HTTP Version Not Supported"},
	    {299, "Success"},
	    {399, "Redirection"},
	    {499, "Client Error"},
	    {599, "Server Error"},
	    {199, "Informational"},
	    {99, "Unknown"},
	    {600, "Unknown"},
	    {0, "Unknown"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		assert_string_equal(
		    http_reason(cases[i].status), cases[i].phrase);
}

static void test_body(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 200);
	http_error_body(&b, 404, SLICE("no \"such\"\n\\ thing"));
	assert_true(slice_eq(
	    buf_slice(&b), SLICE("{\"statusCode\":404,"
				 "\"message\":\"no \\\"such\\\"\\n\\\\ thing\","
				 "\"error\":\"Not Found\"}")));
	buf_fini(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_reasons),
	    cmocka_unit_test(test_body),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
