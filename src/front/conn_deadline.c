#include "front/conn_internal.h"
#include "base/clock.h"
#include "base/metrics.h"

#include <assert.h>
#include <sys/socket.h>

/* Deadlines are met this late at most; saves waking up for each. */
#define TICK_MS 20

/* 0: the phase has no deadline. */
static int64_t phase_timeout_ms(const struct listener *l, enum conn_phase phase)
{
	switch (phase) {
	case CONN_IDLE:
		return l->options.idle_timeout_ms;
	case CONN_HEAD:
		return l->options.header_timeout_ms;
	case CONN_BODY:
		return l->options.body_timeout_ms;
	case CONN_WRITE:
		return l->options.write_timeout_ms;
	case CONN_LINGER:
		return CONN_LINGER_MS;
	case CONN_BUSY:
	case CONN_PHASES:
		break;
	}
	return 0;
}

/* A libevent timer is a heap of user memory and the time-out of epoll_wait:
 * arming it costs no system call. */
static void listener_arm(struct listener *l, int64_t at_ms, int64_t now_ms)
{
	int64_t left_ms = at_ms - now_ms + TICK_MS;
	struct timeval tv;

	if (l->tick_at_ms != 0 && l->tick_at_ms <= at_ms + TICK_MS)
		return;
	if (left_ms < TICK_MS)
		left_ms = TICK_MS;
	tv.tv_sec = (time_t)(left_ms / 1000);
	tv.tv_usec = (suseconds_t)(left_ms % 1000 * 1000);
	l->tick_at_ms = now_ms + left_ms;
	evtimer_add(l->tick, &tv);
}

void listener_follow(struct listener *l, const struct listener_options *o)
{
	int64_t now_ms = clock_mono_ms();

	l->options.max_connections = o->max_connections;
	l->options.idle_timeout_ms = o->idle_timeout_ms;
	l->options.header_timeout_ms = o->header_timeout_ms;
	l->options.body_timeout_ms = o->body_timeout_ms;
	l->options.write_timeout_ms = o->write_timeout_ms;
	l->options.is_direct_write = o->is_direct_write;
	/* The next tick looks at every phase with its new time-out. */
	listener_arm(l, now_ms, now_ms);
}

void conn_enter(struct conn *c, enum conn_phase phase)
{
	struct listener *l = c->l;
	int64_t timeout_ms = phase_timeout_ms(l, phase);

	assert(!c->is_dead);
	TAILQ_REMOVE(&l->phase[c->phase], c, in_phase);
	TAILQ_INSERT_TAIL(&l->phase[phase], c, in_phase);
	c->phase = phase;
	c->since_ms = clock_mono_ms();
	if (timeout_ms > 0)
		listener_arm(l, c->since_ms + timeout_ms, c->since_ms);
}

static enum conn_phase conn_phase_now(const struct conn *c)
{
	if (c->accepted != c->answered)
		return CONN_BUSY;
	switch (frame_phase(&c->frame)) {
	case FRAME_HEAD:
		return CONN_HEAD;
	case FRAME_BODY:
		return CONN_BODY;
	case FRAME_IDLE:
	case FRAME_DEAD:
		break;
	}
	/* The first byte of a connection is waited for like a head. */
	return c->accepted == 0 ? CONN_HEAD : CONN_IDLE;
}

void conn_settle(struct conn *c)
{
	enum conn_phase phase = conn_phase_now(c);

	if (c->is_dead || c->is_closing || c->phase == CONN_WRITE)
		return;
	/* Deadlines are absolute: staying in a phase does not renew them. */
	if (phase != c->phase)
		conn_enter(c, phase);
}

/* The peer stopped reading: what the kernel still holds for it would stay for
 * minutes, so reset instead of closing. */
void conn_reset(struct conn *c)
{
	struct linger none = {.l_onoff = 1, .l_linger = 0};
	struct sockaddr nobody = {.sa_family = AF_UNSPEC};

	setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &none, sizeof(none));
	/* At once: evhttp shuts the socket before it closes it, and a peer
	 * that gets FIN before RST sees an orderly end. */
	connect(c->fd, &nobody, sizeof(nobody));
	conn_hang_up(c);
}

static void conn_expire(struct conn *c)
{
	switch (c->phase) {
	case CONN_HEAD:
	case CONN_BODY:
		metrics_add(METRIC_CLIENT_TIMEOUTS, 1);
		if (conn_is_between_messages(c) || c->is_deaf)
			conn_hang_up(c);
		else
			conn_refuse(c, 408, "the request took too long");
		/* The refusal moves it on; until then no second expiry. */
		if (!c->is_dead)
			conn_enter(c, CONN_BUSY);
		break;
	case CONN_WRITE:
		metrics_add(METRIC_CLIENT_TIMEOUTS, 1);
		conn_reset(c);
		break;
	case CONN_IDLE:
	case CONN_LINGER:
		conn_hang_up(c);
		break;
	case CONN_BUSY:
	case CONN_PHASES:
		assert(false);
	}
}

void listener_tick(evutil_socket_t fd, short what, void *listener)
{
	struct listener *l = listener;
	int64_t now_ms = clock_mono_ms();
	enum conn_phase phase;
	struct conn *c;

	(void)fd;
	(void)what;
	l->tick_at_ms = 0;
	for (phase = 0; phase < CONN_PHASES; phase++) {
		int64_t timeout_ms = phase_timeout_ms(l, phase);

		if (timeout_ms <= 0)
			continue;
		while ((c = TAILQ_FIRST(&l->phase[phase])) != NULL &&
		       c->since_ms + timeout_ms <= now_ms)
			conn_expire(c);
		if (c != NULL)
			listener_arm(l, c->since_ms + timeout_ms, now_ms);
	}
}
