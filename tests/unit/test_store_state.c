/*
 * The state directory: made for us alone, refused when it cannot be trusted,
 * held by one process at a time.
 */
#include "store/state.h"

#include "store_rig.h"

#include <fcntl.h>
#include <sys/file.h>

static void touch(const char *dir, const char *name)
{
	char *path = rig_path(dir, name);
	int fd = open(path, O_WRONLY | O_CREAT, 0600);

	assert_true(fd >= 0);
	close(fd);
	free(path);
}

static unsigned mode_of(const char *path)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return (unsigned)st.st_mode & 07777;
}

static void makes_what_is_missing(void **state)
{
	char *base = rig_dir_new();
	char *parent = rig_path(base, "a"), *dir = rig_path(base, "a/b/"), *why;
	char *path;
	struct state *s = state_open(dir, &why);

	(void)state;
	if (!s)
		fail_msg("%s", why);
	assert_int_equal(mode_of(parent), 0700);
	assert_int_equal(mode_of(dir), 0700);
	assert_string_equal(state_dir(s), dir);
	assert_int_equal(strlen(state_boot_id(s)), 36);
	path = state_path(s, "cache");
	assert_non_null(strstr(path, "a/b//cache"));
	free(path);
	state_close(s);
	free(parent);
	free(dir);
	rig_dir_free(base);
}

static void is_held_by_one_at_a_time(void **state)
{
	char *dir = rig_dir_new(), *why, expected[64];
	struct state *first = state_open(dir, &why), *second;

	(void)state;
	assert_non_null(first);
	assert_null(state_open(dir, &why));
	snprintf(expected, sizeof(expected),
	    "in use by another ghlmirror, process %ld", (long)getpid());
	rig_expect_why(&why, expected);
	state_close(first);
	second = state_open(dir, &why);
	assert_non_null(second);
	state_close(second);
	state_close(NULL);
	rig_dir_free(dir);
}

static void a_holder_without_a_number_is_a_holder(void **state)
{
	char *dir = rig_dir_new(), *why, *path = rig_path(dir, "lock");
	int fd = open(path, O_RDWR | O_CREAT, 0600);

	(void)state;
	assert_int_equal(flock(fd, LOCK_EX), 0);
	assert_null(state_open(dir, &why));
	rig_expect_why(&why, "in use by another ghlmirror");
	assert_int_equal(write(fd, "nonsense\n", 9), 9);
	assert_null(state_open(dir, &why));
	rig_expect_why(&why, "in use by another ghlmirror");
	close(fd);
	free(path);
	rig_dir_free(dir);
}

static void closes_its_own_to_others(void **state)
{
	char *dir = rig_dir_new(), *why;
	struct state *s;

	(void)state;
	chmod(dir, 0755);
	s = state_open(dir, &why); /* empty */
	assert_non_null(s);
	assert_int_equal(mode_of(dir), 0700);
	state_close(s);
	touch(dir, "cache");
	chmod(dir, 0750);
	s = state_open(dir, &why); /* used before */
	assert_non_null(s);
	assert_int_equal(mode_of(dir), 0700);
	state_close(s);
	rig_dir_free(dir);
}

static void leaves_what_may_be_anybodys(void **state)
{
	char *dir = rig_dir_new(), *why;

	(void)state;
	touch(dir, "thesis.txt");
	chmod(dir, 0755);
	assert_null(state_open(dir, &why));
	rig_expect_why(&why, "open to other users (mode 0755)");
	assert_int_equal(mode_of(dir), 0755);
	rig_dir_free(dir);
}

static void names_what_is_wrong(void **state)
{
	char *dir = rig_dir_new(), *file = rig_path(dir, "file"), *why;
	char *below = rig_path(dir, "file/state"),
	     *lock = rig_path(dir, "lock");
	char *name = calloc(1, 5000);

	(void)state;
	touch(dir, "file");
	assert_null(state_open(file, &why));
	rig_expect_why(&why, "file is not a directory");
	assert_null(state_open(below, &why));
	rig_expect_why(&why, "cannot create");
	assert_null(state_open("", &why));
	rig_expect_why(&why, "no name given");
	memset(name, 'x', 4999);
	assert_null(state_open(name, &why));
	rig_expect_why(&why, "too long");
	/* a link there could make us write elsewhere */
	assert_int_equal(symlink("file", lock), 0);
	assert_null(state_open(dir, &why));
	rig_expect_why(&why, "cannot open");
	free(name);
	free(lock);
	free(below);
	free(file);
	rig_dir_free(dir);
}

/* Another user's, or, for a user who is not root, one that is not writable. */
static void refuses_what_it_may_not_use(void **state)
{
	char *dir = rig_dir_new(), *why;
	bool is_root = geteuid() == 0;

	(void)state;
	if (is_root)
		assert_int_equal(chown(dir, 65534, (gid_t)-1), 0);
	else
		chmod(dir, 0500);
	assert_null(state_open(dir, &why));
	rig_expect_why(
	    &why, is_root ? "belongs to user 65534" : "Permission denied");
	if (!is_root)
		chmod(dir, 0700);
	rig_dir_free(dir);
}

static void knows_file_systems_of_other_machines(void **state)
{
	static const struct {
		unsigned long type;
		const char *name;
	} cases[] = {
	    {0x6969, "NFS"}, {0x517b, "SMB"}, {0xff534d42, "CIFS"},
	    {0xffffffffff534d42, "CIFS"}, /* sign-extended */
	    {0xfe534d42, "SMB2"}, {0x01021997, "9p"}, {0xef53, NULL}, /* ext4 */
	    {0x58465342, NULL}, /* XFS */
	    {0x9123683e, NULL}, /* btrfs */
	    {0x01021994, NULL}, /* tmpfs */
	    {0x794c7630, NULL}, /* overlay */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *name = state_refused_fs(cases[i].type);

		if (cases[i].name)
			assert_string_equal(name, cases[i].name);
		else
			assert_null(name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(makes_what_is_missing),
	    cmocka_unit_test(is_held_by_one_at_a_time),
	    cmocka_unit_test(a_holder_without_a_number_is_a_holder),
	    cmocka_unit_test(closes_its_own_to_others),
	    cmocka_unit_test(leaves_what_may_be_anybodys),
	    cmocka_unit_test(names_what_is_wrong),
	    cmocka_unit_test(refuses_what_it_may_not_use),
	    cmocka_unit_test(knows_file_systems_of_other_machines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
