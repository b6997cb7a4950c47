#include "origin/transfer_loop.h"

#include <assert.h>
#include <event2/event.h>
#include <stdlib.h>

enum {
	POOL_MAX = 64 /* idle easy handles, some 6 KiB each */
};

struct transfer_loop {
	CURLM *multi;
	struct event_base *base;
	struct event *timer;
	transfer_loop_ended ended;
	void *arg;
	CURL *pool[POOL_MAX];
	size_t pool_n;
};

/* ---- finished transfers ---- */

static void drain(struct transfer_loop *l)
{
	CURLMsg *msg;
	int left;

	while ((msg = curl_multi_info_read(l->multi, &left))) {
		/* The message dies with the removal. */
		CURL *easy = msg->easy_handle;
		CURLcode code = msg->data.result;
		char *private = NULL;

		if (msg->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(easy, CURLINFO_PRIVATE, &private);
		curl_multi_remove_handle(l->multi, easy);
		l->ended(private, code, l->arg);
	}
}

static void act(struct transfer_loop *l, curl_socket_t fd, int bits)
{
	int running;
	CURLMcode code = curl_multi_socket_action(l->multi, fd, bits, &running);

	/* Anything else is a misuse of ours: a recursive call, a bad handle. */
	assert(code == CURLM_OK || code == CURLM_OUT_OF_MEMORY ||
	       code == CURLM_BAD_SOCKET);
	drain(l);
}

static void on_socket(evutil_socket_t fd, short what, void *arg)
{
	int bits = 0;

	if (what & EV_READ)
		bits |= CURL_CSELECT_IN;
	if (what & EV_WRITE)
		bits |= CURL_CSELECT_OUT;
	act(arg, fd, bits);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	act(arg, CURL_SOCKET_TIMEOUT, 0);
}

/* ---- what libcurl wants watched ---- */

/*
 * Returns 0 also in need: -1 would kill the multi handle with all transfers.
 * A transfer whose socket nobody watches runs into its deadline.
 */
static int want_socket(
    CURL *easy, curl_socket_t fd, int what, void *arg, void *watch)
{
	struct transfer_loop *l = arg;
	struct event *event = watch;
	short bits = EV_PERSIST;

	(void)easy;
	if (event)
		event_free(event);
	event = NULL;
	if (what != CURL_POLL_REMOVE) {
		if (what & CURL_POLL_IN)
			bits |= EV_READ;
		if (what & CURL_POLL_OUT)
			bits |= EV_WRITE;
		event = event_new(l->base, fd, bits, on_socket, l);
		if (event && event_add(event, NULL) != 0) {
			event_free(event);
			event = NULL;
		}
	}
	/* The one call that libcurl allows here. */
	curl_multi_assign(l->multi, fd, event);
	return 0;
}

/* Never acts itself, also not at 0: that would be recursion. */
static int want_timer(CURLM *multi, long timeout_ms, void *arg)
{
	struct transfer_loop *l = arg;
	struct timeval tv = {
	    .tv_sec = timeout_ms / 1000,
	    .tv_usec = timeout_ms % 1000 * 1000,
	};

	(void)multi;
	if (timeout_ms < 0)
		evtimer_del(l->timer);
	else
		evtimer_add(l->timer, &tv);
	return 0;
}

/* ---- life ---- */

static bool set_connections(CURLM *m, long max)
{
	return curl_multi_setopt(m, CURLMOPT_MAX_HOST_CONNECTIONS, max) ==
		   CURLM_OK &&
	       curl_multi_setopt(m, CURLMOPT_MAX_TOTAL_CONNECTIONS, max) ==
		   CURLM_OK;
}

void transfer_loop_allow(struct transfer_loop *l, unsigned max_connections)
{
	/* It fails for want of a handle or of the option only. */
	set_connections(l->multi, (long)max_connections);
}

static bool set_up(struct transfer_loop *l, long max_connections, long max_idle)
{
	CURLM *m = l->multi;

	return curl_multi_setopt(m, CURLMOPT_SOCKETFUNCTION, want_socket) ==
		   CURLM_OK &&
	       curl_multi_setopt(m, CURLMOPT_SOCKETDATA, l) == CURLM_OK &&
	       curl_multi_setopt(m, CURLMOPT_TIMERFUNCTION, want_timer) ==
		   CURLM_OK &&
	       curl_multi_setopt(m, CURLMOPT_TIMERDATA, l) == CURLM_OK &&
	       curl_multi_setopt(m, CURLMOPT_PIPELINING, CURLPIPE_MULTIPLEX) ==
		   CURLM_OK &&
	       set_connections(m, max_connections) &&
	       /* The default grows with the easy handles. */
	       curl_multi_setopt(m, CURLMOPT_MAXCONNECTS, max_idle) == CURLM_OK;
}

struct transfer_loop *transfer_loop_new(struct event_base *base,
    unsigned max_connections, unsigned max_idle, transfer_loop_ended ended,
    void *arg)
{
	struct transfer_loop *l = calloc(1, sizeof(*l));

	assert(max_connections > 0);
	if (!l)
		return NULL;
	l->base = base;
	l->ended = ended;
	l->arg = arg;
	l->multi = curl_multi_init();
	l->timer = evtimer_new(base, on_timer, l);
	if (!l->multi || !l->timer ||
	    !set_up(l, (long)max_connections, (long)max_idle)) {
		transfer_loop_free(l);
		return NULL;
	}
	return l;
}

void transfer_loop_free(struct transfer_loop *l)
{
	if (!l)
		return;
	while (l->pool_n > 0)
		curl_easy_cleanup(l->pool[--l->pool_n]);
	/* Closes connections, which calls want_socket and want_timer. */
	if (l->multi)
		curl_multi_cleanup(l->multi);
	if (l->timer)
		event_free(l->timer);
	free(l);
}

CURL *transfer_loop_take(struct transfer_loop *l)
{
	if (l->pool_n > 0)
		return l->pool[--l->pool_n];
	return curl_easy_init();
}

void transfer_loop_give(struct transfer_loop *l, CURL *easy, bool is_clean)
{
	if (!is_clean || l->pool_n == POOL_MAX) {
		curl_easy_cleanup(easy);
		return;
	}
	/* At once: options may point to what is about to be freed. */
	curl_easy_reset(easy);
	l->pool[l->pool_n++] = easy;
}

bool transfer_loop_add(struct transfer_loop *l, CURL *easy)
{
	return curl_multi_add_handle(l->multi, easy) == CURLM_OK;
}

void transfer_loop_remove(struct transfer_loop *l, CURL *easy)
{
	CURLMcode code = curl_multi_remove_handle(l->multi, easy);

	assert(code == CURLM_OK);
}
