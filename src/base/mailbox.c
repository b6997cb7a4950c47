#include "base/mailbox.h"

#include "base/clock.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

/*
 * A stack that senders push onto and the receiver takes as a whole and turns
 * around. Nobody ever pops a single element, so the ABA problem of lock-free
 * stacks cannot arise.
 */
struct mailbox {
	_Atomic(struct mail *) newest;
	atomic_size_t count; /* queued, or being taken */
	size_t capacity;
	int fd;
};

struct mailbox *mailbox_new(size_t capacity)
{
	struct mailbox *mb;

	assert(capacity > 0);
	mb = malloc(sizeof(*mb));
	if (!mb)
		return NULL;
	mb->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (mb->fd < 0) {
		free(mb);
		return NULL;
	}
	atomic_init(&mb->newest, NULL);
	atomic_init(&mb->count, 0);
	mb->capacity = capacity;
	return mb;
}

void mailbox_free(struct mailbox *mb)
{
	if (!mb)
		return;
	assert(!atomic_load(&mb->newest));
	close(mb->fd);
	free(mb);
}

int mailbox_fd(const struct mailbox *mb)
{
	return mb->fd;
}

/* Counts a message in, unless the mailbox is full. */
static bool mailbox_admit(struct mailbox *mb)
{
	size_t count = atomic_load_explicit(&mb->count, memory_order_relaxed);

	do {
		if (count >= mb->capacity)
			return false;
	} while (!atomic_compare_exchange_weak_explicit(&mb->count, &count,
	    count + 1, memory_order_relaxed, memory_order_relaxed));
	return true;
}

static void mailbox_ring(struct mailbox *mb)
{
	uint64_t one = 1;
	ssize_t n;

	do {
		n = write(mb->fd, &one, sizeof(one));
	} while (n < 0 && errno == EINTR);
	/* EAGAIN would mean 2^64 - 2 rings nobody answered. */
	assert(n == (ssize_t)sizeof(one));
}

bool mailbox_post(struct mailbox *mb, struct mail *m)
{
	struct mail *before;

	if (!mailbox_admit(mb))
		return false;
	before = atomic_load_explicit(&mb->newest, memory_order_relaxed);
	do {
		m->next = before;
	} while (!atomic_compare_exchange_weak_explicit(&mb->newest, &before, m,
	    memory_order_release, memory_order_relaxed));
	/* From here on m may already be freed by the receiver. */
	if (!before)
		mailbox_ring(mb);
	return true;
}

/* Turns the list around and says how long it was. */
static struct mail *mail_reverse(struct mail *m, size_t *count)
{
	struct mail *oldest = NULL;

	*count = 0;
	while (m) {
		struct mail *next = m->next;

		m->next = oldest;
		oldest = m;
		m = next;
		++*count;
	}
	return oldest;
}

/*
 * The bell is silenced before the stack is taken: a post in between finds the
 * stack as it was or empty, and in the second case rings again, which costs
 * at most one wake-up for nothing. The other order would lose one.
 */
struct mail *mailbox_take_all(struct mailbox *mb)
{
	uint64_t rings;
	struct mail *taken;
	size_t count;

	if (read(mb->fd, &rings, sizeof(rings)) < 0)
		assert(errno == EAGAIN || errno == EINTR);
	taken =
	    atomic_exchange_explicit(&mb->newest, NULL, memory_order_acquire);
	taken = mail_reverse(taken, &count);
	atomic_fetch_sub_explicit(&mb->count, count, memory_order_relaxed);
	return taken;
}

struct mail *mailbox_wait(struct mailbox *mb, int timeout_ms)
{
	int64_t until_ms = clock_mono_ms() + timeout_ms;
	struct pollfd pfd = {.fd = mb->fd, .events = POLLIN};

	for (;;) {
		struct mail *m = mailbox_take_all(mb);
		int64_t left_ms = until_ms - clock_mono_ms();

		if (m)
			return m;
		if (timeout_ms >= 0 && left_ms <= 0)
			return NULL;
		poll(&pfd, 1, timeout_ms < 0 ? -1 : (int)left_ms);
	}
}
