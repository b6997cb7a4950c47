#include "front/conn_internal.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"

#include <assert.h>
#include <errno.h>
#include <event2/listener.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/ioctl.h>

/* Without descriptors accept() fails at once and for ever; libevent would
 * spin and log without end. */
#define ACCEPT_PAUSE_MS 100
/* It may last for hours; one line says as much as ten a second. */
#define ACCEPT_LOG_MS 60000
/* evhttp's own caps, above the framing machine's so that it never refuses. */
#define EVHTTP_HEAD_SLACK 4096
#define EVHTTP_BODY_SLACK 4096
/* Turns of the loop in which libevent frees what was given up. */
#define FINAL_TURNS 4

static void event_log(int severity, const char *text)
{
	switch (severity) {
	case EVENT_LOG_DEBUG:
		break;
	case EVENT_LOG_MSG:
		log_event(LOG_INFO, "libevent", LOG_STR("text", text), LOG_END);
		break;
	case EVENT_LOG_WARN:
		log_event(LOG_WARN, "libevent", LOG_STR("text", text), LOG_END);
		break;
	default:
		log_event(
		    LOG_ERROR, "libevent", LOG_STR("text", text), LOG_END);
	}
}

/* libevent's default is exit(err), which leaves no trace of the cause. */
static void event_fatal(int err)
{
	log_event(LOG_ERROR, "libevent-fatal", LOG_INT("code", err), LOG_END);
	abort();
}

/* Process-wide, so by the first listener only. */
static void event_callbacks_init(void)
{
	static atomic_flag is_done = ATOMIC_FLAG_INIT;

	if (atomic_flag_test_and_set(&is_done))
		return;
	event_set_log_callback(event_log);
	event_set_fatal_callback(event_fatal);
}

static void conn_work(struct conn *c)
{
	if (c->is_dead)
		conn_free(c);
	else if (c->evcon == NULL)
		conn_adopt(c);
	else if (c->must_hang_up)
		conn_hang_up(c);
	else if (c->is_deaf && c->accepted == c->answered && !c->is_closing)
		conn_close_begin(c);
	else if (c->is_continue_due && c->accepted == c->answered)
		conn_send_continue(c);
}

static void listener_work(evutil_socket_t fd, short what, void *listener)
{
	struct listener *l = listener;
	struct conn *c;

	(void)fd;
	(void)what;
	while ((c = TAILQ_FIRST(&l->work)) != NULL) {
		TAILQ_REMOVE(&l->work, c, in_work);
		c->is_queued = false;
		conn_work(c);
	}
}

static void listener_set_accepting(struct listener *l, bool is_on)
{
	struct evconnlistener *lev;
	struct listener_socket *s;

	TAILQ_FOREACH(s, &l->sockets, in_listener)
	{
		if (s->bound == NULL)
			continue;
		lev = evhttp_bound_socket_get_listener(s->bound);
		if (is_on)
			evconnlistener_enable(lev);
		else
			evconnlistener_disable(lev);
	}
}

/*
 * libevent hands the error callback the argument that evhttp gave for its
 * accept callback: the evhttp. So there is a list to find ours. One for all
 * threads, because the one that makes a listener need not be the one that
 * runs it.
 */
static LIST_HEAD(, listener) all_listeners;
static pthread_mutex_t all_listeners_lock = PTHREAD_MUTEX_INITIALIZER;

static void listener_list(struct listener *l)
{
	pthread_mutex_lock(&all_listeners_lock);
	LIST_INSERT_HEAD(&all_listeners, l, in_all);
	pthread_mutex_unlock(&all_listeners_lock);
}

static void listener_unlist(struct listener *l)
{
	pthread_mutex_lock(&all_listeners_lock);
	LIST_REMOVE(l, in_all);
	pthread_mutex_unlock(&all_listeners_lock);
}

static struct listener *listener_of(const struct evhttp *http)
{
	struct listener *l;

	pthread_mutex_lock(&all_listeners_lock);
	LIST_FOREACH(l, &all_listeners, in_all)
	{
		if (l->http == http)
			break;
	}
	pthread_mutex_unlock(&all_listeners_lock);
	return l;
}

void listener_accept_failed(struct evconnlistener *lev, void *http)
{
	struct timeval tv = {.tv_usec = ACCEPT_PAUSE_MS * 1000};
	int err = errno;
	struct listener *l = listener_of(http);
	int64_t now_ms = clock_mono_ms();

	(void)lev;
	assert(l != NULL);
	listener_set_accepting(l, false);
	evtimer_add(l->resume, &tv);
	metrics_add(METRIC_ACCEPT_PAUSED, 1);
	if (l->paused_logged_ms != 0 &&
	    now_ms < l->paused_logged_ms + ACCEPT_LOG_MS)
		return;
	l->paused_logged_ms = now_ms;
	log_event(LOG_WARN, "accept-paused", LOG_STR("reason", strerror(err)),
	    LOG_END);
}

static void listener_resume(evutil_socket_t fd, short what, void *listener)
{
	(void)fd;
	(void)what;
	listener_set_accepting(listener, true);
}

static void listener_close_sockets(struct listener *l, bool is_inherited)
{
	struct listener_socket *s;

	TAILQ_FOREACH(s, &l->sockets, in_listener)
	{
		if (s->bound == NULL || s->is_inherited != is_inherited)
			continue;
		evhttp_del_accept_socket(l->http, s->bound);
		s->bound = NULL;
	}
}

/* libevent runs what sockets reported before timers, so what was queued by
 * now has been accepted on this turn. */
static void listener_last_accept(evutil_socket_t fd, short what, void *listener)
{
	struct listener *l = listener;

	(void)fd;
	(void)what;
	listener_close_sockets(l, false);
}

static struct evhttp *listener_http_new(struct listener *l)
{
	const struct listener_options *o = &l->options;
	struct evhttp *http = evhttp_new(l->base);

	if (http == NULL)
		return NULL;
	/* Only the generic callback: with others evhttp decodes each path. */
	evhttp_set_gencb(http, conn_dispatch, l);
	evhttp_set_bevcb(http, conn_open, l);
	evhttp_set_allowed_methods(
	    http, EVHTTP_REQ_GET | EVHTTP_REQ_HEAD | EVHTTP_REQ_POST |
		      EVHTTP_REQ_PUT | EVHTTP_REQ_PATCH | EVHTTP_REQ_DELETE |
		      EVHTTP_REQ_OPTIONS);
	evhttp_set_max_headers_size(
	    http, (ev_ssize_t)(o->max_header_bytes + EVHTTP_HEAD_SLACK));
	evhttp_set_max_body_size(
	    http, (ev_ssize_t)(o->max_body_bytes + EVHTTP_BODY_SLACK));
	evhttp_set_default_content_type(http, NULL);
	return http;
}

static void listener_release(struct listener *l)
{
	if (l->work_event != NULL)
		event_free(l->work_event);
	if (l->tick != NULL)
		event_free(l->tick);
	if (l->resume != NULL)
		event_free(l->resume);
	if (l->last_accept != NULL)
		event_free(l->last_accept);
	listener_sockets_free(l);
	free(l->by_fd);
	free(l);
}

struct listener *listener_new(struct event_base *base,
    const struct listener_options *o, listener_request on_request,
    listener_refused on_refused, void *arg)
{
	struct listener *l = calloc(1, sizeof(*l));
	enum conn_phase phase;

	if (l == NULL)
		return NULL;
	event_callbacks_init();
	l->base = base;
	l->options = *o;
	l->on_request = on_request;
	l->on_refused = on_refused;
	l->arg = arg;
	TAILQ_INIT(&l->work);
	TAILQ_INIT(&l->sockets);
	for (phase = 0; phase < CONN_PHASES; phase++)
		TAILQ_INIT(&l->phase[phase]);
	l->work_event = event_new(base, -1, 0, listener_work, l);
	l->tick = evtimer_new(base, listener_tick, l);
	l->resume = evtimer_new(base, listener_resume, l);
	l->last_accept = evtimer_new(base, listener_last_accept, l);
	l->http = listener_http_new(l);
	if (l->work_event == NULL || l->tick == NULL || l->resume == NULL ||
	    l->last_accept == NULL || l->http == NULL) {
		if (l->http != NULL)
			evhttp_free(l->http);
		listener_release(l);
		return NULL;
	}
	listener_list(l);
	return l;
}

unsigned listener_connections(const struct listener *l)
{
	return l->connections;
}

/* Bytes that the loop has not come to yet are a request, soon. */
static bool conn_has_unread(const struct conn *c)
{
	int n = 0;

	return ioctl(c->fd, FIONREAD, &n) == 0 && n > 0;
}

static void listener_close_idle(struct listener *l, enum conn_phase phase)
{
	struct conn *c, *next;

	for (c = TAILQ_FIRST(&l->phase[phase]); c != NULL; c = next) {
		/* Ending c ends no other connection. */
		next = TAILQ_NEXT(c, in_phase);
		if (c->evcon != NULL && conn_is_between_messages(c) &&
		    !conn_has_unread(c))
			conn_hang_up(c);
	}
}

void listener_drain(struct listener *l)
{
	struct timeval soon = {.tv_usec = 1000};

	l->is_draining = true;
	event_del(l->resume);
	listener_close_sockets(l, true);
	evtimer_add(l->last_accept, &soon);
}

void listener_drop_idle(struct listener *l)
{
	listener_close_idle(l, CONN_IDLE);
	listener_close_idle(l, CONN_HEAD);
}

static bool listener_has_socket(const struct listener *l)
{
	const struct listener_socket *s;

	TAILQ_FOREACH(s, &l->sockets, in_listener)
	{
		if (s->bound != NULL)
			return true;
	}
	return false;
}

bool listener_has_drained(const struct listener *l)
{
	return l->is_draining && l->connections == 0 && !listener_has_socket(l);
}

void listener_free(struct listener *l)
{
	int turn;

	if (l == NULL)
		return;
	/* evhttp would free requests under their holders. */
	assert(l->held == 0);
	listener_unlist(l);
	/* In the turns to come they would reach for evhttp's sockets. */
	event_del(l->last_accept);
	event_del(l->resume);
	evhttp_free(l->http);
	for (turn = 0; turn < FINAL_TURNS; turn++)
		event_base_loop(l->base, EVLOOP_NONBLOCK);
	listener_work(-1, 0, l);
	assert(l->connections == 0);
	listener_release(l);
}
