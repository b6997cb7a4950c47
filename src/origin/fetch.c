#include "origin/fetch.h"

#include <assert.h>
#include <stdlib.h>

static size_t spec_bytes(const struct fetch_spec *s)
{
	size_t n = s->full_key.n + s->method_name.n + s->target.n + s->body.n +
		   s->location.n + s->tool.n + s->held.full_key.n +
		   s->held.etag.n + s->held.last_modified.n;

	for (size_t i = 0; i < s->fields_n; i++)
		n += s->fields[i].n;
	return n;
}

static struct slice place(char **at, struct slice s)
{
	struct slice placed = slice_of(*at, s.n);

	if (s.n > 0)
		memcpy(*at, s.p, s.n);
	*at += s.n;
	return placed;
}

static void place_all(struct fetch *f, const struct fetch_spec *s, char *at)
{
	size_t mark;

	f->full_key = place(&at, s->full_key);
	f->method = place(&at, s->method_name);
	f->target = place(&at, s->target);
	f->body = place(&at, s->body);
	f->location = place(&at, s->location);
	f->tool = place(&at, s->tool);
	for (size_t i = 0; i < s->fields_n; i++)
		f->fields[i] = place(&at, s->fields[i]);
	f->held.key = s->held.key;
	f->held.full_key = place(&at, s->held.full_key);
	f->held.etag = place(&at, s->held.etag);
	f->held.last_modified = place(&at, s->held.last_modified);
	mark = slice_find(f->target, 0, '?');
	f->path = slice_sub(f->target, 0, mark);
	f->query = slice_sub(f->target, mark + 1, f->target.n);
}

struct fetch *fetch_new(const struct fetch_spec *s)
{
	struct fetch *f;

	assert(s->fields_n <= FETCH_FIELDS_MAX);
	f = calloc(
	    1, sizeof(*f) + s->fields_n * sizeof(*f->fields) + spec_bytes(s));
	if (!f)
		return NULL;
	f->refs = 1;
	f->kind = s->kind;
	f->is_standards = s->is_standards;
	f->is_conditional = s->held.full_key.n > 0 && s->held.may_ask;
	f->may_store = s->may_store;
	f->may_join = s->may_join;
	f->may_write = s->may_write;
	f->scope = s->scope;
	f->key = s->key;
	f->has_body = s->has_body;
	f->fields_n = s->fields_n;
	f->policy = s->policy;
	f->fields = (struct slice *)(f + 1);
	place_all(f, s, (char *)(f->fields + s->fields_n));
	/* Matched again because its parameters point into the path. */
	if (!f->is_standards)
		api_find(s->method, f->path, &f->match);
	return f;
}

struct fetch *fetch_ref(struct fetch *f)
{
	assert(f->refs > 0);
	f->refs++;
	return f;
}

void fetch_unref(struct fetch *f)
{
	if (!f)
		return;
	assert(f->refs > 0);
	if (--f->refs == 0)
		free(f);
}

struct api_context fetch_context(const struct fetch *f, struct slice answer)
{
	return (struct api_context){
	    .match = &f->match,
	    .path = f->path,
	    .query = f->query,
	    .body = f->body,
	    .answer = answer,
	    .location = f->location,
	    .scope = &f->scope,
	    .key = &f->key,
	};
}
