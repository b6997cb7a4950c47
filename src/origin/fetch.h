/*
 * A fetch: everything the origin needs to know about one client request to
 * ask the upstream for it and to file the answer. Built by a front from
 * borrowed bytes into one allocation; handed to the origin with the ask;
 * counted there (a flight outlives the ask that began it).
 *
 * Built by a front thread; from posting on, origin thread only.
 */
#ifndef ORIGIN_FETCH_H
#define ORIGIN_FETCH_H

#include "api/policy.h"
#include "api/tags.h"

#define FETCH_FIELDS_MAX 128

enum fetch_kind {
	FETCH_READ, /* may be stored, may be shared */
	FETCH_PASS, /* once, nothing stored or moved */
	FETCH_STREAM, /* as FETCH_PASS, and the body is passed on as it comes */
	FETCH_WRITE /* once, moves tags */
};

/*
 * A stored answer that an upstream may be asked about instead of being asked
 * for it anew (RFC 9111 §4.3.1). full_key.n = 0: there is none.
 */
struct fetch_held {
	struct digest128 key;
	struct slice full_key;
	struct slice etag; /* n = 0: none; one of the two is there */
	struct slice last_modified;
	bool may_ask; /* the request can carry them as a condition */
};

struct fetch {
	unsigned refs;
	enum fetch_kind kind;
	bool is_standards; /* RFC 9111 alone: no operation is looked for, and
			      full_key lacks what Vary may nominate */
	bool may_store; /* reads: no client or operation objection */
	bool may_join; /* reads: identical ones may share the flight */
	bool may_write; /* streams: whatever comes back may tell of a change */
	bool is_probe; /* to find out whether the upstream is well again */
	bool is_hasty; /* a probe that passes the queue and is given up soon */
	struct digest128 scope; /* whose answer it is */
	struct digest128 key;
	struct slice full_key;
	struct slice method;
	struct slice target; /* canonical, as it is sent */
	struct slice path; /* inside target */
	struct slice query; /* inside target, without '?' */
	struct slice body;
	bool has_body;
	struct slice tool; /* on whose behalf, for accounting; never empty */
	struct slice location; /* known before the answer, may be empty */
	struct slice *fields; /* "Name: value" */
	size_t fields_n;
	struct fetch_held held;
	bool is_conditional; /* sent with the validators of held */
	struct api_match match; /* params inside path */
	struct api_policy policy; /* effective, by value */
};

/* What a front knows; every slice is borrowed for the call. */
struct fetch_spec {
	enum fetch_kind kind;
	bool is_standards;
	bool may_store;
	bool may_join;
	bool may_write;
	struct digest128 scope;
	struct digest128 key;
	struct slice full_key;
	enum api_method method;
	struct slice method_name;
	struct slice target;
	struct slice body;
	bool has_body;
	struct slice location;
	struct slice tool;
	const struct slice *fields;
	size_t fields_n; /* <= FETCH_FIELDS_MAX */
	struct api_policy policy;
	struct fetch_held held;
};

/* One reference. NULL when memory is exhausted. */
struct fetch *fetch_new(const struct fetch_spec *spec);
struct fetch *fetch_ref(struct fetch *f);
/* f may be NULL. */
void fetch_unref(struct fetch *f);
static inline bool fetch_is_head(const struct fetch *f)
{
	return slice_eq(f->method, SLICE("HEAD"));
}
/* Context for tag rules; answer may be empty. */
struct api_context fetch_context(const struct fetch *f, struct slice answer);

#endif
