#include "origin/origin.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/thread.h"
#include "http/field.h"
#include "http/page.h"
#include "http/validate.h"
#include "origin/movement.h"
#include "origin/origin_internal.h"

#include <assert.h>
#include <event2/event.h>
#include <stdlib.h>

#define TICK_MS 1000
#define FLIGHTS_SIZE 4096
#define HEAD_MAX_BYTES (256 * 1024)

/* ---- replies ---- */

void origin_return(struct origin *o, struct ask *a)
{
	(void)o;
	fetch_unref(a->fetch);
	a->fetch = NULL;
	a->next = NULL;
	if (!a->reply_to) {
		answer_unref(a->answer);
		free(a);
		return;
	}
	a->mail.kind = ORIGIN_REPLY_KIND;
	/* Room is certain: a mailbox holds as many asks as its front's slots.
	 */
	if (!mailbox_post(a->reply_to, &a->mail))
		assert(!"a front's mailbox is full");
}

void origin_return_failed(
    struct origin *o, struct ask *a, uint16_t status, const char *detail)
{
	a->result = ASK_FAILED;
	a->fail_status = status;
	a->detail = detail;
	origin_return(o, a);
}

bool origin_is_gone(const struct origin_gone *g, const struct ask *a)
{
	return a->reply_to == g->reply_to && a->slot == g->slot &&
	       a->generation == g->generation;
}

uint16_t origin_fail_status(const struct transfer_result *r)
{
	switch (r->outcome) {
	case TRANSFER_UNSENT:
		/* Somebody is there, but not who should be: waiting and asking
		 * again does not help, as 503 would say. */
		return transfer_cause_words(r->cause) ? 502 : 503;
	case TRANSFER_UNKNOWN:
		return r->cause == TRANSFER_CAUSE_PROTOCOL ||
			       r->cause == TRANSFER_CAUSE_PARTIAL
			   ? 502
			   : 504;
	default:
		return 502;
	}
}

const char *origin_fail_message(const struct transfer_result *r)
{
	if (r->outcome == TRANSFER_UNSENT && r->cause == TRANSFER_CAUSE_LOCAL)
		return "ghlmirror is out of file descriptors or memory; "
		       "nothing was sent";
	if (r->cause == TRANSFER_CAUSE_BUSY)
		return "all connections to the upstream are busy; nothing was "
		       "sent";
	return transfer_cause_words(r->cause);
}

/* Nobody there, or nobody who answers: as opposed to a bad answer. */
static bool is_unreachable(const struct transfer_result *r)
{
	return r->outcome == TRANSFER_UNSENT ||
	       r->cause == TRANSFER_CAUSE_TIMEOUT ||
	       r->cause == TRANSFER_CAUSE_RESET ||
	       r->cause == TRANSFER_CAUSE_RESEND;
}

void origin_set_failure(struct ask *a, const struct transfer_result *r)
{
	bool may_fall_back =
	    ask_prefers_stale(a) ||
	    (a->fallback == ASK_FALLBACK_AWAY && is_unreachable(r));

	a->result = may_fall_back ? ASK_STALE : ASK_FAILED;
	a->fail_status = origin_fail_status(r);
	a->detail = transfer_cause_name(r->cause);
	a->message = origin_fail_message(r);
}

void origin_return_failure(
    struct origin *o, struct ask *a, const struct transfer_result *r)
{
	origin_set_failure(a, r);
	origin_return(o, a);
}

/* ---- transfers ---- */

/* The fields of f, with conditions when it asks about what is stored. They
 * point into lines. */
static size_t fields_of(const struct fetch *f, bool is_stream,
    struct buf *lines, struct slice *fields)
{
	struct slice block;
	struct field line;
	size_t n = f->fields_n;

	memcpy(fields, f->fields, n * sizeof(*fields));
	/* Nothing could be made whole of a 304 there. */
	if (!f->is_conditional || is_stream)
		return n;
	validate_conditions(f->held.etag, f->held.last_modified, lines);
	block = buf_slice(lines);
	while (field_next(&block, &line)) {
		size_t bytes = (size_t)(block.p - line.name.p) - 2;

		fields[n++] = slice_of(line.name.p, bytes);
	}
	return n;
}

/* As long as is worth waiting to learn that there is an answer. */
#define PROBE_TIMEOUT_MS 2500

struct transfer *origin_send(struct origin *o, const struct fetch *f,
    const struct transfer_sink *sink, transfer_done done, void *arg)
{
	struct slice fields[FETCH_FIELDS_MAX + 2];
	struct transfer_request rq = {
	    .method = f->method,
	    .target = f->target,
	    .fields = fields,
	    .body = f->body,
	    .has_body = f->has_body,
	    .is_safe = f->kind == FETCH_READ,
	    .sink = sink,
	    .idle_timeout_ms = o->settings->stream_idle_timeout_ms,
	};
	struct transfer *t;
	struct buf lines;

	buf_init(&lines, HEAD_MAX_BYTES);
	rq.fields_n = fields_of(f, sink != NULL, &lines, fields);
	if (f->is_hasty)
		rq.timeout_ms = PROBE_TIMEOUT_MS;
	rq.wants_new_connection = f->is_hasty;
	/* What cannot be stored need not be collected either. */
	if (f->kind == FETCH_READ)
		rq.max_body_bytes = o->settings->store_answer_max_bytes;
	origin_count_sent(o, f);
	t = transfer_start(o->transfers, &rq, done, arg);
	buf_fini(&lines);
	return t;
}

static struct transfer *send_queued(
    const struct fetch *f, transfer_done done, void *done_arg, void *arg)
{
	return origin_send(arg, f, NULL, done, done_arg);
}

/* The stored head has moved into the answer, and info must point there. */
static void rebase(struct slice *s, const char *from, const char *to)
{
	if (s->n > 0)
		s->p = to + (s->p - from);
}

static void rebase_head(struct head *h, const char *from, const char *to)
{
	rebase(&h->etag, from, to);
	rebase(&h->last_modified, from, to);
	rebase(&h->content_type, from, to);
	rebase(&h->content_encoding, from, to);
	rebase(&h->vary, from, to);
	rebase(&h->location, from, to);
	rebase(&h->content_location, from, to);
}

enum head_rules origin_head_rules(const struct origin *o)
{
	return o->options.is_standards ? HEAD_KEEPS_ALL : HEAD_DROPS_OURS;
}

struct answer *origin_make_answer(struct origin *o, unsigned status,
    struct buf *head, char *body, size_t body_n, struct head *info)
{
	const char *built = head->p;
	size_t head_n;
	char *block = buf_take(head, &head_n);
	struct answer *a =
	    answer_new((uint16_t)status, block, head_n, body, body_n);

	if (!a)
		return NULL;
	rebase_head(info, built, a->head.p);
	a->date_ms = clock_wall_ms();
	a->etag = info->etag;
	a->last_modified = info->last_modified;
	a->age_s = info->age_s;
	if (!o->options.is_standards)
		page_find(a->body, &a->next_page, &a->authority_n);
	return a;
}

/* Takes body. */
static struct answer *answer_of(struct origin *o,
    const struct transfer_result *r, char *body, size_t body_n,
    struct head *info)
{
	int64_t now_s = clock_wall_ms() / 1000;
	struct buf head;
	const char *why;

	buf_init(&head, HEAD_MAX_BYTES);
	if (!head_build(
		r->fields, now_s, origin_head_rules(o), &head, info, &why)) {
		buf_fini(&head);
		free(body);
		return NULL;
	}
	return origin_make_answer(o, r->status, &head, body, body_n, info);
}

struct answer *origin_answer(struct origin *o, struct transfer *t,
    const struct transfer_result *r, struct head *info)
{
	size_t n;
	char *body = transfer_take_body(t, &n);

	return answer_of(o, r, body, n, info);
}

struct answer *origin_answer_head(
    struct origin *o, const struct transfer_result *r, struct head *info)
{
	return answer_of(o, r, NULL, 0, info);
}

/* ---- the loop ---- */

/*
 * A probe is a read like others, and may take its time: there are answers that
 * always do. When all connections are taken, perhaps by requests that an
 * upstream without a sound will never answer, it passes the queue. False:
 * enough do.
 */
static bool probe_may_go(struct origin *o, struct fetch *f)
{
	f->is_hasty = !queue_has_room(&o->queue);
	return !f->is_hasty || o->queue.probes < QUEUE_PROBES_MAX;
}

static void on_ask(struct origin *o, struct ask *a)
{
	a->arrived_seq = moves_seq(o->moves);
	if (o->is_stopping) {
		origin_return_failed(o, a, 503, "stopping");
		return;
	}
	switch (a->fetch->kind) {
	case FETCH_READ:
		if (a->fetch->is_probe && !probe_may_go(o, a->fetch)) {
			origin_return_failed(o, a, 503, "busy");
			break;
		}
		flight_ask(o, a);
		break;
	case FETCH_STREAM:
		stream_ask(o, a);
		break;
	case FETCH_PASS:
	case FETCH_WRITE:
		write_ask(o, a);
		break;
	}
}

static void on_gone(struct origin *o, struct origin_gone *g)
{
	if (!flight_client_gone(o, g) && !write_client_gone(o, g))
		stream_client_gone(o, g);
	free(g);
}

/* Nothing points into the former settings: between two messages nobody is in
 * the middle of a step, and what outlives a step was copied. */
static void on_switch(struct origin *o, struct origin_switch *s)
{
	/* What was too large to store may not be any more. */
	if (s->settings->store_answer_max_bytes !=
	    o->settings->store_answer_max_bytes)
		o->large = (struct large){0};
	o->settings = s->settings;
	transfers_set_terms(o->transfers, &s->settings->transfers);
	s->mail.kind = s->reply_kind;
	if (!mailbox_post(s->reply_to, &s->mail))
		assert(!"main's mailbox is full");
}

static void on_mail(struct origin *o, struct mail *m)
{
	switch (m->kind) {
	case ORIGIN_MAIL_ASK:
		on_ask(o, mail_of(m, struct ask, mail));
		break;
	case ORIGIN_MAIL_PURGE:
		write_purge(o, mail_of(m, struct origin_purge, mail));
		break;
	case ORIGIN_MAIL_MOVED:
		movement_moved(o, mail_of(m, struct cache_move, mail));
		break;
	case ORIGIN_MAIL_PUT:
		flight_stored(o, mail_of(m, struct cache_put, mail));
		break;
	case ORIGIN_MAIL_SWITCH:
		on_switch(o, mail_of(m, struct origin_switch, mail));
		break;
	case ORIGIN_MAIL_USAGE:
		usage_collect_reply(
		    mail_of(m, struct usage_collect, mail), &o->usage);
		break;
	case ORIGIN_MAIL_CHUNK:
		stream_chunk_came(mail_of(m, struct stream_chunk, mail));
		break;
	case ORIGIN_MAIL_STREAM_LEFT:
		stream_left(m);
		break;
	case ORIGIN_MAIL_STREAM_CLOSED:
		stream_closed(m);
		break;
	case ORIGIN_MAIL_GONE:
		on_gone(o, mail_of(m, struct origin_gone, mail));
		break;
	case ORIGIN_MAIL_STOP:
		o->is_stopping = true;
		free(m);
		break;
	default:
		assert(!"unknown mail to the origin");
	}
}

static void stop_if_done(struct origin *o)
{
	if (!o->is_stopping)
		return;
	flight_stop_all(o);
	write_stop_all(o);
	stream_stop_all(o);
	/* The writer still owes us word of what it was handed. */
	if (o->moves_pending == 0 && o->puts_pending == 0)
		event_base_loopbreak(o->base);
}

static void take_mail(struct origin *o, struct mailbox *from)
{
	struct mail *m = mailbox_take_all(from);

	while (m) {
		struct mail *next = m->next;

		m->next = NULL;
		on_mail(o, m);
		m = next;
	}
	atomic_store_explicit(
	    &o->seq_seen, moves_seq(o->moves), memory_order_relaxed);
	stop_if_done(o);
}

static void on_mailbox(evutil_socket_t fd, short what, void *arg)
{
	struct origin *o = arg;

	(void)fd;
	(void)what;
	take_mail(o, o->mailbox);
}

static void on_returns(evutil_socket_t fd, short what, void *arg)
{
	struct origin *o = arg;

	(void)fd;
	(void)what;
	take_mail(o, o->returns);
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct origin *o = arg;

	(void)fd;
	(void)what;
	pulse_beat(&o->pulse);
	moves_forget(o->moves, o->committed_seq, flight_oldest_seq(o),
	    clock_wall_ms() - o->settings->settling_ms);
	/* Waiting may take as long as what it is for. */
	queue_expire(&o->queue, clock_mono_us(),
	    o->settings->transfers.timeout_ms * 1000);
	log_flush();
}

static void on_streams_changed(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	stream_act_all(arg);
}

static void on_stale_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	flight_release_stale(arg);
}

static void *run(void *arg)
{
	struct origin *o = arg;

	thread_name("origin");
	metrics_thread_init();
	pulse_begin(&o->pulse, "origin", PULSE_LOOP_PATIENCE);
	event_base_dispatch(o->base);
	pulse_end(&o->pulse);
	/* A switch posted before the word to stop may be read after it. */
	take_mail(o, o->returns);
	log_flush();
	metrics_thread_fini();
	return NULL;
}

/* ---- life ---- */

static bool add_events(struct origin *o)
{
	struct timeval every = {.tv_sec = TICK_MS / 1000};

	o->mailbox_event = event_new(o->base, mailbox_fd(o->mailbox),
	    EV_READ | EV_PERSIST, on_mailbox, o);
	o->returns_event = event_new(o->base, mailbox_fd(o->returns),
	    EV_READ | EV_PERSIST, on_returns, o);
	o->tick = event_new(o->base, -1, EV_PERSIST, on_tick, o);
	o->stale_timer = event_new(o->base, -1, 0, on_stale_timer, o);
	o->streams_event = event_new(o->base, -1, 0, on_streams_changed, o);
	return o->mailbox_event && o->returns_event && o->tick &&
	       o->stale_timer && o->streams_event &&
	       event_add(o->mailbox_event, NULL) == 0 &&
	       event_add(o->returns_event, NULL) == 0 &&
	       event_add(o->tick, &every) == 0;
}

static struct event_base *base_new(void)
{
	struct event_config *config = event_config_new();
	struct event_base *base;

	if (!config)
		return NULL;
	event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
	base = event_base_new_with_config(config);
	event_config_free(config);
	return base;
}

static bool build(struct origin *o, char **why)
{
	struct transfers_options transfers = o->options.transfers;

	transfers.terms = o->settings->transfers;
	queue_init(&o->queue, transfers.max_connections, send_queued, o);
	o->base = base_new();
	o->mailbox = mailbox_new(o->options.mailbox_capacity);
	o->returns = mailbox_new(SIZE_MAX);
	o->rates = rates_new();
	o->usage = usage_table_new(USAGE_THREAD_ROWS);
	o->flights_size = FLIGHTS_SIZE;
	o->flights = calloc(o->flights_size, sizeof(*o->flights));
	o->moves =
	    moves_new(o->options.cache ? cache_last_seq(o->options.cache) : 0);
	if (o->options.cache)
		o->reader = cache_reader_new(o->options.cache);
	if (!o->base || !o->mailbox || !o->returns || !o->rates || !o->usage ||
	    !o->flights || !o->moves || (o->options.cache && !o->reader) ||
	    !add_events(o))
		return false;
	o->transfers = transfers_new(o->base, &transfers, why);
	return o->transfers != NULL;
}

struct origin *origin_new(const struct origin_options *options, char **why)
{
	struct origin *o = calloc(1, sizeof(*o));

	*why = NULL;
	if (!o)
		return NULL;
	o->options = *options;
	o->settings = options->settings;
	o->options.settings = NULL; /* not those of now */
	if (!build(o, why)) {
		origin_free(o);
		return NULL;
	}
	o->committed_seq = moves_seq(o->moves);
	return o;
}

bool origin_start(struct origin *o)
{
	o->is_running = pthread_create(&o->thread, NULL, run, o) == 0;
	return o->is_running;
}

void origin_stop(struct origin *o)
{
	struct mail *m;

	if (!o->is_running)
		return;
	m = calloc(1, sizeof(*m));
	if (!m)
		abort();
	m->kind = ORIGIN_MAIL_STOP;
	/* The fronts are gone, so room comes as soon as the origin looks. */
	while (!mailbox_post(o->mailbox, m))
		sched_yield();
	pthread_join(o->thread, NULL);
	o->is_running = false;
}

/* What fronts gave back after the thread had ended. */
static void take_streams_back(struct origin *o)
{
	struct mail *m = o->returns ? mailbox_take_all(o->returns) : NULL;

	while (m) {
		struct mail *next = m->next;

		m->next = NULL;
		on_mail(o, m);
		m = next;
	}
	stream_free_all(o);
}

void origin_free(struct origin *o)
{
	if (!o)
		return;
	assert(!o->is_running);
	take_streams_back(o);
	transfers_free(o->transfers);
	if (o->mailbox_event)
		event_free(o->mailbox_event);
	if (o->returns_event)
		event_free(o->returns_event);
	if (o->tick)
		event_free(o->tick);
	if (o->stale_timer)
		event_free(o->stale_timer);
	if (o->streams_event)
		event_free(o->streams_event);
	cache_reader_free(o->reader);
	moves_free(o->moves);
	rates_free(o->rates);
	usage_table_free(o->usage);
	free(o->flights);
	mailbox_free(o->mailbox);
	mailbox_free(o->returns);
	if (o->base)
		event_base_free(o->base);
	free(o);
}

void origin_use(struct origin *o, struct origin_switch *s)
{
	s->mail.kind = ORIGIN_MAIL_SWITCH;
	/* Clients may have filled the other one. */
	if (!mailbox_post(o->returns, &s->mail))
		assert(!"the origin's returns are unbounded");
}

bool origin_post(struct origin *o, struct mail *m)
{
	return mailbox_post(o->mailbox, m);
}

struct online *origin_online(struct origin *o)
{
	return &o->online;
}

struct families *origin_families(struct origin *o)
{
	return &o->families;
}

bool origin_is_bypassed(const struct origin *o)
{
	return atomic_load_explicit(&o->is_bypassed, memory_order_relaxed);
}

void origin_set_bypass(struct origin *o, bool is_on)
{
	atomic_store(&o->is_bypassed, is_on);
}

const struct rates *origin_rates(const struct origin *o)
{
	return o->rates;
}
