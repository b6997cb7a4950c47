#include "http/conditional.h"
#include "http/date.h"
#include "http/field.h"

/* RFC 9110 §8.8.3: etagc, no white space, quotes only at the ends. */
static bool is_opaque_tag(struct slice s)
{
	if (s.n < 2 || s.p[0] != '"' || s.p[s.n - 1] != '"')
		return false;
	for (size_t i = 1; i < s.n - 1; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c < 0x21 || c == '"' || c == 0x7f)
			return false;
	}
	return true;
}

static struct slice without_weak(struct slice etag)
{
	/* Case-sensitive: "w/" is not a weak tag. */
	return slice_starts(etag, SLICE("W/")) ? slice_sub(etag, 2, etag.n)
					       : etag;
}

bool etag_is_valid(struct slice etag)
{
	return is_opaque_tag(without_weak(etag));
}

bool etag_matches(struct slice a, struct slice b)
{
	struct slice x = without_weak(a), y = without_weak(b);

	return is_opaque_tag(x) && slice_eq(x, y);
}

/* Takes one entity tag off the front; a backslash in it escapes nothing, which
 * is why http/field.h's list is not used. */
static bool take_etag(struct slice *rest, struct slice *etag)
{
	size_t open = slice_starts(*rest, SLICE("W/")) ? 2 : 0, close;

	if (open >= rest->n || rest->p[open] != '"')
		return false;
	close = slice_find(*rest, open + 1, '"');
	if (close == rest->n)
		return false;
	*etag = slice_sub(*rest, 0, close + 1);
	*rest = slice_trim_ows(slice_sub(*rest, close + 1, rest->n));
	return true;
}

bool etag_list_matches(struct slice list, struct slice etag)
{
	struct slice rest = slice_trim_ows(list), item;

	if (slice_eq(rest, SLICE("*")))
		return true;
	while (rest.n > 0) {
		if (rest.p[0] == ',') {
			rest = slice_trim_ows(slice_sub(rest, 1, rest.n));
			continue;
		}
		if (!take_etag(&rest, &item))
			return false;
		if (rest.n > 0 && rest.p[0] != ',')
			return false;
		if (etag_matches(item, etag))
			return true;
	}
	return false;
}

/*
 * A date names a second, and two versions may be of one: the second that a
 * client names counts only for what was made before the second in which it was
 * sent (RFC 9110 §8.8.2.2), and so never for a Date.
 */
static bool is_unmodified(const struct conditional *c,
    struct slice last_modified, int64_t date_s, int64_t now_s)
{
	int64_t since_s, made_s = date_s;

	/* RFC 9110 §13.1.3: an invalid date is ignored. */
	if (!http_date_parse(
		slice_trim_ows(c->if_modified_since), now_s, &since_s))
		return false;
	if (last_modified.n > 0 &&
	    !http_date_parse(last_modified, now_s, &made_s))
		return false;
	if (made_s < 0 || made_s > since_s)
		return false;
	return made_s < since_s || made_s < date_s;
}

bool conditional_is_not_modified(const struct conditional *c, struct slice etag,
    struct slice last_modified, int64_t date_s, int64_t now_s)
{
	/* §13.2.2: If-None-Match alone decides when it is there. */
	if (c->if_none_match.p)
		return etag_list_matches(c->if_none_match, etag);
	if (c->if_modified_since.p)
		return is_unmodified(c, last_modified, date_s, now_s);
	return false;
}

static bool is_in_304(struct slice name)
{
	static const char *const names[] = {"date", "etag", "cache-control",
	    "content-location", "expires", "vary", "last-modified"};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (slice_eq_nocase(name, slice_of_str(names[i])))
			return true;
	}
	return slice_eq_nocase(
	    slice_sub(name, 0, 15), SLICE("access-control-"));
}

void conditional_head_304(struct slice head, struct buf *out)
{
	struct field f;

	while (field_next(&head, &f)) {
		/* The line as it stands: head is behind it now. */
		if (is_in_304(f.name))
			buf_add(out, f.name.p, (size_t)(head.p - f.name.p));
	}
}
