#include "front/identity.h"

#include "base/config.h"
#include "front/front_internal.h"
#include "http/field.h"

#include <assert.h>
#include <event2/buffer.h>
#include <event2/http.h>
#include <event2/http_struct.h>
#include <event2/keyvalq_struct.h>
#include <sys/queue.h>

/*
 * Sent on to the upstream; nothing else is, unless forward_headers names it.
 * Their order here is their order on the wire and in the key, so that clients
 * that send them in another order share an answer.
 */
static const char *const forwarded[] = {
    "Authorization",
    "Version",
    "Content-Type",
    "Accept",
    "locationId",
    "companyId",
    "X-SDK-Version",
};

#define FORWARDED_N (sizeof(forwarded) / sizeof(*forwarded))

/* Also sent on with what is neither stored nor shared and may be long. Every
 * field that begins with Mcp- belongs to them. */
static const char *const streamed[] = {"Range", "If-Range", "Last-Event-ID"};

#define STREAMED_N (sizeof(streamed) / sizeof(*streamed))

/* Mcp- fields of a request; with more it is refused. */
#define MCP_FIELDS_MAX 12

/* Nothing is ever left out for want of room. */
_Static_assert(FORWARDED_N + CONFIG_FORWARD_MAX + STREAMED_N + MCP_FIELDS_MAX <=
		   FETCH_FIELDS_MAX,
    "a fetch holds all fields that may be forwarded");

static enum evhttp_cmd_type command(struct evhttp_request *req)
{
	return evhttp_request_get_command(req);
}

static struct slice method_text(enum evhttp_cmd_type cmd)
{
	switch (cmd) {
	case EVHTTP_REQ_GET:
		return SLICE("GET");
	case EVHTTP_REQ_POST:
		return SLICE("POST");
	case EVHTTP_REQ_HEAD:
		return SLICE("HEAD");
	case EVHTTP_REQ_PUT:
		return SLICE("PUT");
	case EVHTTP_REQ_DELETE:
		return SLICE("DELETE");
	case EVHTTP_REQ_PATCH:
		return SLICE("PATCH");
	case EVHTTP_REQ_OPTIONS:
		return SLICE("OPTIONS");
	default:
		return SLICE("");
	}
}

void identity_gate_request(
    struct evhttp_request *req, struct field *fields, struct gate_request *out)
{
	struct evkeyval *kv;
	size_t n = 0;

	TAILQ_FOREACH(kv, evhttp_request_get_input_headers(req), next)
	{
		if (n < IDENTITY_FIELDS_MAX) {
			fields[n].name = slice_of_str(kv->key);
			fields[n].value = slice_of_str(kv->value);
		}
		n++;
	}
	*out = (struct gate_request){
	    .method = method_text(command(req)),
	    .target = slice_of_str(evhttp_request_get_uri(req)),
	    .major = (unsigned)req->major,
	    .minor = (unsigned)req->minor,
	    .fields = fields,
	    .fields_n = n,
	    .body_n = evbuffer_get_length(evhttp_request_get_input_buffer(req)),
	};
}

const char *identity_uri(struct evhttp_request *req)
{
	return evhttp_request_get_uri(req);
}

bool identity_has_length(struct evhttp_request *req)
{
	return identity_field(req, "Content-Length").p != NULL ||
	       identity_field(req, "Transfer-Encoding").p != NULL;
}

struct slice identity_field(struct evhttp_request *req, const char *name)
{
	return slice_of_str(
	    evhttp_find_header(evhttp_request_get_input_headers(req), name));
}

struct slice identity_host(struct evhttp_request *req)
{
	return identity_field(req, "Host");
}

struct slice identity_body(struct evhttp_request *req)
{
	struct evbuffer *in = evhttp_request_get_input_buffer(req);
	size_t n = evbuffer_get_length(in);

	if (n == 0)
		return SLICE_NONE;
	return slice_of((const char *)evbuffer_pullup(in, -1), n);
}

void identity_drop_body(struct evhttp_request *req)
{
	struct evbuffer *in = evhttp_request_get_input_buffer(req);

	evbuffer_drain(in, evbuffer_get_length(in));
}

static void add_line(
    struct request *r, struct slice name, struct slice value, size_t offsets[])
{
	assert(r->fields_n < FETCH_FIELDS_MAX);
	offsets[r->fields_n++] = r->lines.n;
	buf_add_slice(&r->lines, name);
	buf_add_slice(&r->lines, SLICE(": "));
	buf_add_slice(&r->lines, slice_trim_ows(value));
}

/* A field that came in several lines is one list (RFC 9110 §5.3). */
static void forward(struct request *r, struct slice name, size_t offsets[])
{
	struct evkeyval *kv;
	bool is_first = true;

	TAILQ_FOREACH(kv, evhttp_request_get_input_headers(r->req), next)
	{
		if (!slice_eq_nocase(slice_of_str(kv->key), name))
			continue;
		if (is_first) {
			add_line(r, name, slice_of_str(kv->value), offsets);
			is_first = false;
			continue;
		}
		buf_add_slice(&r->lines, SLICE(", "));
		buf_add_slice(
		    &r->lines, slice_trim_ows(slice_of_str(kv->value)));
	}
}

/* Answers to these are never stored, so the fields need not be in a key. */
static bool is_stream(const struct request *r)
{
	if (r->match.op)
		return r->match.op->class == API_CLASS_STREAM;
	return api_is_mcp(r->path);
}

static bool is_forwarded_always(const struct front *f, struct slice name)
{
	const struct front_settings *s = f->settings;

	for (size_t i = 0; i < s->forward_fields_n; i++)
		if (slice_eq_nocase(s->forward_fields[i], name))
			return true;
	return false;
}

/* False when there are more than a request may have. */
static bool forward_streamed(struct request *r, size_t offsets[])
{
	struct evkeyval *kv;
	unsigned mcp_n = 0;

	if (!is_stream(r))
		return true;
	for (size_t i = 0; i < STREAMED_N; i++)
		if (!is_forwarded_always(r->front, slice_of_str(streamed[i])))
			forward(r, slice_of_str(streamed[i]), offsets);
	TAILQ_FOREACH(kv, evhttp_request_get_input_headers(r->req), next)
	{
		struct slice name = slice_of_str(kv->key);

		if (!slice_eq_nocase(slice_sub(name, 0, 4), SLICE("mcp-")) ||
		    is_forwarded_always(r->front, name))
			continue;
		if (mcp_n++ == MCP_FIELDS_MAX)
			return false;
		add_line(r, name, slice_of_str(kv->value), offsets);
	}
	return true;
}

/* The lines move while they are written: their slices come last. */
static void point_fields(struct request *r, const size_t offsets[])
{
	struct slice all = buf_slice(&r->lines);

	for (size_t i = 0; i < r->fields_n; i++) {
		size_t end = i + 1 < r->fields_n ? offsets[i + 1] : all.n;

		r->fields[i] = slice_sub(all, offsets[i], end);
	}
}

/* forward_headers may name what is forwarded anyway. */
static bool is_built_in(struct slice name)
{
	for (size_t i = 0; i < FORWARDED_N; i++)
		if (slice_eq_nocase(name, slice_of_str(forwarded[i])))
			return true;
	return false;
}

bool identity_is_forwarded(const struct front *f, struct slice name)
{
	for (size_t i = 0; i < STREAMED_N; i++)
		if (slice_eq_nocase(name, slice_of_str(streamed[i])))
			return true;
	return is_built_in(name) || is_forwarded_always(f, name) ||
	       slice_eq_nocase(slice_sub(name, 0, 4), SLICE("mcp-"));
}

/* ---- under the standards profile ---- */

static bool is_nominated(struct request *r, struct slice name)
{
	struct evkeyval *kv;

	TAILQ_FOREACH(kv, evhttp_request_get_input_headers(r->req), next)
	{
		if (slice_eq_nocase(
			slice_of_str(kv->key), SLICE("connection")) &&
		    field_list_has(slice_of_str(kv->value), name))
			return true;
	}
	return false;
}

/* Answered from what is stored, whatever the upstream would say to them. */
static bool is_condition_of_read(struct slice name)
{
	return slice_eq_nocase(name, SLICE("if-none-match")) ||
	       slice_eq_nocase(name, SLICE("if-modified-since"));
}

/* All that does not end at this hop (RFC 9110 §7.6.1), as it came. */
static bool forward_all(struct request *r, size_t offsets[])
{
	struct evkeyval *kv;

	TAILQ_FOREACH(kv, evhttp_request_get_input_headers(r->req), next)
	{
		struct slice name = slice_of_str(kv->key);

		if (!field_may_be_sent(name) || is_nominated(r, name) ||
		    (r->kind == FETCH_READ && is_condition_of_read(name)))
			continue;
		if (r->fields_n == FETCH_FIELDS_MAX)
			return false;
		add_line(r, name, slice_of_str(kv->value), offsets);
	}
	return true;
}

bool identity_asks_for_part(struct evhttp_request *req)
{
	static const char *const names[] = {
	    "Range", "If-Match", "If-Unmodified-Since", "If-Range"};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (identity_field(req, names[i]).p)
			return true;
	return false;
}

/* Who shares entries: those who show the same credentials, or none. False:
 * they are too long. */
static bool scope_by_all(struct request *r)
{
	struct evkeyval *kv;

	buf_reset(&r->lines);
	buf_add_slice(&r->lines, r->authorization);
	TAILQ_FOREACH(kv, evhttp_request_get_input_headers(r->req), next)
	{
		if (!slice_eq_nocase(slice_of_str(kv->key), SLICE("cookie")))
			continue;
		buf_add_char(&r->lines, '\n');
		buf_add_slice(&r->lines, slice_of_str(kv->value));
	}
	r->scope =
	    digest_keyed(&r->front->options.secret, buf_slice(&r->lines));
	return !r->lines.has_failed;
}

/* As identity_read. */
static unsigned read_forwarded(struct request *r)
{
	const struct front_settings *s = r->front->settings;
	size_t offsets[FETCH_FIELDS_MAX];

	r->fields_n = 0;
	buf_reset(&r->lines);
	if (r->front->options.is_standards) {
		if (!forward_all(r, offsets))
			return 431;
		point_fields(r, offsets);
		return r->lines.has_failed ? 431 : 0;
	}
	for (size_t i = 0; i < FORWARDED_N; i++)
		forward(r, slice_of_str(forwarded[i]), offsets);
	for (size_t i = 0; i < s->forward_fields_n; i++)
		if (!is_built_in(s->forward_fields[i]))
			forward(r, s->forward_fields[i], offsets);
	if (!forward_streamed(r, offsets))
		return 431;
	point_fields(r, offsets);
	return r->lines.has_failed ? 431 : 0;
}

static void read_cache_control(struct request *r)
{
	struct evkeyval *kv;
	bool has_any = false;

	cachecontrol_init(&r->cc);
	TAILQ_FOREACH(kv, evhttp_request_get_input_headers(r->req), next)
	{
		if (!slice_eq_nocase(
			slice_of_str(kv->key), SLICE("cache-control")))
			continue;
		cachecontrol_add(&r->cc, slice_of_str(kv->value));
		has_any = true;
	}
	/* RFC 9111 §5.4: Pragma counts only without Cache-Control. */
	if (!has_any &&
	    slice_eq_nocase(slice_trim_ows(identity_field(r->req, "Pragma")),
		SLICE("no-cache")))
		cachecontrol_add(&r->cc, SLICE("no-cache"));
}

unsigned identity_read(struct request *r)
{
	r->authorization =
	    slice_trim_ows(identity_field(r->req, "Authorization"));
	if (!r->front->options.is_standards)
		r->scope =
		    digest_keyed(&r->front->options.secret, r->authorization);
	else if (!scope_by_all(r))
		return 431;
	r->conditional.if_none_match = identity_field(r->req, "If-None-Match");
	r->conditional.if_modified_since =
	    identity_field(r->req, "If-Modified-Since");
	read_cache_control(r);
	return read_forwarded(r);
}
