/*
 * Which web pages may use the proxy from a browser (Fetch standard, "HTTP-CORS
 * protocol"). Without rules no field is ever added, and the upstream's own
 * access-control fields are never passed on: they speak of the upstream's
 * pages (http/field.h).
 *
 * Access-Control-Allow-Credentials is never sent. Clients prove themselves
 * with an Authorization field of their own, not with what a browser attaches
 * by itself, so no page gains anything by who its visitor is.
 *
 * Pure; any thread.
 */
#ifndef HTTP_CORS_H
#define HTTP_CORS_H

#include "base/buf.h"
#include "base/slice.h"

#include <stdbool.h>
#include <stddef.h>

struct cors_rules {
	const struct slice *origins; /* serialised as browsers do */
	size_t origins_n;
	bool is_any; /* every origin, "null" included */
};

/* Some page may. */
static inline bool cors_is_on(const struct cors_rules *c)
{
	return c->is_any || c->origins_n > 0;
}

bool cors_is_allowed(const struct cors_rules *c, struct slice origin);

/*
 * Appends the fields of any answer while the rules are on, also to a request
 * without Origin (an empty one) and to a page that may not: a cache between
 * must not give one page's answer to another.
 */
void cors_add_fields(
    const struct cors_rules *c, struct slice origin, struct buf *out);

/*
 * Appends what an answer to a preflight has besides: methods, those of the
 * asked field names that may_send accepts, and how long that holds.
 */
void cors_add_preflight(struct slice asked,
    bool (*may_send)(struct slice name, const void *arg), const void *arg,
    struct buf *out);

#endif
