#include "front/conn_internal.h"
#include "base/buf.h"
#include "base/clock.h"
#include "http/date.h"
#include "http/error.h"

#include <assert.h>
#include <sys/socket.h>

/*
 * How a connection ends whose peer may still be sending: the last reply is
 * written, our direction is shut, and what still comes is read and thrown away
 * for a moment. Closing at once would answer those bytes with a reset, which
 * destroys the reply on its way (RFC 9112 §9.6). Meanwhile the callbacks of
 * the bufferevent are ours; evhttp, which is between two messages, gets them
 * back to free the connection.
 */

/* Bounds a refusal: head, and a message that is one of our constants. */
#define REFUSAL_MAX_BYTES 2048

static void conn_write_refusal(struct conn *c)
{
	char date[HTTP_DATE_SIZE];
	struct buf body, head;

	buf_init(&body, REFUSAL_MAX_BYTES);
	buf_init(&head, REFUSAL_MAX_BYTES);
	http_error_body(&body, c->refused_status, slice_of_str(c->refused_why));
	http_date_format(date, clock_wall_ms() / 1000);
	buf_printf(&head,
	    "HTTP/1.1 %u %s\r\nDate: %s\r\n%s"
	    "Content-Type: application/json; charset=utf-8\r\n"
	    "Content-Length: %zu\r\nConnection: close\r\n\r\n",
	    c->refused_status, http_reason(c->refused_status), date,
	    c->refused_status == 503 ? "Retry-After: 1\r\n" : "", body.n);
	buf_add_slice(&head, buf_slice(&body));
	if (!head.has_failed && !body.has_failed)
		conn_write(c, head.p, head.n);
	buf_fini(&body);
	buf_fini(&head);
}

static void conn_linger(struct conn *c)
{
	if (c->has_peer_ended || c->discarded_bytes > CONN_LINGER_BYTES ||
	    shutdown(c->fd, SHUT_WR) != 0)
		conn_hang_up(c);
	else
		conn_enter(c, CONN_LINGER);
}

static void conn_closing_written(struct bufferevent *bev, void *conn)
{
	struct conn *c = conn;

	assert(c->magic == CONN_MAGIC && c->bev == bev);
	if (c->phase == CONN_WRITE &&
	    evbuffer_get_length(bufferevent_get_output(bev)) == 0)
		conn_linger(c);
}

static void conn_closing_event(struct bufferevent *bev, short what, void *conn)
{
	struct conn *c = conn;

	assert(c->magic == CONN_MAGIC && c->bev == bev);
	/* The peer may have shut only its sending side; it still gets what we
	 * have to say. */
	if (what == (BEV_EVENT_EOF | BEV_EVENT_READING) &&
	    c->phase == CONN_WRITE)
		c->has_peer_ended = true;
	else
		conn_hang_up(c);
}

void conn_close_begin(struct conn *c)
{
	assert(c->is_deaf && c->accepted == c->answered && !c->is_closing);
	c->is_closing = true;
	conn_partial_drop(c);
	/* No read callback: evhttp's deferred one would call it with evhttp's
	 * argument (evhttp_deferred_read_cb). */
	bufferevent_setcb(
	    c->bev, NULL, conn_closing_written, conn_closing_event, c);
	if (c->refused_status != 0)
		conn_write_refusal(c);
	conn_enter(c, CONN_WRITE);
	bufferevent_enable(c->bev, EV_READ | EV_WRITE);
	if (evbuffer_get_length(bufferevent_get_output(c->bev)) == 0)
		conn_linger(c);
}
