#include "base/log.h"

#include "base/clock.h"
#include "base/metrics.h"
#include "base/num.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/*
 * A batch is at most PIPE_BUF bytes, because a pipe takes that much whole or
 * not at all: lines of several threads never mix.
 */
enum {
	LOG_BATCH_BYTES = PIPE_BUF,
	LOG_LINE_BYTES = 3072,
	LOG_VALUE_BYTES = 1024, /* of the value, before escaping */
	LOG_CLOSE_MS = 1000
};

_Static_assert(LOG_LINE_BYTES <= LOG_BATCH_BYTES, "a line fits a batch");

struct log_batch {
	size_t n;
	unsigned lines;
	char p[LOG_BATCH_BYTES];
	/* The current second as text: gmtime_r takes a lock of libc. */
	time_t second;
	char second_text[24];
};

static _Thread_local struct log_batch batch;

/* Written by the main thread before others start. */
static struct {
	int fd;
	char *path; /* owned; NULL for stderr */
	bool is_socket;
	bool is_blocking; /* a write could wait: ask poll first */
	bool is_journal; /* which has the time, and wants a priority */
} sink = {.fd = STDERR_FILENO, .is_blocking = true};

static atomic_int max_level = LOG_INFO;
static atomic_bool are_requests_on = true;

/* Opening and closing */

/* systemd says in JOURNAL_STREAM which file it has given us for the journal;
 * a shell may have put another in its place (systemd.exec(5)). */
static bool is_journal(const struct stat *st)
{
	struct slice text = slice_of_str(getenv("JOURNAL_STREAM"));
	size_t colon = slice_find(text, 0, ':');
	uint64_t device, inode;

	return num_parse_u64(
		   slice_sub(text, 0, colon), 0, UINT64_MAX, &device) &&
	       num_parse_u64(
		   slice_sub(text, colon + 1, text.n), 0, UINT64_MAX, &inode) &&
	       device == (uint64_t)st->st_dev && inode == (uint64_t)st->st_ino;
}

/*
 * O_NONBLOCK belongs to the open file, which stderr shares with the shell and
 * other programs. So a pipe or terminal is opened anew. A socket (systemd's
 * journal) cannot be, but send has a flag per call. A regular file is used as
 * it is: it may share its offset with stdout.
 */
static void log_use_stderr(void)
{
	struct stat st;
	int fd = -1;

	sink.fd = STDERR_FILENO;
	sink.is_socket = false;
	sink.is_blocking = false;
	sink.is_journal = false;
	if (fstat(STDERR_FILENO, &st) != 0)
		return;
	sink.is_journal = is_journal(&st);
	if (S_ISREG(st.st_mode))
		return;
	if (S_ISSOCK(st.st_mode)) {
		sink.is_socket = true;
		return;
	}
	fd = open("/proc/self/fd/2",
	    O_WRONLY | O_APPEND | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		sink.is_blocking = true;
	else
		sink.fd = fd;
}

static int log_open_file(const char *path)
{
	/* O_NONBLOCK: the path may be a FIFO. */
	return open(path,
	    O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK | O_NOCTTY | O_CLOEXEC,
	    0640);
}

bool log_open(const char *path)
{
	int fd;

	if (!path || !*path) {
		log_use_stderr();
		return true;
	}
	fd = log_open_file(path);
	if (fd < 0)
		return false;
	sink.path = strdup(path);
	if (!sink.path) {
		close(fd);
		errno = ENOMEM;
		return false;
	}
	sink.fd = fd;
	sink.is_socket = false;
	sink.is_blocking = false;
	sink.is_journal = false;
	return true;
}

bool log_reopen(void)
{
	int fd, rc;

	if (!sink.path)
		return true;
	fd = log_open_file(sink.path);
	if (fd < 0)
		return false;
	/* Replaces the file under the number that other threads write to. */
	rc = dup3(fd, sink.fd, O_CLOEXEC);
	close(fd);
	return rc >= 0;
}

/* Switches */

void log_set_level(enum log_level level)
{
	atomic_store_explicit(&max_level, (int)level, memory_order_relaxed);
}

void log_set_requests(bool is_on)
{
	atomic_store_explicit(&are_requests_on, is_on, memory_order_relaxed);
}

bool log_is_on(enum log_level level)
{
	return (int)level <=
	       atomic_load_explicit(&max_level, memory_order_relaxed);
}

bool log_requests_on(void)
{
	return log_is_on(LOG_INFO) &&
	       atomic_load_explicit(&are_requests_on, memory_order_relaxed);
}

const char *log_level_name(enum log_level level)
{
	switch (level) {
	case LOG_ERROR:
		return "error";
	case LOG_WARN:
		return "warn";
	case LOG_INFO:
		return "info";
	case LOG_DEBUG:
		break;
	}
	return "debug";
}

/* Handing over */

static ssize_t sink_write(const char *p, size_t n)
{
	struct pollfd pfd = {.fd = sink.fd, .events = POLLOUT};

	if (sink.is_socket)
		return send(sink.fd, p, n, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (sink.is_blocking && poll(&pfd, 1, 0) != 1) {
		errno = EAGAIN;
		return -1;
	}
	return write(sink.fd, p, n);
}

static unsigned count_lines(const char *p, size_t n)
{
	unsigned lines = 0;

	for (size_t i = 0; i < n; i++)
		lines += p[i] == '\n';
	return lines;
}

static void batch_drop(void)
{
	metrics_add(METRIC_LOG_DROPPED, batch.lines);
	batch.n = 0;
	batch.lines = 0;
}

void log_flush(void)
{
	ssize_t n;

	if (batch.n == 0)
		return;
	do {
		n = sink_write(batch.p, batch.n);
	} while (n < 0 && errno == EINTR);
	if (n < 0) {
		if (errno != EAGAIN)
			batch_drop();
		return;
	}
	/* A terminal or a nearly full disk may take a part. */
	batch.lines -= count_lines(batch.p, (size_t)n);
	batch.n -= (size_t)n;
	memmove(batch.p, batch.p + n, batch.n);
}

void log_close(void)
{
	struct pollfd pfd = {.fd = sink.fd, .events = POLLOUT};
	int64_t until_ms = clock_mono_ms() + LOG_CLOSE_MS;

	for (;;) {
		int64_t left_ms = until_ms - clock_mono_ms();

		log_flush();
		if (batch.n == 0 || left_ms <= 0)
			break;
		poll(&pfd, 1, (int)left_ms);
	}
	batch_drop();
	if (sink.fd != STDERR_FILENO)
		close(sink.fd);
	free(sink.path);
	sink.fd = STDERR_FILENO;
	sink.path = NULL;
	sink.is_socket = false;
	sink.is_blocking = true;
	sink.is_journal = false;
}

/* Writing a line */

/* A line being built. */
struct log_line {
	size_t n;
	bool is_full; /* the current field does not fit */
	bool is_cut; /* something is missing from the line */
	char p[LOG_LINE_BYTES];
};

static const char cut_mark[] = " cut=yes\n";

static void line_add(struct log_line *l, const char *p, size_t n)
{
	size_t room = sizeof(l->p) - sizeof(cut_mark) - l->n;

	if (l->is_full || n > room) {
		l->is_full = true;
		return;
	}
	memcpy(l->p + l->n, p, n);
	l->n += n;
}

static void line_add_str(struct log_line *l, const char *s)
{
	line_add(l, s, strlen(s));
}

__attribute__((format(printf, 2, 3))) static void line_printf(
    struct log_line *l, const char *fmt, ...)
{
	char text[64];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	assert(n >= 0 && (size_t)n < sizeof(text));
	line_add(l, text, (size_t)n);
}

static bool is_plain(char c)
{
	return c > ' ' && c < 0x7f && c != '"' && c != '\\' && c != '=';
}

bool log_is_secret(struct slice s)
{
	static const char *const starts[] = {
	    "bearer ", "basic ", "pit-", "gm_", "eyj"};

	for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
		struct slice start = slice_of_str(starts[i]);

		if (slice_eq_nocase(slice_sub(s, 0, start.n), start))
			return true;
	}
	return false;
}

static void line_add_quoted(struct log_line *l, struct slice s)
{
	line_add(l, "\"", 1);
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (c == '"' || c == '\\')
			line_printf(l, "\\%c", c);
		else if (c == '\n')
			line_add(l, "\\n", 2);
		else if (c == '\r')
			line_add(l, "\\r", 2);
		else if (c == '\t')
			line_add(l, "\\t", 2);
		else if (c < ' ' || c >= 0x7f)
			line_printf(l, "\\x%02x", (unsigned char)c);
		else
			line_add(l, &c, 1);
	}
	line_add(l, "\"", 1);
}

static void line_add_value(struct log_line *l, struct slice s)
{
	size_t plain = 0;

	if (log_is_secret(s)) {
		line_add_str(l, "[hidden]");
		return;
	}
	if (s.n > LOG_VALUE_BYTES) {
		s.n = LOG_VALUE_BYTES;
		l->is_cut = true;
	}
	while (plain < s.n && is_plain(s.p[plain]))
		plain++;
	if (s.n > 0 && plain == s.n)
		line_add(l, s.p, s.n);
	else
		line_add_quoted(l, s);
}

static void line_add_us(struct log_line *l, int64_t us)
{
	uint64_t v = us < 0 ? 0 - (uint64_t)us : (uint64_t)us;

	line_printf(l, "%s%llu.%03u", us < 0 ? "-" : "",
	    (unsigned long long)(v / 1000), (unsigned)(v % 1000));
}

static void line_add_typed(struct log_line *l, const struct log_field *f)
{
	switch (f->type) {
	case LOG_TYPE_SLICE:
		line_add_value(l, f->v.slice);
		break;
	case LOG_TYPE_INT:
		line_printf(l, "%lld", (long long)f->v.i);
		break;
	case LOG_TYPE_UINT:
		line_printf(l, "%llu", (unsigned long long)f->v.u);
		break;
	case LOG_TYPE_BOOL:
		line_add_str(l, f->v.u ? "yes" : "no");
		break;
	case LOG_TYPE_US:
		line_add_us(l, f->v.i);
		break;
	case LOG_TYPE_END:
		assert(false);
	}
}

static void line_add_field(struct log_line *l, const struct log_field *f)
{
	size_t before = l->n;

	if (f->type == LOG_TYPE_SLICE && !f->v.slice.p)
		return;
	line_add(l, " ", 1);
	line_add_str(l, f->key);
	line_add(l, "=", 1);
	line_add_typed(l, f);
	if (!l->is_full)
		return;
	/* Without a whole value the line could not be read back. */
	l->n = before;
	l->is_full = false;
	l->is_cut = true;
}

static void line_add_time(struct log_line *l, int64_t wall_ms)
{
	time_t second = (time_t)(wall_ms / 1000);

	if (second != batch.second || !batch.second_text[0]) {
		struct tm tm;

		gmtime_r(&second, &tm);
		strftime(batch.second_text, sizeof(batch.second_text),
		    "%Y-%m-%dT%H:%M:%S", &tm);
		batch.second = second;
	}
	line_printf(
	    l, "ts=%s.%03uZ ", batch.second_text, (unsigned)(wall_ms % 1000));
}

/* As sd-daemon(3) numbers them. */
static unsigned priority_of(enum log_level level)
{
	static const unsigned priorities[] = {
	    [LOG_ERROR] = 3,
	    [LOG_WARN] = 4,
	    [LOG_INFO] = 6,
	    [LOG_DEBUG] = 7,
	};

	return priorities[level];
}

static void batch_add(const struct log_line *l)
{
	if (l->n > sizeof(batch.p) - batch.n)
		log_flush();
	if (l->n > sizeof(batch.p) - batch.n)
		batch_drop();
	memcpy(batch.p + batch.n, l->p, l->n);
	batch.n += l->n;
	batch.lines++;
}

void log_write(
    enum log_level level, const char *event, const struct log_field *fields)
{
	struct log_line l;

	l.n = 0;
	l.is_full = false;
	l.is_cut = false;
	if (sink.is_journal)
		line_printf(&l, "<%u>", priority_of(level));
	else
		line_add_time(&l, clock_wall_ms());
	line_printf(&l, "level=%s event=", log_level_name(level));
	line_add_str(&l, event);
	for (; fields->type != LOG_TYPE_END; fields++)
		line_add_field(&l, fields);
	if (l.is_cut) {
		memcpy(l.p + l.n, cut_mark, sizeof(cut_mark) - 1);
		l.n += sizeof(cut_mark) - 1;
	} else {
		l.p[l.n++] = '\n';
	}
	batch_add(&l);
	if (level <= LOG_WARN)
		log_flush();
}
