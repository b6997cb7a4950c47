#include "api/op.h"

#include <assert.h>

/* ---- names ---- */

static const struct slice method_names[] = {
    [API_GET] = {"GET", 3},
    [API_HEAD] = {"HEAD", 4},
    [API_POST] = {"POST", 4},
    [API_PUT] = {"PUT", 3},
    [API_PATCH] = {"PATCH", 5},
    [API_DELETE] = {"DELETE", 6},
    [API_OPTIONS] = {"OPTIONS", 7},
    [API_METHOD_UNKNOWN] = {"UNKNOWN", 7},
};

enum api_method api_method_of(struct slice token)
{
	for (int m = API_GET; m < API_METHOD_UNKNOWN; m++)
		if (slice_eq(token, method_names[m]))
			return (enum api_method)m;
	return API_METHOD_UNKNOWN;
}

const char *api_method_name(enum api_method m)
{
	assert(m <= API_METHOD_UNKNOWN);
	return method_names[m].p;
}

static const char *const class_names[] = {
    [API_CLASS_CACHE] = "cache",
    [API_CLASS_SHORT] = "short",
    [API_CLASS_READ_POST] = "read-post",
    [API_CLASS_WRITE] = "write",
    [API_CLASS_NEVER] = "never",
    [API_CLASS_STREAM] = "stream",
};

const char *api_class_name(enum api_class c)
{
	assert(c <= API_CLASS_STREAM);
	return class_names[c];
}

bool api_class_of(struct slice name, enum api_class *c)
{
	for (int i = 0; i <= API_CLASS_STREAM; i++) {
		if (slice_eq(name, slice_of_str(class_names[i]))) {
			*c = (enum api_class)i;
			return true;
		}
	}
	return false;
}

/* ---- look-up ---- */

/* The bytes of s from at up to the next "/" or the end. */
static struct slice segment_at(struct slice s, size_t at)
{
	return slice_sub(s, at, slice_find(s, at, '/'));
}

static struct slice without_slash(struct slice path)
{
	if (path.n > 1 && path.p[path.n - 1] == '/')
		path.n--;
	return path;
}

/* Index behind the segment that starts at at. */
static size_t segment_end(struct slice path, size_t at)
{
	while (at < path.n && path.p[at] != '/')
		at++;
	return at;
}

/* Behind "{name}" at t; notes name and value. */
static const char *match_add(
    struct api_match *m, const char *t, struct slice value)
{
	size_t n = strcspn(t, "}");

	assert(m->params_n < API_PARAMS_MAX && t[n] == '}');
	m->params[m->params_n].name = slice_of(t + 1, n - 1);
	m->params[m->params_n].value = value;
	m->params_n++;
	return t + n + 1;
}

/* Behind the literal segment at t, or NULL when it is not segment. */
static const char *skip_literal(const char *t, struct slice segment)
{
	for (size_t i = 0; i < segment.n; i++, t++)
		if (*t == '\0' || *t != segment.p[i])
			return NULL;
	return *t == '/' || *t == '\0' ? t : NULL;
}

static bool is_at_end(const char *t)
{
	return t[0] == '\0' || (t[0] == '/' && t[1] == '\0');
}

/*
 * Does path (without trailing slash) fit the template? Fills m's parameters.
 * *rank gets a bit for each literal segment, the first one highest: of two
 * templates that fit, the greater rank is meant.
 */
static bool template_fits(
    const char *t, struct slice path, struct api_match *m, uint32_t *rank)
{
	uint32_t bit = UINT32_C(1) << 31;
	size_t p = 0;

	m->params_n = 0;
	*rank = 0;
	while (!is_at_end(t) && p < path.n) {
		size_t end = segment_end(path, ++p);
		struct slice segment = slice_of(path.p + p, end - p);

		if (segment.n == 0)
			return false;
		if (*++t == '{') {
			t = match_add(m, t, segment);
		} else {
			t = skip_literal(t, segment);
			if (!t)
				return false;
			*rank |= bit;
		}
		bit >>= 1;
		p = end;
	}
	return is_at_end(t) && p == path.n;
}

static bool op_fits(const struct api_op *op, struct slice path,
    struct api_match *m, uint32_t *rank)
{
	if (template_fits(op->template, path, m, rank))
		return true;
	return op->alias && template_fits(op->alias, path, m, rank);
}

static struct slice first_segment(const struct api_op *op)
{
	return segment_at(slice_of_str(op->template), 1);
}

static int slice_cmp(struct slice a, struct slice b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int c = memcmp(a.p, b.p, n);

	return c ? c : (a.n > b.n) - (a.n < b.n);
}

/* Index of the first operation whose first segment is not below first. */
static size_t lower_bound(struct slice first)
{
	size_t low = 0, high = api_ops_n();

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (slice_cmp(first_segment(api_op_at(mid)), first) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/*
 * Bisects to the rows of the first segment (94 at most) and tries those of
 * the method in turn: about a microsecond, and nothing to set up.
 */
bool api_find(enum api_method method, struct slice path, struct api_match *m)
{
	struct slice first;
	uint32_t best = 0;

	m->op = NULL;
	m->params_n = 0;
	if (method == API_HEAD)
		method = API_GET;
	path = without_slash(path);
	if (path.n < 2 || path.p[0] != '/')
		return false;
	first = segment_at(path, 1);
	for (size_t i = lower_bound(first); i < api_ops_n(); i++) {
		const struct api_op *op = api_op_at(i);
		struct api_match found;
		uint32_t rank;

		if (strncmp(op->template + 1, first.p, first.n) != 0)
			break;
		if (op->method != method || !op_fits(op, path, &found, &rank) ||
		    rank <= best)
			continue;
		found.op = op;
		best = rank;
		*m = found;
	}
	return m->op != NULL;
}

struct slice api_param(const struct api_match *m, struct slice name)
{
	for (size_t i = 0; i < m->params_n; i++)
		if (slice_eq(m->params[i].name, name))
			return m->params[i].value;
	return SLICE_NONE;
}

bool api_op_has_slash(const struct api_op *op)
{
	return slice_ends(slice_of_str(op->template), SLICE("/"));
}

bool api_is_mcp(struct slice path)
{
	return slice_starts(path, SLICE("/mcp/")) ||
	       slice_eq(path, SLICE("/mcp"));
}

const struct api_op *api_by_id(struct slice id)
{
	for (size_t i = 0; i < api_ops_n(); i++)
		if (slice_eq(slice_of_str(api_op_at(i)->id), id))
			return api_op_at(i);
	return NULL;
}
