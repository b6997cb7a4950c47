#include "http/forwarded.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define N_OF(array) (sizeof(array) / sizeof((array)[0]))
#define FIELDS_MAX 6

/* Trusted: 127.0.0.0/8, 10.0.0.0/8 and 2001:db8:1::/48. */
struct row {
	const char *fields[2 * FIELDS_MAX + 1]; /* name, value; NULL */
	enum forwarded_state state;
	const char *client, *scheme, *host; /* NULL: none */
};

#define XFF "X-Forwarded-For"
#define XFP "X-Forwarded-Proto"
#define XFH "X-Forwarded-Host"
#define FWD "Forwarded"
#define NOT FORWARDED_NOT
#define KNOWN FORWARDED_KNOWN
#define HIDDEN FORWARDED_HIDDEN
#define BAD FORWARDED_BAD

static const struct row rows[] = {
    {{"Host", "a", "Accept", "x"}, NOT, NULL, NULL, NULL},

    /* The rightmost that is not trusted. */
    {{XFF, "192.0.2.1"}, KNOWN, "192.0.2.1", NULL, NULL},
    {{XFF, "198.51.100.9, 192.0.2.1"}, KNOWN, "192.0.2.1", NULL, NULL},
    {{XFF, "198.51.100.9,192.0.2.1 , 10.1.1.1,127.0.0.1"}, KNOWN, "192.0.2.1",
	NULL, NULL},
    {{XFF, "2001:db8::7, 2001:db8:1::1"}, KNOWN, "2001:db8::7", NULL, NULL},
    /* All are: the first. */
    {{XFF, "10.9.9.9, 10.1.1.1"}, KNOWN, "10.9.9.9", NULL, NULL},
    {{XFF, "127.0.0.1"}, KNOWN, "127.0.0.1", NULL, NULL},
    /* Several lines are one list. */
    {{XFF, "198.51.100.9", "x-forwarded-for", "192.0.2.1", XFF, "10.0.0.1"},
	KNOWN, "192.0.2.1", NULL, NULL},
    {{XFF, ", 192.0.2.1,, "}, KNOWN, "192.0.2.1", NULL, NULL},
    /* With ports. */
    {{XFF, "192.0.2.1:4711"}, KNOWN, "192.0.2.1", NULL, NULL},
    {{XFF, "[2001:db8::7]:4711"}, KNOWN, "2001:db8::7", NULL, NULL},
    {{XFF, "[2001:db8::7]"}, KNOWN, "2001:db8::7", NULL, NULL},
    {{XFF, "::ffff:192.0.2.1"}, KNOWN, "192.0.2.1", NULL, NULL},
    /* What a client wrote stays behind what the proxy appended. */
    {{XFF, "127.0.0.1, 192.0.2.1"}, KNOWN, "192.0.2.1", NULL, NULL},
    {{XFF, "garbage, \", ; , 192.0.2.1"}, KNOWN, "192.0.2.1", NULL, NULL},
    {{XFF, "\", 192.0.2.1"}, KNOWN, "192.0.2.1", NULL, NULL},
    /* Garbage at the end of the trusted part names nobody. */
    {{XFF, "192.0.2.1, garbage"}, BAD, NULL, NULL, NULL},
    {{XFF, "192.0.2.1, garbage, 10.0.0.1"}, BAD, NULL, NULL, NULL},
    {{XFF, "127.0.0.1."}, BAD, NULL, NULL, NULL},
    {{XFF, "127.1"}, BAD, NULL, NULL, NULL},
    {{XFF, "127.0.0.1:"}, BAD, NULL, NULL, NULL},
    {{XFF, "127.0.0.1:x"}, BAD, NULL, NULL, NULL},
    {{XFF, "127.0.0.1:123456"}, BAD, NULL, NULL, NULL},
    {{XFF, "[127.0.0.1]"}, BAD, NULL, NULL, NULL},
    {{XFF, "[::1"}, BAD, NULL, NULL, NULL},
    {{XFF, "[::1]x"}, BAD, NULL, NULL, NULL},
    {{XFF, "localhost"}, BAD, NULL, NULL, NULL},
    {{XFF, "127.0.0.1 127.0.0.2"}, BAD, NULL, NULL, NULL},
    {{XFF, "unknown"}, HIDDEN, NULL, NULL, NULL},
    {{XFF, "127.0.0.1, unknown"}, HIDDEN, NULL, NULL, NULL},
    {{XFF, ""}, HIDDEN, NULL, NULL, NULL},

    /* Scheme and host. */
    {{XFF, "192.0.2.1", XFP, "https", XFH, "ghl.example:8443"}, KNOWN,
	"192.0.2.1", "https", "ghl.example:8443"},
    {{XFP, "HTTPS"}, HIDDEN, NULL, "https", NULL},
    {{XFP, "http"}, HIDDEN, NULL, "http", NULL},
    {{XFP, "https, http"}, HIDDEN, NULL, NULL, NULL},
    {{XFP, "https", XFP, "https"}, HIDDEN, NULL, NULL, NULL},
    {{XFP, "javascript"}, HIDDEN, NULL, NULL, NULL},
    {{XFH, "a.example/x"}, HIDDEN, NULL, NULL, NULL},
    {{XFH, "a.example, b.example"}, HIDDEN, NULL, NULL, NULL},
    {{XFH, "[::1]:80"}, HIDDEN, NULL, NULL, "[::1]:80"},

    /* RFC 7239. */
    {{FWD, "for=192.0.2.43, for=10.0.0.1"}, KNOWN, "192.0.2.43", NULL, NULL},
    {{FWD, "For=\"[2001:db8:cafe::17]:4711\""}, KNOWN, "2001:db8:cafe::17",
	NULL, NULL},
    {{FWD, "for=192.0.2.60;proto=https;by=203.0.113.43; host=a.example"}, KNOWN,
	"192.0.2.60", "https", "a.example"},
    {{FWD, "for=192.0.2.1;host=\"a.example:8443\""}, KNOWN, "192.0.2.1", NULL,
	"a.example:8443"},
    /* Scheme and host of the element that names the client. */
    {{FWD, "for=1.1.1.1;proto=http;host=evil.example", FWD,
	 "for=192.0.2.1;proto=https;host=a.example", FWD,
	 "for=10.0.0.1;proto=http;host=inner"},
	KNOWN, "192.0.2.1", "https", "a.example"},
    {{FWD, "for=_hidden, for=_SEVKISEK"}, HIDDEN, NULL, NULL, NULL},
    {{FWD, "for=\"_x:80\""}, HIDDEN, NULL, NULL, NULL},
    {{FWD, "for=unknown;proto=https"}, HIDDEN, NULL, "https", NULL},
    {{FWD, "proto=https"}, HIDDEN, NULL, "https", NULL},
    {{FWD, "for=2001:db8::1"}, BAD, NULL, NULL, NULL},
    {{FWD, "for=\"2001:db8::1\""}, BAD, NULL, NULL, NULL},
    {{FWD, "for=192.0.2.1;for=127.0.0.1"}, BAD, NULL, NULL, NULL},
    {{FWD, "for=\"192.0.2.1"}, BAD, NULL, NULL, NULL},
    {{FWD, "for=\"127.0.0.1\\\"\""}, BAD, NULL, NULL, NULL},
    {{FWD, "for"}, BAD, NULL, NULL, NULL},
    {{FWD, "for="}, BAD, NULL, NULL, NULL},
    {{FWD, "for =127.0.0.1"}, BAD, NULL, NULL, NULL},
    {{FWD, "127.0.0.1"}, BAD, NULL, NULL, NULL},
    {{FWD, "for=192.0.2.1;proto=gopher;host=\"a b\""}, KNOWN, "192.0.2.1", NULL,
	NULL},
    {{FWD, "for=192.0.2.1;;"}, KNOWN, "192.0.2.1", NULL, NULL},
    {{FWD, "for=\"127.0.0.1;x\";a=b"}, BAD, NULL, NULL, NULL},
    /* A client cannot swallow what the proxy appends as a line of its own. */
    {{FWD, "for=\"", FWD, "for=192.0.2.1"}, KNOWN, "192.0.2.1", NULL, NULL},
    /* Nor what it appends to the same line, with a quote inside a value. */
    {{FWD, "for=127.0.0.1;proto=x\", for=192.0.2.1"}, BAD, NULL, NULL, NULL},
    {{FWD, "for=127.0.0.1;a=b\"c\";host=h"}, BAD, NULL, NULL, NULL},

    /* Both kinds: believed only when they agree. */
    {{XFF, "192.0.2.1", FWD, "for=192.0.2.1;proto=https"}, KNOWN, "192.0.2.1",
	"https", NULL},
    {{XFF, "192.0.2.1", XFP, "https", FWD, "for=127.0.0.1;proto=http"}, BAD,
	NULL, NULL, NULL},
    {{XFF, "127.0.0.1", FWD, "for=192.0.2.1"}, BAD, NULL, NULL, NULL},
    {{XFF, "192.0.2.1", FWD, "for=_x"}, BAD, NULL, NULL, NULL},
    {{XFF, "x", FWD, "for=192.0.2.1"}, BAD, NULL, NULL, NULL},
    {{XFP, "https", FWD, "for=192.0.2.1"}, KNOWN, "192.0.2.1", "https", NULL},

    {{"Via", "1.1 proxy"}, HIDDEN, NULL, NULL, NULL},
    {{"X-Real-IP", "127.0.0.1"}, HIDDEN, NULL, NULL, NULL},
};

static size_t fields_of(const struct row *r, struct field *fields)
{
	size_t n = 0;

	for (; r->fields[2 * n]; n++) {
		fields[n].name = slice_of_str(r->fields[2 * n]);
		fields[n].value = slice_of_str(r->fields[2 * n + 1]);
	}
	return n;
}

static void check(const struct row *r, const struct forwarded *got)
{
	char client[ADDR_TEXT_SIZE] = "";

	if (got->state == FORWARDED_KNOWN)
		addr_format(&got->client, client);
	if (got->state != r->state ||
	    strcmp(client, r->client ? r->client : "") != 0 ||
	    !slice_eq(got->scheme, slice_of_str(r->scheme)) ||
	    !slice_eq(got->host, slice_of_str(r->host)))
		fail_msg("%s: %s: %d %s %.*s %.*s", r->fields[0], r->fields[1],
		    got->state, client, (int)got->scheme.n, got->scheme.p,
		    (int)got->host.n, got->host.p);
}

static void test_rows(void **state)
{
	static const char *const texts[] = {
	    "127.0.0.0/8", "10.0.0.0/8", "2001:db8:1::/48"};
	struct addr_range trusted[N_OF(texts)];

	(void)state;
	for (size_t i = 0; i < N_OF(texts); i++)
		assert_true(
		    addr_range_parse(slice_of_str(texts[i]), &trusted[i]));
	for (size_t i = 0; i < N_OF(rows); i++) {
		struct field fields[FIELDS_MAX];
		size_t n = fields_of(&rows[i], fields);
		struct forwarded got;

		forwarded_read(fields, n, trusted, N_OF(trusted), &got);
		check(&rows[i], &got);
		assert_int_equal(forwarded_has_any(fields, n),
		    rows[i].state != FORWARDED_NOT);
	}
}

/* Trusted through a unix socket only: every address is a client. */
static void test_no_ranges(void **state)
{
	const struct field fields[] = {
	    {SLICE(XFF), SLICE("192.0.2.1, 127.0.0.1")}};
	struct forwarded got;
	char text[ADDR_TEXT_SIZE];

	(void)state;
	forwarded_read(fields, 1, NULL, 0, &got);
	assert_int_equal(got.state, FORWARDED_KNOWN);
	addr_format(&got.client, text);
	assert_string_equal(text, "127.0.0.1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_rows),
	    cmocka_unit_test(test_no_ranges),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
