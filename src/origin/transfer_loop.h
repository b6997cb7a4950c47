/*
 * libcurl's multi handle on a libevent base: its sockets, its timer, and a
 * pool of easy handles. Knows nothing of requests.
 *
 * Origin thread only.
 */
#ifndef ORIGIN_TRANSFER_LOOP_H
#define ORIGIN_TRANSFER_LOOP_H

#include <curl/curl.h>
#include <stdbool.h>

struct event_base;
struct transfer_loop;

/*
 * An easy handle ended with code. It is no longer in the loop; whoever added
 * it gives it back. private is what was set with CURLOPT_PRIVATE. May add and
 * remove handles.
 */
typedef void (*transfer_loop_ended)(void *private, CURLcode code, void *arg);

/* max_idle: connections kept for later transfers. NULL when memory is
 * exhausted. */
struct transfer_loop *transfer_loop_new(struct event_base *base,
    unsigned max_connections, unsigned max_idle, transfer_loop_ended ended,
    void *arg);
/* From now on that many connections; those there are stay. */
void transfer_loop_allow(struct transfer_loop *l, unsigned max_connections);
/* All handles must have been removed. l may be NULL. */
void transfer_loop_free(struct transfer_loop *l);

/* A handle without any option set, or NULL. */
CURL *transfer_loop_take(struct transfer_loop *l);
/*
 * Not in the loop any more; connections it used stay open. is_clean: its
 * transfer ended with a whole answer. Only then is the handle used again:
 * curl_easy_reset of 7.88.1 leaves in it that a stream was refused, which
 * libcurl would then say of a later transfer.
 */
void transfer_loop_give(struct transfer_loop *l, CURL *easy, bool is_clean);

/* Nothing happens before the event loop runs again. False: no memory. */
bool transfer_loop_add(struct transfer_loop *l, CURL *easy);
/* Stops it; ended is not called. Never from inside a libcurl callback. */
void transfer_loop_remove(struct transfer_loop *l, CURL *easy);

#endif
