/*
 * Keys: two requests have equal keys exactly when equal bytes go upstream in
 * all that matters, and what the table says of a target holds of the bytes
 * that are sent.
 *
 * The input is two requests with a byte 0xff between them, each
 *	METHOD SP target LF, lines of a field's number and its value, LF, body.
 * They go the way that front/request.c takes them: canonical target, the
 * operation and its spelling of the last slash, key.
 */
#include "api/key.h"
#include "base/json.h"
#include "http/field.h"
#include "http/target.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define INPUT_MAX 16384
#define FIELDS_MAX 8

/* In the order that they are sent in, which is one for all. */
static const char *const names[] = {"Authorization", "Version", "Content-Type",
    "Accept", "locationId", "companyId", "X-SDK-Version", "X-Own"};

struct sent {
	enum api_method method;
	struct api_match match;
	struct buf target;
	struct slice body;
	struct buf lines;
	struct slice fields[FIELDS_MAX];
	size_t fields_n;
	struct buf minified;
	struct buf key;
	struct buf wire; /* without what says who asks */
};

static void sent_init(struct sent *s)
{
	*s = (struct sent){0};
	buf_init(&s->target, INPUT_MAX);
	buf_init(&s->lines, INPUT_MAX);
	buf_init(&s->minified, INPUT_MAX);
	buf_init(&s->key, 4 * INPUT_MAX);
	buf_init(&s->wire, 4 * INPUT_MAX);
}

static void sent_fini(struct sent *s)
{
	buf_fini(&s->target);
	buf_fini(&s->lines);
	buf_fini(&s->minified);
	buf_fini(&s->key);
	buf_fini(&s->wire);
}

/* ---- as front/request.c does ---- */

static void check_slash(const struct sent *s)
{
	struct slice path;

	target_split(buf_slice(&s->target), &path, NULL);
	assert(slice_ends(path, SLICE("/")) ==
	       slice_ends(slice_of_str(s->match.op->template), SLICE("/")));
}

/* The same operation, with the same values, is found in what is sent. */
static void set_slash(struct sent *s)
{
	struct api_match again;
	struct slice path;
	struct buf spelt;

	buf_init(&spelt, INPUT_MAX);
	target_set_slash(
	    buf_slice(&s->target), api_op_has_slash(s->match.op), &spelt);
	target_split(buf_slice(&spelt), &path, NULL);
	assert(api_find(s->method, path, &again));
	assert(again.op == s->match.op);
	assert(again.params_n == s->match.params_n);
	for (size_t i = 0; i < again.params_n; i++) {
		assert(
		    slice_eq(again.params[i].value, s->match.params[i].value));
		assert(slice_find(again.params[i].value, 0, '/') ==
		       again.params[i].value.n);
	}
	buf_fini(&s->target);
	s->target = spelt;
	s->match = again;
	check_slash(s);
}

static bool read_target(struct sent *s, struct slice line)
{
	size_t space = slice_find(line, 0, ' ');
	struct slice path;
	const char *why;

	s->method = api_method_of(slice_sub(line, 0, space));
	if (s->method == API_METHOD_UNKNOWN ||
	    !target_canon(slice_sub(line, space + 1, line.n), &s->target, &why))
		return false;
	target_split(buf_slice(&s->target), &path, NULL);
	if (api_find(s->method, path, &s->match))
		set_slash(s);
	return true;
}

/* The table decides about the last slash, whoever asked how. */
static void check_other_slash(const struct sent *s)
{
	struct sent other;
	struct buf line;

	buf_init(&line, 2 * INPUT_MAX);
	sent_init(&other);
	buf_printf(&line, "%s ", api_method_name(s->method));
	target_set_slash(
	    buf_slice(&s->target), !api_op_has_slash(s->match.op), &line);
	assert(read_target(&other, buf_slice(&line)));
	assert(other.match.op == s->match.op);
	assert(slice_eq(buf_slice(&other.target), buf_slice(&s->target)));
	sent_fini(&other);
	buf_fini(&line);
}

/* Each line: the number of a field, then its value. Sorted by number, of
 * several with the same number the first counts. */
static bool read_fields(struct sent *s, struct slice lines)
{
	size_t offsets[FIELDS_MAX + 1];

	for (size_t f = 0; f < FIELDS_MAX; f++) {
		struct slice rest = lines;

		while (rest.n > 0) {
			size_t end = slice_find(rest, 0, '\n');
			struct slice line = slice_sub(rest, 0, end), value;

			rest = slice_sub(rest, end + 1, rest.n);
			value = slice_trim_ows(slice_sub(line, 1, line.n));
			if (line.n == 0 || line.p[0] != (char)('0' + f))
				continue;
			if (!field_is_value(value))
				return false;
			offsets[s->fields_n++] = s->lines.n;
			buf_printf(&s->lines, "%s: ", names[f]);
			buf_add_slice(&s->lines, value);
			break;
		}
	}
	offsets[s->fields_n] = s->lines.n;
	for (size_t i = 0; i < s->fields_n; i++)
		s->fields[i] =
		    slice_sub(buf_slice(&s->lines), offsets[i], offsets[i + 1]);
	return true;
}

/* Only reads have keys; only of a search is the body part of it. */
static bool make_key(struct sent *s)
{
	const struct digest128 scope = {{1, 2, 3}};
	bool is_search =
	    s->match.op && s->match.op->class == API_CLASS_READ_POST;

	if (s->match.op ? !api_class_is_read(s->match.op->class)
			: s->method != API_GET)
		return false;
	if (is_search && !json_minify(s->body, &s->minified))
		return false;
	api_key_build(&s->key, &scope, s->match.op, s->method,
	    buf_slice(&s->target), s->fields, s->fields_n,
	    buf_slice(&s->minified));
	assert(!s->key.has_failed);
	return true;
}

/* ---- what the upstream gets ---- */

/* White space between the tokens of JSON means nothing. */
static void add_json(struct buf *out, struct slice doc)
{
	bool is_string = false;

	for (size_t i = 0; i < doc.n; i++) {
		char c = doc.p[i];

		if (!is_string &&
		    (c == ' ' || c == '\t' || c == '\n' || c == '\r'))
			continue;
		buf_add_char(out, c);
		if (is_string && c == '\\')
			buf_add_char(out, doc.p[++i]);
		else if (c == '"')
			is_string = !is_string;
	}
}

static void make_wire(struct sent *s)
{
	buf_add_slice(&s->wire,
	    slice_of_str(
		s->method == API_HEAD ? "GET" : api_method_name(s->method)));
	buf_add_char(&s->wire, ' ');
	buf_add_slice(&s->wire, buf_slice(&s->target));
	buf_add_slice(&s->wire, SLICE(" HTTP/1.1\r\n"));
	for (size_t i = 0; i < s->fields_n; i++) {
		if (slice_starts(s->fields[i], SLICE("Authorization")) ||
		    slice_starts(s->fields[i], SLICE("X-SDK-Version")))
			continue;
		buf_add_slice(&s->wire, s->fields[i]);
		buf_add_slice(&s->wire, SLICE("\r\n"));
	}
	buf_add_slice(&s->wire, SLICE("\r\n"));
	if (s->match.op && s->match.op->class == API_CLASS_READ_POST)
		add_json(&s->wire, s->body);
	assert(!s->wire.has_failed);
}

/* False when it is refused, or is no read. */
static bool read_sent(struct sent *s, struct slice in)
{
	size_t line = slice_find(in, 0, '\n'), end = line;

	while (end < in.n &&
	       !slice_starts(slice_sub(in, end, in.n), SLICE("\n\n")))
		end++;
	s->body = slice_sub(in, end + 2, in.n);
	if (!read_target(s, slice_sub(in, 0, line)) ||
	    !read_fields(s, slice_sub(in, line + 1, end)) || !make_key(s))
		return false;
	make_wire(s);
	if (s->match.op)
		check_other_slash(s);
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct slice in = slice_of((const char *)data, n);
	size_t cut = slice_find(in, 0, (char)0xff);
	struct sent a, b;

	if (n > INPUT_MAX / 4)
		return 0;
	sent_init(&a);
	sent_init(&b);
	if (read_sent(&a, slice_sub(in, 0, cut)) &&
	    read_sent(&b, slice_sub(in, cut + 1, in.n)))
		assert(slice_eq(buf_slice(&a.key), buf_slice(&b.key)) ==
		       slice_eq(buf_slice(&a.wire), buf_slice(&b.wire)));
	sent_fini(&a);
	sent_fini(&b);
	return 0;
}
