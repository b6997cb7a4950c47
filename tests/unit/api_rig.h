/*
 * Requests written as text, for the tests of src/api.
 */
#ifndef TESTS_UNIT_API_RIG_H
#define TESTS_UNIT_API_RIG_H

#include "api/tags.h"

#include <assert.h>

struct api_request {
	const char *line; /* "GET /contacts/c1?locationId=L1" */
	const char *body; /* NULL: none */
	const char *answer; /* NULL: none yet */
	const char *location; /* of the credential; NULL: unknown */
};

/* c and m borrow from r. */
static inline void api_rig_context(
    const struct api_request *r, struct api_match *m, struct api_context *c)
{
	struct slice line = slice_of_str(r->line);
	size_t space = slice_find(line, 0, ' ');
	size_t mark = slice_find(line, 0, '?');

	*c = (struct api_context){
	    .match = m,
	    .path = slice_sub(line, space + 1, mark),
	    .query = slice_sub(line, mark + 1, line.n),
	    .body = slice_of_str(r->body),
	    .answer = slice_of_str(r->answer),
	    .location = slice_of_str(r->location),
	};
	api_find(api_method_of(slice_sub(line, 0, space)), c->path, m);
}

static inline void api_rig_read(
    const struct api_request *r, struct tag_set *out)
{
	struct api_match m;
	struct api_context c;

	tag_set_init(out);
	api_rig_context(r, &m, &c);
	api_tags_read(&c, out);
}

static inline void api_rig_moved(
    const struct api_request *r, struct tag_set *out)
{
	struct api_match m;
	struct api_context c;

	tag_set_init(out);
	api_rig_context(r, &m, &c);
	api_tags_moved(&c, out);
}

static inline bool tag_sets_meet(
    const struct tag_set *a, const struct tag_set *b)
{
	assert(!a->is_full && !b->is_full);
	for (size_t i = 0; i < a->n; i++)
		if (tag_set_has(b, a->v[i]))
			return true;
	return false;
}

/* Does the write make what the read answered stale? */
static inline bool api_rig_kills(
    const struct api_request *write, const struct api_request *read)
{
	struct tag_set moved, seen;
	bool is_killed;

	api_rig_moved(write, &moved);
	api_rig_read(read, &seen);
	is_killed = tag_sets_meet(&moved, &seen);
	tag_set_fini(&moved);
	tag_set_fini(&seen);
	return is_killed;
}

#endif
