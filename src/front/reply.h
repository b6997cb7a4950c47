/*
 * Replies: from an answer (stored or just arrived) or from the proxy's own
 * words to bytes on the connection. Ends the request and its slot.
 *
 * Front thread only.
 */
#ifndef FRONT_REPLY_H
#define FRONT_REPLY_H

#include "front/request.h"

/* Whatever is sent for an answer; borrowed for the call. */
struct reply {
	unsigned status;
	struct slice head; /* "Name: value\r\n" lines */
	struct slice body;
	struct slice etag;
	struct slice last_modified;
	struct slice next_page; /* inside body */
	size_t authority_n;
	int64_t age_s; /* negative: no Age field (it has just arrived) */
	bool is_own; /* no origin's: its Date is now */
	bool is_streamed; /* for reply_begin: body is empty, and comes later */
	bool has_length; /* whose length is known */
	uint64_t length;
};

/* Sends it, as a 304 where the client's condition says so. r is gone. */
void reply_send(struct request *r, const struct reply *reply);
/*
 * Sends the head of one whose body comes later (conn_stream_add). False when
 * there is no body to send: the reply is complete, and r gone.
 */
bool reply_begin(struct request *r, const struct reply *reply);
/* An error of our own in GHL's shape. r is gone. */
void reply_error(struct request *r, unsigned status, const char *message);
/* A JSON document of our own. r is gone. */
void reply_json(struct request *r, unsigned status, struct slice body);
/* A document of our own, of any type. r is gone. */
void reply_document(struct request *r, struct slice type, struct slice body);

struct reply reply_of_view(const struct cache_view *v, int64_t now_ms);
struct reply reply_of_answer(const struct answer *a);

#endif
