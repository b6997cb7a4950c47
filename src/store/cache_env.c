#include "base/clock.h"
#include "base/log.h"
#include "store/cache_internal.h"
#include "store/crash.h"

#include <errno.h>
#include <sys/stat.h>

/* Of the whole environment: its databases and the form of its records. */
#define FORMAT_MAGIC 0x41434847u
#define FORMAT_VERSION 1u

/* Beyond max_bytes: pages for movements and deletions when all the rest is
 * taken, and for what a batch may exceed the bound by. */
#define RESERVE_MIN_BYTES (32u << 20)
#define RESERVE_SHARE 16

#define FLAG_NAME "unrecorded"

#define CRASHES_MAX 2
#define QUIET_MS (10 * 60 * 1000)

static const char meta_key[] = "meta";

/* What the environment knows of itself; copied in and out whole. */
struct meta {
	uint64_t checksum; /* of everything after this field */
	uint32_t magic;
	uint32_t version;
	uint64_t last_seq;
	uint32_t is_clean;
	char boot_id[44]; /* zeros to the end */
};

_Static_assert(sizeof(struct meta) == 72, "the layout has no padding");

/* ---- the meta record ---- */

static uint64_t meta_checksum(const struct meta *m)
{
	return digest_checksum(slice_of((const char *)m + sizeof(m->checksum),
	    sizeof(*m) - sizeof(m->checksum)));
}

int cache_meta_put(struct cache *c, MDB_txn *txn, bool is_clean)
{
	MDB_val key = {sizeof(meta_key), (void *)meta_key};
	struct meta m;
	MDB_val value = {sizeof(m), &m};
	size_t boot_n = strlen(c->boot_id);

	memset(&m, 0, sizeof(m));
	m.magic = FORMAT_MAGIC;
	m.version = FORMAT_VERSION;
	m.last_seq = c->last_seq;
	m.is_clean = is_clean;
	if (boot_n < sizeof(m.boot_id))
		memcpy(m.boot_id, c->boot_id, boot_n);
	m.checksum = meta_checksum(&m);
	return mdb_put(txn, c->meta, &key, &value, 0);
}

static int meta_get(struct cache *c, MDB_txn *txn, struct meta *out)
{
	MDB_val key = {sizeof(meta_key), (void *)meta_key};
	MDB_val value;
	int rc = mdb_get(txn, c->meta, &key, &value);

	if (rc == MDB_NOTFOUND)
		return MDB_INVALID;
	if (rc != 0)
		return rc;
	if (value.mv_size != sizeof(*out))
		return MDB_INVALID;
	memcpy(out, value.mv_data, sizeof(*out));
	if (out->checksum != meta_checksum(out) || out->magic != FORMAT_MAGIC ||
	    out->version != FORMAT_VERSION ||
	    out->boot_id[sizeof(out->boot_id) - 1] != '\0')
		return MDB_INVALID;
	return 0;
}

/* ---- opening ---- */

static int move_all(struct cache *c, MDB_txn *txn, bool is_suspect)
{
	struct cache_moved m = {.moved_at_ms = clock_wall_ms()};

	if (is_suspect)
		m.suspect = c->last_seq;
	else
		m.epoch = c->last_seq;
	return cache_move_tag(c, txn, &c->all_tag, &m);
}

/*
 * After a power loss the last commits may be gone, and with them movements
 * that somebody was told of. The same boot means that only the process died:
 * the kernel had everything.
 */
static bool may_have_lost_commits(const struct cache *c, const struct meta *m)
{
	return !m->is_clean &&
	       (c->boot_id[0] == '\0' || strcmp(m->boot_id, c->boot_id) != 0);
}

/* The environment was made just now. */
static int begin_empty(struct cache *c, MDB_txn *txn)
{
	/*
	 * In a running process answers are under way that were asked for
	 * before movements which were recorded in the old environment: they
	 * must arrive dead. A new process has none.
	 */
	return c->last_seq > 0 ? move_all(c, txn, false) : 0;
}

/*
 * Where the sequence goes on. In a process that counted without it, all that
 * was counted comes after all that is stored.
 */
static void take_up_seq(struct cache *c, const struct meta *m)
{
	if (!c->was_open && c->is_late) {
		c->counted = c->last_seq;
		c->base_seq = m->last_seq + 2; /* two may follow here */
		c->last_seq = m->last_seq;
	} else if (m->last_seq > c->last_seq) {
		c->last_seq = m->last_seq;
	}
}

static int continue_old(struct cache *c, MDB_txn *txn)
{
	struct meta m;
	int rc = meta_get(c, txn, &m);

	if (rc != 0)
		return rc;
	take_up_seq(c, &m);
	if (c->was_open)
		return 0;
	if (may_have_lost_commits(c, &m)) {
		c->last_seq++;
		log_event(LOG_WARN, "store-suspect",
		    LOG_STR("detail", "unclean end before this boot: stored "
				      "answers serve outages only"),
		    LOG_END);
		rc = move_all(c, txn, true);
	}
	if (rc == 0 && c->must_void) {
		c->last_seq++;
		log_event(LOG_WARN, "store-dead",
		    LOG_STR("detail", "writes of an earlier run could not be "
				      "recorded: stored answers are void"),
		    LOG_END);
		rc = move_all(c, txn, false);
	}
	cache_see_seq(c, cache_seq_in(c, c->counted));
	return rc;
}

static int open_databases(struct cache *c, MDB_txn *txn)
{
	int rc = mdb_dbi_open(txn, "answers", MDB_CREATE, &c->answers);

	if (rc == 0)
		rc = mdb_dbi_open(txn, "tags", MDB_CREATE, &c->tags);
	if (rc == 0)
		rc = mdb_dbi_open(txn, "meta", MDB_CREATE, &c->meta);
	return rc;
}

static int take_over(struct cache *c, MDB_txn *txn)
{
	MDB_stat dbs;
	int rc = mdb_stat(txn, 1, &dbs); /* the database of databases */

	if (rc == 0)
		rc = open_databases(c, txn);
	if (rc == 0 && dbs.ms_entries == 0)
		rc = begin_empty(c, txn);
	else if (rc == 0)
		rc = continue_old(c, txn);
	return rc == 0 ? cache_seal(c, txn) : rc;
}

/* The first transaction. Synced, because from now on a power loss must find
 * no clean mark. */
static int begin_life(struct cache *c)
{
	MDB_txn *txn;
	int rc = mdb_txn_begin(c->env, NULL, 0, &txn);

	if (rc != 0)
		return rc;
	rc = take_over(c, txn);
	if (rc != 0) {
		mdb_txn_abort(txn);
		return rc;
	}
	rc = mdb_txn_commit(txn);
	return rc == 0 ? mdb_env_sync(c->env, 1) : rc;
}

static int mkdir_own(const char *dir)
{
	return mkdir(dir, 0700) < 0 && errno != EEXIST ? errno : 0;
}

/* Before the environment, so that there is a flag to raise when that one
 * cannot be opened. */
static int open_flag(struct cache *c)
{
	int rc;

	if (c->unrecorded.fd >= 0)
		return 0;
	rc = mkdir_own(c->dir);
	if (rc != 0)
		return rc;
	rc = flag_open(&c->unrecorded, c->dir, FLAG_NAME);
	if (rc == 0)
		c->must_void = c->unrecorded.is_raised;
	return rc;
}

static int open_and_begin(struct cache *c)
{
	uint64_t reserve = c->max_bytes / RESERVE_SHARE;
	struct env_options o = {
	    .dir = c->dir,
	    .flags = MDB_NOMETASYNC,
	};
	int rc;

	if (reserve < RESERVE_MIN_BYTES)
		reserve = RESERVE_MIN_BYTES;
	o.map_bytes = c->max_bytes + reserve;
	rc = open_flag(c);
	if (rc == 0)
		rc = env_open(&o, &c->env);
	if (rc == 0)
		rc = begin_life(c);
	/* While this process has movements to record it stays up. */
	if (rc == 0 && c->unrecorded.is_raised && pending_is_empty(&c->pending))
		rc = flag_set(&c->unrecorded, false);
	return rc;
}

/* What a try that fails has taken up of the stored sequence is not true: the
 * next one would add to it once more. */
static int try_open(struct cache *c)
{
	uint64_t last_seq = c->last_seq, base_seq = c->base_seq;
	uint64_t counted = c->counted;
	int rc = open_and_begin(c);

	if (rc == 0) {
		c->was_open = true;
		c->must_void = false;
		return 0;
	}
	c->last_seq = last_seq;
	c->base_seq = base_seq;
	c->counted = counted;
	if (c->env)
		mdb_env_close(c->env);
	c->env = NULL;
	return rc;
}

/* A third crash in a row is one too many: whatever lies there is not worth
 * it. */
static void count_crashes(struct cache *c)
{
	unsigned n;

	if (c->is_watching || mkdir_own(c->dir) != 0)
		return;
	c->is_watching = true;
	c->forget_crash_at_ms = clock_mono_ms() + QUIET_MS;
	n = crash_watch(c->dir);
	if (n < CRASHES_MAX)
		return;
	log_event(LOG_ERROR, "store-renewed",
	    LOG_STR("detail", "the program crashed again and again; in case "
			      "the cache is to blame, it starts empty"),
	    LOG_UINT("crashes", n), LOG_END);
	if (env_remove(c->dir) == 0)
		crash_forget();
}

int cache_env_open(struct cache *c)
{
	int rc;

	count_crashes(c);
	rc = try_open(c);

	if (!env_is_ruined(rc))
		return rc;
	log_event(LOG_WARN, "store-renewed",
	    LOG_STR("detail", "the cache is damaged or of another version "
			      "and starts empty"),
	    LOG_STR("error", mdb_strerror(rc)), LOG_END);
	rc = env_remove(c->dir);
	return rc == 0 ? try_open(c) : rc;
}

/* ---- closing ---- */

static void mark_clean(struct cache *c)
{
	MDB_txn *txn;
	int rc = mdb_txn_begin(c->env, NULL, 0, &txn);

	if (rc == 0) {
		rc = cache_meta_put(c, txn, true);
		if (rc == 0)
			rc = mdb_txn_commit(txn);
		else
			mdb_txn_abort(txn);
	}
	/* Without the mark the next start is cautious; nothing is lost. */
	if (rc == 0)
		rc = mdb_env_sync(c->env, 1);
	if (rc != 0)
		log_event(LOG_WARN, "store-unclean",
		    LOG_STR("error", mdb_strerror(rc)), LOG_END);
}

void cache_env_close(struct cache *c)
{
	if (!pending_is_empty(&c->pending))
		cache_recover(c);
	if (c->env && atomic_load(&c->is_serving) &&
	    pending_is_empty(&c->pending))
		mark_clean(c);
	if (c->env)
		mdb_env_close(c->env);
	c->env = NULL;
}
