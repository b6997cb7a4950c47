#include "front/conn.h"

#include "front/conn_internal.h"
#include "base/clock.h"
#include "base/metrics.h"

#include <assert.h>
#include <stdlib.h>

static void conn_init(
    struct conn *c, struct listener *l, struct bufferevent *bev)
{
	struct frame_limits limits = {
	    .max_target_bytes = l->options.max_target_bytes,
	    .max_head_bytes = l->options.max_header_bytes,
	    .max_fields = l->options.max_fields,
	    .max_body_bytes = l->options.max_body_bytes,
	    .takes_any_method = l->options.takes_any_method,
	};

	c->magic = CONN_MAGIC;
	c->l = l;
	c->bev = bev;
	c->fd = -1;
	frame_init(&c->frame, &limits);
	c->phase = CONN_HEAD;
	c->since_ms = clock_mono_ms();
	TAILQ_INSERT_TAIL(&l->phase[CONN_HEAD], c, in_phase);
}

/*
 * evhttp asks for the bufferevent of a connection it has accepted. Its
 * descriptor and evhttp's own connection are only known once this returned,
 * so the rest is left to conn_adopt, on the same turn of the loop and before
 * any byte can be read.
 *
 * Out of memory: evhttp goes on with a bufferevent that has no struct conn
 * (its own, if we return NULL); conn_dispatch answers nothing on such.
 */
struct bufferevent *conn_open(struct event_base *base, void *listener)
{
	struct listener *l = listener;
	struct bufferevent *bev = bufferevent_socket_new(base, -1, 0);
	struct conn *c = bev == NULL ? NULL : calloc(1, sizeof(*c));

	if (c == NULL)
		return bev;
	conn_init(c, l, bev);
	/* Held until adoption: evhttp may fail before that and free it. */
	bufferevent_incref(bev);
	evbuffer_add_cb(bufferevent_get_input(bev), conn_input_changed, c);
	evbuffer_add_cb(bufferevent_get_output(bev), conn_output_changed, c);
	/* The mark may be lower than a body, because unfinished messages do
	 * not wait in this buffer. */
	bufferevent_setwatermark(bev, EV_READ, 0, CONN_PIPELINE_BYTES);
	bufferevent_set_max_single_write(bev, CONN_WRITE_BYTES);
	c->is_over_cap = ++l->connections > l->options.max_connections;
	conn_queue(c);
	metrics_add(METRIC_CONNECTIONS, 1);
	return bev;
}

static bool conn_register(struct conn *c)
{
	struct listener *l = c->l;
	size_t n = (size_t)c->fd + 1;
	struct conn **grown;

	if (n > l->by_fd_n) {
		n = n < 64 ? 64 : n * 2;
		grown = realloc(l->by_fd, n * sizeof(*grown));
		if (grown == NULL)
			return false;
		memset(
		    grown + l->by_fd_n, 0, (n - l->by_fd_n) * sizeof(*grown));
		l->by_fd = grown;
		l->by_fd_n = n;
	}
	l->by_fd[c->fd] = c;
	return true;
}

/* evhttp keeps nothing of a peer with another kind of address. */
static void conn_read_peer(struct conn *c)
{
	const struct sockaddr *sa = evhttp_connection_get_addr(c->evcon);

	c->socket = listener_socket_of(c->l, c->fd);
	c->has_address =
	    !conn_is_unix(c) && sa != NULL && addr_of_sockaddr(sa, &c->address);
	if (c->has_address)
		addr_format(&c->address, c->peer);
	else if (conn_is_unix(c))
		memcpy(c->peer, "unix", sizeof("unix"));
}

void conn_let_go(struct conn *c)
{
	if (c->is_held)
		c->l->held--;
	c->is_held = false;
}

/* evhttp has freed its connection, and with it the bufferevent. */
static void conn_end(struct conn *c)
{
	struct listener *l = c->l;

	if (frame_is_mid_message(&c->frame) || c->on_gone != NULL)
		metrics_add(METRIC_CLIENT_ERRORS, 1);
	if (c->fd >= 0 && (size_t)c->fd < l->by_fd_n && l->by_fd[c->fd] == c)
		l->by_fd[c->fd] = NULL;
	TAILQ_REMOVE(&l->phase[c->phase], c, in_phase);
	l->unsent_bytes -= c->unsent_bytes;
	conn_let_go(c); /* evhttp has detached the request */
	conn_partial_drop(c);
	conn_uncharge(c, 0);
	l->connections--;
	metrics_add(METRIC_CONNECTIONS_ENDED, 1);
	c->is_dead = true;
	conn_queue(c);
}

/*
 * evhttp's close callback: runs inside evhttp_connection_free, whatever the
 * reason, while the bufferevent still exists. It stays set for the life of the
 * connection; what belongs to one request (on_gone) is cleared with it.
 */
static void conn_closed(struct evhttp_connection *evcon, void *conn)
{
	struct conn *c = conn;
	void (*on_gone)(void *) = c->on_gone;

	(void)evcon;
	assert(c->magic == CONN_MAGIC && !c->is_dead);
	evbuffer_remove_cb(
	    bufferevent_get_input(c->bev), conn_input_changed, c);
	evbuffer_remove_cb(
	    bufferevent_get_output(c->bev), conn_output_changed, c);
	conn_end(c);
	c->on_gone = NULL;
	if (on_gone != NULL)
		on_gone(c->gone_arg);
}

static void conn_admit(struct conn *c)
{
	conn_enter(c, CONN_HEAD);
	if (c->is_over_cap)
		conn_shed_for(c);
}

void conn_adopt(struct conn *c)
{
	struct bufferevent *bev = c->bev;
	bufferevent_data_cb read;
	void *evcon;

	bufferevent_getcb(
	    bev, &read, &c->evhttp_write, &c->evhttp_event, &evcon);
	if (evcon == NULL) { /* evhttp gave up; freeing clears callbacks */
		conn_end(c);
		bufferevent_decref(bev);
		return;
	}
	c->evcon = evcon;
	c->fd = bufferevent_getfd(bev);
	evhttp_connection_set_closecb(c->evcon, conn_closed, c);
	bufferevent_decref(bev);
	if (c->fd >= 0)
		conn_read_peer(c);
	if (c->fd < 0 || !conn_register(c))
		conn_hang_up(c);
	else
		conn_admit(c);
}

void conn_free(struct conn *c)
{
	assert(c->magic == CONN_MAGIC && c->is_dead && !c->is_queued);
	c->magic = 0;
	free(c);
}

/* evhttp then frees the connection; a request that the caller holds is
 * detached, and on_gone called. */
void conn_hang_up(struct conn *c)
{
	assert(!c->is_dead && c->evcon != NULL);
	bufferevent_setcb(c->bev, NULL, NULL, c->evhttp_event, c->evcon);
	c->evhttp_event(c->bev, BEV_EVENT_READING | BEV_EVENT_EOF, c->evcon);
}

void conn_queue(struct conn *c)
{
	if (!c->is_queued) {
		c->is_queued = true;
		TAILQ_INSERT_TAIL(&c->l->work, c, in_work);
	}
	event_active(c->l->work_event, 0, 0);
}

bool conn_is_between_messages(const struct conn *c)
{
	return c->accepted == c->answered &&
	       frame_phase(&c->frame) == FRAME_IDLE;
}

struct conn *conn_of(struct listener *l, struct evhttp_request *req)
{
	struct evhttp_connection *evcon = evhttp_request_get_connection(req);
	int fd = bufferevent_getfd(evhttp_connection_get_bufferevent(evcon));
	struct conn *c = NULL;

	if (fd >= 0 && (size_t)fd < l->by_fd_n)
		c = l->by_fd[fd];
	return c != NULL && c->evcon == evcon ? c : NULL;
}

const char *conn_peer(const struct conn *c)
{
	assert(c->magic == CONN_MAGIC);
	return c->peer;
}

const struct addr *conn_address(const struct conn *c)
{
	assert(c->magic == CONN_MAGIC);
	return c->has_address ? &c->address : NULL;
}

bool conn_is_loopback(const struct conn *c)
{
	assert(c->magic == CONN_MAGIC);
	return c->has_address && addr_is_loopback(&c->address);
}

bool conn_is_unix(const struct conn *c)
{
	assert(c->magic == CONN_MAGIC);
	return c->socket != NULL && c->socket->local.ss_family == AF_UNIX;
}

const char *conn_listener_name(const struct conn *c)
{
	assert(c->magic == CONN_MAGIC);
	return c->socket == NULL ? "" : c->socket->name;
}

unsigned conn_requests(const struct conn *c)
{
	assert(c->magic == CONN_MAGIC);
	return c->dispatched;
}

bool conn_must_close(const struct conn *c)
{
	assert(c->magic == CONN_MAGIC);
	return c->must_close || c->l->is_draining;
}

void conn_close_after(struct conn *c)
{
	assert(c->magic == CONN_MAGIC);
	c->must_close = true;
}
