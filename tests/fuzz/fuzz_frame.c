/*
 * Framing: the events of a byte stream do not depend on how it is split, and
 * what is accepted holds to the rules that evhttp relies on.
 */
#include "http/frame.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define EVENTS_MAX 64

static const struct frame_limits limits = {
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct slice in = slice_of((const char *)data, n);
	struct story whole, pieces;

	tell(&whole, in, 0);
	for (unsigned seed = 1; seed <= 3; seed++) {
		tell(&pieces, in, seed * 977u + (unsigned)n);
		compare(&whole, &pieces);
	}
	return 0;
}
