/*
 * Opening LMDB environments under our rules, and what its codes mean to us.
 *
 * Never WRITEMAP: a full disk would be a SIGBUS, a stray pointer a damaged
 * store. Always NOTLS: a reader belongs to an object, not to a thread. One
 * environment is opened once in a process, and nothing else here opens its
 * files: closing any descriptor of them would drop LMDB's locks.
 *
 * Inside src/store only.
 */
#ifndef STORE_ENV_H
#define STORE_ENV_H

#include <lmdb.h>
#include <stdbool.h>
#include <stdint.h>

struct env_options {
	const char *dir; /* created 0700 when absent */
	uint64_t map_bytes; /* raised to what the file already holds */
	unsigned flags; /* of LMDB, beside our own */
};

/* 0 and an open environment, or an LMDB code and *out NULL. */
int env_open(const struct env_options *o, MDB_env **out);
/* Deletes the files of a closed environment. 0 or errno. */
int env_remove(const char *dir);
/* dir/name in malloc memory; NULL when memory is exhausted. */
char *env_path(const char *dir, const char *name);

/* The content cannot be used; opening it again would not help. */
bool env_is_ruined(int rc);
/* The environment refuses everything until it is opened again. */
bool env_must_reopen(int rc);
/* Too little room in the map or the transaction: smaller might do. */
bool env_is_full(int rc);

/* Pages in use by data and by the free list. */
struct env_usage {
	uint64_t page_bytes;
	uint64_t file_pages; /* up to the last page ever used */
	uint64_t free_pages; /* of those */
};
/* Walks the free list; txn is any transaction. 0 or an LMDB code. */
int env_measure(MDB_txn *txn, struct env_usage *out);

#endif
