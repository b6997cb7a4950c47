#include "store/env.h"

#include "base/log.h"
#include "store/why.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Front threads, origin and what else may read, with room for readers of
 * other processes (mdb_copy, mdb_stat). */
#define READERS_MAX 512
#define DBS_MAX 16

#define DATA_NAME "data.mdb"
#define LOCK_NAME "lock.mdb"

char *env_path(const char *dir, const char *name)
{
	char *path = NULL;

	why_set(&path, "%s/%s", dir, name);
	return path;
}

/* LMDB aborts after this; the line is all that will tell why. */
static void on_assert(MDB_env *env, const char *text)
{
	(void)env;
	log_event(LOG_ERROR, "store-assert", LOG_STR("detail", text), LOG_END);
	log_flush();
}

/*
 * A file that is shorter than its meta page says: cut by a failed disk, or
 * legally, because LMDB does not write the last pages when they were freed in
 * the transaction that took them. Reading beyond its end would be a SIGBUS.
 * With the end put back as a hole it is a page of zeros, which LMDB refuses as
 * corrupt and our checksums refuse as damaged.
 */
static int restore_length(MDB_env *env, const char *dir)
{
	MDB_envinfo info;
	MDB_stat dbs;
	struct stat st;
	off_t length;
	char *path = env_path(dir, DATA_NAME);
	int rc = 0;

	if (!path)
		return ENOMEM;
	mdb_env_info(env, &info);
	mdb_env_stat(env, &dbs);
	length = (off_t)((info.me_last_pgno + 1) * dbs.ms_psize);
	if (stat(path, &st) < 0 ||
	    (st.st_size < length && truncate(path, length) < 0))
		rc = errno;
	free(path);
	return rc;
}

static int open_created(MDB_env *env, const struct env_options *o)
{
	int rc = mdb_env_set_maxreaders(env, READERS_MAX);

	if (rc == 0)
		rc = mdb_env_set_maxdbs(env, DBS_MAX);
	if (rc == 0)
		rc = mdb_env_set_mapsize(env, o->map_bytes);
	if (rc == 0)
		rc = mdb_env_set_assert(env, on_assert);
	if (rc == 0)
		rc = mdb_env_open(env, o->dir, MDB_NOTLS | o->flags, 0600);
	if (rc == 0)
		rc = restore_length(env, o->dir);
	if (rc == 0)
		rc = mdb_reader_check(env, NULL);
	return rc;
}

int env_open(const struct env_options *o, MDB_env **out)
{
	MDB_env *env;
	int rc;

	*out = NULL;
	if (mkdir(o->dir, 0700) < 0 && errno != EEXIST)
		return errno;
	rc = mdb_env_create(&env);
	if (rc != 0)
		return rc;
	rc = open_created(env, o);
	if (rc != 0) {
		mdb_env_close(env); /* needed after a failed open, too */
		return rc;
	}
	*out = env;
	return 0;
}

static int remove_file(const char *dir, const char *name)
{
	char *path = env_path(dir, name);
	int rc = 0;

	if (!path)
		return ENOMEM;
	if (unlink(path) < 0 && errno != ENOENT)
		rc = errno;
	free(path);
	return rc;
}

int env_remove(const char *dir)
{
	int rc = remove_file(dir, DATA_NAME);

	return rc ? rc : remove_file(dir, LOCK_NAME);
}

bool env_is_ruined(int rc)
{
	switch (rc) {
	case MDB_CORRUPTED:
	case MDB_PAGE_NOTFOUND:
	case MDB_INVALID:
	case MDB_VERSION_MISMATCH:
	case MDB_INCOMPATIBLE:
	case MDB_BAD_VALSIZE:
	case MDB_CURSOR_FULL:
	case MDB_PAGE_FULL:
		return true;
	default:
		return false;
	}
}

bool env_must_reopen(int rc)
{
	switch (rc) {
	case MDB_PANIC:
	case MDB_MAP_RESIZED:
	case MDB_BAD_DBI:
		return true;
	default:
		return env_is_ruined(rc);
	}
}

bool env_is_full(int rc)
{
	return rc == MDB_MAP_FULL || rc == MDB_TXN_FULL;
}

int env_measure(MDB_txn *txn, struct env_usage *out)
{
	const MDB_dbi free_list = 0; /* what mdb_stat -f reads */
	MDB_cursor *cursor;
	MDB_envinfo info;
	MDB_stat dbs;
	MDB_val key, data;
	int rc = mdb_cursor_open(txn, free_list, &cursor);

	if (rc != 0)
		return rc;
	mdb_env_info(mdb_txn_env(txn), &info);
	mdb_env_stat(mdb_txn_env(txn), &dbs);
	out->page_bytes = dbs.ms_psize;
	out->file_pages = info.me_last_pgno + 1;
	out->free_pages = 0;
	while ((rc = mdb_cursor_get(cursor, &key, &data, MDB_NEXT)) == 0) {
		size_t n =
		    0; /* a list of page numbers begins with its length */

		if (data.mv_size >= sizeof(n))
			memcpy(&n, data.mv_data, sizeof(n));
		out->free_pages += n;
	}
	mdb_cursor_close(cursor);
	return rc == MDB_NOTFOUND ? 0 : rc;
}
