#include "origin/stream.h"

#include "api/op.h"
#include "base/clock.h"
#include "base/metrics.h"
#include "origin/denial.h"
#include "origin/movement.h"
#include "origin/origin_internal.h"

#include <assert.h>
#include <event2/event.h>
#include <stdlib.h>

/*
 * What was done under /mcp/ may be answered on another stream: with the older
 * SSE transport always, else when a broken stream is taken up again by
 * Last-Event-ID. So for this long after a request that may write, what a GET
 * there brings counts as the answer of a write.
 */
#define ECHO_MS (5 * 60 * 1000)

/* What has arrived and is not delivered yet, in this order. */
struct pile {
	struct ask *ask; /* has its result; owned */
	struct stream_chunk *first, *last;
	bool has_end;
};

struct stream {
	struct stream_view view;
	struct mail leave;
	struct mail close;
	struct origin *origin;

	/* Origin thread only. */
	struct stream *next, **link; /* list of all */
	struct stream *next_changed; /* while is_changed */
	bool is_changed;
	struct mailbox *reply_to;
	struct fetch *fetch; /* one reference */
	struct ask *ask; /* until the head came, or failed to come; owned */
	struct transfer *transfer; /* NULL: over */
	struct stream_chunk *home; /* free chunks */
	unsigned made; /* chunks that exist */
	unsigned away; /* of them with the front */
	/*
	 * Nothing of an answer that may tell of a write is delivered before a
	 * movement was committed that was decided after it arrived: it waits in
	 * arrived for the movement before it, in covered for its own.
	 */
	struct pile arrived;
	struct pile covered;
	struct movement movement;
	bool is_moving; /* covered waits for the commit */
	uint64_t bytes;
	bool is_refused; /* by the upstream, 4xx: it did nothing */
	bool is_denial; /* of a credential perhaps: its body tells */
	bool is_doubtful; /* neither that nor a success */
	bool is_ended; /* an end is in a pile, or was */
	bool must_stop; /* the transfer is of no use any more */
	const char *stop_detail;
	bool is_open; /* the front has the stream */
	bool is_left; /* and its client is gone */
	bool is_closed; /* the front does not have it any more */
};

const struct stream_view *stream_view(const struct stream *s)
{
	return &s->view;
}

struct stream *stream_of_end(struct mail *m)
{
	return mail_of(m, struct stream, view.end);
}

/* ---- from the front ---- */

static void send_home(struct stream *s, struct mail *m, int kind)
{
	m->kind = kind;
	if (!mailbox_post(s->origin->returns, m))
		assert(!"the origin's returns are unbounded");
}

void stream_give_back(struct stream_chunk *c)
{
	send_home(c->stream, &c->mail, ORIGIN_MAIL_CHUNK);
}

void stream_leave(struct stream *s)
{
	send_home(s, &s->leave, ORIGIN_MAIL_STREAM_LEFT);
}

void stream_close(struct stream *s)
{
	send_home(s, &s->close, ORIGIN_MAIL_STREAM_CLOSED);
}

/* ---- the list of changed streams ---- */

/* Whatever happens to a stream is acted upon later on this turn of the loop:
 * outside of libcurl, and once for all the pieces that it brought. */
static void change(struct stream *s)
{
	struct origin *o = s->origin;

	if (s->is_changed)
		return;
	s->is_changed = true;
	s->next_changed = o->changed_streams;
	o->changed_streams = s;
	event_active(o->streams_event, 0, 0);
}

/* ---- chunks ---- */

static void push_home(struct stream *s, struct stream_chunk *c)
{
	c->n = 0;
	c->next = s->home;
	s->home = c;
}

/* An empty chunk at the end of what has arrived. NULL: none is at home. */
static struct stream_chunk *open_chunk(struct stream *s)
{
	struct stream_chunk *c = s->home;

	if (c) {
		s->home = c->next;
	} else if (s->made < STREAM_CHUNKS) {
		c = malloc(sizeof(*c));
		if (!c)
			return NULL;
		s->made++;
		c->stream = s;
	} else {
		return NULL;
	}
	c->n = 0;
	c->next = NULL;
	if (s->arrived.last)
		s->arrived.last->next = c;
	else
		s->arrived.first = c;
	s->arrived.last = c;
	return c;
}

static size_t append(struct stream_chunk *c, struct slice *bytes)
{
	size_t n = STREAM_CHUNK_BYTES - c->n;

	if (n > bytes->n)
		n = bytes->n;
	memcpy(c->bytes + c->n, bytes->p, n);
	c->n += n;
	*bytes = slice_sub(*bytes, n, bytes->n);
	return n;
}

/* ---- the transfer ---- */

static void stop_transfer(struct stream *s, const char *detail)
{
	s->must_stop = true;
	if (!s->stop_detail)
		s->stop_detail = detail;
	change(s);
}

static void end(struct stream *s, const char *detail)
{
	s->is_ended = true;
	s->arrived.has_end = true;
	s->view.is_whole = detail == NULL;
	s->view.detail = detail;
	change(s);
}

/* The ask has its result: it waits for its turn. */
static void conclude_ask(struct stream *s)
{
	s->arrived.ask = s->ask;
	s->ask = NULL;
	change(s);
}

static void fail_ask(struct stream *s, uint16_t status, const char *detail)
{
	s->ask->result = ASK_FAILED;
	s->ask->fail_status = status;
	s->ask->detail = detail;
	conclude_ask(s);
}

/* It is a read after all whose answer could be kept. */
static void forget_if_small(struct stream *s, uint64_t bytes)
{
	struct origin *o = s->origin;

	if (s->fetch->kind == FETCH_READ &&
	    bytes <= o->settings->store_answer_max_bytes)
		large_forget(&o->large, &s->fetch->key);
}

/* A read that has something better to fall back on. */
static bool prefers_stale(const struct ask *a, unsigned status)
{
	return ask_prefers_stale(a) && (status == 429 || status >= 500);
}

static void on_head(
    struct transfer *t, const struct transfer_result *r, void *arg)
{
	struct stream *s = arg;
	struct ask *a = s->ask;
	struct head info;

	(void)t;
	origin_note_result(s->origin, s->fetch, r);
	s->is_refused = r->status >= 400 && r->status < 500;
	s->is_denial = denial_is_possible(s->origin, r->status);
	s->is_doubtful = r->status >= 300 && !s->is_refused;
	origin_time_ask(a, r);
	a->answer = origin_answer_head(s->origin, r, &info);
	if (!a->answer) {
		fail_ask(s, 502, "bad-head");
		stop_transfer(s, "bad-head");
		return;
	}
	rates_update(s->origin->rates, &s->fetch->scope, &info.limits);
	if (prefers_stale(a, r->status)) {
		a->result = ASK_STALE;
		a->detail = r->status == 429 ? "upstream-429" : "upstream-5xx";
		answer_unref(a->answer);
		a->answer = NULL;
		conclude_ask(s);
		stop_transfer(s, a->detail);
		return;
	}
	if (r->has_length)
		forget_if_small(s, r->length);
	a->result = ASK_STREAMED;
	a->stream = s;
	a->has_length = r->has_length;
	a->length = r->length;
	conclude_ask(s);
}

static bool on_data(struct transfer *t, struct slice bytes, void *arg)
{
	struct stream *s = arg;
	struct stream_chunk *last = s->arrived.last;
	size_t room = last ? STREAM_CHUNK_BYTES - last->n : 0;
	struct stream_chunk *next = NULL;

	(void)t;
	/* libcurl gives 16 KiB at most (CURL_MAX_WRITE_SIZE). */
	assert(bytes.n <= STREAM_CHUNK_BYTES);
	if (bytes.n > room) {
		next = open_chunk(s);
		if (!next && s->away == 0 && !s->covered.first && !last)
			stop_transfer(s, "memory");
		if (!next)
			return false;
	}
	s->bytes += bytes.n;
	if (room > 0)
		append(last, &bytes);
	if (next)
		append(next, &bytes);
	change(s);
	return true;
}

static void on_done(
    struct transfer *t, const struct transfer_result *r, void *arg)
{
	struct stream *s = arg;
	bool is_whole = r->outcome == TRANSFER_OK;

	(void)t;
	s->transfer = NULL;
	if (s->fetch->may_write)
		s->origin->echo_until_ms = clock_mono_ms() + ECHO_MS;
	if (s->ask) {
		assert(!is_whole);
		origin_note_result(s->origin, s->fetch, r);
		s->is_refused = r->outcome == TRANSFER_UNSENT;
		origin_time_ask(s->ask, r);
		origin_set_failure(s->ask, r);
		conclude_ask(s);
	} else if (is_whole) {
		forget_if_small(s, s->bytes);
	}
	end(s, is_whole ? NULL : transfer_cause_name(r->cause));
}

static const struct transfer_sink sink = {on_head, on_data};

/* ---- delivery ---- */

static bool is_empty(const struct pile *p)
{
	return !p->ask && !p->first && !p->has_end;
}

static void deliver_ask(struct stream *s, struct ask *a)
{
	if (a->result == ASK_STREAMED) {
		s->is_open = true;
		metrics_add(METRIC_STREAMS, 1);
	} else {
		s->is_closed = true;
	}
	origin_return(s->origin, a);
}

static void deliver_chunk(struct stream *s, struct stream_chunk *c)
{
	c->next = NULL;
	if (!s->is_open || s->is_left || s->is_closed) {
		push_home(s, c);
		return;
	}
	c->mail.kind = STREAM_MAIL_CHUNK;
	s->away++;
	if (!mailbox_post(s->reply_to, &c->mail))
		assert(!"a front's mailbox has room for all chunks");
}

static void deliver_end(struct stream *s)
{
	if (!s->is_open)
		return;
	s->view.end.kind = STREAM_MAIL_END;
	if (!mailbox_post(s->reply_to, &s->view.end))
		assert(!"a front's mailbox has room for all ends");
}

static void deliver(struct stream *s, struct pile *p)
{
	struct pile all = *p;

	*p = (struct pile){0};
	if (all.ask)
		deliver_ask(s, all.ask);
	while (all.first) {
		struct stream_chunk *next = all.first->next;

		deliver_chunk(s, all.first);
		all.first = next;
	}
	if (all.has_end)
		deliver_end(s);
}

/* ---- movements ---- */

static bool is_echo(const struct stream *s)
{
	return s->arrived.first && api_is_mcp(s->fetch->path) &&
	       clock_mono_ms() < s->origin->echo_until_ms;
}

/*
 * What the upstream says of the credential stands in a short body: nothing is
 * passed on before that is here, or is longer than such a body ever is.
 */
static bool is_to_be_read(const struct stream *s)
{
	const struct stream_chunk *c = s->arrived.first;

	return s->is_denial && !s->arrived.has_end &&
	       (!c || c->n < STREAM_CHUNK_BYTES);
}

/* The movement that a denial causes, once. */
static bool has_denial(struct stream *s, struct tag_set *tags)
{
	const struct stream_chunk *c = s->arrived.first;
	struct slice body = c ? slice_of(c->bytes, c->n) : SLICE_NONE;

	if (!s->is_denial || !s->arrived.ask || !s->arrived.ask->answer)
		return false;
	s->is_denial = false;
	return denial_tags(
	    s->origin, s->fetch, s->arrived.ask->answer->status, body, tags);
}

/* Could what has arrived tell the client of a change? */
static bool must_move(const struct stream *s)
{
	if (s->is_refused)
		return false;
	return s->fetch->may_write || is_echo(s);
}

static void on_moved(struct movement *m, bool is_committed)
{
	struct stream *s = m->arg;

	(void)is_committed;
	s->is_moving = false;
	deliver(s, &s->covered);
	change(s);
}

/* What has arrived goes on after this movement. */
static void cover(struct stream *s, struct tag_set *tags, bool is_suspect)
{
	s->covered = s->arrived;
	s->arrived = (struct pile){0};
	s->is_moving = true;
	movement_init(&s->movement, s->origin, on_moved, s);
	movement_send(&s->movement, tags, is_suspect);
}

/* Moves what the request may have changed, and then delivers what has arrived
 * until now. Of one that was cut without a word nobody knows what it did. */
static void move(struct stream *s)
{
	struct api_context context = fetch_context(s->fetch, SLICE_NONE);
	struct tag_set tags;
	bool is_suspect =
	    s->is_doubtful ||
	    (s->arrived.has_end && !s->view.is_whole && !s->arrived.first);

	if (is_suspect)
		metrics_add(METRIC_WRITES_UNKNOWN, 1);
	else if (s->arrived.ask)
		metrics_add(METRIC_WRITES, 1);
	tag_set_init(&tags);
	api_tags_moved(&context, &tags);
	cover(s, &tags, is_suspect);
}

static void pass_on(struct stream *s)
{
	struct tag_set tags;

	if (s->is_moving || is_empty(&s->arrived) || is_to_be_read(s))
		return;
	tag_set_init(&tags);
	if (has_denial(s, &tags))
		cover(s, &tags, false);
	else if (must_move(s))
		move(s);
	else
		deliver(s, &s->arrived);
}

/* ---- life ---- */

static void free_chunks(struct stream_chunk *c)
{
	while (c) {
		struct stream_chunk *next = c->next;

		free(c);
		c = next;
	}
}

static void stream_free(struct stream *s)
{
	*s->link = s->next;
	if (s->next)
		s->next->link = s->link;
	atomic_fetch_sub(&s->origin->streams_n, 1);
	free_chunks(s->home);
	fetch_unref(s->fetch);
	free(s);
}

static bool is_done(const struct stream *s)
{
	return !s->transfer && s->is_ended && is_empty(&s->arrived) &&
	       is_empty(&s->covered) && !s->is_moving && s->is_closed &&
	       s->away == 0;
}

/* Ends the transfer; what it was asked for may have been done. */
static void abandon(struct stream *s, const char *detail)
{
	if (!s->transfer)
		return;
	transfer_abandon(s->transfer);
	s->transfer = NULL;
	if (s->ask)
		fail_ask(s, 503, detail);
	end(s, detail);
}

static void act(struct stream *s)
{
	if (s->must_stop)
		abandon(s, s->stop_detail);
	pass_on(s);
	if (is_done(s) && !s->is_changed)
		stream_free(s);
}

void stream_act_all(struct origin *o)
{
	while (o->changed_streams) {
		struct stream *s = o->changed_streams;

		o->changed_streams = s->next_changed;
		s->is_changed = false;
		act(s);
	}
}

static struct stream *stream_new(struct origin *o, struct ask *a)
{
	struct stream *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->origin = o;
	s->view.slot = a->slot;
	s->view.generation = a->generation;
	s->reply_to = a->reply_to;
	s->fetch = fetch_ref(a->fetch);
	s->ask = a;
	s->link = &o->streams;
	s->next = o->streams;
	if (s->next)
		s->next->link = &s->next;
	o->streams = s;
	atomic_fetch_add(&o->streams_n, 1);
	return s;
}

static void refuse(struct origin *o, struct ask *a, const char *detail)
{
	if (!ask_prefers_stale(a)) {
		origin_return_failed(o, a, 503, detail);
		return;
	}
	a->result = ASK_STALE;
	a->detail = detail;
	origin_return(o, a);
}

void stream_ask(struct origin *o, struct ask *a)
{
	struct stream *s;

	if (!a->reply_to) {
		origin_return(o, a); /* nobody to pass it on to */
		return;
	}
	if (atomic_load(&o->streams_n) >= o->options.transfers.max_streams) {
		metrics_add(METRIC_STREAMS_REFUSED, 1);
		a->message = "too many streams are open";
		refuse(o, a, "max-streams");
		return;
	}
	s = stream_new(o, a);
	if (!s) {
		refuse(o, a, "memory");
		return;
	}
	if (s->fetch->may_write)
		o->echo_until_ms = clock_mono_ms() + ECHO_MS;
	s->transfer = origin_send(o, s->fetch, &sink, on_done, s);
	if (s->transfer) {
		flight_time_stale(o, a);
		return;
	}
	s->is_refused = true;
	fail_ask(s, 503, "memory");
	end(s, "memory");
}

int64_t stream_release_stale(struct origin *o, int64_t now_ms)
{
	int64_t next_ms = INT64_MAX;

	for (struct stream *s = o->streams; s; s = s->next) {
		if (!s->ask || s->ask->stale_at_ms == 0)
			continue;
		if (now_ms >= s->ask->stale_at_ms) {
			s->ask->result = ASK_STALE;
			s->ask->detail = "upstream-slow";
			conclude_ask(s);
			abandon(s, s->arrived.ask->detail);
		} else if (s->ask->stale_at_ms < next_ms) {
			next_ms = s->ask->stale_at_ms;
		}
	}
	return next_ms;
}

bool stream_client_gone(struct origin *o, const struct origin_gone *g)
{
	struct stream *s = o->streams;

	while (s && !(s->ask && origin_is_gone(g, s->ask)))
		s = s->next;
	if (!s)
		return false;
	stop_transfer(s, "client-left");
	return true;
}

/* ---- mail ---- */

void stream_chunk_came(struct stream_chunk *c)
{
	struct stream *s = c->stream;

	s->away--;
	push_home(s, c);
	if (s->transfer)
		transfer_resume(s->transfer);
	change(s);
}

void stream_left(struct mail *m)
{
	struct stream *s = mail_of(m, struct stream, leave);

	s->is_left = true;
	stop_transfer(s, "client-left");
}

void stream_closed(struct mail *m)
{
	struct stream *s = mail_of(m, struct stream, close);

	s->is_closed = true;
	change(s);
}

/* ---- the end of the origin ---- */

void stream_stop_all(struct origin *o)
{
	for (struct stream *s = o->streams; s; s = s->next) {
		abandon(s, "stopping");
		pass_on(s);
	}
}

static void drop_pile(struct pile *p)
{
	free_chunks(p->first);
	if (p->ask) {
		answer_unref(p->ask->answer);
		fetch_unref(p->ask->fetch);
		free(p->ask);
	}
}

void stream_free_all(struct origin *o)
{
	while (o->streams) {
		struct stream *s = o->streams;

		assert(!s->transfer && !s->is_moving && s->away == 0);
		drop_pile(&s->arrived);
		drop_pile(&s->covered);
		stream_free(s);
	}
}
