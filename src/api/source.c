#include "api/source.h"

#include "base/buf.h"
#include "base/json.h"

#include <assert.h>

#define JSON_PATH_MAX 64 /* longer than any path in the table */

struct visit {
	source_id_fn *fn;
	void *arg;
};

static enum source_state give(
    const struct visit *v, struct slice id, bool is_borrowed)
{
	if (id.n == 0 || id.n > API_ID_MAX)
		return SOURCE_UNKNOWN;
	if (v->fn)
		v->fn(v->arg, id, is_borrowed);
	return SOURCE_PRESENT;
}

/* ---- path and query ---- */

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

/* %XX decoded, in a query "+" too; a bad %XX stays as it is. */
static void url_decode(struct slice s, bool is_query, struct buf *out)
{
	for (size_t i = 0; i < s.n; i++) {
		int high = -1, low = -1;

		if (s.p[i] == '%' && i + 2 < s.n) {
			high = hex_digit(s.p[i + 1]);
			low = hex_digit(s.p[i + 2]);
		}
		if (high >= 0 && low >= 0) {
			buf_add_char(out, (char)(high * 16 + low));
			i += 2;
		} else {
			buf_add_char(
			    out, is_query && s.p[i] == '+' ? ' ' : s.p[i]);
		}
	}
}

/* An id as it stands in a target: decoded, so that it equals its spelling in
 * JSON. */
static enum source_state give_encoded(
    const struct visit *v, struct slice id, bool is_query)
{
	enum source_state state;
	struct buf decoded;

	if (slice_find(id, 0, '%') == id.n && slice_find(id, 0, '+') == id.n)
		return give(v, id, true);
	buf_init(&decoded, API_ID_MAX);
	url_decode(id, is_query, &decoded);
	state = decoded.has_failed ? SOURCE_UNKNOWN
				   : give(v, buf_slice(&decoded), false);
	buf_fini(&decoded);
	return state;
}

static enum source_state from_path(
    const struct api_context *c, struct slice name, const struct visit *v)
{
	struct slice value = api_param(c->match, name);

	if (value.n == 0)
		return SOURCE_UNKNOWN;
	return give_encoded(v, value, false);
}

/* Parameters are compared as they are decoded: no spelling slips past. */
static bool is_named(struct slice encoded, struct slice name)
{
	struct buf decoded;
	bool is_equal;

	if (slice_eq(encoded, name))
		return true;
	if (slice_find(encoded, 0, '%') == encoded.n)
		return false;
	buf_init(&decoded, API_ID_MAX);
	url_decode(encoded, true, &decoded);
	is_equal = slice_eq(buf_slice(&decoded), name);
	buf_fini(&decoded);
	return is_equal;
}

static enum source_state from_query(
    const struct api_context *c, struct slice name, const struct visit *v)
{
	enum source_state state = SOURCE_ABSENT;
	size_t at = 0;

	while (at < c->query.n) {
		size_t end = slice_find(c->query, at, '&');
		struct slice pair = slice_sub(c->query, at, end);
		size_t equals = slice_find(pair, 0, '=');

		at = end + 1;
		if (!is_named(slice_sub(pair, 0, equals), name))
			continue;
		if (give_encoded(v, slice_sub(pair, equals + 1, pair.n),
			true) != SOURCE_PRESENT)
			return SOURCE_UNKNOWN;
		state = SOURCE_PRESENT;
	}
	return state;
}

/* ---- JSON ---- */

static enum source_state give_string(const struct visit *v, struct slice raw)
{
	struct slice text = slice_sub(raw, 1, raw.n - 1);
	enum source_state state = SOURCE_UNKNOWN;
	struct buf decoded;

	if (slice_find(text, 0, '\\') == text.n)
		return give(v, text, true);
	buf_init(&decoded, API_ID_MAX);
	if (json_string(raw, &decoded))
		state = give(v, buf_slice(&decoded), false);
	buf_fini(&decoded);
	return state;
}

static enum source_state give_json(
    const struct visit *v, struct slice raw, enum json_type type)
{
	switch (type) {
	case JSON_STRING:
		return give_string(v, raw);
	case JSON_NUMBER:
		return give(v, raw, true);
	case JSON_NULL:
		return SOURCE_PRESENT;
	default:
		return SOURCE_UNKNOWN;
	}
}

static bool get(struct slice doc, struct slice path, struct slice *raw,
    enum json_type *type)
{
	char text[JSON_PATH_MAX];

	assert(path.n < sizeof(text));
	memcpy(text, path.p, path.n);
	text[path.n] = '\0';
	return json_get(doc, text, raw, type);
}

static enum source_state walk(const struct visit *v, struct slice value,
    enum json_type type, struct slice path);

/* Rows that lack the member are passed over, if any row has it. */
static enum source_state walk_rows(
    const struct visit *v, struct slice array, struct slice path)
{
	bool is_absent = false, is_present = false;
	struct json_iter it;
	struct slice row;
	enum json_type type;

	if (!json_iter_open(&it, array, JSON_ARRAY))
		return SOURCE_UNKNOWN;
	while (json_array_next(&it, &row, &type)) {
		switch (walk(v, row, type, path)) {
		case SOURCE_UNKNOWN:
			return SOURCE_UNKNOWN;
		case SOURCE_ABSENT:
			is_absent = true;
			break;
		case SOURCE_PRESENT:
			is_present = true;
			break;
		}
	}
	if (it.is_bad)
		return SOURCE_UNKNOWN;
	return is_absent && !is_present ? SOURCE_ABSENT : SOURCE_PRESENT;
}

/* Index of "[]" in path, or path.n. */
static size_t find_rows(struct slice path)
{
	size_t at = slice_find(path, 0, '[');

	assert(at == path.n || (at + 1 < path.n && path.p[at + 1] == ']'));
	return at;
}

/* Recursion is as deep as the rule has "[]". */
static enum source_state walk(const struct visit *v, struct slice value,
    enum json_type type, struct slice path)
{
	size_t rows = find_rows(path);
	struct slice rest = slice_sub(path, rows + 2, path.n);
	struct slice raw = value;

	if (rows > 0 && !get(value, slice_sub(path, 0, rows), &raw, &type))
		return SOURCE_ABSENT;
	if (rows == path.n)
		return give_json(v, raw, type);
	if (type == JSON_NULL)
		return SOURCE_PRESENT;
	if (rest.n > 0) {
		assert(rest.p[0] == '.');
		rest = slice_sub(rest, 1, rest.n);
	}
	return walk_rows(v, raw, rest);
}

static enum source_state from_json(
    struct slice doc, struct slice path, const struct visit *v)
{
	enum source_state state = walk(v, doc, JSON_NONE, path);

	/* A member that is not found proves something only in a whole
	 * document: a form, a file or an HTML page has no members at all. */
	if (state == SOURCE_ABSENT && !json_valid(doc))
		return SOURCE_UNKNOWN;
	return state;
}

enum source_state source_each(const struct api_context *c, struct slice source,
    source_id_fn *fn, void *arg)
{
	static const struct slice query = {"$query.", 7};
	static const struct slice body = {"$body.", 6};
	static const struct slice answer = {"$answer.", 8};
	struct visit v = {.fn = fn, .arg = arg};

	if (slice_starts(source, query))
		return from_query(c, slice_sub(source, query.n, source.n), &v);
	if (slice_starts(source, body))
		return from_json(
		    c->body, slice_sub(source, body.n, source.n), &v);
	if (slice_starts(source, answer))
		return from_json(
		    c->answer, slice_sub(source, answer.n, source.n), &v);
	assert(source.n > 2 && source.p[0] == '{' &&
	       source.p[source.n - 1] == '}');
	return from_path(c, slice_sub(source, 1, source.n - 1), &v);
}
