#include "origin/queue.h"

#include "base/clock.h"
#include "origin/fetch.h"

#include <assert.h>

void queue_init(
    struct queue *q, unsigned connections, queue_send send, void *arg)
{
	*q = (struct queue){
	    .send = send,
	    .arg = arg,
	    .connections = connections,
	    .per_connection = 1, /* until the upstream shows more */
	};
}

/* ---- the list ---- */

static void append(struct queue *q, struct queue_job *j)
{
	j->state = QUEUE_WAITING;
	j->next = NULL;
	j->previous = q->last;
	if (q->last)
		q->last->next = j;
	else
		q->first = j;
	q->last = j;
	atomic_fetch_add(&q->waiting_n, 1);
}

static void remove_waiting(struct queue_job *j)
{
	struct queue *q = j->queue;

	assert(j->state == QUEUE_WAITING);
	if (j->next)
		j->next->previous = j->previous;
	else
		q->last = j->previous;
	if (j->previous)
		j->previous->next = j->next;
	else
		q->first = j->next;
	j->state = QUEUE_IDLE;
	atomic_fetch_sub(&q->waiting_n, 1);
}

/* ---- those never sent ---- */

static void fail(
    struct queue_job *j, enum transfer_cause cause, const char *detail)
{
	const struct transfer_result r = {
	    .outcome = TRANSFER_UNSENT,
	    .cause = cause,
	    .ended_us = clock_mono_us(),
	    .detail = detail,
	};

	j->ops->done(j, NULL, &r);
}

/*
 * A connection could not be made. Who was here before that was tried, and has
 * seen no answer to anybody since it came, would have had no other fate: it is
 * not made to wait for a try of its own.
 */
static bool has_been_tried_for(
    const struct queue *q, const struct queue_job *j, int64_t tried_us)
{
	return j->queued_us <= tried_us && j->queued_us > q->answered_us;
}

static void give_up_way(
    struct queue *q, int64_t tried_us, const struct transfer_result *r)
{
	struct queue_job *next;

	for (struct queue_job *j = q->first; j; j = next) {
		next = j->next;
		if (has_been_tried_for(q, j, tried_us)) {
			remove_waiting(j);
			fail(j, r->cause, r->detail);
		} else if (j->ops->no_way) {
			j->ops->no_way(j, r);
		}
	}
}

void queue_expire(struct queue *q, int64_t now_us, int64_t timeout_us)
{
	while (q->first && now_us - q->first->queued_us >= timeout_us) {
		struct queue_job *j = q->first;

		remove_waiting(j);
		fail(j, TRANSFER_CAUSE_BUSY, "");
	}
}

/* ---- sending ---- */

static void advance(struct queue *q);

static void count_sent(struct queue_job *j, int n)
{
	unsigned *sent = j->is_hasty ? &j->queue->probes : &j->queue->sent;

	*sent += (unsigned)n;
}

/* What a result says about how much the upstream takes at a time. */
static void learn(struct queue *q, const struct transfer_result *r)
{
	if (r->outcome == TRANSFER_OK || r->outcome == TRANSFER_TOO_LARGE)
		q->answered_us = clock_mono_us();
	if (r->http_major != 0)
		q->per_connection = r->http_major > 1 ? QUEUE_H2_STREAMS : 1;
}

static void on_done(
    struct transfer *t, const struct transfer_result *r, void *arg)
{
	struct queue_job *j = arg;
	struct queue *q = j->queue;
	int64_t tried_us = j->sent_us;

	j->state = QUEUE_IDLE;
	j->transfer = NULL;
	count_sent(j, -1);
	learn(q, r);
	j->ops->done(j, t, r); /* which may free it */
	if (r->outcome == TRANSFER_UNSENT && transfer_cause_is_way(r->cause))
		give_up_way(q, tried_us, r);
	advance(q);
}

static void send(struct queue *q, struct queue_job *j)
{
	remove_waiting(j);
	if (j->ops->begin)
		j->ops->begin(j);
	j->sent_us = clock_mono_us();
	j->transfer = q->send(j->fetch, on_done, j, q->arg);
	if (!j->transfer) {
		fail(j, TRANSFER_CAUSE_LOCAL, "");
		return;
	}
	j->state = QUEUE_SENT;
	count_sent(j, 1);
}

bool queue_has_room(const struct queue *q)
{
	return q->sent < q->connections * q->per_connection;
}

static void advance(struct queue *q)
{
	while (q->first && queue_has_room(q))
		send(q, q->first);
}

void queue_add(struct queue *q, struct queue_job *j)
{
	assert(j->state == QUEUE_IDLE);
	j->queue = q;
	j->is_hasty = j->fetch->is_hasty;
	j->queued_us = clock_mono_us();
	append(q, j);
	if (j->is_hasty)
		send(q, j);
	else
		advance(q);
}

void queue_leave(struct queue_job *j)
{
	switch (j->state) {
	case QUEUE_IDLE:
		break;
	case QUEUE_WAITING:
		remove_waiting(j);
		break;
	case QUEUE_SENT:
		transfer_abandon(j->transfer);
		j->transfer = NULL;
		j->state = QUEUE_IDLE;
		count_sent(j, -1);
		break;
	}
}

unsigned queue_waiting(const struct queue *q)
{
	return atomic_load_explicit(&q->waiting_n, memory_order_relaxed);
}
