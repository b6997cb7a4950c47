/*
 * The queue before libcurl: what is to be asked of the upstream waits here
 * for its turn, and is handed to libcurl when there is a connection for it.
 * libcurl would queue as well, but what waits there counts as sent: its time
 * runs, its flight has a sequence from before it began, and it goes out even
 * when nobody wants it any more.
 *
 * First come, first served, but for hasty probes, which do not wait. For reads,
 * writes and what passes once; streams have connections of their own and do not
 * wait.
 *
 * Origin thread only, but for queue_waiting.
 */
#ifndef ORIGIN_QUEUE_H
#define ORIGIN_QUEUE_H

#include "origin/transfer.h"

#include <stdatomic.h>

/* Streams of one HTTP/2 connection: what servers commonly allow. To one that
 * allows less, libcurl opens another connection, or holds some back. */
#define QUEUE_H2_STREAMS 100

/* Sent past all others, and not over. */
#define QUEUE_PROBES_MAX 4

struct fetch;
struct queue_job;

/* What the owner of a job is told. None may add or remove other jobs, except
 * done when the job was sent. */
struct queue_ops {
	/* It is about to be handed to libcurl. NULL: nobody asks. */
	void (*begin)(struct queue_job *j);
	/* It is over, as transfer_done has it, and the owner's again. Of one
	 * that was never sent t is NULL and the outcome TRANSFER_UNSENT. */
	void (*done)(struct queue_job *j, struct transfer *t,
	    const struct transfer_result *r);
	/* No connection could be made, as r says; the job waits on, for those
	 * who have nothing to fall back on. It may leave. NULL: nobody has. */
	void (*no_way)(struct queue_job *j, const struct transfer_result *r);
};

enum queue_state {
	QUEUE_IDLE, /* not in the queue, or not any more */
	QUEUE_WAITING,
	QUEUE_SENT
};

/* Member of what is to be sent; the owner sets ops and fetch. */
struct queue_job {
	const struct queue_ops *ops;
	const struct fetch *fetch; /* kept by the owner */
	/* The queue's: */
	enum queue_state state;
	struct queue *queue;
	struct queue_job *next, *previous; /* QUEUE_WAITING */
	bool is_hasty; /* of fetch */
	struct transfer *transfer; /* QUEUE_SENT */
	int64_t queued_us; /* mono */
	int64_t sent_us; /* mono */
};

/* Hands a request to libcurl; NULL: no memory. */
typedef struct transfer *(*queue_send)(
    const struct fetch *f, transfer_done done, void *done_arg, void *arg);

struct queue {
	queue_send send;
	void *arg; /* send's */
	unsigned connections;
	unsigned per_connection; /* requests at a time, by its protocol */
	unsigned sent; /* and not over; without probes */
	unsigned probes; /* likewise */
	struct queue_job *first, *last; /* waiting, oldest first */
	atomic_uint waiting_n;
	int64_t answered_us; /* mono; the last answer; 0: none yet */
};

void queue_init(
    struct queue *q, unsigned connections, queue_send send, void *arg);
/* Sends j, now or later. done may be called before this returns. */
void queue_add(struct queue *q, struct queue_job *j);
/*
 * Takes j out, and stops it when it was sent; done is not called. Its place is
 * not given to another before the next one ends: it is for what waits, and for
 * the end of the origin. Nothing happens to one that is idle.
 */
void queue_leave(struct queue_job *j);
/* Fails what has waited for timeout_us or longer. */
void queue_expire(struct queue *q, int64_t now_us, int64_t timeout_us);
/* Would a request be sent at once? */
bool queue_has_room(const struct queue *q);
/* Any thread: how many wait. */
unsigned queue_waiting(const struct queue *q);

#endif
