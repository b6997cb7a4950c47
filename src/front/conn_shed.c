#include "front/conn_internal.h"
#include "base/clock.h"
#include "base/metrics.h"

/*
 * What gives way when there is too much: of connections, of replies that
 * nobody reads. Whoever holds a place and does nothing with it goes before
 * somebody who does.
 */

/* Who has not got a whole head across by then is no ordinary client. */
#define SHED_HEAD_MS 1000

/* The one that idled longest; else the one that has been sending its head
 * for longest, if that is suspiciously long; else NULL. */
static struct conn *conn_least_wanted(struct listener *l)
{
	struct conn *c = TAILQ_FIRST(&l->phase[CONN_IDLE]);

	if (c != NULL)
		return c;
	c = TAILQ_FIRST(&l->phase[CONN_HEAD]);
	if (c != NULL && c->evcon != NULL &&
	    clock_mono_ms() - c->since_ms >= SHED_HEAD_MS)
		return c;
	return NULL;
}

/*
 * When nobody is to give way the new one is told so and closed, rather than
 * left in the accept queue: the other threads cannot take it from there, and
 * a client that waits without a word cannot know why.
 */
void conn_shed_for(struct conn *newest)
{
	struct listener *l = newest->l;
	struct conn *least = conn_least_wanted(l);

	metrics_add(METRIC_CONNECTIONS_SHED, 1);
	if (least != NULL)
		conn_hang_up(least);
	else if (l->connections >
		 l->options.max_connections + CONN_OVER_CAP_MAX)
		conn_hang_up(newest);
	else
		conn_refuse(newest, 503, "too many connections");
}

void conn_count_unsent(struct conn *c)
{
	size_t n = evbuffer_get_length(bufferevent_get_output(c->bev));

	c->l->unsent_bytes += n - c->unsent_bytes;
	c->unsent_bytes = n;
}

/*
 * The queue of the phase is ordered by the last time that the socket took
 * something. They are ended at once and not on the loop's next turn, which
 * may begin a hundred replies before it gets there.
 */
void conn_shed_unsent_for(struct conn *newest)
{
	struct listener *l = newest->l;
	struct conn *c;

	if (l->options.max_unsent_bytes == 0)
		return;
	while (l->unsent_bytes > l->options.max_unsent_bytes) {
		c = TAILQ_FIRST(&l->phase[CONN_WRITE]);
		if (c == NULL || c == newest)
			break;
		metrics_add(METRIC_REPLIES_SHED, 1);
		conn_reset(c);
	}
}
