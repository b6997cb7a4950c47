#include "http/update.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* RFC 9111 §3.2 */
static const struct {
	const char *stored, *newer, *merged;
} rows[] = {
    {"", "", ""},
    {"A: 1\r\n", "", "A: 1\r\n"},
    {"", "A: 1\r\n", "A: 1\r\n"},
    {"A: 1\r\nB: 2\r\n", "a: 3\r\n", "B: 2\r\na: 3\r\n"},
    /* all lines of a name give way to all lines of it */
    {"A: 1\r\nA: 2\r\n", "A: 3\r\n", "A: 3\r\n"},
    {"A: 1\r\nB: 2\r\n", "A: 3\r\nA: 4\r\n", "B: 2\r\nA: 3\r\nA: 4\r\n"},
    {"Cache-Control: max-age=1\r\nExpires: x\r\n",
	"Cache-Control: max-age=9\r\n",
	"Expires: x\r\nCache-Control: max-age=9\r\n"},
    {"Date: a\r\n", "Date: b\r\n", "Date: b\r\n"},
    {"Content-Type: a/b\r\n", "Content-Type: c/d\r\n", "Content-Type: c/d\r\n"},
    {"Content-Location: /a\r\n", "Content-Location: /b\r\n",
	"Content-Location: /b\r\n"},
    {"Vary: a\r\n", "Vary: b\r\n", "Vary: b\r\n"},
    /* what the stored body is described by */
    {"Content-Encoding: gzip\r\n", "Content-Encoding: br\r\n",
	"Content-Encoding: gzip\r\n"},
    {"", "Content-Encoding: br\r\nContent-Range: x\r\nA: 1\r\n", "A: 1\r\n"},
    {"Content-MD5: a\r\nDigest: b\r\n",
	"content-md5: c\r\nDIGEST: d\r\nContent-Digest: e\r\n"
	"Repr-Digest: f\r\nContent-Length: 7\r\n",
	"Content-MD5: a\r\nDigest: b\r\n"},
    /* another ETag would be that of another body */
    {"ETag: \"1\"\r\n", "ETag: \"2\"\r\nA: b\r\n", "ETag: \"1\"\r\nA: b\r\n"},
    {"A: b\r\n", "ETag: \"2\"\r\n", "A: b\r\nETag: \"2\"\r\n"},
};

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct buf out;

		buf_init(&out, 1000);
		update_head(slice_of_str(rows[i].stored),
		    slice_of_str(rows[i].newer), &out);
		if (!slice_eq(buf_slice(&out), slice_of_str(rows[i].merged)))
			fail_msg("row %zu: %.*s", i, (int)out.n, out.p);
		buf_fini(&out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_rows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
