#include "base/budget.h"

#include <assert.h>

void budget_init(struct budget *b, size_t max)
{
	atomic_init(&b->used, 0);
	b->max = max;
}

bool budget_take(struct budget *b, size_t n)
{
	size_t before =
	    atomic_fetch_add_explicit(&b->used, n, memory_order_relaxed);

	return n <= b->max && before <= b->max - n;
}

void budget_give(struct budget *b, size_t n)
{
	size_t before =
	    atomic_fetch_sub_explicit(&b->used, n, memory_order_relaxed);

	assert(before >= n);
}

size_t budget_used(const struct budget *b)
{
	return atomic_load_explicit(&b->used, memory_order_relaxed);
}
