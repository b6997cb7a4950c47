/*
 * The addresses of one host name, looked up by a thread of its own so that a
 * slow name server stalls nobody, and looked up again before they are old. The
 * last good answer stays in use while the name server is down: a mirror is
 * wanted most when the network is ill.
 *
 * Everything here belongs to the thread of the event base, but the lookup
 * function, which runs on the thread of this module.
 */
#ifndef ORIGIN_RESOLVE_H
#define ORIGIN_RESOLVE_H

#include "base/buf.h"

#include <stdint.h>

struct event_base;
struct resolve;

/*
 * Appends the addresses of host to list, best first, separated by commas,
 * without brackets. False, or nothing appended: there are none. May block.
 * Runs on the resolver's thread; may still be running after resolve_free, so
 * arg must outlive it.
 */
typedef bool (*resolve_lookup)(const char *host, struct buf *list, void *arg);

struct resolve_options {
	const char *host; /* copied */
	resolve_lookup lookup; /* NULL: getaddrinfo */
	void *lookup_arg;
	int64_t refresh_ms; /* between lookups while the last one succeeded */
	int64_t retry_ms; /* after one that failed */
	int64_t gap_ms; /* at least, also when asked */
};

enum resolve_state {
	RESOLVE_PENDING, /* nobody knows yet */
	RESOLVE_KNOWN,
	RESOLVE_FAILED /* there never was an answer, the last lookup failed */
};

/* A lookup ended, with whatever result. */
typedef void (*resolve_changed)(void *arg);

/* Begins the first lookup. NULL when memory, threads or descriptors are
 * exhausted. */
struct resolve *resolve_new(struct event_base *base,
    const struct resolve_options *o, resolve_changed changed, void *arg);
/* Never waits for a lookup under way. r may be NULL. changed is not called
 * any more. */
void resolve_free(struct resolve *r);

enum resolve_state resolve_state(const struct resolve *r);
/* "ip,ip"; NULL unless known. Valid until the event loop runs again. */
const char *resolve_list(const struct resolve *r);
/* Wants a lookup now: there is no answer, or the answer led nowhere. */
void resolve_ask(struct resolve *r);

#endif
