/*
 * A thread that owns the write transactions of one LMDB environment and
 * commits in groups: what is queued goes into one transaction, which costs
 * one flush to the disk, and is reported when that is done.
 *
 * Mail travels in two lanes. Durable mail is never refused and is committed
 * first, in transactions of its own, so that droppable mail that fails (a
 * full map, say) takes nothing with it. Droppable mail beyond a bound in
 * number or bytes, and that whose transaction failed, is reported as not
 * committed. Within a lane order is kept. Droppable mail never overtakes
 * durable mail that was posted before it.
 *
 * What the mail means is its owner's business, told in struct writer_ops.
 * Inside src/store only.
 */
#ifndef STORE_WRITER_H
#define STORE_WRITER_H

#include "base/mailbox.h"

#include <lmdb.h>
#include <stdint.h>

struct writer;

/* Answer of apply: nothing to do for this one, the transaction is as it was. */
#define WRITER_SKIPPED 1

struct writer_limits {
	size_t batch_items; /* of one transaction; at most WRITER_BATCH_MAX */
	size_t batch_bytes; /* soft: the item that passes it is the last */
	size_t droppable_items; /* waiting; more are dropped */
	size_t droppable_bytes;
	int tick_ms;
};

#define WRITER_BATCH_MAX 256

/* All called on the writer's thread, with the arg of writer_new. */
struct writer_ops {
	const char *name; /* of the thread */
	bool (*is_droppable)(const struct mail *m);
	/* What it will roughly take in the environment. Only shed changes
	 * it for a mail. */
	size_t (*bytes)(const struct mail *m);
	/* A write transaction, or an LMDB code when none is to be had. */
	int (*begin)(void *arg, MDB_txn **txn);
	/* 0, WRITER_SKIPPED, or an LMDB code: the batch is then aborted. May
	 * be called again for the same mail. */
	int (*apply)(void *arg, MDB_txn *txn, struct mail *m);
	/* Last words before a commit; 0 or an LMDB code. */
	int (*seal)(void *arg, MDB_txn *txn);
	/* A batch failed with rc. True: try the same batch once more. Called
	 * before done is called for its mail. */
	bool (*failed)(void *arg, int rc, bool is_durable);
	/* Takes m over. is_committed is false for what was skipped too. */
	void (*done)(void *arg, struct mail *m, bool is_committed);
	/* Droppable mail over the bound: releases what is large in m, which
	 * still comes to done later. Called on the posting thread. */
	void (*shed)(struct mail *m);
	/* After each batch, and when idle after tick_ms and then after as many
	 * ms as it returned last. */
	int (*tick)(void *arg);
};

/* NULL when memory or descriptors are exhausted. ops and arg outlive it. */
struct writer *writer_new(const struct writer_ops *ops,
    const struct writer_limits *limits, void *arg);
/* Stopped, or never started; mail that still waits comes to done. NULL is
 * fine. */
void writer_free(struct writer *w);
/* False when no thread can be had. */
bool writer_start(struct writer *w);
/* Commits what was posted before, ends the thread. */
void writer_stop(struct writer *w);
/* From now on droppable mail is dropped instead of committed. Any thread, and
 * from a signal handler. */
void writer_hurry(struct writer *w);
/* Takes m over. Any thread; never waits. */
void writer_post(struct writer *w, struct mail *m);

#endif
