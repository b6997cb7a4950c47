/*
 * What the parts of the cache share. Nobody outside src/store includes it.
 */
#ifndef STORE_CACHE_INTERNAL_H
#define STORE_CACHE_INTERNAL_H

#include "store/cache.h"
#include "store/env.h"
#include "store/flag.h"
#include "store/pending.h"
#include "store/recency.h"
#include "store/record.h"
#include "store/writer.h"

#include <pthread.h>
#include <stdatomic.h>

/* Shares of max_bytes, in percent. */
#define CACHE_EVICT_PERCENT 80
#define CACHE_INSERT_PERCENT 95

/* One value of this size or less needs a single page; a larger one needs
 * several in a row, which a fragmented file may not have (LMDB 0.9, 4 KiB
 * pages). */
#define CACHE_SMALL_BYTES 4080

/* Answers that housekeeping looks at in one slice, at most. */
#define CACHE_SLICE_ANSWERS 512

struct cache_reader {
	struct cache *cache;
	struct cache_reader *next, **link; /* cache->readers */
	/*
	 * Inside a transaction. With cache->is_serving this is the agreement
	 * by which the environment is exchanged under running readers: see
	 * cache_readers_leave.
	 */
	atomic_bool is_busy;
	bool is_kept; /* busy since cache_vary_lists; the owner's */
	MDB_txn *txn; /* the owner's while busy; NULL: begin one */
	/* The damaged record told of last, and when, to tell once. */
	struct digest128 told;
	int64_t told_at_ms;
};

/* How long to wait before the next try. */
struct backoff {
	int64_t until_ms; /* mono */
	int64_t wait_ms; /* 0: nothing is wrong */
};

/* A turn of housekeeping over the whole store: see cache_sweep.c. */
struct walk {
	bool is_begun;
	bool is_past_answers; /* at the tags */
	bool has_wrapped; /* the answers: past the last one */
	struct digest128 start; /* of the answers */
	struct digest128 from; /* where the next slice begins */
	uint64_t began_seq; /* every movement up to it was committed */
	int64_t began_ms; /* wall */
	/* Of the answers kept so far. */
	uint64_t doubted_seq; /* lowest of the doubtful; UINT64_MAX: none */
	int64_t oldest_ms; /* when the oldest was stored; INT64_MAX: none */
};

struct cache {
	/* Constant after cache_open. */
	char *dir;
	char *boot_id;
	uint64_t max_bytes;
	struct digest128 all_tag;
	const char *(*op_id)(uint32_t op);
	struct writer *writer; /* owned */

	/* Changed by the writer only while no reader is busy. */
	MDB_env *env; /* NULL: not open */
	/*
	 * The callers' sequence 0 as the environment counts. Not 0 when the
	 * environment could not be opened at the start but later: the callers
	 * have begun at 1 then, and what they count must be past everything
	 * that is stored.
	 */
	uint64_t base_seq;
	MDB_dbi answers;
	MDB_dbi tags;
	MDB_dbi meta;

	struct recency recency;
	atomic_llong keep_stale_ms;
	atomic_bool is_serving;
	atomic_int reader_error; /* met by a reader, for the writer to mend */
	atomic_int lookup_error; /* met by a reader, of any kind */
	pthread_mutex_t readers_lock;
	struct cache_reader *readers; /* under readers_lock */

	/* Writer thread, from here on (main thread before and after it). */
	uint64_t last_seq; /* as the environment counts */
	struct flag unrecorded; /* raised: some movement is not on disk */
	struct pending pending;
	bool must_void; /* an earlier process could not record all */
	uint64_t counted; /* by the callers, before the environment was open */
	bool is_watching; /* for crashes */
	int64_t forget_crash_at_ms; /* mono */
	bool is_late; /* could not be opened at the start */
	bool was_open; /* by this process */
	bool is_note_refused; /* said that unrecorded cannot be raised */
	bool must_reopen;
	bool must_rebuild;
	struct backoff recovery; /* out of service */
	struct backoff inserts; /* failing */
	bool is_small_only; /* until the next tick */
	uint64_t used_bytes; /* measured, and what came and went since */
	struct walk walk;
	uint64_t turns; /* begun */
	uint64_t put_floor; /* answers asked for before it are refused */
	int64_t swept_at_ms; /* mono, as the next */
	int sweep_wait_ms; /* from then to the next slice */
	int64_t measure_at_ms;
	int64_t second_at_ms;
	int64_t reader_check_at_ms;

	/* For cache_stat; written by the writer, read by anybody. */
	struct {
		atomic_ullong entries;
		atomic_ullong tags;
		atomic_ullong used_bytes;
		atomic_ullong file_bytes;
		atomic_ullong evicted;
		atomic_llong oldest_ms;
		atomic_int insert_error; /* 0: none */
		atomic_int outage_error;
		atomic_int lookup_error; /* of the last second */
	} stat;
};

/* A reader met something damaged: mail to the writer, droppable. */
#define CACHE_MAIL_DAMAGED 100

struct cache_damaged {
	struct mail mail;
	struct digest128 key; /* of an answer, or a tag */
	bool is_tag;
};

/* ---- cache_env.c ---- */

/*
 * Opens the environment, makes it anew when it is damaged or foreign. 0 or an
 * LMDB code.
 */
int cache_env_open(struct cache *c);
/* Records a clean end, unless movements are missing; closes. */
void cache_env_close(struct cache *c);
/* Puts the sequence, the boot and the clean mark into txn. */
int cache_meta_put(struct cache *c, MDB_txn *txn, bool is_clean);

/* Between the callers' sequence and the environment's. */
static inline uint64_t cache_seq_in(const struct cache *c, uint64_t seq)
{
	return seq + c->base_seq;
}

static inline uint64_t cache_seq_out(const struct cache *c, uint64_t seq)
{
	if (seq == UINT64_MAX)
		return seq; /* after everything */
	return seq > c->base_seq ? seq - c->base_seq : 0;
}

/* ---- cache_write.c ---- */

/* Of the environment's counting. */
void cache_see_seq(struct cache *c, uint64_t seq);
/* The table for writer_new. */
const struct writer_ops *cache_writer_ops(void);
/* Merges m into tag's record; a damaged one counts as moved just now. */
int cache_move_tag(struct cache *c, MDB_txn *txn, const struct digest128 *tag,
    const struct cache_moved *m);
/* Before a commit: the sequence, and figures for status. */
int cache_seal(struct cache *c, MDB_txn *txn);
/* Decides what a failed transaction means. True: try once more. */
bool cache_failed(struct cache *c, int rc, bool is_durable);

/* ---- cache_recover.c ---- */

/* Stops serving because of rc; says so once. */
void cache_go_out_of_service(struct cache *c, int rc, bool is_move_lost);
/* One try to come back. */
void cache_recover(struct cache *c);
bool backoff_is_over(const struct backoff *b, int64_t now_ms);
void backoff_more(struct backoff *b, int64_t now_ms);

/* ---- cache_sweep.c ---- */

/* Between two slices when there is room. */
#define CACHE_SWEEP_MS 1000

/* Takes stock of pages. */
void cache_measure(struct cache *c);
/* May bytes be added when used_bytes are in use? Any thread. */
bool cache_has_room_for(
    const struct cache *c, uint64_t used_bytes, uint64_t bytes);
/* Is so much in use that good answers must go? */
bool cache_is_pressed(const struct cache *c);
/* A new turn; what the old one had found out is void. */
void cache_walk_begin(struct cache *c);
/* A slice of housekeeping. Returns after how many ms the next is due. */
int cache_sweep(struct cache *c, int64_t now_ms);

/* ---- cache_evict.c ---- */

/* What a record of that length takes in the environment, about. */
uint64_t cache_bytes_of(size_t record_bytes);
/*
 * Looks at the next answers, limit at most, and removes those that must go;
 * pressed, others too. 0 or an LMDB code. gone: how many; is_end: there are
 * no more.
 */
int cache_walk_answers(
    struct cache *c, int64_t now_ms, size_t limit, bool *is_end, size_t *gone);

/* ---- cache_forget.c ---- */

/* Looks at the next tags and forgets what no answer can depend on. Only after
 * a whole turn over the answers. 0 or an LMDB code. */
int cache_walk_tags(struct cache *c, bool *is_end);

/* ---- cache_vary.c ---- */

/* Leads from the base key of what was just put to its variant. 0 or an LMDB
 * code. */
int cache_guide_put(struct cache *c, MDB_txn *txn, const struct cache_put *p);

/* ---- cache_read.c ---- */

/* A reader's transaction, as cache_lookup opens it. False: out of service. */
bool cache_enter(struct cache_reader *r);
void cache_leave(struct cache_reader *r);
/* The record of this very key; a digest alone proves nothing. */
bool cache_find(struct cache_reader *r, const struct digest128 *key,
    struct slice full_key, int64_t now_ms, struct record *out);

/*
 * Latest movement of tags and of the tag of every entry, as txn sees them.
 * 0 or an LMDB code. on_damaged (may be NULL) is told of each tag that cannot
 * be read, which counts as moved after everything.
 */
int cache_read_moved(struct cache *c, MDB_txn *txn,
    const struct digest128 *tags, size_t n, struct cache_moved *out,
    void (*on_damaged)(void *arg, const struct digest128 *tag), void *arg);

#endif
