/*
 * Sources: where in a request or its answer an id stands.
 *
 *   {param}      path parameter
 *   $query.K     every query parameter K, form-decoded
 *   $body.a.b    member of the request's JSON body
 *   $answer.a.b  member of the answer's JSON body
 *
 * In a JSON path "a[]" walks the elements of the array a, and "a[].b" the
 * member b of each. An id is a non-empty string of at most API_ID_MAX bytes,
 * or a number as it is written.
 *
 * Pure; any thread.
 */
#ifndef API_SOURCE_H
#define API_SOURCE_H

#include "api/tags.h"

#define API_ID_MAX 256

enum source_state {
	SOURCE_UNKNOWN, /* no such document, or what stands there is no id:
			   there may be ids that were not given */
	SOURCE_ABSENT, /* the document was read and has no such member */
	SOURCE_PRESENT /* all ids were given; none for null and for [] */
};

/*
 * One id. is_borrowed: it lives as long as the context does, else only for
 * the call.
 */
typedef void source_id_fn(void *arg, struct slice id, bool is_borrowed);

/*
 * Calls fn (NULL: nobody) with each id that stands at source. source must be
 * well-formed: rules are constant data, a bad one is a bug and asserts.
 */
enum source_state source_each(const struct api_context *c, struct slice source,
    source_id_fn *fn, void *arg);

#endif
