#include "http/cors.h"

#include "http/field.h"

/* Names beyond this many are not allowed: no client asks for so many. */
#define ASKED_MAX 64

bool cors_is_allowed(const struct cors_rules *c, struct slice origin)
{
	if (c->is_any)
		return origin.n > 0;
	/* Byte for byte: browsers have one spelling. */
	for (size_t i = 0; i < c->origins_n; i++) {
		if (slice_eq(c->origins[i], origin))
			return true;
	}
	return false;
}

void cors_add_fields(
    const struct cors_rules *c, struct slice origin, struct buf *out)
{
	if (!c->is_any)
		buf_add_slice(out, SLICE("Vary: Origin\r\n"));
	if (!cors_is_allowed(c, origin))
		return;
	buf_add_slice(out, SLICE("Access-Control-Allow-Origin: "));
	buf_add_slice(out, c->is_any ? SLICE("*") : origin);
	buf_add_slice(out,
	    SLICE(
		"\r\nAccess-Control-Expose-Headers: Age, Cache-Status, "
		"Content-Range, ETag, Mcp-Session-Id, Retry-After, Via, X-Request-Id, X-Ratelimit-Max, "
		"X-Ratelimit-Remaining, X-Ratelimit-Interval-Milliseconds, "
		"X-Ratelimit-Limit-Daily, X-Ratelimit-Daily-Remaining, "
		"X-Ratelimit-Daily-Reset\r\n"));
}

void cors_add_preflight(struct slice asked,
    bool (*may_send)(struct slice name, const void *arg), const void *arg,
    struct buf *out)
{
	struct slice name;
	unsigned n = 0;

	buf_add_slice(out, SLICE("Access-Control-Allow-Methods: "
				 "GET, HEAD, POST, PUT, PATCH, DELETE\r\n"
				 "Access-Control-Max-Age: 600\r\n"));
	for (unsigned seen = 0;
	     seen < ASKED_MAX && field_list_next(&asked, &name); seen++) {
		if (!field_is_token(name) || !may_send(name, arg))
			continue;
		buf_add_slice(out, n++ == 0
				       ? SLICE("Access-Control-Allow-Headers: ")
				       : SLICE(", "));
		buf_add_slice(out, name);
	}
	if (n > 0)
		buf_add_slice(out, SLICE("\r\n"));
}
