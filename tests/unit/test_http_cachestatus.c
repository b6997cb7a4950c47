#include "http/cachestatus.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const struct {
	struct cachestatus s;
	const char *text;
} rows[] = {
    {{.fwd = CACHESTATUS_HIT, .has_ttl = true, .ttl_s = 41},
	"ghlmirror; hit; ttl=41"},
    {{.fwd = CACHESTATUS_HIT,
	 .has_ttl = true,
	 .ttl_s = -9,
	 .detail = "upstream-unreachable"},
	"ghlmirror; hit; ttl=-9; detail=upstream-unreachable"},
    {{.fwd = CACHESTATUS_HIT}, "ghlmirror; hit"},
    {{.fwd = CACHESTATUS_MISS,
	 .fwd_status = 200,
	 .is_stored = true,
	 .is_collapsed = true,
	 .detail = "x"},
	"ghlmirror; fwd=miss; fwd-status=200; stored; collapsed; detail=x"},
    {{.fwd = CACHESTATUS_BYPASS}, "ghlmirror; fwd=bypass"},
    {{.fwd = CACHESTATUS_METHOD, .fwd_status = 201},
	"ghlmirror; fwd=method; fwd-status=201"},
    {{.fwd = CACHESTATUS_URI_MISS, .is_stored = true},
	"ghlmirror; fwd=uri-miss; stored"},
    {{.fwd = CACHESTATUS_VARY_MISS}, "ghlmirror; fwd=vary-miss"},
    {{.fwd = CACHESTATUS_REQUEST}, "ghlmirror; fwd=request"},
    {{.fwd = CACHESTATUS_STALE}, "ghlmirror; fwd=stale"},
    {{.fwd = CACHESTATUS_PARTIAL}, "ghlmirror; fwd=partial"},
    {{.fwd = CACHESTATUS_LOCAL, .detail = "offline"},
	"ghlmirror; detail=offline"},
    {{.fwd = CACHESTATUS_LOCAL, .detail = "two \"words\" \\"},
	"ghlmirror; detail=\"two \\\"words\\\" \\\\\""},
    {{.fwd = CACHESTATUS_LOCAL, .detail = "9lives"},
	"ghlmirror; detail=\"9lives\""},
    {{.fwd = CACHESTATUS_LOCAL, .detail = "line\r\nend"}, "ghlmirror"},
    {{.fwd = CACHESTATUS_LOCAL, .detail = "\xc3\xa4"}, "ghlmirror"},
    {{.fwd = CACHESTATUS_LOCAL, .detail = ""}, "ghlmirror"},
};

/* RFC 9211 §2 */
static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct buf b;

		buf_init(&b, 200);
		cachestatus_write(&rows[i].s, &b);
		if (!slice_eq(buf_slice(&b), slice_of_str(rows[i].text)))
			fail_msg("%.*s", (int)b.n, b.p);
		buf_fini(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_rows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
