/*
 * A request on its way through a front: what the steps of request.c learn
 * about it, one after the other. Requests live in the slots of a front; while
 * the origin is asked, slot and generation name them.
 *
 * Front thread only. Nobody outside src/front includes it.
 */
#ifndef FRONT_REQUEST_H
#define FRONT_REQUEST_H

#include "front/front.h"
#include "http/cachecontrol.h"
#include "http/cachestatus.h"
#include "http/conditional.h"
#include "http/forwarded.h"
#include "store/usage_table.h"

struct request {
	/* ---- slot ---- */
	struct front *front;
	uint32_t slot;
	uint32_t generation;
	struct request *next_free;
	bool is_waiting; /* asked the origin */

	/* ---- the client ---- */
	struct evhttp_request *req; /* NULL: answered */
	struct conn *conn; /* NULL: the client left */
	int64_t started_us; /* mono */
	int64_t now_ms; /* wall, at arrival */
	char id[24];
	bool is_head;
	/* What a trusted proxy says; borrowed from req. */
	struct forwarded forwarded;

	/* ---- gate to key ---- */
	enum api_method method;
	struct slice method_name;
	char extension[32]; /* what it points to, of an unknown method */
	struct slice sent_target; /* behind a tool's name; borrowed from req */
	char tool[USAGE_TOOL_MAX + 1]; /* "": none */
	bool is_counted; /* in the accounting: it is about the API */
	struct buf target; /* canonical */
	struct slice path;
	struct slice query;
	struct slice body; /* borrowed from req */
	size_t body_bytes; /* of the body that the origin has a copy of */
	size_t charged_bytes; /* of it, taken from the budget of bodies */
	struct api_match match;
	struct api_policy policy;
	enum fetch_kind kind;
	bool may_store;
	bool may_join;
	bool is_bypassed; /* the operator switched the store off */
	bool may_write; /* it, or what it asks for, may change something */
	struct slice authorization; /* borrowed from req */
	struct digest128 scope;
	struct buf lines; /* what fields point into */
	struct slice fields[FETCH_FIELDS_MAX];
	size_t fields_n;
	struct buf minified; /* body of a read-post */
	struct buf full_key;
	struct digest128 key;
	/* Of the stored answer that was found, and is to be asked about. */
	struct fetch_held held; /* inside these two */
	struct buf held_key;
	struct buf validators;
	bool is_vary_miss; /* stored, but for other values of what Vary names */
	bool is_stale_forbidden; /* found, and not to be served stale */
	struct cache_control cc;
	struct conditional conditional;

	/* ---- what came of it ---- */
	struct stream *stream; /* the body comes from there; see relay.h */
	bool is_length_known; /* of that body */
	enum ask_fallback fallback;
	unsigned asked;
	struct cachestatus cache;
	bool is_answered; /* else the client left before */
	unsigned status;
	size_t sent_bytes;
	int64_t age_s; /* of a stored answer that was served */
	bool is_shared; /* another one's upstream request answered it */
	int64_t sent_us; /* mono: the upstream request began; 0: none did */
	int64_t upstream_us;
	int64_t wait_us; /* until the upstream request began */
	int64_t ended_us; /* mono; 0: not over */
	char client[48]; /* address, for the log: access_client() */
	char trace_id[48];
};

/* A request arrived: takes it through the steps. */
void request_begin(struct request *r);
/* The origin's reply; takes the ask over. */
void request_reply(struct request *r, struct ask *a);
/* At the drain deadline. */
void request_give_up(struct request *r);
/* Slots, in front.c. NULL: none free. */
struct request *request_alloc(struct front *f);
void request_free(struct request *r);

#endif
