#include "base/json.h"

#include <assert.h>

/* Containers are remembered as one bit each in a 64-bit word. */
static_assert(JSON_DEPTH_MAX <= 64, "nesting must fit the bit stack");

struct scan {
	const char *p;
	size_t n;
	size_t at;
	struct buf *out; /* tokens are copied here; NULL: only checked */
	unsigned depth;
	uint64_t objects; /* bit 0: the innermost container is an object */
};

static size_t skip_space(const char *p, size_t n, size_t at)
{
	while (at < n && (p[at] == ' ' || p[at] == '\n' || p[at] == '\r' ||
			     p[at] == '\t'))
		at++;
	return at;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* -1 when c is no hex digit. */
static int hex_value(char c)
{
	if (is_digit(c))
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* The four hex digits at p, or -1. */
static int hex4(const char *p, size_t n)
{
	int v = 0;

	if (n < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		int d = hex_value(p[i]);

		if (d < 0)
			return -1;
		v = v << 4 | d;
	}
	return v;
}

/* Length of the escape that starts at p with a backslash, or 0. */
static size_t escape_length(const char *p, size_t n)
{
	if (n < 2)
		return 0;
	if (p[1] == 'u')
		return hex4(p + 2, n - 2) < 0 ? 0 : 6;
	/* memchr, not strchr: the latter would find a NUL. */
	return memchr("\"\\/bfnrt", p[1], 8) ? 2 : 0;
}

/* at is behind the opening quote. Index behind the closing one, or 0. */
static size_t scan_string(const char *p, size_t n, size_t at)
{
	while (at < n) {
		size_t len = 1;

		if (p[at] == '"')
			return at + 1;
		if (p[at] == '\\')
			len = escape_length(p + at, n - at);
		if (len == 0)
			return 0;
		at += len;
	}
	return 0;
}

static size_t scan_digits(const char *p, size_t n, size_t at)
{
	while (at < n && is_digit(p[at]))
		at++;
	return at;
}

/* Index behind the number at at, or 0. */
static size_t scan_number(const char *p, size_t n, size_t at)
{
	size_t begin;

	if (at < n && p[at] == '-')
		at++;
	begin = at;
	at = scan_digits(p, n, at);
	if (at == begin || (p[begin] == '0' && at - begin > 1))
		return 0;
	if (at < n && p[at] == '.') {
		begin = ++at;
		at = scan_digits(p, n, at);
		if (at == begin)
			return 0;
	}
	if (at < n && (p[at] == 'e' || p[at] == 'E')) {
		at++;
		if (at < n && (p[at] == '+' || p[at] == '-'))
			at++;
		begin = at;
		at = scan_digits(p, n, at);
		if (at == begin)
			return 0;
	}
	return at;
}

static size_t scan_literal(const char *p, size_t n, size_t at, const char *word)
{
	size_t len = strlen(word);

	if (n - at < len || memcmp(p + at, word, len) != 0)
		return 0;
	return at + len;
}

static bool emit(struct scan *s, size_t end)
{
	if (end == 0)
		return false;
	if (s->out)
		buf_add(s->out, s->p + s->at, end - s->at);
	s->at = end;
	return true;
}

/* White space is behind us and a byte is there. */
static bool scan_scalar(struct scan *s)
{
	switch (s->p[s->at]) {
	case '"':
		return emit(s, scan_string(s->p, s->n, s->at + 1));
	case 't':
		return emit(s, scan_literal(s->p, s->n, s->at, "true"));
	case 'f':
		return emit(s, scan_literal(s->p, s->n, s->at, "false"));
	case 'n':
		return emit(s, scan_literal(s->p, s->n, s->at, "null"));
	default:
		return emit(s, scan_number(s->p, s->n, s->at));
	}
}

/* Passes white space; the byte then under the cursor, or NUL at the end (a
 * NUL in the text is a syntax error anyway). */
static char peek(struct scan *s)
{
	s->at = skip_space(s->p, s->n, s->at);
	return s->at < s->n ? s->p[s->at] : '\0';
}

static bool scan_key(struct scan *s)
{
	return peek(s) == '"' && emit(s, scan_string(s->p, s->n, s->at + 1)) &&
	       peek(s) == ':' && emit(s, s->at + 1);
}

static bool in_object(const struct scan *s)
{
	return s->objects & 1;
}

/* A container begins. *is_empty: it ended at once. */
static bool scan_open(struct scan *s, bool *is_empty)
{
	bool is_object = s->p[s->at] == '{';

	if (s->depth == JSON_DEPTH_MAX)
		return false;
	s->depth++;
	s->objects = s->objects << 1 | is_object;
	emit(s, s->at + 1);
	*is_empty = peek(s) == (is_object ? '}' : ']');
	return *is_empty || !is_object || scan_key(s);
}

/*
 * A value ended: closes what ends here and goes to the next value. False at a
 * syntax error; s->depth is 0 when the outermost value ended.
 */
static bool scan_after_value(struct scan *s)
{
	while (s->depth > 0) {
		char c = peek(s);

		if (c == ',') {
			emit(s, s->at + 1);
			return !in_object(s) || scan_key(s);
		}
		if (c != (in_object(s) ? '}' : ']'))
			return false;
		emit(s, s->at + 1);
		s->depth--;
		s->objects >>= 1;
	}
	return true;
}

static bool scan_value(struct scan *s)
{
	do {
		char c = peek(s);
		bool is_empty = true;

		if (s->at == s->n)
			return false;
		if (c == '{' || c == '[') {
			if (!scan_open(s, &is_empty))
				return false;
			if (!is_empty)
				continue;
		} else if (!scan_scalar(s)) {
			return false;
		}
		if (!scan_after_value(s))
			return false;
	} while (s->depth > 0);
	return true;
}

/* By the first byte; says nothing about validity. */
static enum json_type type_of(struct slice s)
{
	switch (s.n ? s.p[0] : '\0') {
	case '{':
		return JSON_OBJECT;
	case '[':
		return JSON_ARRAY;
	case '"':
		return JSON_STRING;
	case 't':
		return JSON_TRUE;
	case 'f':
		return JSON_FALSE;
	case 'n':
		return JSON_NULL;
	case '\0':
		return JSON_NONE;
	default:
		return JSON_NUMBER;
	}
}

bool json_skip(struct slice doc, size_t at, struct slice *raw,
    enum json_type *type, size_t *end)
{
	struct scan s = {.p = doc.p, .n = doc.n};
	size_t begin;

	if (at >= doc.n)
		return false;
	begin = s.at = skip_space(doc.p, doc.n, at);
	if (!scan_value(&s))
		return false;
	if (raw)
		*raw = slice_of(doc.p + begin, s.at - begin);
	if (type)
		*type = type_of(slice_of(doc.p + begin, s.at - begin));
	if (end)
		*end = s.at;
	return true;
}

bool json_valid(struct slice doc)
{
	size_t end;

	return json_skip(doc, 0, NULL, NULL, &end) &&
	       skip_space(doc.p, doc.n, end) == doc.n;
}

bool json_minify(struct slice doc, struct buf *out)
{
	struct scan s = {.p = doc.p, .n = doc.n, .out = out};

	return scan_value(&s) && skip_space(doc.p, doc.n, s.at) == doc.n &&
	       !out->has_failed;
}

bool json_iter_open(struct json_iter *it, struct slice raw, enum json_type type)
{
	assert(type == JSON_ARRAY || type == JSON_OBJECT);
	*it = (struct json_iter){.doc = raw, .at = 1, .is_first = true};
	it->is_done = type_of(raw) != type;
	return !it->is_done;
}

static bool iter_stop(struct json_iter *it, bool is_bad)
{
	it->is_done = true;
	it->is_bad = is_bad;
	return false;
}

/* To the next element: false at the closing byte, or when neither that nor a
 * comma is there. */
static bool iter_step(struct json_iter *it, char close)
{
	if (it->is_done)
		return false;
	it->at = skip_space(it->doc.p, it->doc.n, it->at);
	if (it->at == it->doc.n)
		return iter_stop(it, true);
	if (it->doc.p[it->at] == close)
		return iter_stop(it, false);
	if (!it->is_first && it->doc.p[it->at++] != ',')
		return iter_stop(it, true);
	it->is_first = false;
	return true;
}

bool json_array_next(
    struct json_iter *it, struct slice *raw, enum json_type *type)
{
	if (!iter_step(it, ']'))
		return false;
	if (!json_skip(it->doc, it->at, raw, type, &it->at))
		return iter_stop(it, true);
	return true;
}

bool json_object_next(struct json_iter *it, struct slice *key,
    struct slice *raw, enum json_type *type)
{
	struct scan s = {.p = it->doc.p, .n = it->doc.n};
	size_t begin;

	if (!iter_step(it, '}'))
		return false;
	begin = s.at = skip_space(s.p, s.n, it->at);
	if (!scan_key(&s))
		return iter_stop(it, true);
	*key = slice_of(s.p + begin, scan_string(s.p, s.n, begin + 1) - begin);
	if (!json_skip(it->doc, s.at, raw, type, &it->at))
		return iter_stop(it, true);
	return true;
}

static size_t put_utf8(uint32_t c, char out[4])
{
	if (c < 0x80) {
		out[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		out[0] = (char)(0xc0 | c >> 6);
		out[1] = (char)(0x80 | (c & 0x3f));
		return 2;
	}
	if (c < 0x10000) {
		out[0] = (char)(0xe0 | c >> 12);
		out[1] = (char)(0x80 | (c >> 6 & 0x3f));
		out[2] = (char)(0x80 | (c & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | c >> 18);
	out[1] = (char)(0x80 | (c >> 12 & 0x3f));
	out[2] = (char)(0x80 | (c >> 6 & 0x3f));
	out[3] = (char)(0x80 | (c & 0x3f));
	return 4;
}

/* A valid \u escape at p[*at], with its second half when it is a pair. */
static uint32_t take_code_point(const char *p, size_t n, size_t *at)
{
	int high = hex4(p + *at + 2, n - *at - 2);
	int low = -1;

	*at += 6;
	if (high < 0xd800 || high > 0xdfff)
		return (uint32_t)high;
	if (high <= 0xdbff && n - *at >= 6 && p[*at] == '\\' &&
	    p[*at + 1] == 'u')
		low = hex4(p + *at + 2, 4);
	if (low < 0xdc00 || low > 0xdfff)
		return 0xfffd;
	*at += 6;
	return 0x10000 + (((uint32_t)high & 0x3ff) << 10) +
	       ((uint32_t)low & 0x3ff);
}

/* Decodes what is at p[*at], moves on, and gives the number of bytes. The
 * text is a valid inside of a string. */
static size_t take_char(const char *p, size_t n, size_t *at, char out[4])
{
	static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
	const char *found;

	if (p[*at] != '\\') {
		out[0] = p[(*at)++];
		return 1;
	}
	if (p[*at + 1] == 'u')
		return put_utf8(take_code_point(p, n, at), out);
	found = strchr(from, p[*at + 1]);
	out[0] = found ? to[found - from] : p[*at + 1];
	*at += 2;
	return 1;
}

/* The text between the quotes; false when raw is not exactly one string. */
static bool string_inside(struct slice raw, struct slice *text)
{
	if (raw.n < 2 || raw.p[0] != '"' ||
	    scan_string(raw.p, raw.n, 1) != raw.n)
		return false;
	*text = slice_of(raw.p + 1, raw.n - 2);
	return true;
}

bool json_equals(struct slice raw, struct slice text)
{
	struct slice in;
	size_t at = 0, seen = 0;

	if (!string_inside(raw, &in))
		return false;
	while (at < in.n) {
		char c[4];
		size_t n = take_char(in.p, in.n, &at, c);

		if (text.n - seen < n || memcmp(text.p + seen, c, n) != 0)
			return false;
		seen += n;
	}
	return seen == text.n;
}

bool json_string(struct slice raw, struct buf *out)
{
	struct slice in;
	size_t at = 0;

	if (!string_inside(raw, &in))
		return false;
	while (at < in.n) {
		size_t plain = slice_find(in, at, '\\');
		char c[4];
		size_t n;

		buf_add(out, in.p + at, plain - at);
		at = plain;
		if (at == in.n)
			break;
		n = take_char(in.p, in.n, &at, c);
		buf_add(out, c, n);
	}
	return !out->has_failed;
}

bool json_i64(struct slice raw, int64_t *v)
{
	bool is_negative = raw.n > 0 && raw.p[0] == '-';
	int64_t sum = 0;

	if (raw.n == (is_negative ? 1 : 0) ||
	    scan_number(raw.p, raw.n, 0) != raw.n)
		return false;
	for (size_t i = is_negative; i < raw.n; i++) {
		int digit = raw.p[i] - '0';

		if (!is_digit(raw.p[i]) ||
		    __builtin_mul_overflow(sum, 10, &sum) ||
		    __builtin_sub_overflow(sum, digit, &sum))
			return false;
	}
	/* Summed up negative, where one more value fits. */
	if (!is_negative && sum == INT64_MIN)
		return false;
	*v = is_negative ? sum : -sum;
	return true;
}

static bool get_member(struct slice obj, struct slice name, struct slice *raw,
    enum json_type *type)
{
	struct json_iter it;
	struct slice key, item;
	enum json_type t;
	bool is_found = false;

	json_iter_open(&it, obj, JSON_OBJECT);
	while (json_object_next(&it, &key, &item, &t)) {
		if (!json_equals(key, name))
			continue;
		is_found = true;
		*raw = item;
		*type = t;
	}
	return is_found && !it.is_bad;
}

static bool get_element(struct slice arr, struct slice index, struct slice *raw,
    enum json_type *type)
{
	struct json_iter it;
	int64_t wanted;

	if (!json_i64(index, &wanted) || wanted < 0)
		return false;
	json_iter_open(&it, arr, JSON_ARRAY);
	while (json_array_next(&it, raw, type)) {
		if (wanted-- == 0)
			return true;
	}
	return false;
}

/* One part of a path, downwards from cur. */
static bool descend(struct slice *cur, enum json_type *type, struct slice part)
{
	struct slice from = *cur;

	if (*type == JSON_OBJECT)
		return get_member(from, part, cur, type);
	if (*type == JSON_ARRAY)
		return get_element(from, part, cur, type);
	return false;
}

static bool get(struct slice doc, struct slice path, struct slice *raw,
    enum json_type *type)
{
	size_t at = skip_space(doc.p, doc.n, 0), from = 0;

	if (path.n == 0)
		return json_skip(doc, 0, raw, type, NULL);
	*raw = slice_sub(doc, at, doc.n);
	*type = type_of(*raw);
	while (from <= path.n) {
		size_t dot = slice_find(path, from, '.');

		if (!descend(raw, type, slice_sub(path, from, dot)))
			return false;
		from = dot + 1;
	}
	return true;
}

bool json_get(
    struct slice doc, const char *path, struct slice *raw, enum json_type *type)
{
	enum json_type t;
	bool is_found = get(doc, slice_of_str(path), raw, &t);

	if (!is_found) {
		*raw = SLICE_NONE;
		t = JSON_NONE;
	}
	if (type)
		*type = t;
	return is_found;
}

bool json_get_text(struct slice doc, const char *path, struct slice *text)
{
	enum json_type type;
	struct slice raw;

	*text = SLICE_NONE;
	if (!json_get(doc, path, &raw, &type) || type != JSON_STRING)
		return false;
	return string_inside(raw, text);
}
