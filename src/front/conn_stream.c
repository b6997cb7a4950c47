#include "front/conn_internal.h"

#include <assert.h>
#include <event2/http_struct.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>

/*
 * A reply that is written while it arrives. Meanwhile evhttp knows of a request
 * that nobody has answered, so its callbacks stay out of the way, and the
 * client is watched as it was while the upstream was asked. Only the end of
 * the reply is evhttp's business again.
 */

/* What the kernel may hold that it has not sent: more would only be further
 * away from the upstream's pace, and make progress of a slow reader come in
 * steps too big for its deadline. */
#define STREAM_UNSENT_BYTES (128 * 1024)

bool conn_may_chunk(const struct evhttp_request *req)
{
	return req->minor > 0;
}

static size_t conn_unwritten(const struct conn *c)
{
	return evbuffer_get_length(bufferevent_get_output(c->bev));
}

/* What was added is to be written. */
static void conn_stream_push(struct conn *c)
{
	if (conn_unwritten(c) == 0)
		return;
	/* While the phase is CONN_WRITE its deadline is that of the last
	 * progress: adding is none. */
	if (c->phase != CONN_WRITE)
		conn_enter(c, CONN_WRITE);
	bufferevent_enable(c->bev, EV_WRITE);
}

static void conn_stream_fail(struct conn *c)
{
	c->must_hang_up = true;
	conn_queue(c);
}

void conn_stream_begin(struct conn *c, struct evhttp_request *req,
    const struct iovec *iov, int iov_n, bool is_chunked)
{
	int unsent = STREAM_UNSENT_BYTES;

	assert(c->magic == CONN_MAGIC && !c->is_dead && c->is_held);
	assert(c->on_gone != NULL && !c->is_streaming);
	assert(evhttp_request_get_connection(req) == c->evcon);
	setsockopt(
	    c->fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof(unsent));
	c->is_streaming = true;
	c->is_chunked = is_chunked;
	if (!conn_send(c, iov, iov_n))
		conn_stream_fail(c);
	conn_stream_push(c);
}

static bool conn_lend(
    struct conn *c, const void *p, size_t n, conn_release release, void *arg)
{
	bool is_ok;

	c->is_writing = true;
	is_ok = evbuffer_add_reference(
		    bufferevent_get_output(c->bev), p, n, release, arg) == 0;
	c->is_writing = false;
	return is_ok;
}

void conn_stream_add(
    struct conn *c, const void *p, size_t n, conn_release release, void *arg)
{
	char line[24];
	bool is_ok = true;
	int line_n;

	assert(c->magic == CONN_MAGIC && c->is_streaming && n > 0);
	if (c->is_chunked) {
		line_n = snprintf(line, sizeof(line), "%zx\r\n", n);
		is_ok = conn_write(c, line, (size_t)line_n);
	}
	if (!is_ok || !conn_lend(c, p, n, release, arg)) {
		release(p, n, arg);
		is_ok = false;
	} else if (c->is_chunked) {
		is_ok = conn_write(c, "\r\n", 2);
	}
	/* A reply with a hole in it is none. */
	if (!is_ok)
		conn_stream_fail(c);
	conn_stream_push(c);
}

/* With a body that ends with the connection, only a reset says that it did
 * not end here. */
static void conn_stream_cut(struct conn *c, bool is_delimited)
{
	conn_close_after(c);
	if (!is_delimited)
		conn_reset(c);
}

void conn_stream_end(
    struct conn *c, struct evhttp_request *req, enum conn_stream_ending ending)
{
	assert(c->magic == CONN_MAGIC && !c->is_dead && c->is_streaming);
	c->is_streaming = false;
	c->on_gone = NULL;
	if (ending == CONN_STREAM_WHOLE) {
		if (c->is_chunked && !conn_write(c, "0\r\n\r\n", 5))
			conn_stream_fail(c);
	} else {
		conn_stream_cut(
		    c, c->is_chunked || ending == CONN_STREAM_SHORT);
	}
	if (c->is_dead) {
		/* It has taken the request out of the connection. */
		evhttp_send_reply_end(req);
		return;
	}
	conn_let_go(c);
	bufferevent_disable(c->bev, EV_READ);
	conn_finish(c, req);
}
