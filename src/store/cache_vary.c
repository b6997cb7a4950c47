#include "base/buf.h"
#include "store/cache_internal.h"

/*
 * Guides: what lies under a base key and leads to the variants of an answer
 * (RFC 9111 §4.1). A variant's key has the values in it that its request had
 * in the fields which the answer names in Vary; to look it up one must know the
 * names first.
 *
 * A guide is a record like others, so that it is evicted, swept and checked as
 * they are. Its body is a line for each list of names, the latest first. It
 * reads no tag and can be wrong in no way that matters: a list too many is
 * looked up in vain, a guide lost is a miss.
 */

#define GUIDE_MAX_BYTES 65536

static size_t split(struct slice lines, struct slice *lists, size_t max)
{
	size_t n = 0, at = 0;

	while (at < lines.n && n < max) {
		size_t end = slice_find(lines, at, '\n');

		lists[n++] = slice_sub(lines, at, end);
		at = end + 1;
	}
	return n;
}

size_t cache_vary_lists(struct cache_reader *r,
    const struct digest128 *base_key, struct slice base_full_key,
    struct slice lists[CACHE_VARY_LISTS_MAX])
{
	struct record rec;

	if (!r || !cache_enter(r))
		return 0;
	r->is_kept = true;
	if (!cache_find(r, base_key, base_full_key, 0, &rec) || !rec.is_guide)
		return 0;
	recency_touch(&r->cache->recency, base_key);
	return split(rec.body, lists, CACHE_VARY_LISTS_MAX);
}

static int64_t later_of(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* The lists of held behind the new one, as many as there is room for. */
static void write_lines(
    struct buf *lines, struct slice names, const struct record *held)
{
	struct slice lists[CACHE_VARY_LISTS_MAX - 1];
	size_t n =
	    held ? split(held->body, lists, CACHE_VARY_LISTS_MAX - 1) : 0;

	buf_add_slice(lines, names);
	buf_add_char(lines, '\n');
	for (size_t i = 0; i < n; i++) {
		if (slice_eq(lists[i], names))
			continue;
		buf_add_slice(lines, lists[i]);
		buf_add_char(lines, '\n');
	}
}

static int put_record(
    struct cache *c, MDB_txn *txn, MDB_val *key, const struct record *r)
{
	MDB_val value = {record_size(r), NULL};
	int rc;

	if (value.mv_size == 0)
		return 0; /* too long: there will be a miss */
	rc = mdb_put(txn, c->answers, key, &value, MDB_RESERVE);
	if (rc == 0)
		record_encode(r, value.mv_data);
	return rc;
}

int cache_guide_put(struct cache *c, MDB_txn *txn, const struct cache_put *p)
{
	MDB_val key = {sizeof(p->base_key), (void *)&p->base_key}, value;
	struct record guide = {
	    .seq = cache_seq_in(c, p->seq),
	    .stored_at_ms = p->answer->date_ms,
	    .fresh_until_ms = p->fresh_until_ms,
	    .swr_until_ms = p->swr_until_ms,
	    .stale_until_ms = INT64_MAX,
	    .status = 200,
	    .is_stale_allowed = true,
	    .is_guide = true,
	    .op = UINT32_MAX,
	    .full_key = p->base_full_key,
	};
	struct record held;
	struct buf lines;
	bool has_held;
	int rc = mdb_get(txn, c->answers, &key, &value);

	if (rc != 0 && rc != MDB_NOTFOUND)
		return rc;
	has_held = rc == 0 &&
		   record_decode(value.mv_data, value.mv_size, &held) &&
		   held.is_guide && slice_eq(held.full_key, p->base_full_key);
	buf_init(&lines, GUIDE_MAX_BYTES);
	write_lines(&lines, p->vary, has_held ? &held : NULL);
	if (has_held) {
		guide.fresh_until_ms =
		    later_of(guide.fresh_until_ms, held.fresh_until_ms);
		guide.swr_until_ms =
		    later_of(guide.swr_until_ms, held.swr_until_ms);
	}
	guide.body = buf_slice(&lines);
	rc = lines.has_failed ? 0 : put_record(c, txn, &key, &guide);
	buf_fini(&lines);
	recency_touch(&c->recency, &p->base_key);
	return rc;
}
