#include "http/reference.h"

#include "http/target.h"

/* Longer ones are nobody's targets. */
#define REFERENCE_MAX_BYTES 8192

static bool is_alpha(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_scheme_char(char c)
{
	return is_alpha(c) || (c >= '0' && c <= '9') || c == '+' || c == '-' ||
	       c == '.';
}

/* §3.1: what stands before the first colon, if no other delimiter does. */
static struct slice take_scheme(struct slice *rest)
{
	struct slice scheme = SLICE_NONE;
	size_t n = 0;

	while (n < rest->n && is_scheme_char(rest->p[n]))
		n++;
	if (n == 0 || n == rest->n || rest->p[n] != ':' || !is_alpha(*rest->p))
		return scheme;
	scheme = slice_sub(*rest, 0, n);
	*rest = slice_sub(*rest, n + 1, rest->n);
	return scheme;
}

static struct slice without_port(struct slice authority)
{
	static const char *const defaults[] = {":80", ":443"};

	for (size_t i = 0; i < sizeof(defaults) / sizeof(*defaults); i++) {
		struct slice port = slice_of_str(defaults[i]);

		if (slice_ends(authority, port))
			return slice_sub(authority, 0, authority.n - port.n);
	}
	return authority;
}

/* Takes "//AUTHORITY" off, if there is one. False: it is another's. */
static bool take_authority(
    struct slice *rest, struct slice own, bool *has_authority)
{
	struct slice given;
	size_t end = 2;

	*has_authority = slice_starts(*rest, SLICE("//"));
	if (!*has_authority)
		return true;
	while (end < rest->n && rest->p[end] != '/' && rest->p[end] != '?')
		end++;
	given = slice_sub(*rest, 2, end);
	*rest = slice_sub(*rest, end, rest->n);
	return slice_eq_nocase(without_port(given), without_port(own));
}

/* §5.2.3: what a relative path is behind. */
static struct slice folder_of(struct slice path)
{
	while (path.n > 0 && path.p[path.n - 1] != '/')
		path.n--;
	return path;
}

/* §5.2.2 for a reference without authority. */
static void join(struct slice reference, struct slice base, struct buf *out)
{
	struct slice path = slice_sub(base, 0, slice_find(base, 0, '?'));

	if (reference.n == 0)
		buf_add_slice(out, base);
	else if (reference.p[0] == '?')
		buf_add_slice(out, path);
	else if (reference.p[0] != '/')
		buf_add_slice(out, folder_of(path));
	buf_add_slice(out, reference);
}

static void drop_last_segment(struct buf *out, size_t begin)
{
	while (out->n > begin && out->p[out->n - 1] != '/')
		out->n--;
	if (out->n > begin)
		out->n--;
}

/* §5.2.4, segment by segment; path begins with a slash. */
static void remove_dots(struct slice path, struct buf *out)
{
	size_t begin = out->n, at = 1;
	bool is_last_a_folder = false;

	while (at <= path.n) {
		size_t end = slice_find(path, at, '/');
		struct slice segment = slice_sub(path, at, end);
		bool is_up = slice_eq(segment, SLICE(".."));

		is_last_a_folder = is_up || slice_eq(segment, SLICE("."));
		if (is_up)
			drop_last_segment(out, begin);
		if (!is_last_a_folder) {
			buf_add_char(out, '/');
			buf_add_slice(out, segment);
		}
		at = end + 1;
	}
	if (is_last_a_folder)
		buf_add_char(out, '/');
}

static bool normalise(struct slice joined, struct buf *out)
{
	size_t mark = slice_find(joined, 0, '?');
	const char *why;
	struct buf plain;
	bool is_ok;

	if (joined.n == 0 || joined.p[0] != '/')
		return false;
	buf_init(&plain, REFERENCE_MAX_BYTES);
	remove_dots(slice_sub(joined, 0, mark), &plain);
	buf_add_slice(&plain, slice_sub(joined, mark, joined.n));
	is_ok = !plain.has_failed && target_canon(buf_slice(&plain), out, &why);
	buf_fini(&plain);
	return is_ok;
}

bool reference_target(struct slice reference, struct slice base,
    struct slice authority, struct buf *out)
{
	struct slice rest =
	    slice_sub(reference, 0, slice_find(reference, 0, '#'));
	struct slice scheme = take_scheme(&rest);
	size_t begin = out->n;
	bool has_authority, is_ok;
	struct buf joined;

	if (scheme.n > 0 && !slice_eq_nocase(scheme, SLICE("http")) &&
	    !slice_eq_nocase(scheme, SLICE("https")))
		return false;
	if (!take_authority(&rest, authority, &has_authority) ||
	    (scheme.n > 0 && !has_authority))
		return false;
	buf_init(&joined, REFERENCE_MAX_BYTES);
	if (has_authority && (rest.n == 0 || rest.p[0] != '/'))
		buf_add_char(&joined, '/');
	join(rest, has_authority ? SLICE_NONE : base, &joined);
	is_ok = !joined.has_failed && normalise(buf_slice(&joined), out);
	buf_fini(&joined);
	if (!is_ok)
		out->n = begin;
	return is_ok;
}
