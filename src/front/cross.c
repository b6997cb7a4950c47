#include "front/cross.h"

#include "base/metrics.h"
#include "front/front_internal.h"
#include "front/identity.h"
#include "front/reply.h"

#define HEAD_MAX_BYTES 4096

void cross_add_fields(struct request *r, struct buf *out)
{
	const struct cors_rules *rules = &r->front->settings->cors;

	if (!cors_is_on(rules))
		return;
	/* Without a request (the client has left) nobody reads this. */
	cors_add_fields(
	    rules, r->req ? identity_field(r->req, "Origin") : SLICE_NONE, out);
}

bool cross_is_preflight(struct request *r)
{
	return r->method == API_OPTIONS &&
	       identity_field(r->req, "Origin").n > 0 &&
	       identity_field(r->req, "Access-Control-Request-Method").n > 0;
}

/* What has an effect here or upstream. */
static bool may_send(struct slice name, const void *front)
{
	static const char *const used[] = {
	    "cache-control", "pragma", "if-none-match", "if-modified-since"};

	for (size_t i = 0; i < sizeof(used) / sizeof(*used); i++)
		if (slice_eq_nocase(name, slice_of_str(used[i])))
			return true;
	return identity_is_forwarded(front, name);
}

void cross_reply(struct request *r)
{
	const struct front_settings *s = r->front->settings;
	struct slice origin = identity_field(r->req, "Origin");
	struct reply reply = {.status = 204, .age_s = -1, .is_own = true};
	struct buf head;

	metrics_add(METRIC_PREFLIGHTS, 1);
	if (!cors_is_allowed(&s->cors, origin)) {
		reply_error(
		    r, 403, "cors_origins does not list the page's origin");
		return;
	}
	buf_init(&head, HEAD_MAX_BYTES);
	cors_add_preflight(
	    identity_field(r->req, "Access-Control-Request-Headers"), may_send,
	    r->front, &head);
	if (head.has_failed) {
		reply_error(r, 431, "too many fields are asked for");
	} else {
		reply.head = buf_slice(&head);
		reply_send(r, &reply);
	}
	buf_fini(&head);
}

/* http://HOST or https://HOST, with the Host that is asked. */
static bool is_own_origin(struct request *r, struct slice origin)
{
	struct slice host = identity_host(r->req);
	size_t colon = slice_find(origin, 0, ':');
	struct slice rest = slice_sub(origin, colon, origin.n);

	return slice_starts(origin, SLICE("http")) && host.n > 0 &&
	       slice_starts(rest, SLICE("://")) &&
	       slice_eq_nocase(slice_sub(rest, 3, rest.n), host);
}

/*
 * Sec-Fetch-Site "same-site" is foreign: all ports of localhost are one site.
 * "none" is what a user types.
 */
bool cross_is_foreign_page(struct request *r)
{
	struct slice site = identity_field(r->req, "Sec-Fetch-Site");
	struct slice origin = identity_field(r->req, "Origin");

	if (site.n > 0 && !slice_eq(site, SLICE("same-origin")) &&
	    !slice_eq(site, SLICE("none")))
		return true;
	return origin.n > 0 && !is_own_origin(r, origin);
}
