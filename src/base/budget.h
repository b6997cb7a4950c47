/*
 * A budget: how much of something may be in use at one time, shared by
 * threads. What was taken is given back by whoever took it.
 *
 * Any thread; lock-free.
 */
#ifndef BASE_BUDGET_H
#define BASE_BUDGET_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

struct budget {
	atomic_size_t used;
	size_t max;
};

void budget_init(struct budget *b, size_t max);
/*
 * Takes n, also when that is too much, for what is there is there; false then,
 * and the caller had better give it back soon.
 */
bool budget_take(struct budget *b, size_t n);
void budget_give(struct budget *b, size_t n);
size_t budget_used(const struct budget *b);

#endif
