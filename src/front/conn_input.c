#include "front/conn_internal.h"

#include <assert.h>

/* A message may take this much more than its caps allow, for chunk framing:
 * a chunk of one byte is sent as six. */
#define CONN_FRAMING_FACTOR 2
#define CONN_FRAMING_SLACK 4096

static void conn_give_back(struct conn *c, size_t n)
{
	if (n == 0)
		return;
	budget_give(c->l->options.bodies, n);
	c->charged_bytes -= n;
}

/* False when it is too much. */
static bool conn_charge(struct conn *c, size_t n)
{
	if (c->l->options.bodies == NULL)
		return true;
	c->charged_bytes += n;
	return budget_take(c->l->options.bodies, n);
}

void conn_uncharge(struct conn *c, size_t held_bytes)
{
	if (c->charged_bytes > held_bytes)
		conn_give_back(c, c->charged_bytes - held_bytes);
}

size_t conn_held_bytes(const struct conn *c)
{
	size_t n = evbuffer_get_length(bufferevent_get_input(c->bev));

	return c->partial ? n + evbuffer_get_length(c->partial) : n;
}

void conn_partial_drop(struct conn *c)
{
	size_t n;

	if (c->partial == NULL)
		return;
	n = evbuffer_get_length(c->partial);
	conn_give_back(c, n < c->charged_bytes ? n : c->charged_bytes);
	evbuffer_free(c->partial);
	c->partial = NULL;
}

void conn_go_deaf(struct conn *c)
{
	c->is_deaf = true;
}

void conn_refuse(struct conn *c, unsigned status, const char *why)
{
	assert(status >= 400);
	if (c->refused_status != 0)
		return;
	c->refused_status = status;
	c->refused_why = why;
	conn_go_deaf(c);
	if (c->l->on_refused != NULL)
		c->l->on_refused(c, status, why, c->l->arg);
	conn_queue(c);
}

/* The peer talks on after its last message: read, so that closing does not
 * reset the connection under our reply, but not without end. */
static void conn_discard(struct conn *c, size_t n)
{
	c->discarded_bytes += n;
	if (c->discarded_bytes <= CONN_LINGER_BYTES)
		return;
	bufferevent_disable(c->bev, EV_READ);
	if (c->is_closing && c->phase == CONN_LINGER) {
		c->must_hang_up = true;
		conn_queue(c);
	}
}

/* Out of memory: what evhttp would see is not what we framed. */
static void conn_fail(struct conn *c)
{
	conn_go_deaf(c);
	c->must_hang_up = true;
	conn_queue(c);
}

static void conn_message_end(struct conn *c)
{
	c->accepted++;
	c->is_continue_due = false;
	if (!frame_is_keep_alive(&c->frame)) {
		c->last_message = c->accepted;
		conn_go_deaf(c);
	}
}

/*
 * Frames one run of new bytes. Returns how many of them, from the start,
 * belong to messages that are now complete.
 */
static size_t conn_frame(struct conn *c, struct slice bytes)
{
	size_t at = 0;
	size_t complete = 0;
	size_t used;

	while (at < bytes.n && !c->is_deaf) {
		enum frame_event e =
		    frame_feed(&c->frame, slice_sub(bytes, at, bytes.n), &used);

		at += used;
		c->framed_n += used;
		conn_note_method(c, e);
		switch (e) {
		case FRAME_MORE:
			break;
		case FRAME_HEAD_DONE:
			c->is_continue_due = frame_expects_continue(&c->frame);
			break;
		case FRAME_MESSAGE_END:
			complete = at;
			conn_message_end(c);
			break;
		case FRAME_REFUSED:
			conn_refuse(c, c->frame.status, c->frame.why);
			break;
		}
	}
	return complete;
}

/* The same over the last n bytes of the buffer, which may lie in pieces. */
static size_t conn_frame_tail(struct conn *c, struct evbuffer *b, size_t n)
{
	struct evbuffer_iovec piece[8];
	struct evbuffer_ptr from;
	size_t done = 0;
	size_t complete = 0;
	size_t got;

	while (done < n && !c->is_deaf) {
		int pieces, i;

		evbuffer_ptr_set(b, &from, evbuffer_get_length(b) - (n - done),
		    EVBUFFER_PTR_SET);
		pieces = evbuffer_peek(b, -1, &from, piece, 8);
		assert(pieces > 0);
		for (i = 0; i < pieces && i < 8; i++) {
			got = conn_frame(
			    c, slice_of(piece[i].iov_base, piece[i].iov_len));
			if (got > 0)
				complete = done + got;
			done += piece[i].iov_len;
		}
	}
	return complete;
}

/* Copies rather than moves the chain: a peer that sends single bytes would
 * else make us keep a chain of half a KiB for each. */
static bool conn_keep(struct conn *c, struct evbuffer *rest)
{
	size_t n = evbuffer_get_length(rest);

	if (n == 0)
		return true;
	if (c->partial == NULL)
		c->partial = evbuffer_new();
	if (c->partial == NULL)
		return false;
	if (!conn_charge(c, n))
		conn_refuse(c, 503, "too many request bodies at once");
	while ((n = evbuffer_get_contiguous_space(rest)) > 0) {
		if (evbuffer_add(c->partial,
			evbuffer_pullup(rest, (ev_ssize_t)n), n) != 0)
			return false;
		evbuffer_drain(rest, n);
	}
	return true;
}

/* Moves older messages, the kept part and the first complete bytes of what is
 * new to out; leaves the rest of what is new in input. */
static bool conn_take_complete(struct conn *c, struct evbuffer *input,
    size_t older_n, size_t complete, struct evbuffer *out)
{
	struct evbuffer *fresh;
	bool is_ok;

	if (evbuffer_remove_buffer(input, out, older_n) < 0)
		return false;
	if (complete == 0)
		return true;
	fresh = evbuffer_new();
	if (fresh == NULL)
		return false;
	is_ok = (c->partial == NULL ||
		    evbuffer_add_buffer(fresh, c->partial) == 0) &&
		evbuffer_remove_buffer(input, fresh, complete) >= 0 &&
		conn_rename(c, fresh, out);
	evbuffer_free(fresh);
	return is_ok;
}

/*
 * input is: older messages that evhttp did not get to yet, then new bytes, the
 * first complete of which end a message. Makes it: older messages, the kept
 * part, those complete bytes; the rest is kept, or dropped when we are deaf.
 * Changing the end of the buffer is allowed here because evbuffer_read has it
 * unfrozen while its callbacks run. False when memory is exhausted.
 */
static bool conn_split(
    struct conn *c, struct evbuffer *input, size_t older_n, size_t complete)
{
	struct evbuffer *out = NULL;
	bool is_ok = true;

	if (older_n > 0 || complete > 0) {
		out = evbuffer_new();
		is_ok = out != NULL &&
			conn_take_complete(c, input, older_n, complete, out);
	}
	if (c->is_deaf)
		conn_discard(c, evbuffer_get_length(input));
	else
		is_ok = is_ok && conn_keep(c, input);
	evbuffer_drain(input, evbuffer_get_length(input));
	if (out != NULL) {
		is_ok = is_ok && evbuffer_add_buffer(input, out) == 0;
		evbuffer_free(out);
	}
	if (c->partial != NULL &&
	    (c->is_deaf || evbuffer_get_length(c->partial) == 0))
		conn_partial_drop(c);
	return is_ok;
}

static void conn_check_partial(struct conn *c)
{
	const struct listener_options *o = &c->l->options;

	if (c->partial == NULL)
		return;
	if (evbuffer_get_length(c->partial) >
	    o->max_header_bytes + CONN_FRAMING_FACTOR * o->max_body_bytes +
		CONN_FRAMING_SLACK)
		conn_refuse(c, 413, "too much chunk framing");
	if (c->is_deaf)
		conn_partial_drop(c);
}

/*
 * Runs inside evbuffer_read, before the bufferevent calls evhttp's read
 * callback (libevent 2.1.12, bufferevent_readcb), so that callback finds only
 * what we leave in the buffer.
 */
void conn_input_changed(
    struct evbuffer *input, const struct evbuffer_cb_info *info, void *conn)
{
	struct conn *c = conn;
	size_t n = info->n_added;
	size_t length = evbuffer_get_length(input);
	size_t complete;

	assert(c->magic == CONN_MAGIC);
	if (c->is_moving || n == 0)
		return;
	assert(info->n_deleted == 0 && n <= length);
	complete = conn_frame_tail(c, input, n);
	if (complete == n && c->partial == NULL && !conn_must_rename(c)) {
		c->given_n = c->framed_n;
	} else {
		c->is_moving = true;
		if (!conn_split(c, input, length - n, complete))
			conn_fail(c);
		c->is_moving = false;
		conn_check_partial(c);
	}
	if (c->is_continue_due)
		conn_queue(c);
	conn_settle(c);
}
