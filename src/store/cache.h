/*
 * The cache environment: stored answers and the tags that keep them honest.
 * Disposable: whatever is wrong with it, the daemon goes on without.
 *
 * Readers (one per thread) look entries up; the writer thread owns every
 * write transaction and commits in groups. No pointer into the map leaves
 * this module without the reader's open transaction: cache_lookup opens it,
 * cache_release closes it.
 *
 * LMDB 0.9.24, flags NOMETASYNC|NOTLS: kill -9 loses nothing that was
 * committed; power loss may lose the last commits but damages nothing.
 *
 * Out of service: when a movement of tags cannot be recorded (disk error,
 * disk full), no stored answer can be trusted, and every lookup misses until
 * it is recorded after all. The writer tries again by itself, opens the
 * environment anew when LMDB gave it up, and starts an empty one when it is
 * damaged. The same at the start: an environment that cannot be opened is
 * tried until it can. Answers that cannot be stored are dropped and counted;
 * that alone puts nothing out of service.
 *
 * Wherever a struct cache or cache_reader is taken, NULL is the store that
 * does not exist: lookups miss, puts and moves come back at once from inside
 * the call, not committed.
 */
#ifndef STORE_CACHE_H
#define STORE_CACHE_H

#include "base/digest.h"
#include "base/mailbox.h"
#include "http/answer.h"

#include <stdint.h>

struct cache;
struct cache_reader;

struct cache_options {
	const char *dir; /* created 0700 when absent */
	/*
	 * Bound of what is stored: from 80 % on answers make room, expired
	 * ones first, the least recently used first; from 95 % on no answer
	 * is added. The map is larger by a reserve, so
	 * that movements and deletions always find pages.
	 */
	uint64_t max_bytes;
	/* Expired answers are kept this long for outages. */
	int64_t keep_stale_ms;
	const char *boot_id; /* of this boot, see store/state.h */
	/* The tag that every entry reads, whether its put names it or not. */
	struct digest128 all_tag;
	/*
	 * The id of an operation, by which it is stored: the index may mean
	 * another one after an upgrade. Static strings. NULL function: views
	 * know no operation. Any thread.
	 */
	const char *(*op_id)(uint32_t op);
};

/*
 * Opens or creates. A damaged or foreign environment is removed and made anew
 * (said in the log). After an unclean end under another boot id every entry
 * becomes suspect. When the directory cannot be used the cache is out of
 * service from the start, and the writer tries again like after any other
 * trouble. NULL with a message in why (caller frees; NULL when memory is
 * exhausted altogether) only for want of memory or descriptors. o is copied,
 * its boot_id too.
 * Main thread, before the others start.
 */
struct cache *cache_open(const struct cache_options *o, char **why);
/* Writer stopped, all readers freed. Writes the clean mark. NULL is fine. */
void cache_close(struct cache *c);

/* From the next round of housekeeping on. Any thread. */
void cache_set_keep_stale(struct cache *c, int64_t keep_stale_ms);

/* ---- writer ---- */

enum cache_mail_kind {
	CACHE_MAIL_PUT = 1,
	CACHE_MAIL_MOVE
};

/* Stores an answer. Dropped (counted) when the writer is behind. */
struct cache_put {
	struct mail mail; /* the store's from post to done */
	struct digest128 key;
	struct slice full_key; /* owned, malloc */
	struct answer *answer; /* one reference, owned */
	uint64_t seq; /* sequence when handed to curl */
	int64_t fresh_until_ms; /* wall clock */
	int64_t swr_until_ms; /* served stale while revalidating until */
	bool is_stale_allowed; /* may be served when upstream is away */
	int64_t stale_until_ms; /* and until then; INT64_MAX: no bound */
	bool must_revalidate; /* never served stale */
	bool must_validate; /* never served without asking, fresh or not */
	/*
	 * One of several variants (RFC 9111 §4.1): found by way of the key that
	 * they have in common. base_full_key.n = 0: there are no variants.
	 */
	struct digest128 base_key;
	struct slice base_full_key; /* owned, malloc */
	struct slice vary; /* names in full_key; owned, malloc; may be empty */
	uint32_t op; /* api_op_index, or UINT32_MAX */
	struct digest128 *tags; /* owned, malloc */
	size_t tags_n;
	char location[64]; /* "" when unknown */
	/*
	 * Called by the writer thread after the commit (or drop), and takes p
	 * over; may be NULL. A dropped put may have lost its answer, full_key
	 * and tags. Not stored is also what arrives dead (a tag moved past
	 * seq), older than what is stored under its key, or too large.
	 */
	void (*done)(struct cache_put *p, bool is_stored);
	void *arg;
};

/* Moves tags; never dropped. */
struct cache_move {
	struct mail mail; /* the store's from post to done */
	uint64_t seq; /* becomes the tags' epoch or suspect */
	bool is_suspect; /* outcome unknown: suspect, not epoch */
	int64_t moved_at_ms; /* wall clock */
	struct digest128 *tags; /* owned, malloc */
	size_t tags_n;
	/*
	 * Called by the writer thread after the commit, and takes m over; may
	 * be NULL. is_committed is false when the environment failed: from
	 * before this call on lookups miss until the movement is recorded, so
	 * it holds in either case.
	 */
	void (*done)(struct cache_move *m, bool is_committed);
	void *arg;
};

/* Starts the writer thread. False when it cannot. */
bool cache_writer_start(struct cache *c);
/* Commits what is queued, ends the thread. What is posted later comes to its
 * done from cache_close. */
void cache_writer_stop(struct cache *c);
/*
 * Answers that are not stored yet never will be; movements of tags still are.
 * For an end that cannot wait. Any thread, and from a signal handler.
 */
void cache_writer_hurry(struct cache *c);
/* Takes p over in every case. Any thread; never waits. */
void cache_put_post(struct cache *c, struct cache_put *p);
/* Frees p and what it owns. NULL is fine. */
void cache_put_free(struct cache_put *p);
/* Takes m over. Any thread; never waits. Never refused. */
void cache_move_post(struct cache *c, struct cache_move *m);
/* Frees m and what it owns. NULL is fine. */
void cache_move_free(struct cache_move *m);
/* Highest sequence on disk; the next one continues from here. 0 when it could
 * not be opened. Before the writer starts. */
uint64_t cache_last_seq(struct cache *c);

/* ---- readers ---- */

/* NULL when reader slots or memory ran out. Owned by one thread. */
struct cache_reader *cache_reader_new(struct cache *c);
/* Released before. NULL is fine. */
void cache_reader_free(struct cache_reader *r);

enum cache_state {
	CACHE_MISS, /* none, damaged, other key, or moved past (dead) */
	CACHE_FRESH,
	CACHE_EXPIRED, /* past fresh_until */
	CACHE_SUSPECT /* a tag is suspect: only while upstream is away */
};

/* What cache_lookup found; borrowed until cache_release. All zero but for op
 * when state is CACHE_MISS. */
struct cache_view {
	enum cache_state state;
	uint16_t status;
	struct slice head; /* pre-serialised, as in struct answer */
	struct slice body;
	struct slice etag;
	struct slice last_modified;
	struct slice next_page; /* inside body */
	size_t authority_n;
	int64_t stored_at_ms; /* wall clock: when received */
	int64_t age_s; /* Age upstream claimed */
	int64_t fresh_until_ms;
	int64_t swr_until_ms;
	bool is_stale_allowed;
	int64_t stale_until_ms;
	bool must_revalidate;
	bool must_validate;
	uint64_t seq;
	uint32_t op; /* as put; UINT32_MAX: none, or no more the same */
	struct slice op_id; /* what it was called when stored */
	struct slice location;
};

/* Different answers to one base key, at most, by what their Vary names. */
#define CACHE_VARY_LISTS_MAX 8

/*
 * Which fields the stored answers to a base key name in Vary: a list of names
 * each, as put, the latest first; "" is one, too. Renews the reader's
 * transaction; what lists point to, and every view of the cache_lookup calls
 * that follow, is of that one moment and borrowed until cache_release, which
 * must come whatever this returns. Any list may lead nowhere.
 */
size_t cache_vary_lists(struct cache_reader *r,
    const struct digest128 *base_key, struct slice base_full_key,
    struct slice lists[CACHE_VARY_LISTS_MAX]);
/*
 * Renews the reader's transaction, unless cache_vary_lists has, and looks key
 * up. Whatever it returns, the transaction is open until cache_release (a pair
 * without exception).
 */
enum cache_state cache_lookup(struct cache_reader *r,
    const struct digest128 *key, struct slice full_key, int64_t now_ms,
    struct cache_view *v);
void cache_release(struct cache_reader *r);

/* Latest movement of any of the tags, the tag of every entry included. */
struct cache_moved {
	uint64_t epoch;
	uint64_t suspect;
	int64_t moved_at_ms;
};
/*
 * Between cache_lookup and cache_release: as of the same moment. Elsewhere: as
 * of now. False when the store is out of service and out all zero. A damaged
 * tag counts as moved after everything.
 */
bool cache_tags_moved(struct cache_reader *r, const struct digest128 *tags,
    size_t n, struct cache_moved *out);

/* For status. Any thread; takes no lock. */
struct cache_stat {
	uint64_t entries;
	uint64_t tags;
	uint64_t used_bytes; /* about; of max_bytes */
	uint64_t file_bytes; /* never shrinks */
	uint64_t max_bytes;
	uint64_t evicted; /* since the start: good answers, for their room */
	bool is_evicting; /* over 80 %: the least recently used are going */
	/* Wall clock: when the oldest answer was stored, as of the last whole
	 * turn of housekeeping; 0: none, or not known yet. */
	int64_t oldest_ms;
	bool is_serving; /* false: out of service, requests pass through */
	bool is_storing; /* false: full or failing, answers are not added */
	/*
	 * Why not, in LMDB's or the system's words, or "full". Also what
	 * lookups failed of in the last second while all else is well (too
	 * many readers). "": nothing is wrong.
	 */
	char trouble[64];
};
void cache_stat(struct cache *c, struct cache_stat *out);

#endif
