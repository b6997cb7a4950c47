#include "store/writer.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/pulse.h"
#include "base/thread.h"

#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>

/* Mail in the order of arrival. */
struct queue {
	struct mail *first;
	struct mail **end;
};

struct writer {
	const struct writer_ops *ops;
	struct writer_limits limits;
	void *arg;
	struct mailbox *mailbox; /* owned */
	pthread_t thread;
	bool is_running; /* main thread */
	bool is_stopping; /* writer thread */
	struct mail stop; /* known by its address */
	atomic_bool must_hurry;
	struct pulse pulse;
	atomic_size_t droppable_n;
	atomic_size_t droppable_bytes;
	/* Writer thread only, from here on. */
	struct queue durable;
	struct queue droppable;
	int64_t tick_at_ms; /* mono */
};

/* What goes into one transaction. */
struct batch {
	struct mail *items[WRITER_BATCH_MAX];
	bool is_skipped[WRITER_BATCH_MAX];
	size_t n;
	bool is_durable;
};

/* ---- queues ---- */

static void queue_init(struct queue *q)
{
	q->first = NULL;
	q->end = &q->first;
}

static void queue_add(struct queue *q, struct mail *m)
{
	m->next = NULL;
	*q->end = m;
	q->end = &m->next;
}

static struct mail *queue_take(struct queue *q)
{
	struct mail *m = q->first;

	q->first = m->next;
	if (!q->first)
		q->end = &q->first;
	return m;
}

static void sort_mail(struct writer *w, struct mail *m)
{
	while (m) {
		struct mail *next = m->next;

		if (m == &w->stop)
			w->is_stopping = true;
		else if (w->ops->is_droppable(m))
			queue_add(&w->droppable, m);
		else
			queue_add(&w->durable, m);
		m = next;
	}
}

static void fill_batch(struct writer *w, struct queue *q, struct batch *b)
{
	size_t bytes = 0;

	b->n = 0;
	while (q->first && b->n < w->limits.batch_items &&
	       bytes < w->limits.batch_bytes) {
		struct mail *m = queue_take(q);

		bytes += w->ops->bytes(m);
		b->items[b->n++] = m;
	}
}

/* ---- transactions ---- */

static int apply_batch(struct writer *w, MDB_txn *txn, struct batch *b)
{
	size_t applied = 0;

	for (size_t i = 0; i < b->n; i++) {
		int rc = w->ops->apply(w->arg, txn, b->items[i]);

		b->is_skipped[i] = rc == WRITER_SKIPPED;
		if (rc == WRITER_SKIPPED)
			continue;
		if (rc != 0)
			return rc;
		applied++;
	}
	return applied > 0 ? w->ops->seal(w->arg, txn) : WRITER_SKIPPED;
}

static int try_batch(struct writer *w, struct batch *b)
{
	MDB_txn *txn;
	int rc = w->ops->begin(w->arg, &txn);

	if (rc != 0)
		return rc;
	rc = apply_batch(w, txn, b);
	if (rc == 0)
		return mdb_txn_commit(txn); /* frees txn in every case */
	mdb_txn_abort(txn);
	return rc == WRITER_SKIPPED ? 0 : rc;
}

static void account_out(struct writer *w, const struct mail *m)
{
	atomic_fetch_sub(&w->droppable_n, 1);
	atomic_fetch_sub(&w->droppable_bytes, w->ops->bytes(m));
}

static void report_batch(struct writer *w, struct batch *b, bool is_committed)
{
	for (size_t i = 0; i < b->n; i++) {
		if (!b->is_durable)
			account_out(w, b->items[i]);
		w->ops->done(
		    w->arg, b->items[i], is_committed && !b->is_skipped[i]);
	}
}

static void commit_batch(struct writer *w, struct queue *q, bool is_durable)
{
	struct batch b = {.is_durable = is_durable};
	int rc;

	fill_batch(w, q, &b);
	rc = try_batch(w, &b);
	if (rc != 0 && w->ops->failed(w->arg, rc, is_durable)) {
		rc = try_batch(w, &b);
		if (rc != 0)
			w->ops->failed(w->arg, rc, is_durable);
	}
	report_batch(w, &b, rc == 0);
}

static void drop_batch(struct writer *w)
{
	struct batch b = {.is_durable = false};

	fill_batch(w, &w->droppable, &b);
	report_batch(w, &b, false);
}

/* ---- the thread ---- */

static void tick(struct writer *w)
{
	int wait_ms = w->ops->tick(w->arg);

	w->tick_at_ms = clock_mono_ms() + wait_ms;
}

static int until_tick_ms(const struct writer *w)
{
	int64_t left_ms = w->tick_at_ms - clock_mono_ms();

	return left_ms > 0 ? (int)left_ms : 0;
}

/* One droppable batch at a time: durable mail that came meanwhile goes first.
 */
static void drain(struct writer *w)
{
	while (w->durable.first || w->droppable.first) {
		if (w->durable.first)
			commit_batch(w, &w->durable, true);
		else if (atomic_load(&w->must_hurry))
			drop_batch(w);
		else
			commit_batch(w, &w->droppable, false);
		sort_mail(w, mailbox_take_all(w->mailbox));
		pulse_beat(&w->pulse);
		tick(w);
	}
}

static void *writer_main(void *arg)
{
	struct writer *w = arg;

	thread_name(w->ops->name);
	metrics_thread_init();
	w->tick_at_ms = clock_mono_ms() + w->limits.tick_ms;
	pulse_begin(&w->pulse, w->ops->name, PULSE_WRITER_PATIENCE);
	while (!w->is_stopping) {
		pulse_beat(&w->pulse);
		sort_mail(w, mailbox_wait(w->mailbox, until_tick_ms(w)));
		drain(w);
		if (until_tick_ms(w) == 0)
			tick(w);
		log_flush();
	}
	pulse_end(&w->pulse);
	metrics_thread_fini();
	return NULL;
}

/* ---- life ---- */

struct writer *writer_new(
    const struct writer_ops *ops, const struct writer_limits *limits, void *arg)
{
	struct writer *w = calloc(1, sizeof(*w));

	assert(limits->batch_items > 0);
	assert(limits->batch_items <= WRITER_BATCH_MAX);
	if (!w)
		return NULL;
	w->ops = ops;
	w->limits = *limits;
	w->arg = arg;
	queue_init(&w->durable);
	queue_init(&w->droppable);
	/* Bounded by us, lane by lane. */
	w->mailbox = mailbox_new(SIZE_MAX);
	if (!w->mailbox) {
		free(w);
		return NULL;
	}
	return w;
}

static void report_uncommitted(
    struct writer *w, struct queue *q, bool is_durable)
{
	while (q->first) {
		struct batch b = {.is_durable = is_durable};

		fill_batch(w, q, &b);
		report_batch(w, &b, false);
	}
}

void writer_free(struct writer *w)
{
	if (!w)
		return;
	assert(!w->is_running);
	sort_mail(w, mailbox_take_all(w->mailbox));
	report_uncommitted(w, &w->durable, true);
	report_uncommitted(w, &w->droppable, false);
	mailbox_free(w->mailbox);
	free(w);
}

bool writer_start(struct writer *w)
{
	sigset_t all, before;
	int rc;

	assert(!w->is_running);
	w->is_stopping = false;
	/* Signals are the main thread's. */
	thread_signals(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = pthread_create(&w->thread, NULL, writer_main, w);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	w->is_running = rc == 0;
	return w->is_running;
}

void writer_stop(struct writer *w)
{
	if (!w->is_running)
		return;
	if (!mailbox_post(w->mailbox, &w->stop))
		assert(!"the writer's mailbox is unbounded");
	pthread_join(w->thread, NULL);
	w->is_running = false;
}

void writer_hurry(struct writer *w)
{
	atomic_store(&w->must_hurry, true);
}

/* Counts droppable mail in; sheds it when there is too much already. */
static void admit(struct writer *w, struct mail *m)
{
	size_t n = atomic_fetch_add(&w->droppable_n, 1);
	size_t bytes = w->ops->bytes(m);

	if (n >= w->limits.droppable_items ||
	    atomic_load(&w->droppable_bytes) + bytes >
		w->limits.droppable_bytes) {
		w->ops->shed(m);
		bytes = w->ops->bytes(m);
	}
	atomic_fetch_add(&w->droppable_bytes, bytes);
}

void writer_post(struct writer *w, struct mail *m)
{
	if (w->ops->is_droppable(m))
		admit(w, m);
	if (!mailbox_post(w->mailbox, m))
		assert(!"the writer's mailbox is unbounded");
}
