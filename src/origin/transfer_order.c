#include "origin/transfer_order.h"

#include "http/field.h"

#include <curl/curl.h>
#include <stdlib.h>

static bool is_method(struct slice s)
{
	return s.n <= TRANSFER_METHOD_MAX && field_is_token(s);
}

/* Origin form, visible ASCII: no byte can end the request line early. */
static bool is_target(struct slice s)
{
	if (s.n == 0 || s.p[0] != '/')
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= 0x20 || s.p[i] >= 0x7f || s.p[i] == '#')
			return false;
	return true;
}

static char *copy_string(struct slice s)
{
	char *p = malloc(s.n + 1);

	if (!p)
		return NULL;
	memcpy(p, s.p, s.n);
	p[s.n] = '\0';
	return p;
}

static bool add_line(struct transfer_order *o, const char *line)
{
	struct curl_slist *longer = curl_slist_append(o->fields, line);

	if (longer)
		o->fields = longer;
	return longer != NULL;
}

/*
 * "Name: value" as it is; an empty value as "Name;", because to libcurl
 * "Name:" means: leave out the header that you would send.
 */
static bool add_field(struct transfer_order *o, struct slice name,
    struct slice field, bool is_empty)
{
	char *line =
	    copy_string(is_empty ? slice_of(name.p, name.n + 1) : field);
	bool is_ok;

	if (!line)
		return false;
	if (is_empty)
		line[name.n] = ';';
	is_ok = add_line(o, line);
	free(line);
	return is_ok;
}

struct defaults {
	bool has_accept;
	bool has_content_type;
};

static enum transfer_order_result take_field(
    struct transfer_order *o, struct slice field, struct defaults *given)
{
	size_t colon = slice_find(field, 0, ':');
	struct slice name = slice_sub(field, 0, colon);
	struct slice value =
	    slice_trim_ows(slice_sub(field, colon + 1, field.n));

	if (colon == field.n || !field_is_token(name) ||
	    !field_is_value(value) || !field_may_be_sent(name))
		return TRANSFER_ORDER_BAD;
	if (slice_eq_nocase(name, SLICE("accept")))
		given->has_accept = true;
	if (slice_eq_nocase(name, SLICE("content-type")))
		given->has_content_type = true;
	return add_field(o, name, field, value.n == 0)
		   ? TRANSFER_ORDER_OK
		   : TRANSFER_ORDER_NO_MEMORY;
}

/* libcurl would add these: Accept with everything, the type of a form with
 * POSTFIELDS, and Expect above 1 MiB. */
static bool leave_out_defaults(
    struct transfer_order *o, const struct defaults *given)
{
	return add_line(o, "Expect:") &&
	       (given->has_accept || add_line(o, "Accept:")) &&
	       (given->has_content_type || add_line(o, "Content-Type:"));
}

static enum transfer_order_result take_fields(
    struct transfer_order *o, const struct transfer_request *rq)
{
	struct defaults given = {false, false};

	for (size_t i = 0; i < rq->fields_n; i++) {
		enum transfer_order_result result =
		    take_field(o, rq->fields[i], &given);

		if (result != TRANSFER_ORDER_OK)
			return result;
	}
	/* All that forward a message say so, behind those before them
	 * (RFC 9110 §7.6.3). */
	if (!add_line(o, "Via: 1.1 ghlmirror") ||
	    !leave_out_defaults(o, &given))
		return TRANSFER_ORDER_NO_MEMORY;
	return TRANSFER_ORDER_OK;
}

/*
 * RFC 9110 §8.6: a method whose content has a meaning is sent with
 * Content-Length, also when that is 0; some servers answer 411 otherwise.
 */
static bool expects_body(struct slice method)
{
	return slice_eq(method, SLICE("POST")) ||
	       slice_eq(method, SLICE("PUT")) ||
	       slice_eq(method, SLICE("PATCH"));
}

enum transfer_order_result transfer_order_init(
    struct transfer_order *o, const struct transfer_request *rq)
{
	*o = (struct transfer_order){
	    .body = rq->has_body ? rq->body : SLICE_NONE,
	    .has_body = rq->has_body || expects_body(rq->method),
	    .is_head = slice_eq(rq->method, SLICE("HEAD")),
	    .is_safe = rq->is_safe,
	};
	if (!is_method(rq->method) || !is_target(rq->target) ||
	    (o->is_head && o->has_body))
		return TRANSFER_ORDER_BAD;
	memcpy(o->method, rq->method.p, rq->method.n);
	o->target = copy_string(rq->target);
	if (!o->target)
		return TRANSFER_ORDER_NO_MEMORY;
	return take_fields(o, rq);
}

void transfer_order_fini(struct transfer_order *o)
{
	free(o->target);
	curl_slist_free_all(o->fields);
	o->target = NULL;
	o->fields = NULL;
}
