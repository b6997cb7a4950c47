#include "http/reference.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define BASE "/a/b/c?d=e"
#define HOST "api.example:8000"

struct row {
	const char *reference;
	const char *target; /* NULL: none of this host */
};

static const struct row rows[] = {
    /* RFC 3986 §5.4.1, as far as it is about one host. */
    {"g", "/a/b/g"},
    {"./g", "/a/b/g"},
    {"g/", "/a/b/g/"},
    {"/g", "/g"},
    {"?y", "/a/b/c?y"},
    {"g?y", "/a/b/g?y"},
    {"#s", BASE},
    {"g#s", "/a/b/g"},
    {"g?y#s", "/a/b/g?y"},
    {";x", "/a/b/;x"},
    {"", BASE},
    {".", "/a/b/"},
    {"./", "/a/b/"},
    {"..", "/a/"},
    {"../g", "/a/g"},
    {"../..", "/"},
    {"../../g", "/g"},
    /* §5.4.2 */
    {"../../../g", "/g"},
    {"/./g", "/g"},
    {"/../g", "/g"},
    {"g.", "/a/b/g."},
    {"..g", "/a/b/..g"},
    {"./../g", "/a/g"},
    {"g/./h", "/a/b/g/h"},
    {"g/../h", "/a/b/h"},
    {"g?y/../x", "/a/b/g?y/../x"},

    /* with a host */
    {"http://" HOST "/x", "/x"},
    {"https://" HOST "/x?y=z", "/x?y=z"},
    {"HTTP://API.Example:8000/x", "/x"},
    {"http://" HOST, "/"},
    {"http://" HOST "?a", "/?a"},
    {"//" HOST "/x", "/x"},
    {"http://other.example/x", NULL},
    {"//other.example/x", NULL},
    {"http://api.example/x", NULL},
    {"http://" HOST "0/x", NULL},
    {"http://u@" HOST "/x", NULL},
    {"http:/x", NULL},
    {"http:x", NULL},
    {"ftp://" HOST "/x", NULL},
    {"urn:x", NULL},
    {"mailto:a@b", NULL},

    /* canonical, as what is stored is */
    {"/%7e/%2b", "/~/%2B"},
    {"/%2f", NULL},
    {"/a//b", NULL},
    {"/a b", NULL},
    {"/%0d%0aX", NULL},
    {"/a\\b", NULL},
};

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const struct row *r = &rows[i];
		struct buf out;
		bool is_ok;

		buf_init(&out, 1024);
		buf_add_slice(&out, SLICE("before"));
		is_ok = reference_target(
		    slice_of_str(r->reference), SLICE(BASE), SLICE(HOST), &out);
		if (is_ok != (r->target != NULL))
			fail_msg("\"%s\"", r->reference);
		if (!slice_eq(slice_sub(buf_slice(&out), 6, out.n),
			slice_of_str(r->target)))
			fail_msg(
			    "\"%s\": %.*s", r->reference, (int)out.n, out.p);
		buf_fini(&out);
	}
}

/* A default port says nothing. */
static void test_ports(void **state)
{
	static const struct {
		const char *reference, *authority;
		bool is_same;
	} ports[] = {
	    {"https://a.example:443/x", "a.example", true},
	    {"https://a.example/x", "a.example:443", true},
	    {"http://a.example:80/x", "a.example", true},
	    {"http://a.example:8080/x", "a.example", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(ports) / sizeof(*ports); i++) {
		struct buf out;

		buf_init(&out, 1024);
		assert_true(reference_target(slice_of_str(ports[i].reference),
				SLICE("/"), slice_of_str(ports[i].authority),
				&out) == ports[i].is_same);
		buf_fini(&out);
	}
}

/* Too long for a target, or for the buffer. */
static void test_long(void **state)
{
	char text[10000];
	struct buf out;

	(void)state;
	memset(text, 'a', sizeof(text));
	text[0] = '/';
	buf_init(&out, 100);
	assert_false(reference_target(
	    slice_of(text, sizeof(text)), SLICE("/"), SLICE("h"), &out));
	assert_int_equal(out.n, 0);
	buf_fini(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_rows),
	    cmocka_unit_test(test_ports),
	    cmocka_unit_test(test_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
