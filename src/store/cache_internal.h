/*
 * What the parts of the cache share. Nobody outside src/store includes it.
 */
#ifndef STORE_CACHE_INTERNAL_H
#define STORE_CACHE_INTERNAL_H

#include "store/cache.h"
#include "store/env.h"
#include "store/flag.h"
#include "store/pending.h"
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

struct cache_reader {
	struct cache *cache;
	struct cache_reader *next, **link; /* cache->readers */
	/*
	 * Inside a transaction. With cache->is_serving this is the agreement
	 * by which the environment is exchanged under running readers: see
	 * cache_readers_leave.
	 */
	atomic_bool is_busy;
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
	MDB_dbi answers;
	MDB_dbi tags;
	MDB_dbi meta;

	atomic_llong keep_stale_ms;
	atomic_bool is_serving;
	atomic_int reader_error; /* met by a reader, for the writer to mend */
	pthread_mutex_t readers_lock;
	struct cache_reader *readers; /* under readers_lock */

	/* Writer thread, from here on (main thread before and after it). */
	uint64_t last_seq;
	struct flag unrecorded; /* raised: some movement is not on disk */
	struct pending pending;
	bool must_reopen;
	bool must_rebuild;
	struct backoff recovery; /* out of service */
	struct backoff inserts; /* failing */
	bool is_small_only; /* until the next tick */
	uint64_t used_bytes; /* measured, plus what was put since */
	struct digest128 swept_to;
	int64_t reader_check_at_ms;

	/* For cache_stat; written by the writer, read by anybody. */
	struct {
		atomic_ullong entries;
		atomic_ullong tags;
		atomic_ullong used_bytes;
		atomic_ullong file_bytes;
		atomic_int insert_error; /* 0: none */
		atomic_int outage_error;
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
 * Opens the environment, makes it anew when it is damaged or foreign. is_start
 * is false when the same process had it open before. 0 or an LMDB code.
 */
int cache_env_open(struct cache *c, bool is_start);
/* Records a clean end, unless movements are missing; closes. */
void cache_env_close(struct cache *c);
/* Puts the sequence, the boot and the clean mark into txn. */
int cache_meta_put(struct cache *c, MDB_txn *txn, bool is_clean);

/* ---- cache_write.c ---- */

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

/* Takes stock of pages. */
void cache_measure(struct cache *c);
/* May bytes be added when used_bytes are in use? Any thread. */
bool cache_has_room_for(
    const struct cache *c, uint64_t used_bytes, size_t bytes);
/* A slice of housekeeping. */
void cache_sweep(struct cache *c, int64_t now_ms);

/* ---- cache_read.c ---- */

/*
 * Latest movement of tags and of the tag of every entry, as txn sees them.
 * 0 or an LMDB code. on_damaged (may be NULL) is told of each tag that cannot
 * be read, which counts as moved after everything.
 */
int cache_read_moved(struct cache *c, MDB_txn *txn,
    const struct digest128 *tags, size_t n, struct cache_moved *out,
    void (*on_damaged)(void *arg, const struct digest128 *tag), void *arg);

#endif
