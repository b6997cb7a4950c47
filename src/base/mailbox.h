/*
 * A mailbox carries messages to the one thread that owns it: a bounded
 * queue, many senders, one receiver, with an eventfd that becomes readable
 * when there is something to take.
 *
 * A message is a struct that embeds struct mail (container_of gets it back).
 * Posting hands the message over: the receiver owns it from then on. Order is
 * kept per sender, and between senders as their posts happened.
 *
 * mailbox_post: any thread. Everything else: the owning thread (new and free:
 * while no sender is alive).
 */
#ifndef BASE_MAILBOX_H
#define BASE_MAILBOX_H

#include <stdbool.h>
#include <stddef.h>

struct mail {
	struct mail *next;
	int kind; /* what the receiver dispatches on; meaning is the owner's */
};

struct mailbox;

/*
 * capacity: messages, > 0. Returns NULL when memory or descriptors are
 * exhausted.
 */
struct mailbox *mailbox_new(size_t capacity);
/* Messages still queued must have been taken. mb may be NULL. */
void mailbox_free(struct mailbox *mb);
/* Non-blocking eventfd to poll for reading; owned by the mailbox. */
int mailbox_fd(const struct mailbox *mb);
/*
 * Appends m. Returns false, and leaves m with the caller, when the mailbox
 * is full.
 */
bool mailbox_post(struct mailbox *mb, struct mail *m);
/*
 * Takes everything queued, oldest first, linked by next, and clears the
 * eventfd. NULL when empty.
 */
struct mail *mailbox_take_all(struct mailbox *mb);
/* Blocks until something is queued or timeout_ms passed (-1: for ever). */
struct mail *mailbox_wait(struct mailbox *mb, int timeout_ms);

#define mail_of(ptr, type, member) \
	((type *)(void *)((char *)(ptr)-offsetof(type, member)))

#endif
