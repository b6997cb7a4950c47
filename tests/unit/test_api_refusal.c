#include "api/refusal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const struct {
	unsigned status;
	const char *body;
	enum refusal refusal;
} rows[] = {
    /* invalid, expired, revoked */
    {401,
	"{\"statusCode\":401,\"message\":\"Invalid token: access token is "
	"invalid\",\"error\":\"Unauthorized\"}",
	REFUSAL_CREDENTIAL},
    {401, "{\"statusCode\":401,\"message\":\"Invalid JWT\"}",
	REFUSAL_CREDENTIAL},
    {401,
	"{\"statusCode\":401,\"message\":\"Invalid Private Integration "
	"token\"}",
	REFUSAL_CREDENTIAL},
    {401, "{\"message\":\"jwt expired\"}", REFUSAL_CREDENTIAL},
    {401, "{\"message\":\"Unauthorized\"}", REFUSAL_CREDENTIAL},
    {401, "{\"error\":{\"message\":\"Invalid JWT\"}}", REFUSAL_CREDENTIAL},
    {401, "{\"status\":401,\"msg\":\"No token\"}", REFUSAL_CREDENTIAL},
    {401, "{\"message\":[\"Invalid JWT\"]}", REFUSAL_CREDENTIAL},
    {401, "{\"message\":\"never seen before\"}", REFUSAL_CREDENTIAL},

    /* valid, and not for this */
    {401, "{\"message\":\"The token is not authorized for this scope.\"}",
	REFUSAL_REQUEST},
    {401,
	"{\"message\":\"This authClass type is not allowed to access this "
	"scope. Please reach out to the Marketplace team\"}",
	REFUSAL_REQUEST},
    {401, "{\"message\":\"This AuthClass is not yet supported\"}",
	REFUSAL_REQUEST},
    {401, "{\"message\":\"version header was not found.\"}", REFUSAL_REQUEST},
    {401, "{\"message\":\"version header is invalid\"}", REFUSAL_REQUEST},
    {401, "{\"error\":{\"message\":\"not authorized for this SCOPE\"}}",
	REFUSAL_REQUEST},
    {403,
	"{\"message\":\"The token does not have access to this "
	"location.\"}",
	REFUSAL_REQUEST},
    {403,
	"{\"statusCode\":403,\"message\":\"You do not have permission to "
	"access this resource\",\"error\":\"Forbidden\"}",
	REFUSAL_REQUEST},
    {403, "{\"message\":\"Forbidden resource\"}", REFUSAL_REQUEST},

    /* not there */
    {404, "{\"message\":\"Opportunity not found\",\"statusCode\":404}",
	REFUSAL_GONE},
    {404, "{\"message\":\"Cannot GET /nowhere\",\"error\":\"Not Found\"}",
	REFUSAL_GONE},
    {410, "{\"message\":\"Gone\"}", REFUSAL_GONE},
    {400,
	"{\"message\":\"Contact not found for id:abc\",\"error\":\"Bad "
	"Request\",\"statusCode\":400}",
	REFUSAL_GONE},
    {400, "{\"message\":\"limit must be a number\",\"statusCode\":400}",
	REFUSAL_NONE},

    /* said by others, or no refusal */
    {401, "<html>Log in to the hotel's network</html>", REFUSAL_NONE},
    {401, "", REFUSAL_NONE},
    {401, "\"Unauthorized\"", REFUSAL_NONE},
    {401, "[{\"message\":\"Invalid JWT\"}]", REFUSAL_NONE},
    {401, "{\"code\":7}", REFUSAL_NONE},
    {401, "{\"message\":7}", REFUSAL_NONE},
    {401, "{\"message\":\"Invalid JWT\"", REFUSAL_NONE},
    {403, "error code: 1010", REFUSAL_NONE},
    {404, "<html>no such page</html>", REFUSAL_NONE},
    {200, "{\"message\":\"Invalid JWT\"}", REFUSAL_NONE},
    {422, "{\"message\":\"Invalid JWT\"}", REFUSAL_NONE},
    {429, "{\"message\":\"Too Many Requests\"}", REFUSAL_NONE},
    {500, "{\"message\":\"Invalid JWT\"}", REFUSAL_NONE},
};

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if (refusal_of(rows[i].status, slice_of_str(rows[i].body)) !=
		    rows[i].refusal)
			fail_msg("%u %s", rows[i].status, rows[i].body);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_rows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
