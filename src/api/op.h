/*
 * What each GHL operation is: the one table of all documented operations,
 * and the look-up from method and canonical path.
 *
 * Facts are data (src/api/ops/, one file per app of the documentation): adding
 * an operation is adding a row. Nothing here knows about stores, credentials
 * or transfers.
 *
 * Constant data; any thread.
 */
#ifndef API_OP_H
#define API_OP_H

#include "base/slice.h"

#include <stdint.h>

enum api_method {
	API_GET,
	API_HEAD,
	API_POST,
	API_PUT,
	API_PATCH,
	API_DELETE,
	API_OPTIONS,
	API_METHOD_UNKNOWN
};

enum api_class {
	API_CLASS_CACHE, /* stored, coalesced */
	API_CLASS_SHORT, /* as cache, for seconds; TTL 0: coalesced only */
	API_CLASS_READ_POST, /* a search: a POST that reads; body in the key */
	API_CLASS_WRITE, /* passes once, moves tags */
	API_CLASS_NEVER, /* passes once, nothing stored, coalesced, moved */
	API_CLASS_STREAM /* as never, and the body may be long: not held */
};

/* What a read may do when the upstream cannot be asked. */
enum api_stale {
	API_STALE_MARKED, /* the stored answer, marked stale */
	API_STALE_NEVER /* 503 */
};

struct api_op {
	const char *id; /* "contacts.get-contact"; unique */
	enum api_method method;
	const char *template; /* "/contacts/{contactId}", the spec's slash */
	const char *alias; /* the same under Version v3, or NULL */
	enum api_class class;
	uint32_t ttl_ms; /* fresh for; 0: coalesced only */
	uint32_t swr_ms; /* served stale while revalidating, past ttl */
	enum api_stale stale;
	bool is_settling; /* reads an index that lags: not stored for a
			     settling time after a write on its tags */
	bool is_queueable; /* may wait in the outbox (writes) */
	bool is_refetched; /* record read: refetched after a write */
	const char *scopes; /* GHL scope names, space separated; "" = none
			       documented */
	const char *version; /* documented Version, NULL when none */
	const char *location; /* where its location stands: sources as in
				 tags.h, space separated, best first; "" when
				 request and answer do not tell */
	const char *tags_read; /* tag rules, see tags.h; "" for writes */
	const char *tags_moved; /* tag rules; "" for reads, and for writes that
				   change nothing that can be read */
};

#define API_PARAMS_MAX 6

/* A path that matched a template, with the values of its {parameters}. */
struct api_match {
	const struct api_op *op; /* NULL: unknown path */
	size_t params_n;
	struct {
		struct slice name; /* inside the template */
		struct slice value; /* inside the path that was matched */
	} params[API_PARAMS_MAX];
};

/* From the method token, which is case-sensitive; HEAD is its own value. */
enum api_method api_method_of(struct slice token);
/* "UNKNOWN" for API_METHOD_UNKNOWN. */
const char *api_method_name(enum api_method m);

/* "cache", "short", "read-post", "write", "never", "stream". */
const char *api_class_name(enum api_class c);
/* False, and *c untouched, when no class has this name. */
bool api_class_of(struct slice name, enum api_class *c);
/* One client request, one upstream request, nothing kept. */
static inline bool api_class_is_never(enum api_class c)
{
	return c == API_CLASS_NEVER || c == API_CLASS_STREAM;
}
/* A read whose answer may be shared: cache, short, read-post. */
static inline bool api_class_is_read(enum api_class c)
{
	return c <= API_CLASS_READ_POST;
}

/*
 * Looks path (canonical, without query) up. HEAD matches the GET operation. A
 * trailing slash matches with and without; a literal segment beats a
 * parameter. False, and op NULL, when no operation has this path and method.
 * m borrows from path.
 */
bool api_find(enum api_method method, struct slice path, struct api_match *m);
/* Value of a named path parameter, SLICE_NONE when the match has none. */
struct slice api_param(const struct api_match *m, struct slice name);
/* Does the documented path end in "/"? So is the target sent. */
bool api_op_has_slash(const struct api_op *op);
/* The MCP endpoint, which is no documented operation and must stream. */
bool api_is_mcp(struct slice path);

/* NULL when no operation has this id. */
const struct api_op *api_by_id(struct slice id);
size_t api_ops_n(void);
/* i < api_ops_n() */
const struct api_op *api_op_at(size_t i);
/* op: out of the table, not a copy. */
size_t api_op_index(const struct api_op *op);

#endif
