/*
 * The vault environment: what must not be lost and cannot be fetched again.
 * Small, every commit flushed to the disk before it is reported.
 *
 * It has a schema number. An older vault is brought forward in one
 * transaction, after a copy of it was put beside it (backup-schema-N.mdb; to
 * go back, stop the daemon and copy it over data.mdb). A newer one is refused.
 * Nothing in it is ever deleted to make an open succeed.
 *
 * Main thread. Opened before the others start, closed after they ended.
 */
#ifndef STORE_VAULT_H
#define STORE_VAULT_H

#include "base/digest.h"

struct vault;

/*
 * Opens or creates the vault in dir and reads the secret under which
 * credentials are digested, made at the first start. NULL with a message in
 * why (caller frees; NULL only when memory is exhausted), secret untouched,
 * when the vault cannot be used: the caller goes on with a random secret, and
 * no answer stored under another one will be found.
 */
struct vault *vault_open(
    const char *dir, struct digest_secret *secret, char **why);
/* NULL is fine. */
void vault_close(struct vault *v);

#endif
