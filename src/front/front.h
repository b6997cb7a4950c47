/*
 * A front: one thread that serves clients. It owns an event base, a listener,
 * its requests, a reader of the store and a mailbox for what comes back from
 * the origin. Fronts share nothing with each other but the port.
 *
 * Life: front_new, front_bind or front_adopt, front_start, front_drain,
 * front_join, front_free, all by the main thread.
 */
#ifndef FRONT_FRONT_H
#define FRONT_FRONT_H

#include "base/addr.h"
#include "front/conn.h"
#include "http/cors.h"
#include "origin/origin.h"

struct front;
struct usage_collect;
struct usage_table;

/* Where clients find the proxy, for nextPageUrl. */
struct front_public_url {
	struct slice listen; /* name of the listener; empty: any */
	struct slice scheme;
	struct slice authority;
};

/*
 * What a reload may change, as of one moment. Immutable; whoever made it keeps
 * it until no front uses it any more.
 */
struct front_settings {
	const struct api_policies *policies;
	const struct slice *hosts; /* accepted Host values; none: any */
	size_t hosts_n;
	const struct slice *own_hosts; /* accepted on loopback without hosts */
	size_t own_hosts_n;
	const struct slice *forward_fields; /* besides the fixed ones */
	size_t forward_fields_n;
	const struct front_public_url *public_urls; /* else: the request's */
	size_t public_urls_n;
	const struct addr_range *trusted; /* proxies, by address */
	size_t trusted_n;
	bool is_unix_trusted;
	struct cors_rules cors;
	/* Of which a running listener follows what listener_follow says. */
	struct listener_options listener;
	int64_t keep_stale_ms;
	int64_t drain_ms;
};

/*
 * New settings on their way to a front. Comes back to reply_to once the front
 * follows them, and reads the former ones no more.
 */
struct front_switch {
	struct mail mail;
	const struct front_settings *settings;
	struct mailbox *reply_to;
	int reply_kind;
};

struct front_options {
	struct listener_options listener; /* at the start */
	unsigned max_requests; /* slots: requests held at a time */
	unsigned max_streams; /* that the origin has at a time */
	struct cache *cache; /* NULL: no store */
	struct origin *origin;
	struct digest_secret secret; /* of credential scopes */
	bool is_standards; /* no path is GHL's: RFC 9111 alone */
	const struct front_settings *settings; /* at the start */
	/* Append the status document, and the metrics as a text of
	 * metrics_type; any thread may call them. */
	void (*status)(struct buf *out, void *arg);
	void (*metrics)(struct buf *out, void *arg);
	struct slice metrics_type;
	void *status_arg;
	/* Posted to by a front that has drained; owned by main. */
	struct mailbox *notify;
	int notify_kind;
};

/* NULL with a message in why (caller frees). Options are copied; what they
 * point to outlives the front. */
struct front *front_new(
    unsigned index, const struct front_options *o, char **why);
/* Before front_start. */
bool front_bind(struct front *f, const char *host, uint16_t port,
    const char *name, uint16_t *port_out, char **why);
/*
 * Accepts from a listening socket, through a descriptor of its own; fd stays
 * the caller's. As listener_adopt; an inherited one was checked with
 * listener_inherited_fault. Before front_start.
 */
bool front_adopt(
    struct front *f, int fd, const char *name, bool is_inherited, char **why);
bool front_start(struct front *f);
/* After front_start and before front_drain. s is the front's until it is back;
 * one at a time. */
void front_use(struct front *f, struct front_switch *s);
/* Stops accepting, finishes what it holds, at the deadline with 503, then
 * ends and posts to notify. Once. */
void front_drain(struct front *f);
/* The deadline is now. Once, after front_drain. */
void front_hurry(struct front *f);
/*
 * Sends for what was counted; c comes back with it, unless the thread ends
 * before. Main thread; not again before it is back.
 */
void front_collect(struct front *f, struct usage_collect *c);
void front_join(struct front *f);
/* What was counted and not collected. After front_join; owned by the front. */
struct usage_table *front_usage(struct front *f);
/* The thread has ended and the origin too: late replies are freed. */
void front_free(struct front *f);

#endif
