#include "http/target.h"

static int hex_value(unsigned char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The byte that "%XX" at p stands for, or -1. */
static int take_escape(const char *p, size_t n)
{
	int high, low;

	if (n < 3)
		return -1;
	high = hex_value((unsigned char)p[1]);
	low = hex_value((unsigned char)p[2]);
	return high < 0 || low < 0 ? -1 : high << 4 | low;
}

/* RFC 3986 §2.3 */
static bool is_unreserved(int c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' ||
	       c == '~';
}

static const char *check_escape(int c, bool is_path)
{
	if (c < 0)
		return "malformed percent-encoding in the request target";
	if (c == 0)
		return "encoded NUL in the request target";
	if (!is_path)
		return NULL;
	if (c == '/')
		return "encoded slash in the path";
	if (c < 0x20 || c == 0x7f)
		return "encoded control byte in the path";
	return NULL;
}

static const char *check_plain(unsigned char c)
{
	if (c < 0x21 || c > 0x7e)
		return "invalid byte in the request target";
	if (c == '\\')
		return "backslash in the request target";
	if (c == '#')
		return "fragment in the request target";
	return NULL;
}

static void add_escape(struct buf *out, int c)
{
	static const char hex[] = "0123456789ABCDEF";

	buf_add_char(out, '%');
	buf_add_char(out, hex[c >> 4]);
	buf_add_char(out, hex[c & 15]);
}

/* Appends s with its escapes normalised. NULL, or why it is refused. */
static const char *canon_part(struct slice s, bool is_path, struct buf *out)
{
	const char *why;

	for (size_t i = 0; i < s.n; i++) {
		int c;

		if (s.p[i] != '%') {
			why = check_plain((unsigned char)s.p[i]);
			if (why)
				return why;
			buf_add_char(out, s.p[i]);
			continue;
		}
		c = take_escape(s.p + i, s.n - i);
		why = check_escape(c, is_path);
		if (why)
			return why;
		if (is_unreserved(c))
			buf_add_char(out, (char)c);
		else
			add_escape(out, c);
		i += 2;
	}
	return NULL;
}

/* path is canonical: "%2e" has become "." already. */
static const char *check_segments(struct slice path)
{
	size_t from = 1;

	while (from < path.n) {
		size_t end = slice_find(path, from, '/');
		struct slice segment = slice_sub(path, from, end);

		if (segment.n == 0)
			return "empty segment in the path";
		if (slice_eq(segment, SLICE(".")) ||
		    slice_eq(segment, SLICE("..")))
			return "dot segment in the path";
		from = end + 1;
	}
	return NULL;
}

static const char *canon(struct slice sent, struct buf *out)
{
	size_t begin = out->n, question = slice_find(sent, 0, '?');
	const char *why;

	if (sent.n == 0 || sent.p[0] != '/')
		return "request target must begin with a slash";
	why = canon_part(slice_sub(sent, 0, question), true, out);
	if (!why && !out->has_failed)
		why = check_segments(slice_of(out->p + begin, out->n - begin));
	if (!why && question < sent.n) {
		buf_add_char(out, '?');
		why = canon_part(
		    slice_sub(sent, question + 1, sent.n), false, out);
	}
	if (!why && out->has_failed)
		why = "request target too long";
	return why;
}

bool target_canon(struct slice sent, struct buf *out, const char **why)
{
	*why = canon(sent, out);
	return !*why;
}

void target_split(struct slice target, struct slice *path, struct slice *query)
{
	size_t question = slice_find(target, 0, '?');

	if (path)
		*path = slice_sub(target, 0, question);
	if (query)
		*query = question == target.n
			     ? SLICE_NONE
			     : slice_sub(target, question + 1, target.n);
}

void target_set_slash(struct slice target, bool wants_slash, struct buf *out)
{
	size_t question = slice_find(target, 0, '?');
	struct slice path = slice_sub(target, 0, question);
	bool has_slash = slice_ends(path, SLICE("/"));

	if (has_slash && !wants_slash && path.n > 1)
		path.n--;
	buf_add_slice(out, path);
	if (wants_slash && !has_slash)
		buf_add_char(out, '/');
	buf_add_slice(out, slice_sub(target, question, target.n));
}

bool target_query_next(
    struct slice *rest, struct slice *name, struct slice *value)
{
	while (rest->n > 0) {
		size_t end = slice_find(*rest, 0, '&');
		struct slice pair = slice_sub(*rest, 0, end);
		size_t eq = slice_find(pair, 0, '=');

		*rest = slice_sub(*rest, end + 1, rest->n);
		if (pair.n == 0)
			continue;
		*name = slice_sub(pair, 0, eq);
		*value =
		    eq == pair.n ? SLICE_NONE : slice_sub(pair, eq + 1, pair.n);
		return true;
	}
	return false;
}

/* One byte of form encoding at s.p[*i]; moves on. */
static char decode_next(struct slice s, size_t *i)
{
	int c = -1;

	if (s.p[*i] == '%')
		c = take_escape(s.p + *i, s.n - *i);
	if (c >= 0) {
		*i += 3;
		return (char)c;
	}
	return s.p[(*i)++] == '+' ? ' ' : s.p[*i - 1];
}

void target_decode(struct slice encoded, struct buf *out)
{
	size_t i = 0;

	while (i < encoded.n)
		buf_add_char(out, decode_next(encoded, &i));
}

bool target_decoded_eq(struct slice encoded, struct slice text)
{
	size_t i = 0, seen = 0;

	while (i < encoded.n) {
		char c = decode_next(encoded, &i);

		if (seen == text.n || text.p[seen++] != c)
			return false;
	}
	return seen == text.n;
}

unsigned target_query_get(
    struct slice query, struct slice name, struct slice *value)
{
	struct slice n, v;
	unsigned found = 0;

	while (target_query_next(&query, &n, &v)) {
		if (!target_decoded_eq(n, name))
			continue;
		if (found++ == 0 && value)
			*value = v;
	}
	return found;
}
