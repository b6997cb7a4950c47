#include "base/metrics.h"
#include "store/cache_internal.h"
#include "store/moved.h"

/*
 * Which tags may be forgotten. A tag that no stored answer can depend on any
 * more is only in the way, and each record ever written to leaves one: at a
 * location's full quota some millions a month.
 *
 * A tag matters to an answer when it moved after the answer's request was
 * sent: epoch > seq, the answer is dead; suspect > seq, it is doubtful. A turn
 * of housekeeping looks at every answer and removes the dead, so when it has
 * come to the end, with S the sequence at which it began (all movements up to
 * it were committed then):
 *
 *  - No stored answer has a tag with seq < epoch <= S. What was there before
 *    was met and removed. What was stored meanwhile was compared with the
 *    tag, which was there, and refused.
 *  - No stored answer has a tag with seq < suspect <= S, unless it was met as
 *    doubtful, or came in doubtful during the turn; the lowest seq of those is
 *    remembered (doubted_seq), and tags that became suspect after it stay.
 *  - An answer on its way that was asked for before the epoch would come in
 *    later, when the tag is not there to refuse it. So what is older than any
 *    tag forgotten (put_floor) is refused from then on. To make that a matter
 *    of theory a tag stays for an hour after its last movement, longer than
 *    any transfer lasts and than the longest settling time.
 *
 * Flights are judged by the origin's own list of movements, which holds every
 * one that is younger than the oldest flight (origin/moves.h).
 *
 * So there are never more tags than were moved in the last hour and a turn of
 * housekeeping, which takes half an hour as long as the disk can follow. The
 * tag of everything is never forgotten.
 */

#define SLICE_TAGS 1024
#define KEEP_MS (3600 * 1000)

/* A tag in a page that is not full, about; of max_bytes tags may have a
 * sixteenth before the hour is cut short. */
#define TAG_BYTES 120
#define TAGS_SHARE 16
#define KEEP_SHORT_MS (60 * 1000)

struct forgetting {
	struct cache *cache;
	int64_t keep_ms;
	struct digest128 lost[SLICE_TAGS];
	size_t lost_n;
	struct digest128 damaged[SLICE_TAGS];
	size_t damaged_n;
	uint64_t latest_seq; /* of the lost */
};

static int64_t keep_ms_of(struct cache *c)
{
	uint64_t bytes = atomic_load(&c->stat.tags) * TAG_BYTES;

	return bytes > c->max_bytes / TAGS_SHARE ? KEEP_SHORT_MS : KEEP_MS;
}

static bool is_old(const struct forgetting *f, int64_t moved_at_ms)
{
	int64_t began_ms = f->cache->walk.began_ms;

	/* From the future: the clock was set back; that makes it no younger. */
	return moved_at_ms < began_ms - f->keep_ms ||
	       moved_at_ms > began_ms + KEEP_MS;
}

static void look_at_tag(
    struct forgetting *f, const struct digest128 *tag, const MDB_val *value)
{
	const struct walk *walk = &f->cache->walk;
	struct cache_moved moved;
	uint64_t seq;

	if (!moved_decode(tag, value->mv_data, value->mv_size, &moved)) {
		f->damaged[f->damaged_n++] = *tag;
		return;
	}
	seq = moved.epoch > moved.suspect ? moved.epoch : moved.suspect;
	if (seq > walk->began_seq || moved.suspect > walk->doubted_seq ||
	    !is_old(f, moved.moved_at_ms) ||
	    digest_equal(tag, &f->cache->all_tag))
		return;
	f->lost[f->lost_n++] = *tag;
	if (seq > f->latest_seq)
		f->latest_seq = seq;
}

static int look(struct forgetting *f, MDB_txn *txn, bool *is_end)
{
	struct cache *c = f->cache;
	struct digest128 at = c->walk.from;
	MDB_val key = {sizeof(at), &at}, value;
	MDB_cursor *cursor;
	int rc = mdb_cursor_open(txn, c->tags, &cursor);

	if (rc != 0)
		return rc;
	rc = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);
	for (size_t i = 0; rc == 0 && i < SLICE_TAGS; i++) {
		if (key.mv_size != sizeof(at)) {
			rc = MDB_CORRUPTED;
			break;
		}
		memcpy(&at, key.mv_data, sizeof(at));
		look_at_tag(f, &at, &value);
		rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
	}
	*is_end = rc == MDB_NOTFOUND;
	if (rc == 0 && key.mv_size == sizeof(at))
		memcpy(&c->walk.from, key.mv_data, sizeof(c->walk.from));
	mdb_cursor_close(cursor);
	return *is_end ? 0 : rc;
}

static int apply(struct forgetting *f, MDB_txn *txn)
{
	const struct cache_moved nothing = {0};
	struct cache *c = f->cache;
	int rc = 0;

	for (size_t i = 0; i < f->lost_n && rc == 0; i++) {
		MDB_val key = {sizeof(f->lost[i]), &f->lost[i]};

		rc = mdb_del(txn, c->tags, &key, NULL);
	}
	/* Reading them for the merge does the repair. */
	for (size_t i = 0; i < f->damaged_n && rc == 0; i++)
		rc = cache_move_tag(c, txn, &f->damaged[i], &nothing);
	return rc == 0 ? cache_seal(c, txn) : rc;
}

static int forget(struct forgetting *f)
{
	struct cache *c = f->cache;
	MDB_txn *txn;
	int rc;

	if (f->lost_n + f->damaged_n == 0)
		return 0;
	if (f->latest_seq > c->put_floor)
		c->put_floor = f->latest_seq;
	rc = mdb_txn_begin(c->env, NULL, 0, &txn);
	if (rc != 0)
		return rc;
	rc = apply(f, txn);
	if (rc != 0) {
		mdb_txn_abort(txn);
		return rc;
	}
	rc = mdb_txn_commit(txn);
	if (rc == 0)
		metrics_add(METRIC_STORE_TAGS_FORGOTTEN, f->lost_n);
	return rc;
}

int cache_walk_tags(struct cache *c, bool *is_end)
{
	struct forgetting f = {.cache = c, .keep_ms = keep_ms_of(c)};
	MDB_txn *txn;
	int rc = mdb_txn_begin(c->env, NULL, MDB_RDONLY, &txn);

	if (rc != 0)
		return rc;
	rc = look(&f, txn, is_end);
	mdb_txn_abort(txn);
	return rc == 0 ? forget(&f) : rc;
}
