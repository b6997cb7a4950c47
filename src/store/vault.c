#include "store/vault.h"

#include "base/log.h"
#include "store/env.h"
#include "store/vault_schema.h"
#include "store/why.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define MAP_BYTES (64u << 20)
#define SCHEMA_VERSION 1
#define RECORD_VERSION 1

struct vault {
	MDB_env *env;
	const char *dir; /* borrowed for the time of opening */
	MDB_dbi meta;
	MDB_dbi secrets;
};

static const char schema_key[] = "schema";
static const char secret_key[] = "digest";

/* A record of the vault: copied in and out whole. */
struct sealed {
	uint64_t checksum; /* of everything after this field, then the key */
	uint32_t version;
	uint32_t number; /* the schema, in its record */
	unsigned char bytes[sizeof(struct digest_secret)];
};

_Static_assert(sizeof(struct sealed) == 48, "the layout has no padding");

/* ---- records ---- */

static uint64_t sealed_checksum(const struct sealed *s, const char *name)
{
	char text[sizeof(*s) + 32];
	size_t n = sizeof(*s) - sizeof(s->checksum);

	memcpy(text, (const char *)s + sizeof(s->checksum), n);
	n += (size_t)snprintf(text + n, sizeof(text) - n, "%s", name);
	return digest_checksum(slice_of(text, n));
}

static int sealed_put(
    MDB_txn *txn, MDB_dbi dbi, const char *name, struct sealed *s)
{
	MDB_val key = {strlen(name), (void *)name};
	MDB_val value = {sizeof(*s), s};

	s->version = RECORD_VERSION;
	s->checksum = sealed_checksum(s, name);
	return mdb_put(txn, dbi, &key, &value, 0);
}

/* MDB_NOTFOUND when there is none, MDB_CORRUPTED when it is damaged. */
static int sealed_get(
    MDB_txn *txn, MDB_dbi dbi, const char *name, struct sealed *out)
{
	MDB_val key = {strlen(name), (void *)name}, value;
	int rc = mdb_get(txn, dbi, &key, &value);

	if (rc != 0)
		return rc;
	if (value.mv_size != sizeof(*out))
		return MDB_CORRUPTED;
	memcpy(out, value.mv_data, sizeof(*out));
	if (out->version != RECORD_VERSION ||
	    out->checksum != sealed_checksum(out, name))
		return MDB_CORRUPTED;
	return 0;
}

/* ---- the copy before a migration ---- */

static int copy_to(struct vault *v, const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	int rc;

	if (fd < 0)
		return errno;
	rc = mdb_env_copyfd2(v->env, fd, 0);
	if (rc == 0 && fsync(fd) < 0)
		rc = errno;
	close(fd);
	return rc;
}

static int sync_dir(const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc = 0;

	if (fd < 0)
		return errno;
	if (fsync(fd) < 0)
		rc = errno;
	close(fd);
	return rc;
}

/* Whole under its name, or not there. */
static int back_up(struct vault *v, uint32_t schema)
{
	char *path = NULL, *unfinished = NULL;
	int rc = ENOMEM;

	why_set(&path, "%s/backup-schema-%u.mdb", v->dir, (unsigned)schema);
	why_set(&unfinished, "%s/backup-unfinished", v->dir);
	if (path && unfinished) {
		rc = copy_to(v, unfinished);
		if (rc == 0 && rename(unfinished, path) < 0)
			rc = errno;
		if (rc == 0)
			rc = sync_dir(v->dir);
	}
	free(path);
	free(unfinished);
	return rc;
}

/* ---- the schema ---- */

static int put_schema(struct vault *v, MDB_txn *txn, uint32_t version)
{
	struct sealed s = {.number = version};

	return sealed_put(txn, v->meta, schema_key, &s);
}

static int run_steps(
    MDB_txn *txn, const struct vault_schema *schema, uint32_t from)
{
	for (uint32_t at = from; at < schema->version; at++) {
		size_t i = 0;
		int rc;

		while (i < schema->steps_n && schema->steps[i].from != at)
			i++;
		if (i == schema->steps_n)
			return MDB_VERSION_MISMATCH; /* too old for us */
		rc = schema->steps[i].run(txn);
		if (rc != 0)
			return rc;
	}
	return 0;
}

static int migrate(
    struct vault *v, const struct vault_schema *schema, uint32_t from)
{
	MDB_txn *txn;
	int rc = back_up(v, from);

	if (rc == 0)
		rc = mdb_txn_begin(v->env, NULL, 0, &txn);
	if (rc != 0)
		return rc;
	rc = run_steps(txn, schema, from);
	if (rc == 0)
		rc = put_schema(v, txn, schema->version);
	if (rc != 0) {
		mdb_txn_abort(txn);
		return rc;
	}
	log_event(LOG_INFO, "vault-migrated", LOG_UINT("from", from),
	    LOG_UINT("to", schema->version), LOG_END);
	return mdb_txn_commit(txn);
}

/* Databases, and the schema that is there; this one's in a new vault. */
static int read_schema(struct vault *v, MDB_txn *txn,
    const struct vault_schema *schema, uint32_t *found)
{
	struct sealed s;
	MDB_stat dbs;
	int rc = mdb_stat(txn, 1, &dbs); /* the database of databases */

	if (rc == 0)
		rc = mdb_dbi_open(txn, "meta", MDB_CREATE, &v->meta);
	if (rc == 0)
		rc = mdb_dbi_open(txn, "secrets", MDB_CREATE, &v->secrets);
	if (rc != 0)
		return rc;
	*found = schema->version;
	if (dbs.ms_entries == 0)
		return put_schema(v, txn, schema->version);
	rc = sealed_get(txn, v->meta, schema_key, &s);
	if (rc == 0)
		*found = s.number;
	return rc == MDB_NOTFOUND ? MDB_CORRUPTED : rc;
}

static int open_databases(
    struct vault *v, const struct vault_schema *schema, uint32_t *found)
{
	MDB_txn *txn;
	int rc = mdb_txn_begin(v->env, NULL, 0, &txn);

	if (rc != 0)
		return rc;
	rc = read_schema(v, txn, schema, found);
	/* A newer vault stays as it is, to the last byte. */
	if (rc == 0 && *found <= schema->version)
		return mdb_txn_commit(txn);
	mdb_txn_abort(txn);
	return rc;
}

/* ---- the secret ---- */

static int make_secret(struct vault *v, MDB_txn *txn, struct sealed *s)
{
	memset(s, 0, sizeof(*s));
	if (!digest_random(s->bytes, sizeof(s->bytes)))
		return EIO;
	return sealed_put(txn, v->secrets, secret_key, s);
}

static int read_secret(struct vault *v, struct digest_secret *secret)
{
	struct sealed s;
	MDB_txn *txn;
	int rc = mdb_txn_begin(v->env, NULL, 0, &txn);

	if (rc != 0)
		return rc;
	rc = sealed_get(txn, v->secrets, secret_key, &s);
	if (rc == 0) {
		mdb_txn_abort(txn);
	} else {
		if (rc == MDB_NOTFOUND)
			rc = make_secret(v, txn, &s);
		if (rc != 0) {
			mdb_txn_abort(txn);
			return rc;
		}
		rc = mdb_txn_commit(txn);
	}
	if (rc == 0)
		memcpy(secret->b, s.bytes, sizeof(secret->b));
	explicit_bzero(&s, sizeof(s));
	return rc;
}

/* ---- ---- */

static int open_vault(struct vault *v, const struct vault_schema *schema,
    struct digest_secret *secret, char **why)
{
	const struct env_options o = {.dir = v->dir, .map_bytes = MAP_BYTES};
	uint32_t found = 0;
	int rc = env_open(&o, &v->env);

	if (rc == 0)
		rc = open_databases(v, schema, &found);
	if (rc == 0 && found > schema->version) {
		why_set(why,
		    "%s was written by a newer ghlmirror (schema %u; this one "
		    "knows %u); nothing was changed",
		    v->dir, (unsigned)found, (unsigned)schema->version);
		return MDB_VERSION_MISMATCH;
	}
	if (rc == 0 && found < schema->version)
		rc = migrate(v, schema, found);
	if (rc == 0)
		rc = read_secret(v, secret);
	if (rc != 0)
		why_set(why, "%s: %s; nothing was changed", v->dir,
		    rc == MDB_CORRUPTED ? "damaged" : mdb_strerror(rc));
	return rc;
}

struct vault *vault_open_schema(const char *dir,
    const struct vault_schema *schema, struct digest_secret *secret, char **why)
{
	struct vault *v = calloc(1, sizeof(*v));

	*why = NULL;
	if (!v) {
		why_set(why, "%s: out of memory", dir);
		return NULL;
	}
	v->dir = dir;
	if (open_vault(v, schema, secret, why) != 0) {
		vault_close(v);
		return NULL;
	}
	v->dir = NULL;
	return v;
}

struct vault *vault_open(
    const char *dir, struct digest_secret *secret, char **why)
{
	/* The first schema: nothing to migrate from yet. */
	static const struct vault_schema schema = {
	    .version = SCHEMA_VERSION,
	    .steps = NULL,
	    .steps_n = 0,
	};

	return vault_open_schema(dir, &schema, secret, why);
}

MDB_env *vault_env(struct vault *v)
{
	return v->env;
}

void vault_close(struct vault *v)
{
	if (!v)
		return;
	if (v->env)
		mdb_env_close(v->env);
	free(v);
}
