/*
 * One sending of a request with one easy handle: the options, the callbacks
 * and what they learn. A transfer has one attempt, or two when the first died
 * with its reused connection and the request is safe.
 *
 * The send guard is here. libcurl sends again by itself, whatever the method,
 * when a reused connection dies before the first byte of the answer or an
 * HTTP/2 stream is refused; before each sending it calls
 * CURLOPT_PREREQFUNCTION, and a second call for one attempt is answered with
 * abort.
 *
 * Origin thread only.
 */
#ifndef ORIGIN_TRANSFER_ATTEMPT_H
#define ORIGIN_TRANSFER_ATTEMPT_H

#include "base/buf.h"
#include "http/upstream.h"
#include "origin/transfer_order.h"
#include "origin/transfer_site.h"
#include "origin/transfer_trace.h"
#include "origin/transfer_verdict.h"

#include <curl/curl.h>
#include <netinet/in.h>

/* Where an answer goes that is not collected; see transfer_sink. */
struct transfer_outlet {
	void (*head)(void *private);
	bool (*data)(void *private, struct slice bytes);
};

struct transfer_attempt {
	struct transfer_attempt *next, *previous; /* in site->first */
	struct transfer_site *site;
	const struct transfer_order *order;
	const struct transfer_outlet *outlet; /* NULL: the body is collected */
	void *private; /* whose attempt it is */
	CURL *easy; /* NULL: not running */
	struct curl_slist *resolve; /* owned */
	struct upstream head;
	struct buf body;
	uint64_t body_n; /* bytes of the body so far */
	struct transfer_trace trace;
	/* Identify the connection, while it lives. */
	char local_ip[INET6_ADDRSTRLEN];
	int local_port;
	int64_t connected_us; /* 0: reused or not yet */
	bool has_dialed;
	bool is_stopped;
	bool is_short;
	bool is_over;
	bool is_paused; /* the outlet had no room */
	bool is_reused; /* sent on a connection that was open already */
	char error[CURL_ERROR_SIZE]; /* written by libcurl */
};

void transfer_attempt_init(struct transfer_attempt *a,
    struct transfer_site *site, const struct transfer_order *order);
/* Must have ended. */
void transfer_attempt_fini(struct transfer_attempt *a);

/*
 * Sets all options of easy, which becomes the attempt's until
 * transfer_attempt_end. is_fresh: on a connection of its own. Forgets what an
 * earlier run learned. False: no memory.
 */
bool transfer_attempt_begin(
    struct transfer_attempt *a, CURL *easy, bool is_fresh, void *private);
/* easy was removed from the loop; gives it back. */
CURL *transfer_attempt_end(struct transfer_attempt *a);

/* Reads on after a pause. The outlet may be called. */
void transfer_attempt_resume(struct transfer_attempt *a);
/* Something of the request was handed to a connection. */
bool transfer_attempt_has_left(const struct transfer_attempt *a);
/* code: from libcurl; ignored when is_expired. */
struct transfer_verdict transfer_attempt_judge(
    const struct transfer_attempt *a, CURLcode code, bool is_expired);
/* A reused connection, or the stream, died: worth one try on a fresh one. */
bool transfer_attempt_may_repeat(
    const struct transfer_attempt *a, const struct transfer_verdict *v);
/* See transfer_result. */
bool transfer_attempt_is_close_delimited(const struct transfer_attempt *a);

#endif
