/*
 * The accounting: collects what fronts and origin counted, adds it to the book
 * of usage, and tells what is known of today.
 *
 * Every ten seconds, and when somebody asks, an envelope goes round to each
 * thread (store/usage_collect.h); every minute, and at the end, the book
 * commits. So a process that is killed loses at most a minute and ten seconds
 * of counts.
 *
 * Main thread, but for the two functions that say otherwise.
 */
#ifndef ADMIN_ACCOUNTING_H
#define ADMIN_ACCOUNTING_H

#include "front/front.h"
#include "store/usage_book.h"

#include <sys/queue.h>

struct event_base;
struct accounting;

struct accounting_options {
	struct vault *vault; /* NULL: counts are kept in memory */
	struct front *const *fronts; /* borrowed, with the fronts */
	unsigned fronts_n;
	struct origin *origin;
	struct mailbox *mailbox; /* main's: envelopes come back to it */
	int mail_kind; /* as which kind */
};

/* NULL when memory is exhausted. Before the threads start. */
struct accounting *accounting_new(
    struct event_base *base, const struct accounting_options *o);
/* Mail of mail_kind arrived in main's mailbox. */
void accounting_mail(struct accounting *a, struct mail *m);
/* The threads are about to end, one after the other: nothing is sent to them
 * any more, and whoever waits is called. */
void accounting_stop(struct accounting *a);
/* All threads have ended: takes what they still have, and commits. */
void accounting_finish(struct accounting *a);
/* a may be NULL. */
void accounting_free(struct accounting *a);

/* Somebody who wants to know what is counted up to now. */
struct accounting_wait {
	TAILQ_ENTRY(accounting_wait) link;
	void (*done)(void *arg);
	void *arg;
};
/*
 * Collects; then, or when that takes longer than a second, calls w->done:
 * never from inside this call unless accounting_stop was called. w is the
 * accounting's until then or until accounting_forget.
 */
void accounting_collect(struct accounting *a, struct accounting_wait *w);
void accounting_forget(struct accounting *a, struct accounting_wait *w);
/* To ask questions of. */
struct usage_book *accounting_book(struct accounting *a);

#define ACCOUNTING_TOP 8

/* Since local midnight, as of the last collection. */
struct accounting_today {
	int64_t since_ms; /* wall clock: the hour in which midnight was */
	struct usage_row total;
	struct usage_row top[ACCOUNTING_TOP]; /* operations, most asked first */
	size_t top_n;
	const char *trouble; /* why counts are in memory only; NULL. Static */
};
/* Any thread; takes a lock. */
void accounting_today(struct accounting *a, struct accounting_today *out);
/* Any thread: visits a row for each tool, of counts since the start of the
 * process, under a lock: at most USAGE_TOOLS_MAX and "-" and "other". */
void accounting_tools(struct accounting *a,
    void (*visit)(const struct usage_row *row, void *arg), void *arg);

#endif
