/*
 * Upstream heads: any bytes, as the lines that curl would cut them into. What
 * is accepted can be stored, and what is stored can be read again and holds
 * nothing that would break a reply.
 */
#include "http/conditional.h"
#include "http/field.h"
#include "http/head.h"
#include "http/upstream.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define NOW_S INT64_C(1767225600)

/* False once the machine refuses. */
static bool feed_lines(struct upstream *u, struct slice in)
{
	size_t at = 0;

	while (at < in.n) {
		size_t end = slice_find(in, at, '\n') + 1;

		if (!upstream_feed(u, slice_sub(in, at, end)))
			return false;
		at = end;
	}
	return true;
}

static void check_block(struct slice block)
{
	struct field f;

	while (field_next(&block, &f)) {
		assert(field_is_token(f.name));
		assert(field_is_value(f.value));
	}
	assert(block.n == 0);
}

static void check_stored(struct slice stored)
{
	struct slice rest = stored;
	struct field f;

	check_block(stored);
	while (field_next(&rest, &f)) {
		assert(!field_is_hop_by_hop(f.name));
		assert(!field_is_never_replayed(f.name));
		assert(!field_is_rewritten(f.name));
	}
}

static void check_head(const struct upstream *u)
{
	struct cache_control request;
	struct freshness_answer a;
	const char *why;
	struct buf stored, again;
	struct head h, h2;

	buf_init(&stored, 2 * UPSTREAM_HEAD_MAX_BYTES);
	buf_init(&again, 2 * UPSTREAM_HEAD_MAX_BYTES);
	assert(head_build(upstream_lines(u), NOW_S, &stored, &h, &why));
	check_stored(buf_slice(&stored));
	/* What is stored is what would be stored of it. */
	assert(head_build(buf_slice(&stored), NOW_S, &again, &h2, &why));
	assert(slice_eq(buf_slice(&stored), buf_slice(&again)));
	assert(slice_eq(h.etag, h2.etag) && slice_eq(h.vary, h2.vary));
	head_freshness(&h, u->status, NOW_S, &a);
	cachecontrol_init(&request);
	freshness_may_store(&a, &request);
	assert(freshness_lifetime_s(&a) >= 0);
	assert(freshness_initial_age_s(h.age_s, a.date_s, NOW_S, NOW_S) >= 0);
	buf_reset(&again);
	conditional_head_304(buf_slice(&stored), &again);
	check_stored(buf_slice(&again));
	buf_fini(&stored);
	buf_fini(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct slice in = slice_of((const char *)data, n);
	struct upstream u;

	upstream_init(&u);
	if (feed_lines(&u, in)) {
		check_block(upstream_lines(&u));
		check_head(&u);
	} else {
		assert(u.phase == UPSTREAM_FAILED && u.why != NULL);
	}
	upstream_fini(&u);
	return 0;
}
