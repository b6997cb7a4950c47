/*
 * How counts get from the thread that counts to the main thread: an envelope
 * goes there with an empty table and comes back with the full one, whose place
 * the empty one has taken. So counting takes no lock and collecting no memory.
 *
 * Owned by main all the time; the other thread has it from post to post.
 */
#ifndef STORE_USAGE_COLLECT_H
#define STORE_USAGE_COLLECT_H

#include "base/mailbox.h"
#include "store/usage_table.h"

#include <assert.h>

/* Rows that a thread may have before it is collected. */
#define USAGE_THREAD_ROWS 1024

struct usage_collect {
	struct mail mail;
	struct mailbox *reply_to; /* main's, which has room */
	int reply_kind;
	struct usage_table *table; /* owned; empty on the way there */
};

/* The thread that counts: gives its table, takes the other one. */
static inline void usage_collect_reply(
    struct usage_collect *c, struct usage_table **own)
{
	struct usage_table *full = *own;

	*own = c->table;
	c->table = full;
	c->mail.kind = c->reply_kind;
	if (!mailbox_post(c->reply_to, &c->mail))
		assert(!"main's mailbox is full");
}

#endif
