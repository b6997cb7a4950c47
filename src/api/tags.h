/*
 * Which tags an operation reads and which a write moves.
 *
 * A tag names something that can change: a record ("contact:ID") or a
 * collection in a location ("contacts@LOC"). Tags are never scoped by
 * credential. A rule string in the operation table is a space-separated list
 * of
 *
 *   NAME:SOURCE      record tags, one for each id at SOURCE
 *   NAME:?SOURCE     the same; nothing when the id is absent
 *   NAME@            collection tag of the request's location
 *   NAME@?SOURCE     the same, in writes; nothing when SOURCE is absent
 *   NAME@@           the collection of every location
 *
 * SOURCE is one or more of these, separated by "|", their ids united:
 *
 *   {param}          path parameter
 *   $query.K         query parameter K
 *   $body.a.b        the request's JSON body; a[].b walks an array
 *   $answer.a.b      the answer's JSON body
 *
 * Collections expand, so that a write finds its readers even if one side does
 * not know the location (X stands for NAME):
 *
 *   a read in LOC reads X@LOC and X@*; a read without location reads X@?;
 *   a write in LOC moves X@LOC and X@?; a write without location moves X@*
 *   and X@?.
 *
 * Records expand, so that a write finds its readers even if one side does not
 * know the id. Every record name is a collection too:
 *
 *   a read of known ids reads X:ID and X@; without id it reads X: and X@;
 *   a write on known ids moves X:ID and X:; without id it moves X@.
 *
 * So "contact@" in a write moves every contact of the location, and an id
 * that cannot be read out of a request (a form, an answer that never came)
 * costs precision, never correctness.
 *
 * Pure; any thread.
 */
#ifndef API_TAGS_H
#define API_TAGS_H

#include "api/op.h"
#include "base/digest.h"

#define TAG_SET_MAX 4096

/* A set of tags; grows to TAG_SET_MAX. */
struct tag_set {
	struct digest128 *v; /* owned; its block may be taken: free(v) */
	size_t n;
	size_t size;
	bool is_full; /* cap or memory ran out: treat as "all" moved or read */
};

void tag_set_init(struct tag_set *t);
void tag_set_fini(struct tag_set *t);
/* Adds once; a second add of an equal tag is no change. */
void tag_set_add(struct tag_set *t, struct digest128 tag);
bool tag_set_has(const struct tag_set *t, struct digest128 tag);
/* The tag named by the concatenation of the two slices. prefix is a short
 * constant; rest may be long and may be empty. */
struct digest128 tag_named(struct slice prefix, struct slice rest);

#define API_LOCATION_MAX 64

/* What is known about a request when tags are computed. */
struct api_context {
	const struct api_match *match; /* op may be NULL: unknown path */
	struct slice path; /* canonical path */
	struct slice query; /* canonical query without '?', may be empty */
	struct slice body; /* request body, may be empty */
	struct slice answer; /* answer's body once known, else empty */
	struct slice location; /* known from the credential or configuration,
				  never from a header or parameter that the
				  upstream may ignore; else empty */
	/* Whose answer it is, and under which key it is stored; NULL: nobody's,
	 * nowhere. */
	const struct digest128 *scope;
	const struct digest128 *key;
};

/*
 * The request's location: where the operation documents it in path, query
 * (locationId, location_id, altId unless altType says otherwise) or body, then
 * the context's, then the answer's; empty when unknown. Borrows from the
 * context. At most API_LOCATION_MAX letters, digits, "-" and "_".
 */
struct slice api_location(const struct api_context *c);
/*
 * Adds the tags that an entry of this request reads: the operation's, and the
 * implicit ones ("all", "op:ID", "path:PATH", collection "everything", and of
 * the scope and the key).
 *
 * Before the answer is there the result is a coarse stand-in (what only the
 * answer tells counts as unknown); with the answer it is complete by itself,
 * so start with an empty set then.
 */
void api_tags_read(const struct api_context *c, struct tag_set *out);
/*
 * Adds the tags that a write moves; none when it changes nothing that can be
 * read. For an unknown operation: the collection "everything" of the
 * context's location (of every location when that is unknown).
 */
void api_tags_moved(const struct api_context *c, struct tag_set *out);

/* Tags that a purge moves. */
void api_tags_all(struct tag_set *out);
void api_tags_location(struct slice location, struct tag_set *out);
/* What deleting the contact would move. */
void api_tags_contact(struct slice contact, struct tag_set *out);
void api_tags_operation(struct slice op_id, struct tag_set *out);
/* A trailing slash makes no difference. */
void api_tags_path(struct slice path, struct tag_set *out);
/* Everything that this credential may have. */
void api_tags_scope(const struct digest128 *scope, struct tag_set *out);
/* What is stored under this key alone (all its variants). */
void api_tags_entry(const struct digest128 *key, struct tag_set *out);

#endif
