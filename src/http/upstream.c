#include "http/upstream.h"
#include "http/field.h"

void upstream_init(struct upstream *u)
{
	*u = (struct upstream){.phase = UPSTREAM_START};
	buf_init(&u->lines, UPSTREAM_HEAD_MAX_BYTES);
}

void upstream_fini(struct upstream *u)
{
	buf_fini(&u->lines);
}

void upstream_reset(struct upstream *u)
{
	struct buf lines = u->lines;

	buf_reset(&lines);
	*u = (struct upstream){.phase = UPSTREAM_START, .lines = lines};
}

static bool fail(struct upstream *u, const char *why)
{
	u->phase = UPSTREAM_FAILED;
	u->why = why;
	return false;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool take_digit(struct slice *s, unsigned *v)
{
	if (s->n == 0 || !is_digit(s->p[0]))
		return false;
	*v = (unsigned)(s->p[0] - '0');
	*s = slice_sub(*s, 1, s->n);
	return true;
}

/* "HTTP/2 200 " as well as "HTTP/1.1 200 OK"; the phrase is not kept: evhttp
 * would write it unchecked. */
static bool parse_status(struct upstream *u, struct slice s)
{
	unsigned a, b, c;

	s = slice_sub(s, 5, s.n);
	if (!take_digit(&s, &u->major))
		return false;
	if (s.n > 0 && s.p[0] == '.') {
		s = slice_sub(s, 1, s.n);
		if (!take_digit(&s, &u->minor))
			return false;
	}
	if (s.n == 0 || s.p[0] != ' ')
		return false;
	s = slice_sub(s, 1, s.n);
	if (!take_digit(&s, &a) || !take_digit(&s, &b) || !take_digit(&s, &c))
		return false;
	u->status = a * 100 + b * 10 + c;
	return (s.n == 0 || s.p[0] == ' ') && u->status >= 100 &&
	       u->status <= 599;
}

static bool block_begin(struct upstream *u, struct slice line)
{
	upstream_reset(u);
	if (!parse_status(u, line))
		return fail(u, "malformed status line");
	u->phase = UPSTREAM_FIELDS;
	return true;
}

/* RFC 9110 §15.2: interim answers are for this hop. */
static bool block_end(struct upstream *u)
{
	if (u->status == 101)
		return fail(u, "protocol switch that nobody asked for");
	u->phase = u->status < 200 ? UPSTREAM_START : UPSTREAM_DONE;
	return true;
}

static bool note_length(struct upstream *u, struct slice value)
{
	uint64_t length = 0;

	if (value.n == 0 || value.n > 18)
		return fail(u, "malformed Content-Length");
	for (size_t i = 0; i < value.n; i++) {
		if (!is_digit(value.p[i]))
			return fail(u, "malformed Content-Length");
		length = length * 10 + (unsigned)(value.p[i] - '0');
	}
	if (u->has_length && u->length != length)
		return fail(u, "differing Content-Length fields");
	u->has_length = true;
	u->length = length;
	return true;
}

/* RFC 9112 §6.3: the body ends by itself only when chunked comes last. */
static void note_coding(struct upstream *u, struct slice value)
{
	struct slice item;

	while (field_list_next(&value, &item))
		u->is_chunked = slice_eq_nocase(item, SLICE("chunked"));
}

static bool note_framing(
    struct upstream *u, struct slice name, struct slice value)
{
	u->is_last_framing = true;
	if (slice_eq_nocase(name, SLICE("content-length")))
		return note_length(u, value);
	if (slice_eq_nocase(name, SLICE("transfer-encoding")))
		note_coding(u, value);
	else
		u->is_last_framing = false;
	return true;
}

static bool check_buffer(struct upstream *u)
{
	return u->lines.has_failed ? fail(u, "head too large") : true;
}

static bool feed_field(struct upstream *u, struct slice line)
{
	size_t colon = slice_find(line, 0, ':');
	struct slice name = slice_trim_ows(slice_sub(line, 0, colon));
	struct slice value = slice_trim_ows(slice_sub(line, colon + 1, line.n));

	if (colon == line.n)
		return fail(u, "header line without a colon");
	if (!field_is_token(name))
		return fail(u, "invalid byte in a header name");
	if (!field_is_value(value))
		return fail(u, "control byte in a header value");
	if (++u->fields_n > UPSTREAM_FIELDS_MAX)
		return fail(u, "too many header fields");
	if (!note_framing(u, name, value))
		return false;
	field_add(&u->lines, name, value);
	return check_buffer(u);
}

/* A line that continues the one before it. */
static bool feed_fold(struct upstream *u, struct slice line)
{
	struct slice more = slice_trim_ows(line);

	if (u->fields_n == 0)
		return fail(u, "folded line without a header line before it");
	if (u->is_last_framing)
		return fail(u, "folded line that frames the message");
	if (!field_is_value(more))
		return fail(u, "control byte in a header value");
	u->lines.n -= 2; /* the line end that field_add wrote */
	buf_add_char(&u->lines, ' ');
	buf_add_slice(&u->lines, more);
	buf_add_slice(&u->lines, SLICE("\r\n"));
	return check_buffer(u);
}

static struct slice without_line_end(struct slice line)
{
	if (line.n > 0 && line.p[line.n - 1] == '\n')
		line.n--;
	if (line.n > 0 && line.p[line.n - 1] == '\r')
		line.n--;
	return line;
}

bool upstream_feed(struct upstream *u, struct slice line)
{
	if (u->phase == UPSTREAM_FAILED)
		return false;
	if (u->phase == UPSTREAM_DONE) {
		u->trailers_n++;
		return true;
	}
	line = without_line_end(line);
	if (slice_starts(line, SLICE("HTTP/")))
		return block_begin(u, line);
	if (u->phase == UPSTREAM_START)
		return fail(u, "no status line");
	if (line.n == 0)
		return block_end(u);
	if (line.p[0] == ' ' || line.p[0] == '\t')
		return feed_fold(u, line);
	return feed_field(u, line);
}

bool upstream_is_done(const struct upstream *u)
{
	return u->phase == UPSTREAM_DONE;
}

bool upstream_is_delimited(const struct upstream *u, bool has_body)
{
	return !has_body || u->major >= 2 || u->is_chunked || u->has_length;
}

struct slice upstream_lines(const struct upstream *u)
{
	return buf_slice(&u->lines);
}
