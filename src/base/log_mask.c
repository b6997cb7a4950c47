#include "base/log.h"

/*
 * Parameters whose values say how something was asked, not about whom. All
 * others may hold names, addresses and telephone numbers. A name that is
 * spelt with %XX is not recognised, which errs on the right side.
 */
static const char *const harmless[] = {
    "limit",
    "pageLimit",
    "page",
    "skip",
    "offset",
    "cursor",
    "startAfter",
    "startAfterId",
    "startAfterDate",
    "lastMessageId",
    "order",
    "sort",
    "sortBy",
    "sortOrder",
    "startDate",
    "endDate",
    "startTime",
    "endTime",
    "timezone",
    "status",
    "type",
    "altType",
    "altId",
    "locationId",
    "location_id",
    "companyId",
    "calendarId",
    "pipelineId",
};

static bool is_harmless(struct slice name)
{
	for (size_t i = 0; i < sizeof(harmless) / sizeof(harmless[0]); i++) {
		if (slice_eq(name, slice_of_str(harmless[i])))
			return true;
	}
	return false;
}

static void add_unless_secret(struct buf *out, struct slice s)
{
	if (log_is_secret(s))
		buf_add_char(out, '*');
	else
		buf_add_slice(out, s);
}

static void log_mask_parameter(struct buf *out, struct slice param)
{
	size_t eq = slice_find(param, 0, '=');
	struct slice name = slice_sub(param, 0, eq);

	struct slice value = slice_sub(param, eq + 1, param.n);

	if (eq == param.n) {
		/* No name, so all of it may be the value. */
		if (param.n > 0)
			buf_add_char(out, '*');
		return;
	}
	add_unless_secret(out, name);
	buf_add_char(out, '=');
	if (is_harmless(name))
		add_unless_secret(out, value);
	else if (value.n > 0)
		buf_add_char(out, '*');
}

static void log_mask_path(struct buf *out, struct slice path)
{
	size_t at = 0;

	while (at < path.n) {
		size_t end = slice_find(path, at, '/');

		add_unless_secret(out, slice_sub(path, at, end));
		if (end < path.n)
			buf_add_char(out, '/');
		at = end + 1;
	}
}

void log_mask_query(struct buf *out, struct slice target)
{
	size_t at = slice_find(target, 0, '?');

	log_mask_path(out, slice_sub(target, 0, at));
	while (at < target.n) {
		size_t end = slice_find(target, at + 1, '&');

		buf_add_char(out, target.p[at]); /* ? or & */
		log_mask_parameter(out, slice_sub(target, at + 1, end));
		at = end;
	}
}
