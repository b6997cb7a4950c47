/*
 * Framing: the events of a byte stream do not depend on how it is split, what
 * is accepted holds to the rules that evhttp relies on, and a strict reader
 * of the same bytes finds the same requests, no more and no fewer.
 */
#include "strict_http.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define EVENTS_MAX 64

/* Inputs of odd length meet a machine that takes any method. */
static struct frame_limits limits = {
    .max_target_bytes = 64,
    .max_head_bytes = 512,
    .max_fields = 8,
    .max_body_bytes = 128,
};

struct story {
	unsigned n;
	struct {
		enum frame_event event;
		size_t at;
		size_t head_n;
		uint64_t body_n;
		bool is_keep_alive;
		bool expects_continue;
	} events[EVENTS_MAX];
	unsigned status;
	const char *why;
};

static void check_state(const struct frame *f, enum frame_event e)
{
	bool is_dead = frame_phase(f) == FRAME_DEAD;

	assert((e == FRAME_REFUSED) == is_dead);
	assert(is_dead == (f->status >= 400) && is_dead == (f->why != NULL));
	assert(f->body_n <= limits.max_body_bytes);
	assert(is_dead || f->head_n <= limits.max_head_bytes);
	if (e == FRAME_HEAD_DONE)
		assert(frame_phase(f) == FRAME_BODY);
	if (e == FRAME_MESSAGE_END)
		assert(frame_phase(f) == FRAME_IDLE);
}

/* Feeds one piece; false when the story is over. */
static bool feed(
    struct story *s, struct frame *f, struct slice piece, size_t base)
{
	size_t at = 0, used;

	while (at < piece.n) {
		enum frame_event e =
		    frame_feed(f, slice_sub(piece, at, piece.n), &used);

		assert(used > 0 && used <= piece.n - at);
		at += used;
		check_state(f, e);
		if (e == FRAME_MORE) {
			assert(at == piece.n);
			return true;
		}
		if (s->n == EVENTS_MAX)
			return false;
		s->events[s->n].event = e;
		s->events[s->n].at = base + at;
		s->events[s->n].head_n = f->head_n;
		s->events[s->n].is_keep_alive = frame_is_keep_alive(f);
		s->events[s->n].expects_continue = frame_expects_continue(f);
		s->events[s->n++].body_n = f->body_n;
		if (e == FRAME_REFUSED)
			return false;
	}
	return true;
}

static void tell(struct story *s, struct slice in, unsigned seed)
{
	struct frame f;
	size_t at = 0;
	bool goes_on = true;

	*s = (struct story){0};
	frame_init(&f, &limits);
	while (goes_on && at < in.n) {
		size_t piece = in.n;

		if (seed > 0) {
			seed = seed * 1103515245u + 12345u;
			piece = 1 + (seed >> 16) % 16;
		}
		goes_on = feed(s, &f, slice_sub(in, at, at + piece), at);
		at += piece;
	}
	s->status = f.status;
	s->why = f.why;
}

static void compare(const struct story *a, const struct story *b)
{
	assert(a->n == b->n && a->status == b->status && a->why == b->why);
	for (unsigned i = 0; i < a->n; i++) {
		assert(a->events[i].event == b->events[i].event);
		assert(a->events[i].at == b->events[i].at);
		assert(a->events[i].head_n == b->events[i].head_n);
		assert(a->events[i].body_n == b->events[i].body_n);
	}
}

static void check_request(
    const struct story *s, unsigned i, const struct strict_request *rq)
{
	assert(s->events[i].body_n == rq->body_n);
	assert(s->events[i].is_keep_alive == rq->is_keep_alive);
	assert(s->events[i].expects_continue == rq->expects_continue);
}

/* What the machine refuses early the strict reader may still wait for; it
 * must only never find a whole request in it. */
static void check_rest(const struct story *s, enum strict_result rest)
{
	if (s->n == EVENTS_MAX)
		return;
	assert(rest != STRICT_WHOLE);
	assert(rest != STRICT_BAD || s->status >= 400);
}

static void check_reading(const struct story *s, struct slice in)
{
	static struct strict_request rq;
	size_t at = 0;

	for (unsigned i = 0; i < s->n; i++) {
		enum strict_result is;

		if (s->events[i].event != FRAME_MESSAGE_END)
			continue;
		is = strict_read(slice_sub(in, at, in.n), &limits, &rq);
		assert(is == STRICT_WHOLE);
		at += rq.bytes;
		assert(at == s->events[i].at);
		check_request(s, i, &rq);
	}
	check_rest(s, strict_read(slice_sub(in, at, in.n), &limits, &rq));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct slice in = slice_of((const char *)data, n);
	struct story whole, pieces;

	limits.takes_any_method = n % 2 == 1;
	tell(&whole, in, 0);
	check_reading(&whole, in);
	for (unsigned seed = 1; seed <= 3; seed++) {
		tell(&pieces, in, seed * 977u + (unsigned)n);
		compare(&whole, &pieces);
	}
	return 0;
}
