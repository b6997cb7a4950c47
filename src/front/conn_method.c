#include "front/conn_internal.h"

#include <assert.h>

/*
 * Methods that evhttp does not know. It forgets their names and does not read
 * their bodies (2.1.12), so it gets such a message under the name of a method
 * that it treats alike, and the real name is kept here, by the number of the
 * message: evhttp hands requests on one by one, in their order.
 */

static const char *placeholder(const struct conn_extension *x)
{
	return x->has_body ? "POST" : "GET";
}

/* Those that were answered are of no use any more. */
static void forget_answered(struct conn *c)
{
	unsigned n = 0;

	while (n < c->extensions_n && c->extensions[n].number <= c->answered)
		n++;
	c->extensions_n -= n;
	memmove(c->extensions, c->extensions + n,
	    c->extensions_n * sizeof(c->extensions[0]));
}

static void note(struct conn *c, struct slice name)
{
	struct conn_extension *x;

	forget_answered(c);
	if (c->extensions_n == CONN_EXTENSIONS_MAX) {
		conn_refuse(c, 503, "too many pipelined requests");
		return;
	}
	x = &c->extensions[c->extensions_n++];
	*x = (struct conn_extension){
	    .number = c->accepted + 1,
	    .at = c->framed_n - c->frame.head_n,
	    .has_body = frame_has_body(&c->frame),
	    .name_n = name.n,
	};
	memcpy(x->name, name.p, name.n);
}

void conn_note_method(struct conn *c, enum frame_event e)
{
	struct slice name;

	if (e != FRAME_HEAD_DONE && e != FRAME_MESSAGE_END)
		return;
	name = frame_extension(&c->frame);
	if (name.n > 0 && !c->is_extension_noted)
		note(c, name);
	c->is_extension_noted = e == FRAME_HEAD_DONE;
}

bool conn_must_rename(const struct conn *c)
{
	return c->extensions_n > 0 &&
	       !c->extensions[c->extensions_n - 1].is_renamed;
}

bool conn_rename(struct conn *c, struct evbuffer *from, struct evbuffer *out)
{
	uint64_t end = c->given_n + evbuffer_get_length(from);

	for (unsigned i = 0; i < c->extensions_n; i++) {
		struct conn_extension *x = &c->extensions[i];
		const char *name = placeholder(x);

		if (x->is_renamed || x->at >= end)
			continue;
		assert(x->at >= c->given_n);
		if (evbuffer_remove_buffer(
			from, out, (size_t)(x->at - c->given_n)) < 0 ||
		    evbuffer_drain(from, x->name_n) != 0 ||
		    evbuffer_add(out, name, strlen(name)) != 0)
			return false;
		c->given_n = x->at + x->name_n;
		x->is_renamed = true;
	}
	c->given_n = end;
	return evbuffer_add_buffer(out, from) == 0;
}

struct slice conn_method(const struct conn *c)
{
	for (unsigned i = 0; i < c->extensions_n; i++)
		if (c->extensions[i].number == c->dispatched)
			return slice_of(
			    c->extensions[i].name, c->extensions[i].name_n);
	return SLICE_NONE;
}
