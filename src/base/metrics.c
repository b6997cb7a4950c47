#include "base/metrics.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>

enum {
	CACHE_LINE_BYTES = 64
};

struct metrics_block {
	/* Aligned, so that two threads never write one cache line. */
	_Alignas(CACHE_LINE_BYTES) atomic_uint_least64_t v[METRIC_COUNT];
	struct metrics_block *next; /* guarded by blocks_lock */
};

/* Counts of ended threads and of threads without a block. Never freed. */
static struct metrics_block shared_block;

static pthread_mutex_t blocks_lock = PTHREAD_MUTEX_INITIALIZER;
static struct metrics_block *blocks; /* guarded by blocks_lock; owned by the
				      * threads that count in them */

static _Thread_local struct metrics_block *own_block;

void metrics_thread_init(void)
{
	struct metrics_block *b;

	assert(!own_block);
	b = aligned_alloc(CACHE_LINE_BYTES, sizeof(*b));
	if (!b)
		return;
	for (int m = 0; m < METRIC_COUNT; m++)
		atomic_init(&b->v[m], 0);
	pthread_mutex_lock(&blocks_lock);
	b->next = blocks;
	blocks = b;
	pthread_mutex_unlock(&blocks_lock);
	own_block = b;
}

void metrics_thread_fini(void)
{
	struct metrics_block *b = own_block, **at;

	if (!b)
		return;
	own_block = NULL;
	/* Under one lock, so that no sum counts the block twice or not at
	 * all. */
	pthread_mutex_lock(&blocks_lock);
	for (at = &blocks; *at != b; at = &(*at)->next)
		assert(*at);
	*at = b->next;
	for (int m = 0; m < METRIC_COUNT; m++)
		atomic_fetch_add_explicit(&shared_block.v[m],
		    atomic_load_explicit(&b->v[m], memory_order_relaxed),
		    memory_order_relaxed);
	pthread_mutex_unlock(&blocks_lock);
	free(b);
}

void metrics_add(enum metric m, uint64_t n)
{
	struct metrics_block *b = own_block;

	assert(m >= 0 && m < METRIC_COUNT);
	if (!b) {
		atomic_fetch_add_explicit(
		    &shared_block.v[m], n, memory_order_relaxed);
		return;
	}
	/* The only writer: no locked instruction is needed. */
	atomic_store_explicit(&b->v[m],
	    atomic_load_explicit(&b->v[m], memory_order_relaxed) + n,
	    memory_order_relaxed);
}

static void metrics_sum_block(
    struct metrics_block *b, uint64_t out[METRIC_COUNT])
{
	for (int m = 0; m < METRIC_COUNT; m++)
		out[m] += atomic_load_explicit(&b->v[m], memory_order_relaxed);
}

void metrics_sum(uint64_t out[METRIC_COUNT])
{
	for (int m = 0; m < METRIC_COUNT; m++)
		out[m] = 0;
	pthread_mutex_lock(&blocks_lock);
	metrics_sum_block(&shared_block, out);
	for (struct metrics_block *b = blocks; b; b = b->next)
		metrics_sum_block(b, out);
	pthread_mutex_unlock(&blocks_lock);
}

const char *metrics_name(enum metric m)
{
	static const char *const names[] = {
#define METRICS_NAME(id, name, help) [METRIC_##id] = name,
	    METRICS(METRICS_NAME)
#undef METRICS_NAME
	};

	assert(m >= 0 && m < METRIC_COUNT);
	return names[m];
}

const char *metrics_help(enum metric m)
{
	static const char *const helps[] = {
#define METRICS_HELP(id, name, help) [METRIC_##id] = help,
	    METRICS(METRICS_HELP)
#undef METRICS_HELP
	};

	assert(m >= 0 && m < METRIC_COUNT);
	return helps[m];
}
