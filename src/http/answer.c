#include "http/answer.h"

#include <assert.h>
#include <stdlib.h>

struct answer *answer_new(
    uint16_t status, char *head, size_t head_n, char *body, size_t body_n)
{
	struct answer *a = calloc(1, sizeof(*a));

	assert((head || head_n == 0) && (body || body_n == 0));
	if (!a) {
		free(head);
		free(body);
		return NULL;
	}
	atomic_init(&a->refs, 1);
	a->status = status;
	a->head = slice_of(head, head_n);
	a->body = slice_of(body, body_n);
	return a;
}

struct answer *answer_ref(struct answer *a)
{
	unsigned before =
	    atomic_fetch_add_explicit(&a->refs, 1, memory_order_relaxed);

	assert(before > 0);
	return a;
}

void answer_unref(struct answer *a)
{
	unsigned before;

	if (!a)
		return;
	/* Whoever frees must see everything the other holders did. */
	before = atomic_fetch_sub_explicit(&a->refs, 1, memory_order_acq_rel);
	assert(before > 0);
	if (before > 1)
		return;
	/* The slices are const for readers; the memory was given to us. */
	free((void *)(uintptr_t)a->head.p);
	free((void *)(uintptr_t)a->body.p);
	free(a);
}
