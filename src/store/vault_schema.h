/*
 * How a vault is brought from one schema to the next.
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
