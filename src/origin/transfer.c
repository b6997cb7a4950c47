#include "origin/transfer.h"

#include "base/clock.h"
#include "origin/transfer_attempt.h"
#include "origin/transfer_loop.h"

#include <assert.h>
#include <event2/event.h>
#include <stdlib.h>

enum {
	REFRESH_MS = 60 * 1000, /* names: libcurl's own measure */
	RETRY_MS = 5 * 1000,
	GAP_MS = 1000,
	/* A connection that carried a stream is rarely wanted again soon. */
	STREAMS_IDLE_MAX = 4
};

struct transfers {
	struct event_base *base;
	struct transfer_loop *loop;
	struct transfer_loop *stream_loop; /* NULL: nothing is passed on */
	struct resolve *resolve; /* NULL: the upstream is an address */
	struct transfer_site site;
	/* All transfers, oldest first. */
	struct transfer *first, *last;
	size_t n;
	unsigned max_connections;
	unsigned extra; /* transfers that want one beyond that */
	bool is_global; /* libcurl was initialised */
	bool is_freeing;
};

enum transfer_state {
	TRANSFER_REFUSED, /* bad request: reported on the next turn */
	TRANSFER_NAMELESS, /* waits for the address of the upstream */
	TRANSFER_RUNNING,
	TRANSFER_ENDED
};

struct transfer {
	struct transfers *ts;
	struct transfer *next, *previous;
	enum transfer_state state;
	struct transfer_loop *loop; /* the one of its kind */
	struct transfer_order order;
	struct transfer_attempt attempt;
	const struct transfer_sink *sink; /* NULL: the body is collected */
	int64_t timeout_ms; /* 0: the site's */
	bool wants_new_connection;
	int64_t idle_timeout_ms;
	int64_t heard_ms; /* mono; last word of a body that is passed on */
	struct event *timer; /* its meaning depends on the state */
	transfer_done done;
	void *arg;
	int64_t accepted_ms; /* mono: deadlines count from here */
	int64_t started_us;
	unsigned attempts;
	unsigned sends;
};

/* ---- the list ---- */

static void enlist(struct transfer *t)
{
	struct transfers *ts = t->ts;

	t->next = NULL;
	t->previous = ts->last;
	if (ts->last)
		ts->last->next = t;
	else
		ts->first = t;
	ts->last = t;
	ts->n++;
}

static void delist(struct transfer *t)
{
	struct transfers *ts = t->ts;

	if (t->next)
		t->next->previous = t->previous;
	else
		ts->last = t->previous;
	if (t->previous)
		t->previous->next = t->next;
	else
		ts->first = t->next;
	ts->n--;
}

/* ---- the end of a transfer ---- */

/* As many connections as there may be, and those that were asked for beyond. */
static void allow_connections(struct transfers *ts)
{
	transfer_loop_allow(ts->loop, ts->max_connections + ts->extra);
}

static void transfer_free(struct transfer *t)
{
	if (t->wants_new_connection) {
		t->ts->extra--;
		allow_connections(t->ts);
	}
	if (t->timer)
		event_free(t->timer);
	transfer_attempt_fini(&t->attempt);
	transfer_order_fini(&t->order);
	free(t);
}

static void release_easy(struct transfer *t, bool is_clean)
{
	CURL *easy = transfer_attempt_end(&t->attempt);

	transfer_loop_give(t->loop, easy, is_clean);
}

/* What the head said. */
static void describe(const struct transfer *t, struct transfer_result *r)
{
	const struct transfer_attempt *a = &t->attempt;

	r->status = (uint16_t)a->head.status;
	r->http_major = a->head.major;
	r->fields = upstream_lines(&a->head);
	r->has_length = a->head.has_length && !a->head.is_chunked;
	r->length = a->head.length;
	r->is_close_delimited = transfer_attempt_is_close_delimited(a);
}

static void finish(struct transfer *t, enum transfer_outcome outcome,
    enum transfer_cause cause)
{
	const struct transfer_attempt *a = &t->attempt;
	struct transfer_result r = {
	    .outcome = outcome,
	    .cause = cause,
	    .started_us = t->started_us,
	    .connected_us = a->connected_us,
	    .ended_us = clock_mono_us(),
	    .sends = t->sends,
	    .detail = outcome == TRANSFER_OK ? "" : a->error,
	};

	assert(t->state != TRANSFER_ENDED && !a->easy);
	if (outcome == TRANSFER_OK) {
		describe(t, &r);
		r.body = buf_slice(&a->body);
	}
	t->state = TRANSFER_ENDED;
	delist(t);
	t->done(t, &r, t->arg);
	transfer_free(t);
}

/* The connection could not be made. Whoever has waited for one as long as that
 * takes has waited enough: else each would try in turn. */
static void fail_waiting(struct transfers *ts, enum transfer_cause cause)
{
	int64_t now_ms = clock_mono_ms();
	struct transfer *t = ts->first;

	while (
	    t && now_ms - t->accepted_ms >= ts->site.terms.connect_timeout_ms) {
		struct transfer *next = t->next;

		if (t->state == TRANSFER_RUNNING && !t->attempt.has_dialed &&
		    !t->attempt.trace.is_begun && t->attempts == 1) {
			transfer_loop_remove(t->loop, t->attempt.easy);
			release_easy(t, false);
			finish(t, TRANSFER_UNSENT, cause);
			/* done may have abandoned any other. */
			next = ts->first;
		}
		t = next;
	}
}

static bool is_way_closed(const struct transfer_verdict *v)
{
	return v->outcome == TRANSFER_UNSENT && transfer_cause_is_way(v->cause);
}

/* ---- running ---- */

static void set_timer(struct transfer *t, int64_t due_ms)
{
	int64_t left_ms = due_ms - clock_mono_ms();
	struct timeval tv;

	if (left_ms < 0)
		left_ms = 0;
	tv.tv_sec = left_ms / 1000;
	tv.tv_usec = left_ms % 1000 * 1000;
	evtimer_add(t->timer, &tv);
}

static int64_t timeout_of(const struct transfer *t)
{
	int64_t most_ms = t->ts->site.terms.timeout_ms;

	return t->timeout_ms > 0 && t->timeout_ms < most_ms ? t->timeout_ms
							    : most_ms;
}

/* Hands the request to libcurl. False: no memory. */
static bool launch(struct transfer *t)
{
	CURL *easy = transfer_loop_take(t->loop);

	if (!easy)
		return false;
	if (!transfer_attempt_begin(&t->attempt, easy,
		t->wants_new_connection || t->attempts > 0, t) ||
	    !transfer_loop_add(t->loop, easy)) {
		release_easy(t, false);
		return false;
	}
	if (t->attempts++ == 0)
		t->started_us = clock_mono_us();
	t->state = TRANSFER_RUNNING;
	set_timer(t, t->accepted_ms + timeout_of(t));
	return true;
}

static void launch_or_fail(struct transfer *t)
{
	if (!launch(t))
		finish(t, TRANSFER_UNSENT, TRANSFER_CAUSE_LOCAL);
}

/* One explicit second sending, for requests that may be repeated. */
static bool repeat(struct transfer *t, const struct transfer_verdict *v)
{
	if (!t->order.is_safe || t->attempts > 1 ||
	    !transfer_attempt_may_repeat(&t->attempt, v))
		return false;
	release_easy(t, false);
	if (launch(t))
		return true;
	finish(t, v->outcome, v->cause);
	return true;
}

/* The easy handle is out of the loop. */
static void end_attempt(struct transfer *t, CURLcode code, bool is_expired)
{
	struct transfers *ts = t->ts;
	struct transfer_verdict v =
	    transfer_attempt_judge(&t->attempt, code, is_expired);

	if (transfer_attempt_has_left(&t->attempt))
		t->sends++;
	/* What a first attempt sent is out, whatever becomes of the second. */
	if (v.outcome == TRANSFER_UNSENT && t->sends > 0 &&
	    v.cause != TRANSFER_CAUSE_REFUSED)
		v.outcome = TRANSFER_UNKNOWN;
	if (repeat(t, &v))
		return;
	release_easy(t, v.outcome == TRANSFER_OK);
	finish(t, v.outcome, v.cause);
	if (is_way_closed(&v)) {
		/* The name may have moved. */
		if (ts->resolve)
			resolve_ask(ts->resolve);
		fail_waiting(ts, v.cause);
	}
}

static void on_ended(void *private, CURLcode code, void *arg)
{
	struct transfer *t = private;

	assert(t->ts == arg && t->state == TRANSFER_RUNNING);
	end_attempt(t, code, false);
}

static void expire(struct transfer *t)
{
	transfer_loop_remove(t->loop, t->attempt.easy);
	end_attempt(t, CURLE_OK, true);
}

/* Silence counts from the last word, and not while we do not listen. */
static void expire_if_silent(struct transfer *t)
{
	int64_t now_ms = clock_mono_ms();

	if (!t->sink || !upstream_is_done(&t->attempt.head)) {
		expire(t);
		return;
	}
	if (t->attempt.is_paused)
		t->heard_ms = now_ms;
	if (now_ms - t->heard_ms >= t->idle_timeout_ms)
		expire(t);
	else
		set_timer(t, t->heard_ms + t->idle_timeout_ms);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct transfer *t = arg;

	(void)fd;
	(void)what;
	switch (t->state) {
	case TRANSFER_REFUSED:
		finish(t, TRANSFER_UNSENT, TRANSFER_CAUSE_REQUEST);
		break;
	case TRANSFER_NAMELESS:
		finish(t, TRANSFER_UNSENT, TRANSFER_CAUSE_DNS);
		break;
	case TRANSFER_RUNNING:
		expire_if_silent(t);
		break;
	case TRANSFER_ENDED:
		assert(!"a timer outlived its transfer");
	}
}

/* ---- bodies that are passed on ---- */

static void on_head(void *private)
{
	struct transfer *t = private;
	struct transfer_result r = {
	    .outcome = TRANSFER_OK,
	    .started_us = t->started_us,
	    .connected_us = t->attempt.connected_us,
	    .ended_us = clock_mono_us(),
	    .sends = t->sends + 1,
	    .detail = "",
	};

	describe(t, &r);
	t->heard_ms = clock_mono_ms();
	set_timer(t, t->heard_ms + t->idle_timeout_ms);
	t->sink->head(t, &r, t->arg);
}

static bool on_data(void *private, struct slice bytes)
{
	struct transfer *t = private;

	t->heard_ms = clock_mono_ms();
	return t->sink->data(t, bytes, t->arg);
}

void transfer_resume(struct transfer *t)
{
	assert(t->state == TRANSFER_RUNNING && t->sink);
	if (t->attempt.is_paused)
		transfer_attempt_resume(&t->attempt);
}

/* ---- names ---- */

static struct transfer *first_nameless(struct transfers *ts)
{
	struct transfer *t = ts->first;

	while (t && t->state != TRANSFER_NAMELESS)
		t = t->next;
	return t;
}

static void on_addresses(void *arg)
{
	struct transfers *ts = arg;
	struct transfer *t, *newest = ts->last;
	const char *list = resolve_list(ts->resolve);
	bool is_known = list && transfer_site_set_addresses(&ts->site, list);

	/* Not those that done starts meanwhile: they wait for the next. */
	while ((t = first_nameless(ts))) {
		bool is_last = t == newest;

		if (is_known)
			launch_or_fail(t);
		else
			finish(t, TRANSFER_UNSENT, TRANSFER_CAUSE_DNS);
		if (is_last)
			break;
	}
}

/* ---- starting and stopping ---- */

static void begin(struct transfer *t)
{
	struct transfers *ts = t->ts;
	int64_t wait_ms = ts->site.terms.connect_timeout_ms;

	if (!ts->resolve || ts->site.resolve) {
		t->state = TRANSFER_RUNNING;
		return;
	}
	if (wait_ms > timeout_of(t))
		wait_ms = timeout_of(t);
	t->state = TRANSFER_NAMELESS;
	set_timer(t, t->accepted_ms + wait_ms);
	if (resolve_state(ts->resolve) == RESOLVE_FAILED)
		resolve_ask(ts->resolve);
}

static void choose_way(struct transfer *t, const struct transfer_request *rq)
{
	static const struct transfer_outlet outlet = {on_head, on_data};
	struct transfers *ts = t->ts;

	t->loop = ts->loop;
	t->sink = rq->sink;
	t->idle_timeout_ms = rq->idle_timeout_ms;
	t->timeout_ms = rq->timeout_ms;
	t->wants_new_connection = rq->wants_new_connection && !rq->sink;
	if (t->wants_new_connection) {
		ts->extra++;
		allow_connections(ts);
	}
	if (rq->max_body_bytes && rq->max_body_bytes < t->attempt.body.max)
		t->attempt.body.max = rq->max_body_bytes;
	if (!t->sink)
		return;
	assert(ts->stream_loop && t->idle_timeout_ms > 0);
	t->loop = ts->stream_loop;
	t->attempt.outlet = &outlet;
}

struct transfer *transfer_start(struct transfers *ts,
    const struct transfer_request *rq, transfer_done done, void *arg)
{
	struct transfer *t = calloc(1, sizeof(*t));
	enum transfer_order_result result;

	assert(!ts->is_freeing);
	if (!t)
		return NULL;
	t->ts = ts;
	t->done = done;
	t->arg = arg;
	t->accepted_ms = clock_mono_ms();
	transfer_attempt_init(&t->attempt, &ts->site, &t->order);
	choose_way(t, rq);
	result = transfer_order_init(&t->order, rq);
	t->timer = evtimer_new(ts->base, on_timer, t);
	if (!t->timer || result == TRANSFER_ORDER_NO_MEMORY)
		goto fail;
	if (result == TRANSFER_ORDER_BAD) {
		t->state = TRANSFER_REFUSED;
		set_timer(t, t->accepted_ms);
	} else {
		begin(t);
		if (t->state == TRANSFER_RUNNING && !launch(t))
			goto fail;
	}
	enlist(t);
	return t;
fail:
	transfer_free(t);
	return NULL;
}

void transfer_abandon(struct transfer *t)
{
	assert(t->state != TRANSFER_ENDED);
	if (t->state == TRANSFER_RUNNING) {
		transfer_loop_remove(t->loop, t->attempt.easy);
		release_easy(t, false);
	}
	delist(t);
	transfer_free(t);
}

char *transfer_take_body(struct transfer *t, size_t *n)
{
	assert(t->state == TRANSFER_ENDED);
	return buf_take(&t->attempt.body, n);
}

void transfers_set_terms(
    struct transfers *ts, const struct transfers_terms *terms)
{
	transfer_site_set_terms(&ts->site, terms);
}

size_t transfers_running(const struct transfers *ts)
{
	return ts->n;
}

/* ---- life ---- */

static bool start_resolver(
    struct transfers *ts, const struct transfers_options *o)
{
	const struct resolve_options ro = {
	    .host = ts->site.host,
	    .lookup = o->lookup,
	    .lookup_arg = o->lookup_arg,
	    .refresh_ms = REFRESH_MS,
	    .retry_ms = RETRY_MS,
	    .gap_ms = GAP_MS,
	};

	if (transfer_site_is_address(&ts->site))
		return true;
	ts->resolve = resolve_new(ts->base, &ro, on_addresses, ts);
	return ts->resolve != NULL;
}

static bool set_up(
    struct transfers *ts, const struct transfers_options *o, char **why)
{
	ts->max_connections = o->max_connections;
	ts->is_global = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
	if (!ts->is_global || !transfer_site_init(&ts->site, o, why))
		return false;
	ts->loop = transfer_loop_new(
	    ts->base, o->max_connections, o->max_connections, on_ended, ts);
	if (o->max_streams > 0)
		ts->stream_loop = transfer_loop_new(
		    ts->base, o->max_streams, STREAMS_IDLE_MAX, on_ended, ts);
	return ts->loop && (ts->stream_loop || o->max_streams == 0) &&
	       start_resolver(ts, o);
}

struct transfers *transfers_new(
    struct event_base *base, const struct transfers_options *o, char **why)
{
	struct transfers *ts = calloc(1, sizeof(*ts));

	assert(o->upstream && o->max_connections > 0);
	*why = NULL;
	if (!ts)
		return NULL;
	ts->base = base;
	if (set_up(ts, o, why))
		return ts;
	if (!*why)
		*why = strdup("upstream: memory or threads are exhausted");
	transfers_free(ts);
	return NULL;
}

void transfers_free(struct transfers *ts)
{
	if (!ts)
		return;
	ts->is_freeing = true;
	while (ts->first)
		transfer_abandon(ts->first);
	resolve_free(ts->resolve);
	transfer_loop_free(ts->stream_loop);
	transfer_loop_free(ts->loop);
	transfer_site_fini(&ts->site);
	if (ts->is_global)
		curl_global_cleanup();
	free(ts);
}
