#include "http/gate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define FIELDS_MAX 8

/* Fields are given as pairs, ended by NULL. */
struct row {
	const char *name;
	const char *method, *target;
	unsigned minor;
	const char *fields[2 * FIELDS_MAX];
	size_t body_n;
	unsigned status; /* 0: accepted */
	bool must_close;
};

static const struct row rows[] = {
    {"plain", "GET", "/a", 1, {"Host", "h"}, 0, 0, false},
    {"SDK sends a type on GET", "GET", "/a", 1,
	{"host", "h", "content-type", "application/json"}, 0, 0, false},
    {"GET with length 0", "GET", "/a", 1, {"host", "h", "content-length", "0"},
	0, 0, false},
    {"1.0 without Host", "GET", "/a", 0, {NULL}, 0, 0, false},
    {"POST", "POST", "/a", 1, {"host", "h", "content-length", "5"}, 5, 0,
	false},
    {"chunked", "POST", "/a", 1, {"host", "h", "transfer-encoding", "Chunked"},
	5, 0, false},
    {"longest target", "GET", "/123456789012345", 1, {"host", "h"}, 0, 0,
	false},
    {"DELETE with body", "DELETE", "/a", 1,
	{"host", "h", "content-length", "5"}, 5, 0, false},
    {"override is not forwarded, not refused", "POST", "/a", 1,
	{"host", "h", "x-http-method-override", "DELETE"}, 0, 0, false},
    {"Connection with harmless names", "GET", "/a", 1,
	{"host", "h", "connection", "keep-alive, x-foo"}, 0, 0, false},
    {"several Accept", "GET", "/a", 1,
	{"host", "h", "accept", "a/b", "accept", "c/d"}, 0, 0, false},
    {"identity body", "POST", "/a", 1,
	{"host", "h", "content-encoding", "identity"}, 2, 0, false},

    {"9110 9.1 unknown method", "BREW", "/a", 1, {"host", "h"}, 0, 501, true},
    {"TRACE", "TRACE", "/a", 1, {"host", "h"}, 0, 501, true},
    {"CONNECT", "CONNECT", "h:1", 1, {"host", "h"}, 0, 501, true},
    {"lower case", "get", "/a", 1, {"host", "h"}, 0, 501, true},
    {"9112 2.3 version 1.2", "GET", "/a", 2, {"host", "h"}, 0, 505, true},
    {"no target", "GET", "", 1, {"host", "h"}, 0, 400, true},
    {"absolute form", "GET", "http://evil:81/y", 1, {"host", "h"}, 0, 400,
	true},
    {"asterisk", "OPTIONS", "*", 1, {"host", "h"}, 0, 400, true},
    {"//", "GET", "//evil/y", 1, {"host", "h"}, 0, 400, true},
    {"long target", "GET", "/1234567890123456", 1, {"host", "h"}, 0, 414, true},
    {"too many fields", "GET", "/a", 1,
	{"host", "h", "a", "", "b", "", "c", "", "d", "", "e", ""}, 0, 431,
	true},
    {"space in a name", "GET", "/a", 1, {"host", "h", "x y", "z"}, 0, 400,
	true},
    {"space before colon", "POST", "/a", 1,
	{"host", "h", "content-length ", "5"}, 0, 400, true},
    {"empty name", "GET", "/a", 1, {"host", "h", "", "v"}, 0, 400, true},
    {"control in a value", "GET", "/a", 1, {"host", "h", "x", "a\rb"}, 0, 400,
	true},

    {"9112 6.3 two lengths", "POST", "/a", 1,
	{"host", "h", "content-length", "0", "Content-Length", "44"}, 0, 400,
	true},
    {"equal lengths", "POST", "/a", 1,
	{"host", "h", "content-length", "5", "content-length", "5"}, 5, 400,
	true},
    {"length +5", "POST", "/a", 1, {"host", "h", "content-length", "+5"}, 5,
	400, true},
    {"no length", "POST", "/a", 1, {"host", "h", "content-length", ""}, 0, 400,
	true},
    {"19 digits", "POST", "/a", 1,
	{"host", "h", "content-length", "0000000000000000005"}, 5, 400, true},
    {"two codings", "POST", "/a", 1,
	{"host", "h", "transfer-encoding", "chunked", "transfer-encoding",
	    "chunked"},
	0, 400, true},
    {"xchunked", "POST", "/a", 1,
	{"host", "h", "transfer-encoding", "xchunked"}, 0, 400, true},
    {"gzip, chunked", "POST", "/a", 1,
	{"host", "h", "transfer-encoding", "gzip, chunked"}, 0, 400, true},
    {"length and coding", "POST", "/a", 1,
	{"host", "h", "content-length", "5", "transfer-encoding", "chunked"}, 5,
	400, true},
    {"6.1 coding in 1.0", "POST", "/a", 0, {"transfer-encoding", "chunked"}, 5,
	400, true},

    {"9112 3.2 no Host", "GET", "/a", 1, {"accept", "a/b"}, 0, 400, true},
    {"two Hosts", "GET", "/a", 1, {"host", "h", "host", "h"}, 0, 400, true},
    {"two Hosts in 1.0", "GET", "/a", 0, {"host", "h", "host", "h"}, 0, 400,
	true},
    {"empty Host", "GET", "/a", 1, {"host", ""}, 0, 400, true},
    {"Host with path", "GET", "/a", 1, {"host", "h/x"}, 0, 400, true},
    {"Host with user", "GET", "/a", 1, {"host", "u@h"}, 0, 400, true},

    {"7.6.1 Connection: Authorization", "GET", "/a", 1,
	{"host", "h", "connection", "close, Authorization"}, 0, 400, true},
    {"Connection: Version", "GET", "/a", 1,
	{"host", "h", "connection", "keep-alive", "connection", "version"}, 0,
	400, true},
    {"Connection: Cookie", "GET", "/a", 1,
	{"host", "h", "connection", "COOKIE"}, 0, 400, true},
    {"Connection: Content-Type", "GET", "/a", 1,
	{"host", "h", "connection", "content-type"}, 0, 400, true},
    {"Connection: locationId", "GET", "/a", 1,
	{"host", "h", "connection", "locationId"}, 0, 400, true},
    {"Connection: companyId", "GET", "/a", 1,
	{"host", "h", "connection", "companyid"}, 0, 400, true},
    {"Connection: Host", "GET", "/a", 1, {"host", "h", "connection", "host"}, 0,
	400, true},

    {"two Authorization", "GET", "/a", 1,
	{"host", "h", "authorization", "a", "Authorization", "b"}, 0, 400,
	false},
    {"two Version", "GET", "/a", 1,
	{"host", "h", "version", "v3", "version", "v3"}, 0, 400, false},
    {"two Content-Type", "POST", "/a", 1,
	{"host", "h", "content-type", "a/b", "content-type", "c/d"}, 0, 400,
	false},
    {"two locationId", "GET", "/a", 1,
	{"host", "h", "locationId", "a", "locationid", "b"}, 0, 400, false},

    {"9110 9.3.1 GET with body", "GET", "/a", 1,
	{"host", "h", "content-length", "05"}, 5, 400, true},
    {"GET with announced body", "GET", "/a", 1,
	{"host", "h", "content-length", "5"}, 0, 400, true},
    {"GET chunked", "GET", "/a", 1,
	{"host", "h", "transfer-encoding", "chunked"}, 0, 400, true},
    {"HEAD with body", "HEAD", "/a", 1, {"host", "h", "content-length", "5"}, 0,
	400, true},
    {"OPTIONS with body", "OPTIONS", "/a", 1,
	{"host", "h", "content-length", "5"}, 5, 400, true},
    {"encoded body", "POST", "/a", 1, {"host", "h", "content-encoding", "gzip"},
	5, 415, false},
};

static struct gate_verdict judge(
    const struct row *r, const struct gate_rules *rules)
{
	struct field fields[FIELDS_MAX];
	struct gate_request rq = {
	    .method = slice_of_str(r->method),
	    .target = slice_of_str(r->target),
	    .major = 1,
	    .minor = r->minor,
	    .fields = fields,
	    .body_n = r->body_n,
	};

	while (rq.fields_n < FIELDS_MAX && r->fields[2 * rq.fields_n]) {
		fields[rq.fields_n].name =
		    slice_of_str(r->fields[2 * rq.fields_n]);
		fields[rq.fields_n].value =
		    slice_of_str(r->fields[2 * rq.fields_n + 1]);
		rq.fields_n++;
	}
	return gate_check(&rq, rules);
}

static void test_rows(void **state)
{
	static const struct gate_rules rules = {
	    .max_fields = 5, .max_target_bytes = 16};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct gate_verdict v = judge(&rows[i], &rules);

		if (v.status != rows[i].status ||
		    v.must_close != rows[i].must_close)
			fail_msg("%s: %u %s", rows[i].name, v.status,
			    v.message ? v.message : "");
		assert_int_equal(v.message == NULL, v.status == 0);
	}
}

static void test_major_version(void **state)
{
	static const struct gate_rules rules = {
	    .max_fields = 5, .max_target_bytes = 16};
	struct gate_request rq = {
	    .method = SLICE("GET"), .target = SLICE("/"), .major = 2};

	(void)state;
	assert_int_equal(gate_check(&rq, &rules).status, 505);
}

/* RFC 9110 §7.4 */
static void test_hosts(void **state)
{
	static const struct slice hosts[] = {
	    {"proxy.lan", 9},
	    {"other:8788", 10},
	    {"[::1]", 5},
	};
	static const struct gate_rules rules = {
	    .max_fields = 5,
	    .max_target_bytes = 16,
	    .hosts = hosts,
	    .hosts_n = 3,
	};
	static const struct {
		const char *host;
		unsigned status;
	} cases[] = {
	    {"proxy.lan", 0},
	    {"PROXY.lan:8788", 0},
	    {"proxy.lan:1", 0},
	    {"other:8788", 0},
	    {"[::1]:80", 0},
	    {"other", 421},
	    {"other:80", 421},
	    {"proxy.lan.evil", 421},
	    {"xproxy.lan", 421},
	    {"[::2]", 421},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct row r = {.method = "GET",
		    .target = "/",
		    .minor = 1,
		    .fields = {"host", cases[i].host}};
		struct gate_verdict v = judge(&r, &rules);

		if (v.status != cases[i].status)
			fail_msg("%s: %u", cases[i].host, v.status);
		assert_false(v.must_close);
	}
}

static void test_host_syntax(void **state)
{
	static const char *const valid[] = {"h", "a-b.c_d", "127.0.0.1", "h:80",
	    "h:", "h:65535", "AZaz09", "[::AFaf09]", "[::1]",
	    "[fe80::1.2.3.4]:8788"};
	static const char *const invalid[] = {"", ":80", "h:8o", "h:123456",
	    "h:80:80", "h h", "h%41", "[]", "[::1", "[::1]x", "[::1]80",
	    "[g::1]", "h/", "h?x", "a@b", "h,i", "h\"", "\xc3\xa4"};

	(void)state;
	for (size_t i = 0; i < sizeof(valid) / sizeof(*valid); i++) {
		if (!gate_host_is_valid(slice_of_str(valid[i])))
			fail_msg("%s", valid[i]);
	}
	for (size_t i = 0; i < sizeof(invalid) / sizeof(*invalid); i++) {
		if (gate_host_is_valid(slice_of_str(invalid[i])))
			fail_msg("%s", invalid[i]);
	}
}

static void test_local_hosts(void **state)
{
	static const struct slice own[] = {
	    {"mirror.lan", 10}, {"ghl.example:8443", 16}};
	static const struct gate_rules rules = {
	    .max_fields = 5,
	    .max_target_bytes = 16,
	    .must_be_local = true,
	    .own_hosts = own,
	    .own_hosts_n = 2,
	};
	static const struct {
		const char *host;
		unsigned status;
	} cases[] = {
	    {"localhost", 0},
	    {"LocalHost:8788", 0},
	    {"a.b.localhost:1", 0},
	    {"127.0.0.1:8788", 0},
	    {"192.168.7.8", 0},
	    {"[::1]:8788", 0},
	    {"[2001:db8::1]", 0},
	    {"ghlmirror", 0},
	    {"ghl_mirror:8788", 0},
	    {"mirror.lan", 0},
	    {"Mirror.LAN:99", 0},
	    {"ghl.example:8443", 0},
	    {"ghl.example", 421},
	    {"evil.example", 421},
	    {"localhost.evil.example", 421},
	    {"127.0.0.1.evil.example:8788", 421},
	    {"evil.localhost.", 421},
	    {"evil.", 421},
	    {"notlocalhost.x", 421},
	    {"evil.x127", 421},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct row r = {.method = "GET",
		    .target = "/",
		    .minor = 1,
		    .fields = {"Host", cases[i].host}};

		if (judge(&r, &rules).status != cases[i].status)
			fail_msg("%s", cases[i].host);
	}
	/* RFC 1945 had no Host, and its clients no pages. */
	assert_int_equal(
	    judge(&(struct row){.method = "GET", .target = "/", .minor = 0},
		&rules)
		.status,
	    0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_rows),
	    cmocka_unit_test(test_major_version),
	    cmocka_unit_test(test_hosts),
	    cmocka_unit_test(test_local_hosts),
	    cmocka_unit_test(test_host_syntax),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
