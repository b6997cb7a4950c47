#include "base/log.h"
#include "base/metrics.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <regex.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#define N_OF(array) (sizeof(array) / sizeof((array)[0]))

static char path[] = "test_log.XXXXXX";
static char text[1 << 20]; /* what read_log found */

static uint64_t dropped(void)
{
	uint64_t out[METRIC_COUNT];

	metrics_sum(out);
	return out[METRIC_LOG_DROPPED];
}

static const char *read_file(const char *name)
{
	FILE *f = fopen(name, "r");
	size_t n;

	assert_non_null(f);
	n = fread(text, 1, sizeof(text) - 1, f);
	fclose(f);
	text[n] = '\0';
	return text;
}

static const char *read_log(void)
{
	log_flush();
	return read_file(path);
}

/* The part of the last line after "event=x ". */
static const char *last_fields(void)
{
	const char *at = NULL, *next = read_log();

	while ((next = strstr(next, "event=x ")))
		at = next += 8;
	assert_non_null(at);
	return at;
}

static int setup(void **state)
{
	int fd;

	(void)state;
	memcpy(path + sizeof(path) - 7, "XXXXXX", 6);
	fd = mkstemp(path);
	if (fd < 0)
		return -1;
	close(fd);
	log_set_level(LOG_INFO);
	log_set_requests(true);
	return log_open(path) ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	log_close();
	return unlink(path);
}

static void test_line(void **state)
{
	regex_t re;

	(void)state;
	log_event(LOG_INFO, "ready", LOG_STR("http", "127.0.0.1:80"),
	    LOG_INT("n", -5), LOG_UINT("u", UINT64_MAX), LOG_BOOL("on", true),
	    LOG_BOOL("off", false), LOG_US("took_ms", 12345),
	    LOG_US("less_ms", -7), LOG_END);
	assert_int_equal(
	    regcomp(&re,
		"^ts=20[0-9][0-9]-[01][0-9]-[0-3][0-9]T"
		"[0-2][0-9]:[0-5][0-9]:[0-6][0-9]\\.[0-9]{3}Z level=info "
		"event=ready http=127\\.0\\.0\\.1:80 n=-5 "
		"u=18446744073709551615 on=yes off=no took_ms=12\\.345 "
		"less_ms=-0\\.007\n$",
		REG_EXTENDED | REG_NOSUB),
	    0);
	assert_int_equal(regexec(&re, read_log(), 0, NULL, 0), 0);
	regfree(&re);
}

static void test_values(void **state)
{
	static const struct {
		struct slice in;
		const char *want;
	} rows[] = {
	    {{"plain-1.2/x?y:z", 15}, "v=plain-1.2/x?y:z"},
	    {{"", 0}, "v=\"\""},
	    {{"a b", 3}, "v=\"a b\""},
	    {{"a=b", 3}, "v=\"a=b\""},
	    {{"a\"b\\", 4}, "v=\"a\\\"b\\\\\""},
	    {{"x\nlevel=error", 13}, "v=\"x\\nlevel=error\""},
	    {{"\r\t\0\x1b\x7f", 5}, "v=\"\\r\\t\\x00\\x1b\\x7f\""},
	    {{"\xc3\xa9\x9b", 3}, "v=\"\\xc3\\xa9\\x9b\""},
	    {{"Bearer abc", 10}, "v=[hidden]"},
	    {{"bEARER abc", 10}, "v=[hidden]"},
	    {{"Basic abc", 9}, "v=[hidden]"},
	    {{"pit-1-2-3", 9}, "v=[hidden]"},
	    {{"gm_abc", 6}, "v=[hidden]"},
	    {{"eyJhbGciOi", 10}, "v=[hidden]"},
	    {{"Bearer", 6}, "v=Bearer"},
	    {{"pipeline", 8}, "v=pipeline"},
	};

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		char want[100];

		log_event(LOG_INFO, "x", LOG_SLICE("v", rows[i].in), LOG_END);
		snprintf(want, sizeof(want), "%s\n", rows[i].want);
		assert_string_equal(last_fields(), want);
	}
	log_event(LOG_INFO, "x", LOG_STR("a", NULL), LOG_SLICE("b", SLICE_NONE),
	    LOG_INT("c", 1), LOG_END);
	assert_string_equal(last_fields(), "c=1\n");
}

static void test_long_values(void **state)
{
	static char big[5000];
	struct slice bad = slice_of(big, 1000);
	const char *line;

	(void)state;
	memset(big, 'v', sizeof(big));
	log_event(LOG_INFO, "x", LOG_SLICE("v", slice_of(big, 5000)),
	    LOG_INT("n", 1), LOG_END);
	line = last_fields();
	assert_int_equal(strspn(line + 2, "v"), 1024);
	assert_string_equal(line + 2 + 1024, " n=1 cut=yes\n");

	/* Escaped, it fits no line: it is left out, what follows is not. */
	memset(big, '\1', sizeof(big));
	log_event(LOG_INFO, "x", LOG_SLICE("v", bad), LOG_INT("n", 2), LOG_END);
	assert_string_equal(last_fields(), "n=2 cut=yes\n");

	memset(big, 'v', sizeof(big));
	log_event(LOG_INFO, "x", LOG_SLICE("a", bad), LOG_SLICE("b", bad),
	    LOG_SLICE("c", bad), LOG_SLICE("d", bad), LOG_END);
	line = last_fields();
	assert_true(strlen(line) < PIPE_BUF);
	assert_non_null(strstr(line, " b=v"));
	assert_null(strstr(line, " d=v"));
	assert_string_equal(line + strlen(line) - 9, " cut=yes\n");
}

static int evaluated;

static int64_t evaluate(void)
{
	return ++evaluated;
}

static void test_levels(void **state)
{
	const char *log;

	(void)state;
	evaluated = 0;
	log_event(LOG_DEBUG, "one", LOG_INT("n", evaluate()), LOG_END);
	log_set_level(LOG_DEBUG);
	log_event(LOG_DEBUG, "two", LOG_INT("n", evaluate()), LOG_END);
	log_set_level(LOG_WARN);
	log_event(LOG_INFO, "three", LOG_INT("n", evaluate()), LOG_END);
	log_request(LOG_INT("n", evaluate()), LOG_END);
	log_event(LOG_WARN, "four", LOG_END);
	log_event(LOG_ERROR, "five", LOG_END);
	log_set_level(LOG_INFO);
	log_set_requests(false);
	log_request(LOG_INT("n", evaluate()), LOG_END);
	log_event(LOG_INFO, "six", LOG_END);
	log_set_requests(true);
	log_request(LOG_INT("status", 200), LOG_END);
	log = read_log();
	assert_int_equal(evaluated, 1);
	assert_null(strstr(log, "event=one"));
	assert_non_null(strstr(log, "level=debug event=two n=1\n"));
	assert_null(strstr(log, "event=three"));
	assert_non_null(strstr(log, "level=warn event=four\n"));
	assert_non_null(strstr(log, "level=error event=five\n"));
	assert_non_null(strstr(log, "level=info event=six\n"));
	assert_non_null(strstr(log, "level=info event=request status=200\n"));
}

/* Lines wait for log_flush, but not behind a warning. */
static void test_batches(void **state)
{
	(void)state;
	log_event(LOG_INFO, "one", LOG_END);
	assert_string_equal(read_file(path), "");
	log_event(LOG_WARN, "two", LOG_END);
	assert_non_null(strstr(read_file(path), "event=one\n"));
	assert_non_null(strstr(read_file(path), "event=two\n"));
	log_event(LOG_INFO, "three", LOG_END);
	assert_null(strstr(read_file(path), "event=three"));
	for (int i = 0; i < 200; i++)
		log_event(LOG_INFO, "more", LOG_INT("i", i), LOG_END);
	/* The buffer is full long before. */
	assert_non_null(strstr(read_file(path), "event=more i=100\n"));
	assert_non_null(strstr(read_log(), "event=more i=199\n"));
}

static void test_reopen(void **state)
{
	char moved[64];

	(void)state;
	log_event(LOG_WARN, "before", LOG_END);
	snprintf(moved, sizeof(moved), "%s.1", path);
	assert_int_equal(rename(path, moved), 0);
	log_event(LOG_WARN, "moved", LOG_END);
	assert_true(log_reopen());
	log_event(LOG_WARN, "after", LOG_END);
	assert_non_null(strstr(read_file(moved), "event=before"));
	assert_non_null(strstr(read_file(moved), "event=moved"));
	assert_null(strstr(read_file(moved), "event=after"));
	assert_non_null(strstr(read_file(path), "event=after"));
	assert_null(strstr(read_file(path), "event=moved"));
	unlink(moved);
}

static void test_open_fails(void **state)
{
	(void)state;
	errno = 0;
	assert_false(log_open("no-such-directory/log"));
	assert_int_equal(errno, ENOENT);
}

/* stderr */

static int saved_stderr;

/* Makes fd the process's stderr and the log's. */
static void log_to(int fd)
{
	saved_stderr = dup(STDERR_FILENO);
	assert_true(saved_stderr >= 0);
	assert_int_equal(dup2(fd, STDERR_FILENO), STDERR_FILENO);
	assert_true(log_open(NULL));
}

static void log_back(void)
{
	log_close();
	assert_int_equal(dup2(saved_stderr, STDERR_FILENO), STDERR_FILENO);
	close(saved_stderr);
}

static size_t drain(int fd)
{
	size_t n = 0;
	ssize_t got;

	fcntl(fd, F_SETFL, O_NONBLOCK);
	while ((got = read(fd, text + n, sizeof(text) - 1 - n)) > 0)
		n += (size_t)got;
	text[n] = '\0';
	return n;
}

static int log_many(int from, int n)
{
	for (int i = from; i < from + n; i++)
		log_event(LOG_INFO, "fill", LOG_INT("i", i), LOG_END);
	log_flush();
	return from + n;
}

static int count_lines(const char *s)
{
	int n = 0;

	while ((s = strchr(s, '\n'))) {
		n++;
		s++;
	}
	return n;
}

/* Nobody reads: the log must neither wait nor lose count. fds[0] is the
 * reading end of what stands as stderr at fds[1]. */
static void check_stalled(int fds[2])
{
	uint64_t before = dropped();
	int sent, lines;

	log_to(fds[1]);
	sent = log_many(0, 50);
	drain(fds[0]);
	assert_int_equal(count_lines(text), sent);
	assert_int_equal(dropped(), before);

	sent = log_many(0, 20000); /* over a megabyte */
	drain(fds[0]);
	lines = count_lines(text);
	assert_true(dropped() > before);
	log_flush(); /* what had waited in the buffer */
	drain(fds[0]);
	lines += count_lines(text);
	assert_int_equal(lines + (int)(dropped() - before), sent);

	/* It goes on where somebody reads again. */
	log_event(LOG_WARN, "again", LOG_END);
	drain(fds[0]);
	assert_non_null(strstr(text, "event=again\n"));
	log_back();
}

static void test_stalled_pipe(void **state)
{
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	check_stalled(fds);
	/* The other users of stderr must not find it non-blocking. */
	assert_int_equal(fcntl(fds[1], F_GETFL) & O_NONBLOCK, 0);
	close(fds[0]);
	close(fds[1]);
}

static void test_stalled_socket(void **state)
{
	int fds[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	check_stalled(fds);
	assert_int_equal(fcntl(fds[1], F_GETFL) & O_NONBLOCK, 0);
	close(fds[0]);
	close(fds[1]);
}

/* With `>log 2>&1` both share an offset, which must stay shared. */
static void test_stderr_is_file(void **state)
{
	char name[] = "test_log.XXXXXX";
	int fd = mkstemp(name);

	(void)state;
	assert_true(fd >= 0);
	log_to(fd);
	log_event(LOG_WARN, "one", LOG_END);
	assert_int_equal(write(fd, "stdout\n", 7), 7);
	log_event(LOG_WARN, "two", LOG_END);
	log_back();
	close(fd);
	read_file(name);
	assert_int_equal(count_lines(text), 3);
	assert_non_null(strstr(text, "event=one\nstdout\nts="));
	unlink(name);
}

/* One line to fd as stderr, with JOURNAL_STREAM naming that file or another
 * (inode + other). */
static const char *line_for_journal(unsigned other)
{
	char name[] = "test_log.XXXXXX", stream[64];
	int fd = mkstemp(name);
	struct stat st;

	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	snprintf(stream, sizeof(stream), "%llu:%llu",
	    (unsigned long long)st.st_dev,
	    (unsigned long long)st.st_ino + other);
	setenv("JOURNAL_STREAM", stream, 1);
	log_to(fd);
	log_event(LOG_ERROR, "a", LOG_END);
	log_event(LOG_WARN, "b", LOG_END);
	log_event(LOG_INFO, "c", LOG_END);
	log_back();
	unsetenv("JOURNAL_STREAM");
	close(fd);
	read_file(name);
	unlink(name);
	return text;
}

static void test_journal(void **state)
{
	(void)state;
	assert_string_equal(line_for_journal(0),
	    "<3>level=error event=a\n<4>level=warn event=b\n"
	    "<6>level=info event=c\n");
	/* Somebody else's: a shell redirected our stderr. */
	assert_ptr_equal(strstr(line_for_journal(1), "ts=20"), text);
	assert_null(strchr(text, '<'));
}

static void test_reader_gone(void **state)
{
	uint64_t before = dropped();
	int fds[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	log_to(fds[1]);
	close(fds[0]);
	log_event(LOG_WARN, "lost", LOG_END);
	assert_int_equal(dropped(), before + 1);
	log_back();
	close(fds[1]);
}

/* Threads */

enum {
	THREADS = 4,
	LINES = 3000
};

static void *log_lines(void *arg)
{
	for (int i = 0; i < LINES; i++) {
		log_event(i % 100 ? LOG_INFO : LOG_WARN, "t",
		    LOG_INT("id", *(int *)arg), LOG_INT("i", i),
		    LOG_STR("end", "x y"), LOG_END);
		if (i % 37 == 0)
			log_flush();
	}
	log_flush();
	return NULL;
}

/* Each line is whole, none is missing, each thread's are in order; switches
 * may be turned meanwhile. */
static void test_threads(void **state)
{
	static int ids[THREADS] = {0, 1, 2, 3};
	pthread_t threads[THREADS];
	int next[THREADS] = {0};
	const char *at;

	(void)state;
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(
		    pthread_create(&threads[i], NULL, log_lines, &ids[i]), 0);
	for (int i = 0; i < 100; i++) {
		log_set_level(i % 2 ? LOG_INFO : LOG_DEBUG);
		log_set_requests(i % 2);
		assert_true(log_reopen());
	}
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	for (at = read_log(); *at; at = strchr(at, '\n') + 1) {
		int id, i, n = 0;

		sscanf(at, "ts=%*s level=%*s event=t id=%d i=%d end=\"x y\"%n",
		    &id, &i, &n);
		assert_true(n > 0 && at[n] == '\n');
		assert_int_equal(i, next[id]++);
	}
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(next[i], LINES);
}

static void test_mask(void **state)
{
	static const char *const rows[][2] = {
	    {"/contacts/abc", "/contacts/abc"},
	    {"/contacts/?limit=20&page=2", "/contacts/?limit=20&page=2"},
	    {"/contacts/?locationId=L1&query=jo%40x.example&limit=5",
		"/contacts/?locationId=L1&query=*&limit=5"},
	    {"/a?startAfter=1&startAfterId=x&email=a@b",
		"/a?startAfter=1&startAfterId=x&email=*"},
	    {"/a?Limit=1&limi=2&limits=3", "/a?Limit=*&limi=*&limits=*"},
	    {"/a?%6cimit=secret", "/a?%6cimit=*"},
	    {"/a?jo@x.example", "/a?*"},
	    {"/a?x=&limit=", "/a?x=&limit="},
	    {"/a?x=1=2&limit=3=4", "/a?x=*&limit=3=4"},
	    {"/a?", "/a?"},
	    {"/a?&&x=1&", "/a?&&x=*&"},
	    {"/a?x=1?limit=2", "/a?x=*"},
	    {"/a?x=1;limit=2", "/a?x=*"},
	    {"/contacts/pit-1-2/notes/", "/contacts/*/notes/"},
	    {"/eyJhbGciOi.x.y", "/*"},
	    {"//gm_1", "//*"},
	    {"/a?locationId=pit-1&limit=gm_2", "/a?locationId=*&limit=*"},
	    {"/a?pit-1=2&page=3", "/a?*=*&page=3"},
	    {"", ""},
	};
	struct buf b;

	(void)state;
	buf_init(&b, 1000);
	for (size_t i = 0; i < N_OF(rows); i++) {
		buf_reset(&b);
		log_mask_query(&b, slice_of_str(rows[i][0]));
		assert_true(slice_eq(buf_slice(&b), slice_of_str(rows[i][1])));
	}
	buf_fini(&b);
}

#define WITH_FILE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    WITH_FILE(test_line),
	    WITH_FILE(test_values),
	    WITH_FILE(test_long_values),
	    WITH_FILE(test_levels),
	    WITH_FILE(test_batches),
	    WITH_FILE(test_reopen),
	    cmocka_unit_test(test_open_fails),
	    cmocka_unit_test(test_stalled_pipe),
	    cmocka_unit_test(test_stalled_socket),
	    cmocka_unit_test(test_stderr_is_file),
	    cmocka_unit_test(test_journal),
	    cmocka_unit_test(test_reader_gone),
	    WITH_FILE(test_threads),
	    cmocka_unit_test(test_mask),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
