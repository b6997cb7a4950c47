/*
 * The vault: its secret stays the same, it goes forward with a copy kept, and
 * it is never thrown away.
 */
#include "store/vault_schema.h"

#include "store_rig.h"

#include <fcntl.h>

static void write_file(
    const char *dir, const char *name, const void *p, size_t n)
{
	char *path = rig_path(dir, name);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_int_equal(write(fd, p, n), n);
	close(fd);
	free(path);
}

/* Runs change in a write transaction of the closed vault in dir. */
static void change_vault(
    const char *dir, const char *db, void (*change)(MDB_txn *txn, MDB_dbi dbi))
{
	MDB_env *env;
	MDB_txn *txn;
	MDB_dbi dbi;

	assert_int_equal(mdb_env_create(&env), 0);
	mdb_env_set_maxdbs(env, 4);
	assert_int_equal(mdb_env_open(env, dir, 0, 0600), 0);
	assert_int_equal(mdb_txn_begin(env, NULL, 0, &txn), 0);
	assert_int_equal(mdb_dbi_open(txn, db, 0, &dbi), 0);
	change(txn, dbi);
	assert_int_equal(mdb_txn_commit(txn), 0);
	mdb_env_close(env);
}

static void damage_secret(MDB_txn *txn, MDB_dbi dbi)
{
	MDB_val key = {6, (void *)"digest"}, value;
	char copy[64];

	assert_int_equal(mdb_get(txn, dbi, &key, &value), 0);
	memcpy(copy, value.mv_data, value.mv_size);
	copy[20] ^= 1;
	value.mv_data = copy;
	assert_int_equal(mdb_put(txn, dbi, &key, &value, 0), 0);
}

static void delete_schema(MDB_txn *txn, MDB_dbi dbi)
{
	MDB_val key = {6, (void *)"schema"};

	assert_int_equal(mdb_del(txn, dbi, &key, NULL), 0);
}

/* Opens with schema; fails the test unless that works. */
static void open_close(const char *dir, const struct vault_schema *schema,
    struct digest_secret *secret)
{
	char *why;
	struct vault *v = schema ? vault_open_schema(dir, schema, secret, &why)
				 : vault_open(dir, secret, &why);

	if (!v)
		fail_msg("%s", why);
	vault_close(v);
}

static void the_secret_stays(void **state)
{
	char *dir = rig_dir_new(), *path = rig_path(dir, "data.mdb");
	struct digest_secret one, again, zero = {{0}};
	struct stat st;

	(void)state;
	open_close(dir, NULL, &one);
	open_close(dir, NULL, &again);
	assert_memory_equal(&one, &again, sizeof(one));
	assert_memory_not_equal(&one, &zero, sizeof(one));
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	vault_close(NULL);
	free(path);
	rig_dir_free(dir);
}

static void two_vaults_have_two_secrets(void **state)
{
	char *a = rig_dir_new(), *b = rig_dir_new();
	struct digest_secret one, other;

	(void)state;
	open_close(a, NULL, &one);
	open_close(b, NULL, &other);
	assert_memory_not_equal(&one, &other, sizeof(one));
	rig_dir_free(a);
	rig_dir_free(b);
}

/* ---- migration ---- */

static int add_note(MDB_txn *txn)
{
	MDB_val key = {4, (void *)"note"}, value = {3, (void *)"two"};
	MDB_dbi dbi;
	int rc = mdb_dbi_open(txn, "notes", MDB_CREATE, &dbi);

	return rc ? rc : mdb_put(txn, dbi, &key, &value, 0);
}

static int change_note(MDB_txn *txn)
{
	MDB_val key = {4, (void *)"note"}, value;
	MDB_dbi dbi;
	int rc = mdb_dbi_open(txn, "notes", 0, &dbi);

	if (rc == 0)
		rc = mdb_get(txn, dbi, &key, &value);
	value = (MDB_val){5, (void *)"three"};
	return rc ? rc : mdb_put(txn, dbi, &key, &value, 0);
}

static int break_down(MDB_txn *txn)
{
	add_note(txn);
	return EIO;
}

static void expect_note(MDB_txn *txn, MDB_dbi dbi)
{
	MDB_val key = {4, (void *)"note"}, value;

	assert_int_equal(mdb_get(txn, dbi, &key, &value), 0);
	assert_int_equal(value.mv_size, 5);
	assert_memory_equal(value.mv_data, "three", 5);
}

static void goes_forward_and_keeps_a_copy(void **state)
{
	static const struct vault_step steps[] = {
	    {2, change_note}, {1, add_note}};
	static const struct vault_schema third = {3, steps, 2};
	char *dir = rig_dir_new(), *why, *old = rig_dir_new();
	char *copy = rig_path(dir, "backup-schema-1.mdb");
	char *back = rig_path(old, "data.mdb");
	struct digest_secret one, later;
	struct stat st;

	(void)state;
	open_close(dir, NULL, &one);
	open_close(dir, &third, &later);
	assert_memory_equal(&one, &later, sizeof(one));
	change_vault(dir, "notes", expect_note);
	/* the program before the upgrade keeps its hands off */
	assert_null(vault_open(dir, &later, &why));
	rig_expect_why(&why, "newer ghlmirror (schema 3; this one knows 1)");
	/* and the copy, for nobody else to read, is a vault that it can use */
	assert_int_equal(stat(copy, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(rename(copy, back), 0);
	open_close(old, NULL, &later);
	assert_memory_equal(&one, &later, sizeof(one));
	free(copy);
	free(back);
	rig_dir_free(old);
	rig_dir_free(dir);
}

static void a_failed_migration_changes_nothing(void **state)
{
	static const struct vault_step broken[] = {{1, break_down}};
	static const struct vault_step working[] = {{1, add_note}};
	static const struct vault_schema second = {2, broken, 1};
	static const struct vault_schema repaired = {2, working, 1};
	static const struct vault_schema stranger = {2, NULL, 0};
	char *dir = rig_dir_new(), *why;
	struct digest_secret one, later;

	(void)state;
	open_close(dir, NULL, &one);
	assert_null(vault_open_schema(dir, &second, &later, &why));
	rig_expect_why(&why, "Input/output error; nothing was changed");
	assert_null(vault_open_schema(dir, &stranger, &later, &why));
	rig_expect_why(&why, "nothing was changed");
	open_close(dir, NULL, &later);
	assert_memory_equal(&one, &later, sizeof(one));
	open_close(dir, &repaired, &later);
	rig_dir_free(dir);
}

/* ---- what cannot be used ---- */

static void damage_is_told_and_kept(void **state)
{
	char *dir = rig_dir_new(), *why;
	struct digest_secret one, later = {{9}};

	(void)state;
	open_close(dir, NULL, &one);
	change_vault(dir, "secrets", damage_secret);
	assert_null(vault_open(dir, &later, &why));
	rig_expect_why(&why, "damaged; nothing was changed");
	assert_int_equal(later.b[0], 9);
	/* repaired by hand, it is the same vault */
	change_vault(dir, "secrets", damage_secret);
	open_close(dir, NULL, &later);
	assert_memory_equal(&one, &later, sizeof(one));
	change_vault(dir, "meta", delete_schema);
	assert_null(vault_open(dir, &later, &why));
	rig_expect_why(&why, "nothing was changed");
	rig_dir_free(dir);
}

static void a_foreign_file_is_left_alone(void **state)
{
	char *dir = rig_dir_new(), *why, junk[8192];
	char *path = rig_path(dir, "data.mdb");
	struct digest_secret secret;
	struct stat st;

	(void)state;
	memset(junk, 'j', sizeof(junk));
	write_file(dir, "data.mdb", junk, sizeof(junk));
	assert_null(vault_open(dir, &secret, &why));
	rig_expect_why(&why, "nothing was changed");
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, sizeof(junk));
	free(path);
	rig_dir_free(dir);
}

static void a_missing_parent_is_named(void **state)
{
	char *dir = rig_dir_new(), *none = rig_path(dir, "none/vault"), *why;
	struct digest_secret secret;

	(void)state;
	assert_null(vault_open(none, &secret, &why));
	rig_expect_why(&why, "none/vault: No such file");
	free(none);
	rig_dir_free(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_secret_stays),
	    cmocka_unit_test(two_vaults_have_two_secrets),
	    cmocka_unit_test(goes_forward_and_keeps_a_copy),
	    cmocka_unit_test(a_failed_migration_changes_nothing),
	    cmocka_unit_test(damage_is_told_and_kept),
	    cmocka_unit_test(a_foreign_file_is_left_alone),
	    cmocka_unit_test(a_missing_parent_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
