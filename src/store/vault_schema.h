/*
 * How a vault is brought from one schema to the next.
 *
 * To add a step, when the vault gets a new table or a record a new form:
 *  1. raise SCHEMA_VERSION in vault.c by one, from N to N + 1;
 *  2. write a function that changes a vault of schema N inside the transaction
 *     it is given, and assumes nothing but what schema N promised: opening a
 *     database with MDB_CREATE makes a table, and nothing commits, syncs or
 *     closes;
 *  3. add {N, that function} to the steps of vault_open. Steps are never
 *     changed once they were released, and none is left out: a vault is
 *     brought from any older schema through all of them, in one transaction,
 *     after one copy (backup-schema-N.mdb, 0600) was synced beside it;
 *  4. in test_store_vault.c make a vault as schema N left it, open it, and
 *     look at what came of it.
 *
 * A table that is empty at first and that an older program need not know may
 * do without: opened with MDB_CREATE by its owner, it leaves the older program
 * a vault that it can still open.
 *
 * Inside src/store only.
 */
#ifndef STORE_VAULT_SCHEMA_H
#define STORE_VAULT_SCHEMA_H

#include "store/vault.h"

#include <lmdb.h>

/* Changes a vault of schema `from` into one of `from + 1`, inside txn. 0, or
 * an LMDB code: then nothing of the migration is kept. */
struct vault_step {
	uint32_t from;
	int (*run)(MDB_txn *txn);
};

struct vault_schema {
	uint32_t version; /* the one this program reads and writes */
	const struct vault_step *steps;
	size_t steps_n;
};

/* vault_open with a schema of the caller's. */
struct vault *vault_open_schema(const char *dir,
    const struct vault_schema *schema, struct digest_secret *secret,
    char **why);

/* For those who keep tables of their own in it. Lives as long as v. */
MDB_env *vault_env(struct vault *v);

#endif
