/*
 * The framing machine: every row is fed whole, byte by byte and in every pair
 * of pieces, and must say the same.
 */
#include "http/frame.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define HOST "Host: h\r\n"
#define GET "GET / HTTP/1.1\r\n"
#define POST "POST / HTTP/1.1\r\n" HOST
#define CHUNKED POST "Transfer-Encoding: chunked\r\n\r\n"
#define NEXT "GET /next HTTP/1.1\r\n" HOST "\r\n"

static const struct frame_limits limits = {
    .max_target_bytes = 32,
    .max_head_bytes = 256,
    .max_fields = 6,
    .max_body_bytes = 64,
};

struct row {
	const char *name; /* RFC section, or what evhttp does with it */
	struct slice input;
	unsigned messages; /* that end */
	unsigned status; /* 0: nothing is refused */
	const char *why; /* NULL: any */
};

#define ROW(n, in, m, s, w) \
	{ \
		n, {in, sizeof(in) - 1}, m, s, w \
	}

static const struct row rows[] = {
    ROW("plain GET", GET HOST "\r\n", 1, 0, NULL),
    ROW("no fields in 1.0", "GET / HTTP/1.0\r\n\r\n", 1, 0, NULL),
    ROW("query", "GET /a?b=%20&c=[{}] HTTP/1.1\r\n" HOST "\r\n", 1, 0, NULL),
    ROW("pipelining", NEXT NEXT NEXT, 3, 0, NULL),
    ROW("9112 6.2 length", POST "Content-Length: 5\r\n\r\nHELLO" NEXT, 2, 0,
	NULL),
    ROW("no space behind the colon",
	"POST / HTTP/1.1\r\nHost:h\r\nContent-Length:5\r\n\r\nHELLO" NEXT, 2, 0,
	NULL),
    ROW("coding without space",
	POST "Transfer-Encoding:chunked\r\n\r\n0\r\n\r\n", 1, 0, NULL),
    ROW("body of the longest length",
	POST "Content-Length: 64\r\n\r\n"
	     "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
	1, 0, NULL),
    ROW("chunk of the longest length",
	CHUNKED "40\r\n"
		"0123456789abcdef0123456789abcdef0123456789abcdef"
		"0123456789abcdef\r\n0\r\n\r\n",
	1, 0, NULL),
    ROW("as many fields as allowed",
	GET HOST "a:\r\nb:\r\nc:\r\nd:\r\ne:\r\n\r\n", 1, 0, NULL),
    ROW("length 0", POST "Content-Length: 0\r\n\r\n" NEXT, 2, 0, NULL),
    ROW("length with leading zeros",
	POST "Content-Length: 000000000000000005\r\n\r\nHELLO" NEXT, 2, 0,
	NULL),
    ROW("length in white space", POST "Content-Length:   2  \r\n\r\nab" NEXT, 2,
	0, NULL),
    ROW("no length, no body", POST "\r\n" NEXT, 2, 0, NULL),
    ROW("body holds anything",
	POST "Content-Length: 7\r\n\r\n\0\n\r\x7f\xff\n\n", 1, 0, NULL),
    ROW("9112 7.1 chunked", CHUNKED "5\r\nHELLO\r\n0\r\n\r\n" NEXT, 2, 0, NULL),
    ROW("chunks", CHUNKED "1\r\nA\r\n0a\r\n0123456789\r\n00\r\n\r\n" NEXT, 2, 0,
	NULL),
    ROW("chunk size digits", CHUNKED "0000000A\r\n0123456789\r\n0\r\n\r\n", 1,
	0, NULL),
    ROW("empty chunked body", CHUNKED "0\r\n\r\n" NEXT, 2, 0, NULL),
    ROW("coding is case-insensitive",
	POST "TRANSFER-ENCODING:  ChunkeD \r\n\r\n0\r\n\r\n" NEXT, 2, 0, NULL),
    ROW("tab and obs-text in a value", GET HOST "X: a\tb\xff\r\nY:\r\n\r\n", 1,
	0, NULL),
    ROW("DELETE with body",
	"DELETE / HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\n{}" NEXT, 2, 0,
	NULL),
    ROW("HEAD with length 0",
	"HEAD / HTTP/1.1\r\n" HOST "Content-Length: 0\r\n\r\n" NEXT, 2, 0,
	NULL),
    ROW("all methods",
	"PUT / HTTP/1.1\r\n" HOST "\r\nPATCH / HTTP/1.1\r\n" HOST
	"\r\nOPTIONS / HTTP/1.1\r\n" HOST "\r\n",
	3, 0, NULL),
    ROW("10.1.1 expect",
	POST "Expect: 100-Continue\r\nContent-Length: 2\r\n\r\nab", 1, 0, NULL),
    ROW("unfinished head", GET HOST, 0, 0, NULL),
    ROW("unfinished body", POST "Content-Length: 5\r\n\r\nHELL", 0, 0, NULL),
    ROW("target of the longest length",
	"GET /1234567890123456789012345678901 HTTP/1.1\r\n" HOST "\r\n", 1, 0,
	NULL),

    /* Line ends and control bytes. */
    ROW("9112 2.2 empty line before", "\r\n" GET HOST "\r\n", 0, 400,
	"empty line before the request line"),
    ROW("bare LF before", "\n", 0, 400, "empty line before the request line"),
    ROW("TLS hello", "\x16\x03\x01", 0, 400, "not an HTTP request"),
    ROW("space before the method", " GET / HTTP/1.1\r\n", 0, 400, NULL),
    ROW("bare LF ends request line", "GET / HTTP/1.1\nHost: h\r\n\r\n", 0, 400,
	"bare line feed in the request head"),
    ROW("bare LF ends field", GET "Host: h\nX: y\r\n\r\n", 0, 400,
	"bare line feed in the request head"),
    ROW("bare LF ends head", GET HOST "\n", 0, 400,
	"bare line feed in the request head"),
    ROW("bare LF in a name", GET HOST "X\n", 0, 400, NULL),
    ROW("bare CR in request line", "GET / HTTP/1.1\rX", 0, 400,
	"bare carriage return in the request head"),
    ROW("9112 2.2 bare CR in a value", GET HOST "X: a\r b\r\n\r\n", 0, 400,
	"bare carriage return in the request head"),
    ROW("CR CR LF", GET HOST "\r\r\n", 0, 400,
	"bare carriage return in the request head"),
    ROW("CR in the method", "GET\r\n", 0, 400, NULL),
    ROW("line of NUL ends evhttp's head", GET HOST "\0\r\n" NEXT, 0, 400,
	"NUL byte in the request head"),
    ROW("NUL in a name", GET HOST "X\0Y: z\r\n\r\n", 0, 400,
	"NUL byte in the request head"),
    ROW("NUL in a value cuts it", GET HOST "X: a\0b\r\n\r\n", 0, 400,
	"NUL byte in the request head"),
    ROW("NUL in the target", "GET /a\0b HTTP/1.1\r\n", 0, 400,
	"NUL byte in the request head"),
    ROW("9110 5.5 control in a value", GET HOST "X: a\x01\r\n\r\n", 0, 400,
	"control byte in a header value"),
    ROW("DEL in a value", GET HOST "X: \x7f\r\n\r\n", 0, 400,
	"control byte in a header value"),
    ROW("control in a known value", GET "Host: \x02\r\n\r\n", 0, 400,
	"control byte in a header value"),

    /* Names. */
    ROW("9112 5.2 obs-fold", GET HOST "X: 1\r\n 2\r\n\r\n", 0, 400,
	"folded header line"),
    ROW("obs-fold with tab", GET HOST "X: 1\r\n\t2\r\n\r\n", 0, 400,
	"folded header line"),
    ROW("white space before the first field", GET " Host: h\r\n\r\n", 0, 400,
	"folded header line"),
    ROW("9112 5.1 space before colon", POST "Content-Length : 5\r\n\r\nHELLO",
	0, 400, "white space in a header name"),
    ROW("tab before colon", POST "Content-Length\t: 5\r\n\r\nHELLO", 0, 400,
	"white space in a header name"),
    ROW("space in a name", GET HOST "X Y: z\r\n\r\n", 0, 400,
	"white space in a header name"),
    ROW("empty name", GET HOST ": v\r\n\r\n", 0, 400, "empty header name"),
    ROW("line without colon", GET HOST "X\r\n\r\n", 0, 400,
	"header line without a colon"),
    ROW("separator in a name", GET HOST "X(: z\r\n\r\n", 0, 400,
	"invalid byte in a header name"),
    ROW("separator begins a name", GET HOST "(X: z\r\n\r\n", 0, 400,
	"invalid byte in a header name"),

    /* Request line. */
    ROW("unknown method", "BREW / HTTP/1.1\r\n" HOST "\r\n", 0, 501,
	"method not supported"),
    ROW("methods are case-sensitive", "get / HTTP/1.1\r\n", 0, 501, NULL),
    ROW("CONNECT", "CONNECT h:1 HTTP/1.1\r\n", 0, 501, NULL),
    ROW("TRACE", "TRACE / HTTP/1.1\r\n", 0, 501, NULL),
    ROW("long method", "GETGETGETGETGETGETGETGETGETGET / HTTP/1.1\r\n", 0, 501,
	NULL),
    ROW("method with a separator", "G(T / HTTP/1.1\r\n", 0, 400,
	"invalid byte in the method"),
    ROW("HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 0, 501, NULL),
    ROW("9112 2.3 version 2.0", "GET / HTTP/2.0\r\n", 0, 505,
	"HTTP version not supported"),
    ROW("version 1.9 is echoed", "GET / HTTP/1.9\r\n", 0, 505, NULL),
    ROW("version 0.9", "GET / HTTP/0.9\r\n", 0, 505, NULL),
    ROW("version -1.1", "GET / HTTP/-1.1\r\n", 0, 400,
	"malformed HTTP version"),
    ROW("version 1.257 is cut to 1.1", "GET / HTTP/1.257\r\n", 0, 400, NULL),
    ROW("version x.1", "GET / HTTP/x.1\r\n", 0, 400, NULL),
    ROW("version 1.x", "GET / HTTP/1.x\r\n", 0, 400, NULL),
    ROW("version 1,1", "GET / HTTP/1,1\r\n", 0, 400, NULL),
    ROW("version in lower case", "GET / http/1.1\r\n", 0, 400, NULL),
    ROW("space behind the version", "GET / HTTP/1.1 \r\n", 0, 400, NULL),
    ROW("simple request", "GET /\r\n", 0, 400, NULL),
    ROW("two spaces before the target", "GET  / HTTP/1.1\r\n", 0, 400, NULL),
    ROW("two spaces behind the target", "GET /  HTTP/1.1\r\n", 0, 400, NULL),
    ROW("obs-text in the version", "GET / HTTP/1.1\xff\r\n", 0, 400,
	"invalid byte in the HTTP version"),
    ROW("space in the target", "GET /a b HTTP/1.1\r\n", 0, 400, NULL),
    ROW("tab in the target", "GET /a\tb HTTP/1.1\r\n", 0, 400,
	"invalid byte in the request target"),
    ROW("non-ASCII target", "GET /\xc3\xa4 HTTP/1.1\r\n", 0, 400,
	"invalid byte in the request target"),
    ROW("fragment", "GET /a#b HTTP/1.1\r\n", 0, 400,
	"fragment in the request target"),
    ROW("target // names a host", "GET //evil/y HTTP/1.1\r\n", 0, 400,
	"request target begins with two slashes"),
    ROW("absolute form", "GET http://evil:81/y HTTP/1.1\r\n", 0, 400,
	"request target must begin with a slash"),
    ROW("asterisk form", "OPTIONS * HTTP/1.1\r\n", 0, 400, NULL),
    ROW("9112 3.2 target without slash", "GET foo HTTP/1.1\r\n", 0, 400, NULL),
    ROW("target a:b", "GET a:b HTTP/1.1\r\n", 0, 400, NULL),

    /* Framing. */
    ROW("9112 6.3 differing lengths",
	POST "Content-Length: 0\r\nContent-Length: 44\r\n\r\n", 0, 400,
	"more than one Content-Length header"),
    ROW("equal lengths", POST "Content-Length: 2\r\nContent-Length: 2\r\n\r\n",
	0, 400, "more than one Content-Length header"),
    ROW("length +5", POST "Content-Length: +5\r\n\r\nHELLO", 0, 400,
	"malformed Content-Length"),
    ROW("length -5", POST "Content-Length: -5\r\n\r\nHELLO", 0, 400, NULL),
    ROW("length 0x5", POST "Content-Length: 0x5\r\n\r\nHELLO", 0, 400, NULL),
    ROW("length empty", POST "Content-Length:\r\n\r\n", 0, 400, NULL),
    ROW("length list", POST "Content-Length: 5, 5\r\n\r\nHELLO", 0, 400, NULL),
    ROW("length with space", POST "Content-Length: 1 2\r\n\r\nA", 0, 400, NULL),
    ROW("length of 19 digits", POST "Content-Length: 0000000000000000005\r\n",
	0, 400, NULL),
    ROW("length of 30 digits",
	POST "Content-Length: 000000000000000000000000000005\r\n", 0, 400,
	NULL),
    ROW("9112 6.3 length and coding",
	POST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", 0, 400,
	"both Content-Length and Transfer-Encoding"),
    ROW("xchunked is no body to evhttp",
	POST "Transfer-Encoding: xchunked\r\n\r\n" NEXT, 0, 400,
	"Transfer-Encoding other than chunked"),
    ROW("identity", POST "Transfer-Encoding: identity\r\n\r\n", 0, 400, NULL),
    ROW("chunkedx", POST "Transfer-Encoding: chunkedx\r\n\r\n", 0, 400, NULL),
    ROW("gzip, chunked", POST "Transfer-Encoding: gzip, chunked\r\n\r\n", 0,
	400, NULL),
    ROW("chunked, identity", POST "Transfer-Encoding: chunked, identity\r\n", 0,
	400, NULL),
    ROW("chunked chunked", POST "Transfer-Encoding: chunked chunked\r\n", 0,
	400, NULL),
    ROW("tab before chunked is no body to old evhttp",
	POST "Transfer-Encoding:\tchunked\r\n\r\n", 0, 400,
	"Transfer-Encoding other than chunked"),
    ROW("tab behind a length", POST "Content-Length: 5\t\r\n\r\n", 0, 400,
	"malformed Content-Length"),
    ROW("empty coding", POST "Transfer-Encoding: \r\n\r\n", 0, 400, NULL),
    ROW("two codings",
	POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", 0,
	400, "more than one Transfer-Encoding header"),
    ROW("9112 6.1 coding in 1.0",
	"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 0, 400,
	"Transfer-Encoding in HTTP/1.0"),
    ROW("HEAD with body",
	"HEAD / HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\n", 0, 400,
	"HEAD request with a body"),
    ROW("HEAD chunked",
	"HEAD / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n", 0, 400,
	"HEAD request with a body"),
    ROW("9112 3.2 no Host", GET "\r\n", 0, 400, "no Host header"),
    ROW("two Hosts", GET HOST HOST "\r\n", 0, 400, "more than one Host header"),
    ROW("10.1.1 other expectation", POST "Expect: 42-gifts\r\n\r\n", 0, 417,
	"unknown expectation"),
    ROW("two expectations",
	POST "Expect: 100-continue\r\nExpect: 100-continue\r\n", 0, 400,
	"more than one Expect header"),

    /* Chunks. */
    ROW("chunk size 0x3", CHUNKED "0x3\r\nabc\r\n0\r\n\r\n", 0, 400,
	"malformed chunk size"),
    ROW("chunk size +3", CHUNKED "+3\r\nabc\r\n0\r\n\r\n", 0, 400, NULL),
    ROW("chunk size with space", CHUNKED " 3\r\nabc\r\n0\r\n\r\n", 0, 400,
	NULL),
    ROW("space behind chunk size", CHUNKED "3 \r\nabc\r\n", 0, 400, NULL),
    ROW("chunk size -0", CHUNKED "-0\r\n\r\n", 0, 400, NULL),
    ROW("chunk size with NUL", CHUNKED "3\0zz\r\nabc\r\n", 0, 400, NULL),
    ROW("chunk size of 9 digits", CHUNKED "000000003\r\nabc\r\n", 0, 400,
	"chunk size has too many digits"),
    ROW("chunk size of 17 digits", CHUNKED "10000000000000003\r\nabc\r\n", 0,
	400, "chunk size has too many digits"),
    ROW("empty chunk size", CHUNKED "\r\n", 0, 400, "empty chunk size"),
    ROW("chunk extension", CHUNKED "3;a=b\r\nabc\r\n", 0, 400,
	"chunk extensions are not supported"),
    ROW("extension without size", CHUNKED ";a\r\n", 0, 400,
	"malformed chunk size"),
    ROW("bare LF behind chunk size", CHUNKED "3\nabc\r\n", 0, 400, NULL),
    ROW("bare CR behind chunk size", CHUNKED "3\rabc\r\n", 0, 400, NULL),
    ROW("no CRLF behind chunk", CHUNKED "3\r\nabc0\r\n\r\n", 0, 400,
	"no line end behind a chunk"),
    ROW("bare LF behind chunk", CHUNKED "3\r\nabc\n0\r\n\r\n", 0, 400, NULL),
    ROW("bare CR behind chunk", CHUNKED "3\r\nabc\r0\r\n\r\n", 0, 400, NULL),
    ROW("trailer", CHUNKED "0\r\nX: y\r\n\r\n", 0, 400,
	"trailer fields are not supported"),
    ROW("bad end", CHUNKED "0\r\n\rX", 0, 400,
	"malformed end of a chunked body"),

    /* Caps. */
    ROW("9110 15.5.15 target", "GET /12345678901234567890123456789012 HTTP/1.1",
	0, 414, "request target too long"),
    ROW("6585 5 fields", GET HOST "a:\r\nb:\r\nc:\r\nd:\r\ne:\r\nf:\r\n\r\n", 0,
	431, "too many header fields"),
    ROW("6585 5 bytes",
	GET HOST "X: 12345678901234567890123456789012345678901234567890"
		 "12345678901234567890123456789012345678901234567890"
		 "12345678901234567890123456789012345678901234567890"
		 "12345678901234567890123456789012345678901234567890"
		 "12345678901234567890123456789012345678901234567890\r\n\r\n",
	0, 431, "request head too large"),
    ROW("9110 15.5.14 body", POST "Content-Length: 65\r\n\r\n", 0, 413,
	"request body too large"),
    ROW("largest length", POST "Content-Length: 999999999999999999\r\n\r\n", 0,
	413, NULL),
    ROW("one chunk", CHUNKED "41\r\n", 0, 413, "request body too large"),
    ROW("sum of chunks",
	CHUNKED "20\r\n01234567890123456789012345678901\r\n21\r\n", 0, 413,
	"request body too large"),
    ROW("largest chunk", CHUNKED "FFFFFFFF\r\n", 0, 413, NULL),
    ROW("refused stays refused", NEXT "GET / HTTP/9.9\r\n" NEXT NEXT, 1, 505,
	NULL),
};

/* What happened, in order: kind and place of each event. */
struct story {
	unsigned n;
	struct {
		enum frame_event event;
		size_t at;
	} events[16];
	unsigned messages, status;
	const char *why;
};

static void story_feed(
    struct story *s, struct frame *f, struct slice in, size_t from, size_t to)
{
	while (from < to) {
		size_t used = 0;
		enum frame_event e =
		    frame_feed(f, slice_sub(in, from, to), &used);

		from += used;
		if (e == FRAME_MORE) {
			assert_int_equal(from, to);
			return;
		}
		assert_true(s->n < 16);
		s->events[s->n].event = e;
		s->events[s->n++].at = from;
		s->messages += e == FRAME_MESSAGE_END;
		if (e == FRAME_REFUSED)
			return;
	}
}

static void story_end(struct story *s, const struct frame *f)
{
	s->status = f->status;
	s->why = f->why;
}

static void tell(struct story *s, struct slice in, size_t cut)
{
	struct frame f;

	*s = (struct story){0};
	frame_init(&f, &limits);
	story_feed(s, &f, in, 0, cut);
	if (frame_phase(&f) != FRAME_DEAD)
		story_feed(s, &f, in, cut, in.n);
	story_end(s, &f);
}

static void tell_bytewise(struct story *s, struct slice in)
{
	struct frame f;

	*s = (struct story){0};
	frame_init(&f, &limits);
	for (size_t i = 0; i < in.n && frame_phase(&f) != FRAME_DEAD; i++)
		story_feed(s, &f, in, i, i + 1);
	story_end(s, &f);
}

static void same_story(
    const struct row *r, const struct story *a, const struct story *b)
{
	bool is_same =
	    a->n == b->n && a->status == b->status && a->why == b->why;

	for (unsigned i = 0; is_same && i < a->n; i++)
		is_same = a->events[i].event == b->events[i].event &&
			  a->events[i].at == b->events[i].at;
	if (!is_same)
		fail_msg("%s: another split, another story", r->name);
}

static void check_row(const struct row *r)
{
	struct story whole, other;

	tell(&whole, r->input, r->input.n);
	if (whole.messages != r->messages || whole.status != r->status)
		fail_msg("%s: %u messages, status %u (%s)", r->name,
		    whole.messages, whole.status, whole.why ? whole.why : "");
	if ((whole.status == 0) != (whole.why == NULL))
		fail_msg("%s: status without reason", r->name);
	if (r->why)
		assert_string_equal(whole.why, r->why);
	tell_bytewise(&other, r->input);
	same_story(r, &whole, &other);
	for (size_t cut = 1; cut < r->input.n; cut++) {
		tell(&other, r->input, cut);
		same_story(r, &whole, &other);
	}
}

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		check_row(&rows[i]);
}

static enum frame_event feed(struct frame *f, const char *text, size_t *used)
{
	return frame_feed(f, slice_of_str(text), used);
}

static void test_phases(void **state)
{
	struct frame f;
	size_t used;

	(void)state;
	frame_init(&f, &limits);
	assert_int_equal(frame_phase(&f), FRAME_IDLE);
	assert_false(frame_is_mid_message(&f));
	assert_int_equal(feed(&f, "", &used), FRAME_MORE);
	assert_int_equal(feed(&f, "P", &used), FRAME_MORE);
	assert_int_equal(frame_phase(&f), FRAME_HEAD);
	assert_true(frame_is_mid_message(&f));
	assert_int_equal(
	    feed(&f, "OST / HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nabcG",
		&used),
	    FRAME_HEAD_DONE);
	assert_int_equal(frame_phase(&f), FRAME_BODY);
	assert_int_equal(f.method, FRAME_POST);
	assert_int_equal(feed(&f, "abcG", &used), FRAME_MESSAGE_END);
	assert_int_equal(used, 3);
	assert_int_equal(f.body_n, 3);
	assert_int_equal(frame_phase(&f), FRAME_IDLE);
	assert_int_equal(feed(&f, "\x01", &used), FRAME_REFUSED);
	assert_int_equal(frame_phase(&f), FRAME_DEAD);
	assert_false(frame_is_mid_message(&f));
	assert_int_equal(feed(&f, NEXT, &used), FRAME_REFUSED);
	assert_int_equal(used, 0);
}

/* RFC 9112 §9.3 */
static void test_keep_alive(void **state)
{
	static const struct {
		const char *head;
		bool is_kept;
	} cases[] = {
	    {GET HOST "\r\n", true},
	    {GET HOST "Connection: close\r\n\r\n", false},
	    {GET HOST "connection: x , CLOSE\t,y\r\n\r\n", false},
	    {GET HOST "Connection: closed\r\n\r\n", true},
	    {GET HOST "Connection: x close\r\n\r\n", true},
	    {GET HOST "Connection: a\r\nConnection: close\r\n\r\n", false},
	    {GET HOST "X-Connection: close\r\n\r\n", true},
	    {GET HOST
		"Connection: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa, close\r\n\r\n",
		false},
	    {"GET / HTTP/1.0\r\n\r\n", false},
	    {"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", true},
	    {"GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct frame f;
		size_t used;

		frame_init(&f, &limits);
		assert_int_equal(
		    feed(&f, cases[i].head, &used), FRAME_MESSAGE_END);
		if (frame_is_keep_alive(&f) != cases[i].is_kept)
			fail_msg("%s", cases[i].head);
	}
}

/* RFC 9110 §10.1.1 */
static void test_expect(void **state)
{
	static const struct {
		const char *head;
		bool must_continue;
	} cases[] = {
	    {POST "Expect: 100-continue\r\nContent-Length: 1\r\n\r\n", true},
	    {POST "Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n",
		true},
	    {POST "Expect: 100-continue\r\n\r\n", false},
	    {POST "Content-Length: 1\r\n\r\n", false},
	    {"POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 1\r\n"
	     "\r\n",
		false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct frame f;
		size_t used;

		frame_init(&f, &limits);
		assert_int_not_equal(
		    feed(&f, cases[i].head, &used), FRAME_REFUSED);
		if (frame_expects_continue(&f) != cases[i].must_continue)
			fail_msg("%s", cases[i].head);
	}
}

static const struct row any_rows[] = {
    ROW("9110 9.1 extension method", "PURGE / HTTP/1.1\r\n" HOST "\r\n" NEXT, 2,
	0, NULL),
    ROW("extension method with a body",
	"X-Y / HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nabc" NEXT, 2, 0,
	NULL),
    ROW("extension method in chunks",
	"M-SEARCH / HTTP/1.1\r\n" HOST
	"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n" NEXT,
	2, 0, NULL),
    ROW("methods are case-sensitive", "get / HTTP/1.1\r\n" HOST "\r\n", 1, 0,
	NULL),
    ROW("the longest method",
	"ABCDEFGHIJKLMNOPQRSTUVWX / HTTP/1.1\r\n" HOST "\r\n", 1, 0, NULL),
    ROW("a longer one", "ABCDEFGHIJKLMNOPQRSTUVWXY / HTTP/1.1\r\n", 0, 501,
	"method not supported"),
    ROW("CONNECT", "CONNECT / HTTP/1.1\r\n", 0, 501, "method not supported"),
    ROW("TRACE", "TRACE / HTTP/1.1\r\n", 0, 501, "method not supported"),
};

/* Whole and byte by byte, with a machine that takes any method; with the other
 * each of them is refused. */
static void test_any_method(void **state)
{
	struct frame_limits any = limits;

	(void)state;
	any.takes_any_method = true;
	for (size_t i = 0; i < sizeof(any_rows) / sizeof(any_rows[0]); i++) {
		const struct row *r = &any_rows[i];
		struct frame f, strict;
		size_t at = 0, used;
		unsigned ended = 0;

		frame_init(&f, &any);
		for (; at < r->input.n && frame_phase(&f) != FRAME_DEAD; at++)
			ended += frame_feed(&f, slice_sub(r->input, at, at + 1),
				     &used) == FRAME_MESSAGE_END;
		frame_init(&strict, &limits);
		if (ended != r->messages || f.status != r->status ||
		    frame_feed(&strict, r->input, &used) != FRAME_REFUSED ||
		    strict.status != 501)
			fail_msg("%s", r->name);
	}
}

static void test_extension_name(void **state)
{
	struct frame_limits any = limits;
	struct frame f;
	size_t used;

	(void)state;
	any.takes_any_method = true;
	frame_init(&f, &any);
	feed(&f, "PURGE / HTTP/1.1\r\n" HOST "\r\n", &used);
	assert_int_equal(f.method, FRAME_EXTENSION);
	assert_true(slice_eq(frame_extension(&f), SLICE("PURGE")));
	feed(&f, GET HOST "\r\n", &used);
	assert_int_equal(f.method, FRAME_GET);
	assert_int_equal(frame_extension(&f).n, 0);
}

/* Nothing of a message may colour the next one. */
static void test_next_message_is_clean(void **state)
{
	struct frame f;
	size_t used;

	(void)state;
	frame_init(&f, &limits);
	feed(&f,
	    POST "Expect: 100-continue\r\nConnection: close\r\n"
		 "Content-Length: 1\r\n\r\n",
	    &used);
	assert_int_equal(feed(&f, "x", &used), FRAME_MESSAGE_END);
	assert_false(frame_is_keep_alive(&f));
	assert_int_equal(feed(&f, GET HOST "\r\n", &used), FRAME_MESSAGE_END);
	assert_true(frame_is_keep_alive(&f));
	assert_false(frame_expects_continue(&f));
	assert_int_equal(f.body_n, 0);
	assert_int_equal(f.head_n, used);
	assert_int_equal(f.method, FRAME_GET);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_rows),
	    cmocka_unit_test(test_phases),
	    cmocka_unit_test(test_keep_alive),
	    cmocka_unit_test(test_expect),
	    cmocka_unit_test(test_any_method),
	    cmocka_unit_test(test_extension_name),
	    cmocka_unit_test(test_next_message_is_clean),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
