#include "http/validate.h"

#include "http/conditional.h"
#include "http/field.h"

void validate_conditions(
    struct slice etag, struct slice last_modified, struct buf *out)
{
	if (etag_is_valid(etag))
		field_add(out, SLICE("If-None-Match"), etag);
	if (last_modified.n > 0)
		field_add(out, SLICE("If-Modified-Since"), last_modified);
}

static bool is_strong(struct slice etag)
{
	return etag_is_valid(etag) && etag.p[0] == '"';
}

bool validate_selects(
    const struct head *newer, struct slice etag, struct slice last_modified)
{
	/* A strong one decides alone, and only a strong one is the same. */
	if (is_strong(newer->etag))
		return slice_eq(newer->etag, etag);
	if (newer->etag.n > 0)
		return etag_matches(newer->etag, etag);
	if (newer->last_modified.n > 0 && etag.n == 0)
		return slice_eq(newer->last_modified, last_modified);
	/* Without a validator, or with a date beside the ETag that was asked
	 * about: it answers the question that was put. */
	return true;
}

/* A stored one that the HEAD has as well: do they differ? */
static bool differs(struct slice newer, struct slice stored, bool *is_told)
{
	if (newer.n == 0 || stored.n == 0)
		return false;
	*is_told = true;
	return !slice_eq(newer, stored);
}

enum validate_head validate_head(const struct head *newer, struct slice etag,
    struct slice last_modified, const struct validate_length *length)
{
	bool is_told = false;

	if (differs(newer->etag, etag, &is_told) ||
	    differs(newer->last_modified, last_modified, &is_told) ||
	    (length->is_known && length->n != length->stored_n))
		return VALIDATE_HEAD_INVALIDATES;
	return is_told || length->is_known ? VALIDATE_HEAD_FRESHENS
					   : VALIDATE_HEAD_NOTHING;
}
