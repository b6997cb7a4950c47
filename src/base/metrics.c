#include "base/metrics.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum {
	CACHE_LINE_BYTES = 64
};

/* Counters first, then for each timing its buckets and its sum. */
enum {
	TIMING_CELLS = TIMING_BOUNDS + 2,
	CELLS = METRIC_COUNT + TIMING_COUNT * TIMING_CELLS
};

struct metrics_block {
	/* Aligned, so that two threads never write one cache line. */
	_Alignas(CACHE_LINE_BYTES) atomic_uint_least64_t v[CELLS];
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
	for (int m = 0; m < CELLS; m++)
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
	for (int m = 0; m < CELLS; m++)
		atomic_fetch_add_explicit(&shared_block.v[m],
		    atomic_load_explicit(&b->v[m], memory_order_relaxed),
		    memory_order_relaxed);
	pthread_mutex_unlock(&blocks_lock);
	free(b);
}

static void add(int cell, uint64_t n)
{
	struct metrics_block *b = own_block;

	if (!b) {
		atomic_fetch_add_explicit(
		    &shared_block.v[cell], n, memory_order_relaxed);
		return;
	}
	/* The only writer: no locked instruction is needed. */
	atomic_store_explicit(&b->v[cell],
	    atomic_load_explicit(&b->v[cell], memory_order_relaxed) + n,
	    memory_order_relaxed);
}

void metrics_add(enum metric m, uint64_t n)
{
	assert(m >= 0 && m < METRIC_COUNT);
	add(m, n);
}

static void sum_block(struct metrics_block *b, int from, int n, uint64_t out[])
{
	for (int i = 0; i < n; i++)
		out[i] +=
		    atomic_load_explicit(&b->v[from + i], memory_order_relaxed);
}

static void sum(int from, int n, uint64_t out[])
{
	memset(out, 0, (size_t)n * sizeof(*out));
	pthread_mutex_lock(&blocks_lock);
	sum_block(&shared_block, from, n, out);
	for (struct metrics_block *b = blocks; b; b = b->next)
		sum_block(b, from, n, out);
	pthread_mutex_unlock(&blocks_lock);
}

void metrics_sum(uint64_t out[METRIC_COUNT])
{
	sum(0, METRIC_COUNT, out);
}

/* ---- times ---- */

static const int64_t bounds_us[TIMING_BOUNDS] = {
    25,
    50,
    100,
    250,
    500,
    1000,
    2500,
    5000,
    10 * 1000,
    25 * 1000,
    50 * 1000,
    100 * 1000,
    250 * 1000,
    500 * 1000,
    1000 * 1000,
    2500 * 1000,
    10 * 1000 * 1000,
    30 * 1000 * 1000,
};

static int first_cell(enum timing t)
{
	assert(t >= 0 && t < TIMING_COUNT);
	return METRIC_COUNT + (int)t * TIMING_CELLS;
}

void metrics_time(enum timing t, int64_t us)
{
	int cell = first_cell(t), i = 0;

	if (us < 0)
		us = 0;
	while (i < TIMING_BOUNDS && us > bounds_us[i])
		i++;
	add(cell + i, 1);
	add(cell + TIMING_BOUNDS + 1, (uint64_t)us);
}

void metrics_time_sum(enum timing t, struct timing_sum *out)
{
	uint64_t cells[TIMING_CELLS];

	sum(first_cell(t), TIMING_CELLS, cells);
	memcpy(out->buckets, cells, sizeof(out->buckets));
	out->sum_us = cells[TIMING_BOUNDS + 1];
}

int64_t metrics_bound_us(unsigned i)
{
	assert(i < TIMING_BOUNDS);
	return bounds_us[i];
}

/* ---- names ---- */

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

const char *metrics_time_name(enum timing t)
{
	static const char *const names[] = {
#define TIMINGS_NAME(id, name, help) [TIMING_##id] = name,
	    TIMINGS(TIMINGS_NAME)
#undef TIMINGS_NAME
	};

	assert(t >= 0 && t < TIMING_COUNT);
	return names[t];
}

const char *metrics_time_help(enum timing t)
{
	static const char *const helps[] = {
#define TIMINGS_HELP(id, name, help) [TIMING_##id] = help,
	    TIMINGS(TIMINGS_HELP)
#undef TIMINGS_HELP
	};

	assert(t >= 0 && t < TIMING_COUNT);
	return helps[t];
}
