/*
 * Request targets: the canonical form of a canonical form is itself, holds
 * nothing that must be refused, means the same as what was sent, and is what
 * a second, plainer reading of the rules makes of it. Spellings that differ
 * only in how they escape unreserved characters have one canonical form;
 * other spellings do not share it.
 */
#include "http/target.h"

#include <assert.h>
#include <ctype.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check_path(struct slice path)
{
	assert(path.n > 0 && path.p[0] == '/');
	for (size_t i = 0; i < path.n; i++) {
		struct slice rest = slice_sub(path, i, path.n);

		assert(path.p[i] > 0x20 && path.p[i] < 0x7f);
		assert(!slice_starts(rest, SLICE("//")));
		assert(!slice_starts(rest, SLICE("/./")));
		assert(!slice_starts(rest, SLICE("/../")));
		assert(!slice_starts(rest, SLICE("%2F")));
		assert(!slice_starts(rest, SLICE("%2E")));
		assert(!slice_starts(rest, SLICE("%00")));
	}
	assert(!slice_ends(path, SLICE("/..")));
	assert(!slice_ends(path, SLICE("/.")));
}

static void check_query(struct slice query)
{
	struct slice rest = query, name, value;
	struct buf text;

	buf_init(&text, 4096);
	while (target_query_next(&rest, &name, &value)) {
		struct slice found = SLICE_NONE;

		buf_reset(&text);
		target_decode(name, &text);
		assert(text.has_failed ||
		       target_decoded_eq(name, buf_slice(&text)));
		assert(text.has_failed ||
		       target_query_get(query, buf_slice(&text), &found) > 0);
		assert(value.n <= query.n && found.n <= query.n);
	}
	buf_fini(&text);
}

static void check_slash(struct slice target)
{
	struct slice path;
	struct buf with, without;

	buf_init(&with, 8192);
	buf_init(&without, 8192);
	target_set_slash(target, true, &with);
	target_split(buf_slice(&with), &path, NULL);
	assert(slice_ends(path, SLICE("/")));
	target_set_slash(buf_slice(&with), false, &without);
	target_split(buf_slice(&without), &path, NULL);
	assert(path.n == 1 || !slice_ends(path, SLICE("/")));
	buf_fini(&with);
	buf_fini(&without);
}

static void check_canonical(struct slice target)
{
	struct slice path, query;
	const char *why;
	struct buf again;

	buf_init(&again, 4096);
	assert(target_canon(target, &again, &why) && why == NULL);
	assert(slice_eq(buf_slice(&again), target));
	buf_fini(&again);
	target_split(target, &path, &query);
	check_path(path);
	check_query(query);
	check_slash(target);
}

/* ---- a second reading ---- */

/* A character of a target, and whether it was written as %XX. */
struct spelt {
	unsigned char c;
	bool is_escaped;
};

static int hex(char c)
{
	if (!isxdigit((unsigned char)c))
		return -1;
	return isdigit((unsigned char)c) ? c - '0'
					 : tolower((unsigned char)c) - 'a' + 10;
}

/* False at a malformed escape. */
static bool spell(struct slice s, struct spelt *out, size_t *n)
{
	*n = 0;
	for (size_t i = 0; i < s.n; i++) {
		out[*n] = (struct spelt){(unsigned char)s.p[i], false};
		if (s.p[i] == '%') {
			if (s.n - i < 3 || hex(s.p[i + 1]) < 0 ||
			    hex(s.p[i + 2]) < 0)
				return false;
			out[*n].c = (unsigned char)(hex(s.p[i + 1]) * 16 +
						    hex(s.p[i + 2]));
			out[*n].is_escaped = true;
			i += 2;
		}
		++*n;
	}
	return true;
}

static bool is_unreserved(unsigned char c)
{
	return c < 0x80 && (isalnum(c) || (c && strchr("-._~", c)));
}

static bool may_be_escaped(unsigned char c, bool is_path)
{
	return c != 0 && (!is_path || (c != '/' && c >= ' ' && c != 0x7f));
}

static bool may_be_plain(unsigned char c)
{
	return c > ' ' && c <= '~' && c != '\\' && c != '#';
}

static bool holds_dots(struct slice path)
{
	static const char *const inside[] = {"//", "/./", "/../"};
	static const char *const last[] = {"/.", "/.."};

	for (size_t i = 0; i < 3; i++)
		if (memmem(path.p, path.n, inside[i], strlen(inside[i])))
			return true;
	for (size_t i = 0; i < 2; i++)
		if (slice_ends(path, slice_of_str(last[i])))
			return true;
	return false;
}

/* As target_canon; out has room for three bytes per byte of sent. */
static bool read_again(struct slice sent, struct buf *out)
{
	struct spelt *all = calloc(sent.n + 1, sizeof(*all));
	bool is_path = true, is_ok;
	size_t n, path_n;

	assert(all);
	is_ok = spell(sent, all, &n) && n > 0 && all[0].c == '/' &&
		!all[0].is_escaped;
	for (size_t i = 0; is_ok && i < n; i++) {
		unsigned char c = all[i].c;

		if (c == '?' && !all[i].is_escaped)
			is_path = false;
		is_ok = all[i].is_escaped ? may_be_escaped(c, is_path)
					  : may_be_plain(c);
		if (all[i].is_escaped && !is_unreserved(c))
			buf_printf(out, "%%%02X", c);
		else
			buf_add_char(out, (char)c);
	}
	free(all);
	path_n = slice_find(buf_slice(out), 0, '?');
	return is_ok && !holds_dots(slice_sub(buf_slice(out), 0, path_n));
}

/* ---- other spellings ---- */

static void check_same(struct slice sent, struct slice canonical)
{
	const char *why;
	struct buf out;

	buf_init(&out, 4 * sent.n);
	assert(target_canon(sent, &out, &why));
	assert(slice_eq(buf_slice(&out), canonical));
	buf_fini(&out);
}

/* Escapes unreserved characters, some in lower case, and puts the digits of
 * other escapes into it. */
static void check_escaped(struct slice canonical)
{
	unsigned seed = (unsigned)canonical.n;
	struct buf other;

	buf_init(&other, 3 * canonical.n + 1);
	for (size_t i = 0; i < canonical.n; i++) {
		unsigned char c = (unsigned char)canonical.p[i];

		seed = seed * 1103515245u + 12345u + c;
		if (c == '%') {
			buf_add_char(&other, '%');
			buf_add_char(&other, (char)tolower(canonical.p[i + 1]));
			buf_add_char(&other, (char)tolower(canonical.p[i + 2]));
			i += 2;
		} else if (is_unreserved(c) && (seed >> 16 & 3) != 0) {
			buf_printf(
			    &other, seed >> 18 & 1 ? "%%%02x" : "%%%02X", c);
		} else {
			buf_add_char(&other, (char)c);
		}
	}
	check_same(buf_slice(&other), canonical);
	buf_fini(&other);
}

/* A target that differs in one byte is another one, or none. */
static void check_changed(struct slice canonical)
{
	size_t at = canonical.n * 7 / 11;
	struct buf other, out;
	const char *why;

	buf_init(&other, canonical.n);
	buf_init(&out, 4 * canonical.n);
	buf_add_slice(&other, canonical);
	other.p[at] ^= 1;
	if (target_canon(buf_slice(&other), &out, &why))
		assert(!slice_eq(buf_slice(&out), canonical));
	buf_fini(&other);
	buf_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct slice sent = slice_of((const char *)data, n);
	const char *why = NULL;
	struct buf out, again;

	buf_init(&out, 4096);
	buf_init(&again, 3 * n + 1);
	if (target_canon(sent, &out, &why)) {
		check_canonical(buf_slice(&out));
		assert(read_again(sent, &again));
		assert(slice_eq(buf_slice(&out), buf_slice(&again)));
		check_escaped(buf_slice(&out));
		check_changed(buf_slice(&out));
	} else {
		assert(why != NULL);
		assert(out.has_failed || !read_again(sent, &again));
	}
	buf_fini(&again);
	/* Decoding must stand any bytes. */
	check_query(sent);
	buf_fini(&out);
	return 0;
}
