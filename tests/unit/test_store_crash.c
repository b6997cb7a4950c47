/*
 * Killed in the middle of writing: what was reported as committed is there,
 * and a start under another boot trusts nothing. The program runs itself as
 * the one that is killed: a fork would inherit the environment.
 */
#include "store/cache.h"

#include "base/num.h"
#include "store_rig.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>

#define ROUNDS 12

/* ---- the one that is killed ---- */

static void say(char what, uint64_t seq)
{
	char line[32];
	int n = snprintf(
	    line, sizeof(line), "%c%llu\n", what, (unsigned long long)seq);

	if (write(STDOUT_FILENO, line, (size_t)n) != n)
		_exit(3);
}

/* Stores and moves for ever, and says each number when it is committed. */
static int write_until_killed(const char *dir)
{
	struct cache_options o = rig_options(dir);
	struct cache *c = rig_start(&o);
	uint64_t seq = cache_last_seq(c);

	if (seq == 0)
		rig_put(c, "stays", 1, RIG_TAGS("steady"));
	for (;;) {
		struct cache_put *p =
		    rig_put_new("changes", ++seq, RIG_TAGS("t"), 30000);

		if (!rig_post(c, p))
			return 4;
		say('P', seq);
		seq++;
		if (!rig_move(c, seq, seq % 8 == 0, RIG_TAGS("t")))
			return 5;
		say(seq % 8 == 0 ? 'S' : 'M', seq);
	}
}

/* ---- the one that kills ---- */

struct spoken {
	char what;
	uint64_t seq;
};

static pid_t spawn_self(const char *dir, int *out)
{
	char *argv[] = {(char *)"test_store_crash", (char *)dir, NULL};
	posix_spawn_file_actions_t actions;
	int ends[2];
	pid_t pid;

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
	assert_int_equal(
	    posix_spawn(&pid, "/proc/self/exe", &actions, NULL, argv, environ),
	    0);
	posix_spawn_file_actions_destroy(&actions);
	close(ends[1]);
	*out = ends[0];
	return pid;
}

static void hear(struct slice line, struct spoken *last)
{
	uint64_t seq;

	if (line.n > 1 &&
	    num_parse_u64(slice_sub(line, 1, line.n), 1, UINT64_MAX, &seq))
		*last = (struct spoken){line.p[0], seq};
}

/* Runs the child until it has said lines lines, kills it, and hears out what
 * it still said. */
static struct spoken run_and_kill(const char *dir, size_t lines)
{
	struct spoken last = {0};
	size_t n = 0;
	char line[32];
	size_t line_n = 0;
	int fd, status;
	pid_t pid = spawn_self(dir, &fd);

	for (char c; read(fd, &c, 1) == 1;) {
		if (c != '\n') {
			assert_true(line_n < sizeof(line));
			line[line_n++] = c;
			continue;
		}
		hear(slice_of(line, line_n), &last);
		line_n = 0;
		if (++n == lines)
			kill(pid, SIGKILL);
	}
	close(fd);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_true(last.seq > 0);
	return last;
}

/* The state of key, and which seq its entry has. */
static enum cache_state look(
    struct cache_reader *r, const char *name, uint64_t *seq)
{
	struct digest128 key = digest_fast(slice_of_str(name));
	struct cache_view v;
	enum cache_state state =
	    cache_lookup(r, &key, slice_of_str(name), RIG_NOW_MS + 1000, &v);

	*seq = v.seq;
	cache_release(r);
	return state;
}

static void expect_kept(const char *dir, const struct spoken *last)
{
	struct cache_options o = rig_options(dir);
	struct cache *c = rig_start(&o);
	struct cache_reader *r = cache_reader_new(c);
	uint64_t seq;
	enum cache_state state;

	assert_true(cache_last_seq(c) >= last->seq);
	assert_int_equal(look(r, "stays", &seq), CACHE_FRESH);
	state = look(r, "changes", &seq);
	/* What came after the last word may be there or not. */
	if (last->what == 'P')
		assert_true(state == CACHE_MISS || seq >= last->seq);
	else if (last->what == 'M')
		assert_true(state == CACHE_MISS || seq > last->seq);
	else
		assert_true(state != CACHE_FRESH || seq > last->seq);
	cache_reader_free(r);
	rig_stop(c);
}

static void keeps_what_was_committed(void **state)
{
	char *dir = rig_dir_new();

	(void)state;
	for (size_t i = 0; i < ROUNDS; i++) {
		struct spoken last = run_and_kill(dir, 20 + i * 7);

		expect_kept(dir, &last);
	}
	rig_dir_free(dir);
}

static void expect_state(
    const char *dir, const char *boot_id, enum cache_state state)
{
	struct cache_options o = rig_options(dir);
	struct cache *c;
	struct cache_reader *r;
	uint64_t seq;

	o.boot_id = boot_id;
	c = rig_start(&o);
	r = cache_reader_new(c);
	assert_int_equal(look(r, "stays", &seq), state);
	/* what is asked for now is as good as ever */
	assert_true(rig_put(c, "new", cache_last_seq(c), RIG_TAGS("n")));
	assert_int_equal(look(r, "new", &seq), CACHE_FRESH);
	cache_reader_free(r);
	rig_stop(c);
}

static void another_boot_trusts_nothing(void **state)
{
	char *dir = rig_dir_new();

	(void)state;
	run_and_kill(dir, 20);
	expect_state(dir, "boot-2", CACHE_SUSPECT);
	/* and that is remembered */
	expect_state(dir, "boot-2", CACHE_SUSPECT);
	expect_state(dir, "boot-3", CACHE_SUSPECT);
	rig_dir_free(dir);
}

static void an_unknown_boot_is_another_one(void **state)
{
	char *dir = rig_dir_new();

	(void)state;
	run_and_kill(dir, 20);
	expect_state(dir, "", CACHE_SUSPECT);
	rig_dir_free(dir);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(keeps_what_was_committed),
	    cmocka_unit_test(another_boot_trusts_nothing),
	    cmocka_unit_test(an_unknown_boot_is_another_one),
	};

	if (argc == 2)
		return write_until_killed(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
