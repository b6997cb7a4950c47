#include "http/vary.h"

#include "http/field.h"

#include <stdlib.h>

/* ---- the names ---- */

struct names {
	struct slice v[VARY_NAMES_MAX];
	size_t n;
};

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

static int compare_names(struct slice a, struct slice b)
{
	size_t n = a.n < b.n ? a.n : b.n;

	for (size_t i = 0; i < n; i++) {
		int d =
		    (unsigned char)lower(a.p[i]) - (unsigned char)lower(b.p[i]);

		if (d != 0)
			return d;
	}
	return (a.n > b.n) - (a.n < b.n);
}

/* Keeps them sorted and each once. False: there are too many. */
static bool add_name(struct names *names, struct slice name)
{
	size_t at = 0;

	while (at < names->n && compare_names(names->v[at], name) < 0)
		at++;
	if (at < names->n && compare_names(names->v[at], name) == 0)
		return true;
	if (names->n == VARY_NAMES_MAX)
		return false;
	for (size_t i = names->n; i > at; i--)
		names->v[i] = names->v[i - 1];
	names->v[at] = name;
	names->n++;
	return true;
}

static void write_names(const struct names *names, struct buf *out)
{
	for (size_t i = 0; i < names->n; i++) {
		if (i > 0)
			buf_add_char(out, ',');
		for (size_t j = 0; j < names->v[i].n; j++)
			buf_add_char(out, lower(names->v[i].p[j]));
	}
}

enum vary_kind vary_normalise(struct slice vary, struct buf *out)
{
	struct names names = {.n = 0};
	struct slice item;

	while (field_list_next(&vary, &item))
		if (slice_eq(item, SLICE("*")) || !field_is_token(item) ||
		    !add_name(&names, item))
			return VARY_ANY;
	write_names(&names, out);
	return names.n > 0 ? VARY_NAMES : VARY_NONE;
}

/* ---- what a request says ---- */

/*
 * A value with its lay-out taken away: no white space around commas, one space
 * for a run elsewhere, nothing changed inside quoted strings. Whether a field
 * is a list at all is not known; where it is none this is coarser than need be
 * only for values that differ in nothing but white space.
 */
struct writer {
	struct buf *out;
	bool is_begun; /* something but white space was written */
	bool is_space_due;
	bool is_quoted;
	bool is_escaped;
};

static void write_char(struct writer *w, char c)
{
	bool is_space = c == ' ' || c == '\t';

	if (!w->is_quoted && is_space) {
		w->is_space_due = w->is_begun;
		return;
	}
	if (w->is_space_due && c != ',')
		buf_add_char(w->out, ' ');
	w->is_space_due = false;
	buf_add_char(w->out, c);
	w->is_begun = w->is_quoted || c != ',';
	if (w->is_escaped) {
		w->is_escaped = false;
	} else if (c == '"') {
		w->is_quoted = !w->is_quoted;
		w->is_begun = true;
	} else if (w->is_quoted && c == '\\') {
		w->is_escaped = true;
	}
}

static void write_value(struct buf *out, struct slice value)
{
	struct writer w = {.out = out};

	for (size_t i = 0; i < value.n; i++)
		write_char(&w, value.p[i]);
}

static void write_values(struct buf *key, struct slice name,
    const struct slice *fields, size_t fields_n)
{
	bool has_any = false;

	for (size_t i = 0; i < fields_n; i++) {
		size_t colon = slice_find(fields[i], 0, ':');

		if (!slice_eq_nocase(slice_sub(fields[i], 0, colon), name))
			continue;
		/* An absent field has no colon, an empty one has. */
		buf_add_char(key, has_any ? ',' : ':');
		write_value(key, slice_sub(fields[i], colon + 1, fields[i].n));
		has_any = true;
	}
}

void vary_key(struct buf *key, struct slice names, const struct slice *fields,
    size_t fields_n)
{
	size_t at = 0;

	while (at < names.n) {
		size_t end = slice_find(names, at, ',');
		struct slice name = slice_sub(names, at, end);

		buf_add_slice(key, name);
		write_values(key, name, fields, fields_n);
		/* No field has a line feed in it. */
		buf_add_char(key, '\n');
		at = end + 1;
	}
}
