/*
 * Vary, and what two requests say in the fields that it names, against a
 * plainer reading: the same key exactly when every one of those fields means
 * the same, white space that lays it out aside.
 *
 * The input is lines: the value of Vary, fields of one request, an empty line,
 * fields of the other.
 */
#include "http/field.h"
#include "http/vary.h"

#include "plain_list.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define FIELDS_MAX 64

struct request {
	struct slice fields[FIELDS_MAX];
	size_t n;
};

static struct slice items[PLAIN_BYTES_MAX];
static size_t items_n;

static int order(const void *a, const void *b)
{
	const struct slice *x = a, *y = b;

	for (size_t i = 0; i < x->n && i < y->n; i++)
		if (plain_lower(x->p[i]) != plain_lower(y->p[i]))
			return plain_lower(x->p[i]) - plain_lower(y->p[i]);
	return (x->n > y->n) - (x->n < y->n);
}

/* Leaves the names in items, sorted, each once. */
static enum vary_kind plain_names(struct slice vary)
{
	size_t kept = 0;

	items_n = plain_items(vary, items);
	for (size_t i = 0; i < items_n; i++)
		if (!plain_is_token(items[i]) ||
		    (items[i].n == 1 && items[i].p[0] == '*'))
			return VARY_ANY;
	qsort(items, items_n, sizeof(items[0]), order);
	for (size_t i = 0; i < items_n; i++)
		if (kept == 0 || order(&items[kept - 1], &items[i]) != 0)
			items[kept++] = items[i];
	items_n = kept;
	if (kept > VARY_NAMES_MAX)
		return VARY_ANY;
	return kept > 0 ? VARY_NAMES : VARY_NONE;
}

static void check_names(
    struct slice vary, enum vary_kind kind, struct slice text)
{
	size_t at = 0;

	assert(kind == plain_names(vary));
	if (kind != VARY_NAMES) {
		assert(text.n == 0);
		return;
	}
	for (size_t i = 0; i < items_n; i++) {
		size_t end = slice_find(text, at, ',');

		assert(end - at == items[i].n);
		for (size_t j = 0; j < items[i].n; j++)
			assert(text.p[at + j] == plain_lower(items[i].p[j]));
		at = end + 1;
	}
	assert(at == text.n + 1);
}

/* The value without white space that lays it out. */
static void plain_value(struct buf *out, struct slice v)
{
	static bool is_quoted[PLAIN_BYTES_MAX];

	plain_quotes(v, is_quoted);
	for (size_t i = 0; i < v.n; i++) {
		size_t j = i;

		while (j < v.n && plain_is_space(v.p[j]) && !is_quoted[j])
			j++;
		if (j == i) {
			buf_add_char(out, v.p[i]);
			continue;
		}
		if (i > 0 && j < v.n && (v.p[j] != ',' || is_quoted[j]) &&
		    (v.p[i - 1] != ',' || is_quoted[i - 1]))
			buf_add_char(out, ' ');
		i = j - 1;
	}
}

/* What r says in name: "-", or all its lines. */
static void plain_said(
    struct buf *out, const struct request *r, struct slice name)
{
	bool has_any = false;

	for (size_t i = 0; i < r->n; i++) {
		struct slice f = r->fields[i];
		size_t colon = slice_find(f, 0, ':');
		struct slice own = slice_sub(f, 0, colon);

		if (own.n != name.n || order(&own, &name) != 0)
			continue;
		buf_add_char(out, has_any ? ',' : '+');
		plain_value(out, slice_sub(f, colon + 1, f.n));
		has_any = true;
	}
	if (!has_any)
		buf_add_char(out, '-');
}

static bool says_the_same(
    const struct request *a, const struct request *b, struct slice name)
{
	struct buf x, y;
	bool is_same;

	buf_init(&x, 4 * PLAIN_BYTES_MAX);
	buf_init(&y, 4 * PLAIN_BYTES_MAX);
	plain_said(&x, a, name);
	plain_said(&y, b, name);
	is_same = slice_eq(buf_slice(&x), buf_slice(&y));
	buf_fini(&x);
	buf_fini(&y);
	return is_same;
}

/* Lines "Name: value" up to an empty one. */
static void take_request(struct slice *in, struct request *r)
{
	while (in->n > 0) {
		size_t end = slice_find(*in, 0, '\n');
		struct slice line = slice_sub(*in, 0, end);
		size_t colon = slice_find(line, 0, ':');

		*in = slice_sub(*in, end + 1, in->n);
		if (line.n == 0)
			return;
		if (r->n < FIELDS_MAX && colon < line.n &&
		    plain_is_token(slice_sub(line, 0, colon)))
			r->fields[r->n++] = line;
	}
}

static void check_keys(
    struct slice names, const struct request *a, const struct request *b)
{
	struct buf one, other;
	bool is_same = true;

	buf_init(&one, 64 * PLAIN_BYTES_MAX);
	buf_init(&other, 64 * PLAIN_BYTES_MAX);
	vary_key(&one, names, a->fields, a->n);
	vary_key(&other, names, b->fields, b->n);
	for (size_t i = 0; i < items_n; i++)
		is_same &= says_the_same(a, b, items[i]);
	assert(slice_eq(buf_slice(&one), buf_slice(&other)) == is_same);
	buf_fini(&one);
	buf_fini(&other);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct slice in = slice_of((const char *)data, n), vary;
	struct request a = {.n = 0}, b = {.n = 0};
	enum vary_kind kind;
	struct buf names;
	size_t end;

	if (n > PLAIN_BYTES_MAX)
		return 0;
	end = slice_find(in, 0, '\n');
	vary = slice_sub(in, 0, end);
	in = slice_sub(in, end + 1, in.n);
	buf_init(&names, 2 * PLAIN_BYTES_MAX);
	kind = vary_normalise(vary, &names);
	check_names(vary, kind, buf_slice(&names));
	if (kind == VARY_NAMES) {
		take_request(&in, &a);
		take_request(&in, &b);
		check_keys(buf_slice(&names), &a, &b);
	}
	buf_fini(&names);
	return 0;
}
