/*
 * A second, plainer reading of comma lists for fuzz targets: marks which bytes
 * stand inside quoted strings, then cuts at the commas that do not.
 */
#ifndef TESTS_PLAIN_LIST_H
#define TESTS_PLAIN_LIST_H

#include "base/slice.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>

#define PLAIN_BYTES_MAX 4096

/* is_quoted[i]: byte i is a quote mark of a string or inside one. */
static inline void plain_quotes(struct slice s, bool *is_quoted)
{
	bool is_in = false;

	for (size_t i = 0; i < s.n; i++) {
		bool is_mark = s.p[i] == '"';

		is_quoted[i] = is_in || is_mark;
		if (is_in && s.p[i] == '\\' && i + 1 < s.n)
			is_quoted[++i] = true;
		else if (is_mark)
			is_in = !is_in;
	}
}

static inline bool plain_is_space(char c)
{
	return c == ' ' || c == '\t';
}

/* The elements that are not empty; how many. */
static inline size_t plain_items(struct slice s, struct slice *items)
{
	static bool is_quoted[PLAIN_BYTES_MAX];
	size_t n = 0, from = 0;

	assert(s.n <= PLAIN_BYTES_MAX);
	plain_quotes(s, is_quoted);
	for (size_t i = 0; i <= s.n; i++) {
		size_t a = from, b = i;

		if (i < s.n && (s.p[i] != ',' || is_quoted[i]))
			continue;
		while (a < b && plain_is_space(s.p[a]))
			a++;
		while (b > a && plain_is_space(s.p[b - 1]))
			b--;
		if (b > a)
			items[n++] = slice_of(s.p + a, b - a);
		from = i + 1;
	}
	return n;
}

/* RFC 9110 §5.6.2, from the list of what is no token. */
static inline bool plain_is_token_byte(unsigned char c)
{
	return c > ' ' && c < 0x7f && !strchr("\"(),/:;<=>?@[\\]{}", c);
}

static inline bool plain_is_token(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!plain_is_token_byte((unsigned char)s.p[i]))
			return false;
	return s.n > 0;
}

static inline char plain_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static inline bool plain_is_name(struct slice s, const char *name)
{
	if (s.n != strlen(name))
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (plain_lower(s.p[i]) != name[i])
			return false;
	return true;
}

/* The parts of "name", "name=value", "name=\"value\"". */
struct plain_pair {
	struct slice name;
	bool has_value;
	struct slice value;
	bool is_good;
};

static inline struct plain_pair plain_split(struct slice item)
{
	struct plain_pair p = {.value = SLICE_NONE};
	const char *eq = item.n ? memchr(item.p, '=', item.n) : NULL;
	size_t at = eq ? (size_t)(eq - item.p) : item.n, i;

	p.name = slice_of(item.p, at);
	p.is_good = plain_is_token(p.name);
	p.has_value = eq != NULL;
	if (!eq || !p.is_good)
		return p;
	p.value = slice_of(eq + 1, item.n - at - 1);
	if (p.value.n == 0 || p.value.p[0] != '"')
		return p;
	/* The closing mark must be the last byte, and not escaped. */
	for (i = 1; i < p.value.n && p.value.p[i] != '"'; i++)
		if (p.value.p[i] == '\\')
			i++;
	p.is_good = i == p.value.n - 1;
	p.value = slice_of(p.value.p + 1, p.value.n - 2);
	return p;
}

#endif
