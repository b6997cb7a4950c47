/*
 * Request targets: the canonical form of a canonical form is itself, holds
 * nothing that must be refused, and its parts are inside it.
 */
#include "http/target.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check_path(struct slice path)
{
	assert(path.n > 0 && path.p[0] == '/');
	for (size_t i = 0; i < path.n; i++) {
		struct slice rest = slice_sub(path, i, path.n);

		assert(path.p[i] > 0x20 && path.p[i] < 0x7f);
		assert(!slice_starts(rest, SLICE("//")));
		assert(!slice_starts(rest, SLICE("/./")));
		assert(!slice_starts(rest, SLICE("/../")));
		assert(!slice_starts(rest, SLICE("%2F")));
		assert(!slice_starts(rest, SLICE("%2E")));
		assert(!slice_starts(rest, SLICE("%00")));
	}
	assert(!slice_ends(path, SLICE("/..")));
	assert(!slice_ends(path, SLICE("/.")));
}

static void check_query(struct slice query)
{
	struct slice rest = query, name, value;
	struct buf text;

	buf_init(&text, 4096);
	while (target_query_next(&rest, &name, &value)) {
		struct slice found = SLICE_NONE;

		buf_reset(&text);
		target_decode(name, &text);
		assert(text.has_failed ||
		       target_decoded_eq(name, buf_slice(&text)));
		assert(text.has_failed ||
		       target_query_get(query, buf_slice(&text), &found) > 0);
		assert(value.n <= query.n && found.n <= query.n);
	}
	buf_fini(&text);
}

static void check_slash(struct slice target)
{
	struct slice path;
	struct buf with, without;

	buf_init(&with, 8192);
	buf_init(&without, 8192);
	target_set_slash(target, true, &with);
	target_split(buf_slice(&with), &path, NULL);
	assert(slice_ends(path, SLICE("/")));
	target_set_slash(buf_slice(&with), false, &without);
	target_split(buf_slice(&without), &path, NULL);
	assert(path.n == 1 || !slice_ends(path, SLICE("/")));
	buf_fini(&with);
	buf_fini(&without);
}

static void check_canonical(struct slice target)
{
	struct slice path, query;
	const char *why;
	struct buf again;

	buf_init(&again, 4096);
	assert(target_canon(target, &again, &why) && why == NULL);
	assert(slice_eq(buf_slice(&again), target));
	buf_fini(&again);
	target_split(target, &path, &query);
	check_path(path);
	check_query(query);
	check_slash(target);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct slice sent = slice_of((const char *)data, n);
	const char *why = NULL;
	struct buf out;

	buf_init(&out, 4096);
	if (target_canon(sent, &out, &why))
		check_canonical(buf_slice(&out));
	else
		assert(why != NULL);
	/* Decoding must stand any bytes. */
	check_query(sent);
	buf_fini(&out);
	return 0;
}
