#include "front/front.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/thread.h"
#include "front/access.h"
#include "front/front_internal.h"
#include "front/identity.h"
#include "front/relay.h"
#include "front/reply.h"
#include "http/error.h"

#include <assert.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	FRONT_MAIL_DRAIN = 100, /* others than the origin's replies */
	FRONT_MAIL_SWITCH,
	FRONT_MAIL_HURRY,
	FRONT_MAIL_USAGE
};
#define TICK_MS 200
#define DRAIN_TICK_MS 20
/* A kept-alive client that is at work meets "Connection: close" within this,
 * instead of a connection that closes under its next request. */
#define IDLE_GRACE_MS 500

/* A slot keeps the memory of its last request up to this. */
#define SLOT_KEEP_BYTES 4096
#define LINES_MAX (64 * 1024)
#define KEY_MAX (128 * 1024)
#define MINIFIED_MAX (64 * 1024)
/* An ETag and a date, each a field of the upstream. */
#define VALIDATORS_MAX (64 * 1024)

/* ---- slots ---- */

static void init_slot(struct front *f, uint32_t i)
{
	struct request *r = &f->slots[i];

	r->front = f;
	r->slot = i;
	buf_init(&r->target, f->options.listener.max_target_bytes);
	buf_init(&r->lines, LINES_MAX);
	buf_init(&r->minified, MINIFIED_MAX);
	buf_init(&r->full_key, KEY_MAX);
	buf_init(&r->held_key, KEY_MAX);
	buf_init(&r->validators, VALIDATORS_MAX);
	r->next_free = f->free_slots;
	f->free_slots = r;
}

static void fini_slot(struct request *r)
{
	buf_fini(&r->target);
	buf_fini(&r->lines);
	buf_fini(&r->minified);
	buf_fini(&r->full_key);
	buf_fini(&r->held_key);
	buf_fini(&r->validators);
}

static void trim(struct buf *b)
{
	if (b->size > SLOT_KEEP_BYTES) {
		size_t max = b->max;

		buf_fini(b);
		buf_init(b, max);
	}
	buf_reset(b);
}

struct request *request_alloc(struct front *f)
{
	struct request *r = f->free_slots;

	if (!r)
		return NULL;
	f->free_slots = r->next_free;
	f->used_slots++;
	r->generation++;
	return r;
}

/* Forgets what the request was, keeps its buffers. */
void request_free(struct request *r)
{
	struct front *f = r->front;

	assert(!r->req && !r->is_waiting && !r->stream);
	if (r->charged_bytes > 0)
		budget_give(f->options.listener.bodies, r->charged_bytes);
	r->charged_bytes = r->body_bytes = 0;
	trim(&r->target);
	trim(&r->lines);
	trim(&r->minified);
	trim(&r->full_key);
	trim(&r->held_key);
	trim(&r->validators);
	r->held = (struct fetch_held){.may_ask = false};
	r->is_vary_miss = r->is_stale_forbidden = false;
	r->match.op = NULL;
	r->cache = (struct cachestatus){.fwd = CACHESTATUS_LOCAL};
	r->fields_n = 0;
	r->asked = 0;
	r->fallback = ASK_FALLBACK_NONE;
	r->tool[0] = '\0';
	r->method_name = SLICE_NONE;
	r->is_counted = r->is_answered = r->is_shared = false;
	r->status = 0;
	r->sent_bytes = 0;
	r->sent_us = r->upstream_us = r->wait_us = r->ended_us = 0;
	r->trace_id[0] = '\0';
	r->authorization = SLICE_NONE;
	r->next_free = f->free_slots;
	f->free_slots = r;
	f->used_slots--;
}

/* ---- requests ---- */

/* Without a slot there is nothing to build a reply in: it is ready made. */
static void make_overload_reply(struct front *f)
{
	struct buf body;

	buf_init(&body, 1024);
	http_error_body(&body, 503, SLICE("too many requests are waiting"));
	buf_printf(&f->overload,
	    "HTTP/1.1 503 %s\r\n"
	    "Content-Type: application/json; charset=utf-8\r\n"
	    "Content-Length: %zu\r\nRetry-After: 1\r\n"
	    "Connection: close\r\n\r\n",
	    http_reason(503), body.n);
	buf_add_slice(&f->overload, buf_slice(&body));
	buf_fini(&body);
}

static void refuse_overload(
    struct front *f, struct evhttp_request *req, struct conn *c)
{
	struct iovec iov = {f->overload.p, f->overload.n};

	metrics_add(METRIC_OVERLOAD, 1);
	access_refused(f, c, 503, "too many requests are waiting");
	conn_close_after(c);
	conn_reply(c, req, &iov, 1);
}

static void on_request(struct evhttp_request *req, struct conn *c, void *arg)
{
	struct front *f = arg;
	struct request *r = request_alloc(f);

	if (!r) {
		refuse_overload(f, req, c);
		return;
	}
	r->req = req;
	r->conn = c;
	r->started_us = clock_mono_us();
	r->now_ms = clock_wall_ms();
	r->kind = FETCH_PASS;
	r->cache.fwd = CACHESTATUS_LOCAL;
	access_new_id(f, r->id, sizeof(r->id));
	snprintf(r->client, sizeof(r->client), "%s", access_peer(c));
	request_begin(r);
}

static void on_refused(
    struct conn *c, unsigned status, const char *why, void *arg)
{
	metrics_add(METRIC_REFUSED, 1);
	access_refused(arg, c, status, why);
}

/* ---- mail ---- */

static void on_reply(struct front *f, struct ask *a)
{
	struct request *r = &f->slots[a->slot];

	assert(a->slot < f->options.max_requests);
	/* One ask has one reply, and a slot lives until it came. */
	assert(r->generation == a->generation && r->is_waiting);
	request_reply(r, a);
}

/* Nothing points into the former settings: between two messages nobody is in
 * the middle of a step, and what outlives a step was copied. */
static void on_switch(struct front *f, struct front_switch *s)
{
	f->settings = s->settings;
	listener_follow(f->listener, &f->settings->listener);
	s->mail.kind = s->reply_kind;
	if (!mailbox_post(s->reply_to, &s->mail))
		assert(!"main's mailbox is full");
}

static void on_drain(struct front *f)
{
	struct timeval often = {.tv_usec = DRAIN_TICK_MS * 1000};

	if (f->is_draining)
		return;
	f->is_draining = true;
	f->idle_until_ms = clock_mono_ms() + IDLE_GRACE_MS;
	f->drain_at_ms = clock_mono_ms() + f->settings->drain_ms;
	listener_drain(f->listener);
	event_add(f->tick, &often);
}

static void on_hurry(struct front *f)
{
	on_drain(f);
	f->drain_at_ms = clock_mono_ms();
}

static void end_if_drained(struct front *f)
{
	int64_t now_ms = clock_mono_ms();

	if (!f->is_draining)
		return;
	if (now_ms >= f->idle_until_ms)
		listener_drop_idle(f->listener);
	if (now_ms >= f->drain_at_ms)
		for (uint32_t i = 0; i < f->options.max_requests; i++)
			request_give_up(&f->slots[i]);
	else if (f->used_slots > 0 || !listener_has_drained(f->listener))
		return;
	event_base_loopbreak(f->base);
}

static void on_mail(struct front *f, struct mail *m)
{
	switch (m->kind) {
	case FRONT_MAIL_DRAIN:
		on_drain(f);
		break;
	case FRONT_MAIL_SWITCH:
		on_switch(f, mail_of(m, struct front_switch, mail));
		break;
	case FRONT_MAIL_HURRY:
		on_hurry(f);
		break;
	case FRONT_MAIL_USAGE:
		usage_collect_reply(
		    mail_of(m, struct usage_collect, mail), &f->usage);
		break;
	case STREAM_MAIL_CHUNK:
		relay_take_chunk(f, mail_of(m, struct stream_chunk, mail));
		break;
	case STREAM_MAIL_END:
		relay_take_end(f, m);
		break;
	case ORIGIN_REPLY_KIND:
		on_reply(f, mail_of(m, struct ask, mail));
		break;
	default:
		assert(!"unknown mail to a front");
	}
}

static void on_mailbox(evutil_socket_t fd, short what, void *arg)
{
	struct front *f = arg;
	struct mail *m = mailbox_take_all(f->mailbox);

	(void)fd;
	(void)what;
	while (m) {
		struct mail *next = m->next;

		on_mail(f, m);
		m = next;
	}
	end_if_drained(f);
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct front *f = arg;

	(void)fd;
	(void)what;
	pulse_beat(&f->pulse);
	log_flush();
	end_if_drained(f);
}

/* ---- thread ---- */

static void *run(void *arg)
{
	struct front *f = arg;

	snprintf(f->name, sizeof(f->name), "front-%u", f->index);
	thread_name(f->name);
	metrics_thread_init();
	pulse_begin(&f->pulse, f->name, PULSE_LOOP_PATIENCE);
	event_base_dispatch(f->base);
	pulse_end(&f->pulse);
	listener_free(f->listener);
	f->listener = NULL;
	log_flush();
	metrics_thread_fini();
	f->notify_mail.kind = f->options.notify_kind;
	if (!mailbox_post(f->options.notify, &f->notify_mail))
		assert(!"main's mailbox is full");
	return NULL;
}

/* ---- life ---- */

static struct event_base *base_new(void)
{
	struct event_config *config = event_config_new();
	struct event_base *base;

	if (!config)
		return NULL;
	event_config_set_flag(config,
	    EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST | EVENT_BASE_FLAG_NOLOCK);
	base = event_base_new_with_config(config);
	event_config_free(config);
	return base;
}

static void set_id_prefix(struct front *f)
{
	uint32_t random = 0;

	digest_random(&random, sizeof(random));
	snprintf(f->id_prefix, sizeof(f->id_prefix), "%08x", random);
}

static bool add_events(struct front *f)
{
	struct timeval every = {.tv_usec = TICK_MS * 1000};

	f->mailbox_event = event_new(f->base, mailbox_fd(f->mailbox),
	    EV_READ | EV_PERSIST, on_mailbox, f);
	f->tick = event_new(f->base, -1, EV_PERSIST, on_tick, f);
	return f->mailbox_event && f->tick &&
	       event_add(f->mailbox_event, NULL) == 0 &&
	       event_add(f->tick, &every) == 0;
}

static bool build(struct front *f)
{
	const struct front_options *o = &f->options;

	f->base = base_new();
	/* Room for a reply to each slot, for all that streams may send, for
	 * the words to drain, new settings, and a collection of usage. */
	f->mailbox = mailbox_new((size_t)o->max_requests +
				 (size_t)o->max_streams * STREAM_MAILS + 4);
	f->usage = usage_table_new(USAGE_THREAD_ROWS);
	f->slots = calloc(o->max_requests, sizeof(*f->slots));
	if (o->cache)
		f->reader = cache_reader_new(o->cache);
	if (!f->base || !f->mailbox || !f->usage || !f->slots ||
	    (o->cache && !f->reader))
		return false;
	for (uint32_t i = o->max_requests; i > 0; i--)
		init_slot(f, i - 1);
	f->listener =
	    listener_new(f->base, &o->listener, on_request, on_refused, f);
	return f->listener && add_events(f);
}

struct front *front_new(
    unsigned index, const struct front_options *o, char **why)
{
	struct front *f = calloc(1, sizeof(*f));

	*why = NULL;
	if (!f)
		return NULL;
	f->index = index;
	f->options = *o;
	f->settings = o->settings;
	f->options.settings = NULL; /* not those of now */
	set_id_prefix(f);
	buf_init(&f->own_head, 8192);
	buf_init(&f->head_304, 256 * 1024);
	buf_init(&f->base_url, 8192);
	buf_init(&f->error_body, 8192);
	buf_init(&f->variant_key, KEY_MAX);
	buf_init(&f->masked, 64 * 1024);
	buf_init(&f->overload, 1024);
	make_overload_reply(f);
	if (f->overload.has_failed || !build(f)) {
		front_free(f);
		return NULL;
	}
	return f;
}

bool front_bind(struct front *f, const char *host, uint16_t port,
    const char *name, uint16_t *port_out, char **why)
{
	return listener_bind(f->listener, host, port, name, port_out, why);
}

bool front_adopt(
    struct front *f, int fd, const char *name, bool is_inherited, char **why)
{
	return listener_adopt(f->listener, fd, name, is_inherited, why);
}

bool front_start(struct front *f)
{
	f->is_running = pthread_create(&f->thread, NULL, run, f) == 0;
	return f->is_running;
}

void front_use(struct front *f, struct front_switch *s)
{
	s->mail.kind = FRONT_MAIL_SWITCH;
	if (!mailbox_post(f->mailbox, &s->mail))
		assert(!"a place is kept for this");
}

void front_drain(struct front *f)
{
	f->drain_mail.kind = FRONT_MAIL_DRAIN;
	if (!mailbox_post(f->mailbox, &f->drain_mail))
		assert(!"a place is kept for this");
}

void front_hurry(struct front *f)
{
	f->hurry_mail.kind = FRONT_MAIL_HURRY;
	if (!mailbox_post(f->mailbox, &f->hurry_mail))
		assert(!"a place is kept for this");
}

void front_collect(struct front *f, struct usage_collect *c)
{
	c->mail.kind = FRONT_MAIL_USAGE;
	if (!mailbox_post(f->mailbox, &c->mail))
		assert(!"a place is kept for this");
}

struct usage_table *front_usage(struct front *f)
{
	return f->usage;
}

void front_join(struct front *f)
{
	if (!f->is_running)
		return;
	pthread_join(f->thread, NULL);
	f->is_running = false;
}

static void free_late_reply(struct ask *a)
{
	if (a->result == ASK_STREAMED)
		stream_leave(a->stream);
	answer_unref(a->answer);
	free(a);
}

/* What came after the thread had ended. */
static void free_late_mail(struct front *f)
{
	struct mail *m = mailbox_take_all(f->mailbox);

	while (m) {
		struct mail *next = m->next;

		if (m->kind == STREAM_MAIL_CHUNK)
			stream_give_back(mail_of(m, struct stream_chunk, mail));
		else if (m->kind == STREAM_MAIL_END)
			stream_close(stream_of_end(m));
		else if (m->kind == ORIGIN_REPLY_KIND)
			free_late_reply(mail_of(m, struct ask, mail));
		m = next;
	}
}

void front_free(struct front *f)
{
	if (!f)
		return;
	assert(!f->is_running);
	listener_free(f->listener);
	if (f->mailbox) {
		free_late_mail(f);
		mailbox_free(f->mailbox);
	}
	if (f->mailbox_event)
		event_free(f->mailbox_event);
	if (f->tick)
		event_free(f->tick);
	cache_reader_free(f->reader);
	for (uint32_t i = 0; f->slots && i < f->options.max_requests; i++)
		fini_slot(&f->slots[i]);
	free(f->slots);
	usage_table_free(f->usage);
	buf_fini(&f->own_head);
	buf_fini(&f->head_304);
	buf_fini(&f->base_url);
	buf_fini(&f->error_body);
	buf_fini(&f->variant_key);
	buf_fini(&f->masked);
	buf_fini(&f->overload);
	if (f->base)
		event_base_free(f->base);
	free(f);
}
