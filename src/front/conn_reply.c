#include "front/conn_internal.h"
#include "base/log.h"

#include <assert.h>
#include <event2/http_struct.h>
#include <sys/socket.h>

bool conn_write(struct conn *c, const void *p, size_t n)
{
	bool is_ok;

	c->is_writing = true;
	is_ok = evbuffer_add(bufferevent_get_output(c->bev), p, n) == 0;
	c->is_writing = false;
	return is_ok;
}

/* A bufferevent keeps the front of its output frozen between writes. */
static void conn_drop_output(struct conn *c)
{
	struct evbuffer *out = bufferevent_get_output(c->bev);

	evbuffer_unfreeze(out, 1);
	evbuffer_drain(out, evbuffer_get_length(out));
	evbuffer_freeze(out, 1);
}

/*
 * Notes progress of a slow reply, and catches what evhttp writes by itself:
 * an HTML page, should it ever refuse what the framing machine accepted. Ours
 * goes out instead.
 */
void conn_output_changed(
    struct evbuffer *output, const struct evbuffer_cb_info *info, void *conn)
{
	struct conn *c = conn;

	assert(c->magic == CONN_MAGIC);
	conn_count_unsent(c);
	if (info->n_added > 0 && !c->is_writing) {
		if (c->refused_status == 0)
			log_event(LOG_ERROR, "evhttp-refused", LOG_END);
		conn_drop_output(c);
		conn_let_go(c);
		c->answered = c->accepted;
		conn_refuse(c, 400, "request not understood");
	} else if (info->n_deleted > 0 && c->phase == CONN_WRITE) {
		/* A stream of which all is written waits for the upstream. */
		conn_enter(
		    c, c->is_streaming && evbuffer_get_length(output) == 0
			   ? CONN_BUSY
			   : CONN_WRITE);
	}
}

/* Behind HTTP/1.0 and "Connection: close" evhttp_send_done would close at
 * once, which is a reset when the peer has sent more. We close ourselves, and
 * linger: see conn_close.c. */
static void conn_keep_open(struct evhttp_request *req)
{
	req->minor = 1;
	evhttp_remove_header(
	    evhttp_request_get_input_headers(req), "Connection");
}

/* evhttp calls it when the whole reply is in the socket; the request is
 * unlinked, so nothing here may make evhttp end the connection. */
static void conn_answered(struct evhttp_request *req, void *conn)
{
	struct conn *c = conn;

	assert(c->magic == CONN_MAGIC && !c->is_dead);
	conn_keep_open(req);
	c->answered++;
	/* Also while more is pipelined: such a client may never be idle. */
	conn_uncharge(c, conn_held_bytes(c));
	if (c->phase == CONN_WRITE)
		conn_enter(c, CONN_BUSY);
	conn_settle(c);
	if (c->is_deaf || c->is_continue_due)
		conn_queue(c);
}

/* evhttp parsed something that we did not frame: never to be answered. */
static void conn_drop_stray(struct evhttp_request *req)
{
	struct evhttp_connection *evcon = evhttp_request_get_connection(req);
	struct bufferevent *bev = evhttp_connection_get_bufferevent(evcon);

	log_event(LOG_ERROR, "unframed-request", LOG_END);
	shutdown(bufferevent_getfd(bev), SHUT_RDWR);
	req->chunked = 0;
	evhttp_send_reply_end(req);
}

void conn_dispatch(struct evhttp_request *req, void *listener)
{
	struct listener *l = listener;
	struct conn *c = conn_of(l, req);

	if (c == NULL || c->dispatched == c->accepted) {
		conn_drop_stray(req);
		return;
	}
	/*
	 * Until the reply none of evhttp's data callbacks may run: its read
	 * callback ends the process in this state (event_errx, "illegal
	 * connection state"), and its write callback could still complete the
	 * request before. evhttp_start_read_ installs them again.
	 */
	bufferevent_setcb(c->bev, NULL, NULL, c->evhttp_event, c->evcon);
	evhttp_request_set_on_complete_cb(req, conn_answered, c);
	c->dispatched++;
	c->is_held = true;
	l->held++;
	/* Not worth a Keep-Alive field of its own (RFC 9112 §C.2.2). */
	if (req->minor == 0 || c->dispatched == c->last_message)
		c->must_close = true;
	l->on_request(req, c, l->arg);
}

void conn_watch(struct conn *c, struct evhttp_request *req,
    void (*on_gone)(void *arg), void *arg)
{
	assert(c->magic == CONN_MAGIC && c->is_held && c->on_gone == NULL);
	assert(evhttp_request_get_connection(req) == c->evcon);
	c->on_gone = on_gone;
	c->gone_arg = arg;
	bufferevent_enable(c->bev, EV_READ);
}

/* May be sent late or never; a client waits for it about a second. */
void conn_send_continue(struct conn *c)
{
	static const char line[] = "HTTP/1.1 100 Continue\r\n\r\n";
	bufferevent_data_cb read, write;
	bufferevent_event_cb event;
	void *arg;

	assert(c->is_continue_due && c->accepted == c->answered);
	c->is_continue_due = false;
	if (c->partial == NULL || c->frame.body_n > 0)
		return;
	bufferevent_getcb(c->bev, &read, &write, &event, &arg);
	/* evhttp's write callback would complete the request before again. */
	bufferevent_setcb(c->bev, read, NULL, event, arg);
	conn_write(c, line, sizeof(line) - 1);
	bufferevent_enable(c->bev, EV_WRITE);
}

/* What follows this reply on the connection is not wanted. */
static void conn_forget_rest(struct conn *c)
{
	struct evbuffer *input = bufferevent_get_input(c->bev);

	conn_go_deaf(c);
	conn_partial_drop(c);
	evbuffer_drain(input, evbuffer_get_length(input));
	c->accepted = c->dispatched;
}

/* Past what evbuffers and the socket would do: one system call, and no copy
 * of what may be a page of the store. Returns bytes written. */
static size_t conn_write_now(struct conn *c, const struct iovec *iov, int iov_n)
{
	struct msghdr msg = {0};
	ssize_t n;

	if (!c->l->options.is_direct_write)
		return 0;
	/* A 100 (Continue) may be waiting there. */
	if (evbuffer_get_length(bufferevent_get_output(c->bev)) > 0)
		return 0;
	msg.msg_iov = (struct iovec *)(uintptr_t)iov;
	msg.msg_iovlen = (size_t)iov_n;
	n = sendmsg(c->fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
	/* An error is left to the buffered way, where libevent reports it. */
	return n > 0 ? (size_t)n : 0;
}

/* Copies all but the first sent bytes to the output buffer. */
static bool conn_write_later(
    struct conn *c, const struct iovec *iov, int iov_n, size_t sent)
{
	int i;

	for (i = 0; i < iov_n; i++) {
		size_t skip = sent < iov[i].iov_len ? sent : iov[i].iov_len;

		sent -= skip;
		if (iov[i].iov_len > skip &&
		    !conn_write(c, (const char *)iov[i].iov_base + skip,
			iov[i].iov_len - skip))
			return false;
	}
	return true;
}

bool conn_send(struct conn *c, const struct iovec *iov, int iov_n)
{
	size_t sent = conn_write_now(c, iov, iov_n);

	return conn_write_later(c, iov, iov_n, sent);
}

/* Half a reply in memory is no reply: the connection ends. */
static void conn_write_failed(struct conn *c)
{
	conn_drop_output(c);
	conn_forget_rest(c);
	c->must_hang_up = true;
}

void conn_reply(struct conn *c, struct evhttp_request *req,
    const struct iovec *iov, int iov_n)
{
	if (c == NULL) {
		assert(evhttp_request_get_connection(req) == NULL);
		evhttp_send_reply_end(req); /* frees it */
		return;
	}
	assert(c->magic == CONN_MAGIC && !c->is_dead && c->is_held);
	assert(evhttp_request_get_connection(req) == c->evcon);
	conn_let_go(c);
	if (c->on_gone != NULL) {
		c->on_gone = NULL;
		bufferevent_disable(c->bev, EV_READ);
	}
	if (!conn_send(c, iov, iov_n))
		conn_write_failed(c);
	conn_finish(c, req);
}

void conn_finish(struct conn *c, struct evhttp_request *req)
{
	if (conn_must_close(c))
		conn_forget_rest(c);
	/* A chunked request would make evhttp end the reply with a chunk. */
	req->chunked = 0;
	if (c->unsent_bytes > 0) {
		conn_enter(c, CONN_WRITE);
		conn_shed_unsent_for(c);
		bufferevent_setcb(
		    c->bev, NULL, c->evhttp_write, c->evhttp_event, c->evcon);
		bufferevent_enable(c->bev, EV_WRITE);
	}
	/* Undocumented, so it has a test: with an empty output buffer this
	 * completes the request at once, else when it has drained. */
	evhttp_send_reply_end(req);
}
