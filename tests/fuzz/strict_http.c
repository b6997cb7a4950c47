#include "strict_http.h"

#include <assert.h>
#include <strings.h>

static bool is_same(struct slice s, const char *text)
{
	return s.n == strlen(text) && memcmp(s.p, text, s.n) == 0;
}

static bool is_same_nocase(struct slice s, const char *text)
{
	return s.n == strlen(text) && strncasecmp(s.p, text, s.n) == 0;
}

/* RFC 9110 §5.6.2, spelt as it is there. */
static bool is_token(struct slice s)
{
	static const char tchar[] = "!#$%&'*+-.^_`|~0123456789"
				    "abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ";

	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] == '\0' || !strchr(tchar, s.p[i]))
			return false;
	return s.n > 0;
}

static struct slice trim(struct slice s, const char *spaces)
{
	while (s.n > 0 && s.p[0] && strchr(spaces, s.p[0]))
		s = slice_of(s.p + 1, s.n - 1);
	while (s.n > 0 && s.p[s.n - 1] && strchr(spaces, s.p[s.n - 1]))
		s.n--;
	return s;
}

/* The bytes before the next mark, which *rest is moved behind; false when
 * there is none. */
static bool cut_at(struct slice *rest, const char *mark, struct slice *part)
{
	const char *at =
	    rest->n ? memmem(rest->p, rest->n, mark, strlen(mark)) : NULL;

	if (!at)
		return false;
	*part = slice_of(rest->p, (size_t)(at - rest->p));
	*rest = slice_of(at + strlen(mark), rest->n - part->n - strlen(mark));
	return true;
}

/* ---- request line ---- */

static bool is_method(struct slice s, const struct frame_limits *limits)
{
	if (limits->takes_any_method)
		return is_token(s) && s.n <= FRAME_TOKEN_MAX &&
		       !is_same(s, "CONNECT") && !is_same(s, "TRACE");
	return is_same(s, "GET") || is_same(s, "HEAD") || is_same(s, "POST") ||
	       is_same(s, "PUT") || is_same(s, "PATCH") ||
	       is_same(s, "DELETE") || is_same(s, "OPTIONS");
}

static bool is_target(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] > '~' || s.p[i] == '#')
			return false;
	return s.n > 0 && s.p[0] == '/' && (s.n == 1 || s.p[1] != '/');
}

static bool read_line(struct slice line, const struct frame_limits *limits,
    struct strict_request *rq)
{
	if (!cut_at(&line, " ", &rq->method) ||
	    !cut_at(&line, " ", &rq->target))
		return false;
	rq->minor = is_same(line, "HTTP/1.1");
	return (rq->minor || is_same(line, "HTTP/1.0")) &&
	       is_method(rq->method, limits) && is_target(rq->target) &&
	       rq->target.n <= limits->max_target_bytes;
}

/* ---- fields ---- */

/* Text of a head: no CTL but tabs, which also rules out lone CR and LF once
 * lines were cut at CRLF. */
static bool is_text(struct slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if ((c < ' ' && c != '\t') || c == 0x7f)
			return false;
	}
	return true;
}

/* line: behind the request line, each with its CRLF. */
static bool read_fields(struct slice lines, const struct frame_limits *limits,
    struct strict_request *rq)
{
	struct slice line, name;

	rq->fields_n = 0;
	while (cut_at(&lines, "\r\n", &line)) {
		if (rq->fields_n == limits->max_fields || !is_text(line) ||
		    !cut_at(&line, ":", &name) || !is_token(name))
			return false;
		rq->fields[rq->fields_n].name = name;
		/* Tabs are left for those that may not have any. */
		rq->fields[rq->fields_n++].value = trim(line, " ");
	}
	return true;
}

/* How often the field is there; *value gets the last. */
static unsigned find(
    const struct strict_request *rq, const char *name, struct slice *value)
{
	unsigned n = 0;

	for (size_t i = 0; i < rq->fields_n; i++) {
		if (is_same_nocase(rq->fields[i].name, name)) {
			*value = rq->fields[i].value;
			n++;
		}
	}
	return n;
}

static bool connection_has(const struct strict_request *rq, const char *option)
{
	bool has = false;

	for (size_t i = 0; i < rq->fields_n; i++) {
		struct slice rest = rq->fields[i].value, item;

		if (!is_same_nocase(rq->fields[i].name, "connection"))
			continue;
		while (cut_at(&rest, ",", &item))
			has |= is_same_nocase(trim(item, " \t"), option);
		has |= is_same_nocase(trim(rest, " \t"), option);
	}
	return has;
}

static bool read_length(struct slice digits, uint64_t *length)
{
	*length = 0;
	for (size_t i = 0; i < digits.n; i++) {
		if (digits.p[i] < '0' || digits.p[i] > '9')
			return false;
		*length = *length * 10 + (uint64_t)(digits.p[i] - '0');
	}
	return digits.n >= 1 && digits.n <= 18;
}

/* What decides about the body. False when it is in doubt. */
static bool read_framing(const struct frame_limits *limits,
    struct strict_request *rq, uint64_t *length, bool *is_chunked)
{
	struct slice text = SLICE_NONE, coding = SLICE_NONE;
	struct slice expect = SLICE_NONE;
	unsigned lengths = find(rq, "content-length", &text);
	unsigned codings = find(rq, "transfer-encoding", &coding);
	unsigned expects = find(rq, "expect", &expect);
	unsigned hosts = find(rq, "host", &(struct slice){NULL, 0});

	*length = 0;
	*is_chunked = codings > 0;
	if (lengths + codings > 1 || expects > 1 || hosts > 1 ||
	    (rq->minor == 1 && hosts == 0))
		return false;
	if (lengths && !read_length(text, length))
		return false;
	if (codings && (rq->minor == 0 || !is_same_nocase(coding, "chunked")))
		return false;
	if (expects && !is_same_nocase(expect, "100-continue"))
		return false;
	if (is_same(rq->method, "HEAD") && (codings || *length > 0))
		return false;
	rq->expects_continue = expects && rq->minor && (codings || *length > 0);
	return *length <= limits->max_body_bytes;
}

/* ---- bodies ---- */

static enum strict_result add_body(
    struct slice in, size_t n, size_t *at, struct strict_request *rq)
{
	if (in.n - *at < n)
		return STRICT_PART;
	assert(rq->body_n + n <= STRICT_BODY_MAX);
	if (n > 0)
		memcpy(rq->body + rq->body_n, in.p + *at, n);
	rq->body_n += n;
	*at += n;
	return STRICT_WHOLE;
}

static enum strict_result expect_crlf(struct slice in, size_t *at)
{
	if (in.n - *at < 2)
		return STRICT_PART;
	if (memcmp(in.p + *at, "\r\n", 2) != 0)
		return STRICT_BAD;
	*at += 2;
	return STRICT_WHOLE;
}

/* One to eight hex digits and a line end. */
static enum strict_result read_size(struct slice in, size_t *at, size_t *size)
{
	static const char hex[] = "0123456789abcdef0123456789ABCDEF";
	size_t from = *at;
	const char *digit;

	*size = 0;
	while (*at < in.n && in.p[*at] &&
	       (digit = strchr(hex, in.p[*at])) != NULL) {
		*size = *size * 16 + (size_t)(digit - hex) % 16;
		if (++*at - from > 8)
			return STRICT_BAD;
	}
	if (*at < in.n && *at == from)
		return STRICT_BAD;
	return expect_crlf(in, at);
}

static enum strict_result read_chunks(struct slice in,
    const struct frame_limits *limits, size_t *at, struct strict_request *rq)
{
	enum strict_result is;
	size_t size;

	do {
		is = read_size(in, at, &size);
		if (is == STRICT_WHOLE &&
		    size > limits->max_body_bytes - rq->body_n)
			return STRICT_BAD;
		if (is == STRICT_WHOLE)
			is = add_body(in, size, at, rq);
		if (is == STRICT_WHOLE)
			is = expect_crlf(in, at);
	} while (is == STRICT_WHOLE && size > 0);
	return is;
}

enum strict_result strict_read(struct slice in,
    const struct frame_limits *limits, struct strict_request *rq)
{
	struct slice rest = in, head, line;
	enum strict_result is;
	bool is_chunked;
	uint64_t length;

	assert(limits->max_fields <= STRICT_FIELDS_MAX &&
	       limits->max_body_bytes <= STRICT_BODY_MAX);
	rq->body_n = 0;
	if (!cut_at(&rest, "\r\n\r\n", &head))
		return in.n > limits->max_head_bytes ? STRICT_BAD : STRICT_PART;
	rq->bytes = head.n + 4;
	/* With the end of the last line: every line has one then. */
	head.n += 2;
	if (rq->bytes > limits->max_head_bytes ||
	    !cut_at(&head, "\r\n", &line) || !read_line(line, limits, rq) ||
	    !read_fields(head, limits, rq) ||
	    !read_framing(limits, rq, &length, &is_chunked))
		return STRICT_BAD;
	rq->is_keep_alive = !connection_has(rq, "close") &&
			    (rq->minor || connection_has(rq, "keep-alive"));
	is = is_chunked ? read_chunks(in, limits, &rq->bytes, rq)
			: add_body(in, (size_t)length, &rq->bytes, rq);
	for (size_t i = 0; i < rq->fields_n; i++)
		rq->fields[i].value = trim(rq->fields[i].value, " \t");
	return is;
}
