/*
 * What the tests of src/origin/transfer share: a misbehaving upstream as a
 * child process, and transfers that are run to their end. Included by one .c
 * per program.
 */
#ifndef TESTS_UNIT_TRANSFER_RIG_H
#define TESTS_UNIT_TRANSFER_RIG_H

#include "base/clock.h"
#include "base/num.h"
#include "origin/transfer.h"

#include <arpa/inet.h>
#include <event2/event.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define RIG_PATIENCE_MS 20000

/* ---- the child ---- */

struct child {
	pid_t pid;
	int in; /* it ends when this is closed */
	FILE *out;
	char ready[1024]; /* its first line */
};

/* Takes its arguments up to NULL; the first is the script, in tests/system. */
static inline void child_start(struct child *c, const char *const *args)
{
	const char *top = getenv("top_srcdir"), *python = getenv("PYTHON");
	char script[1024];
	const char *argv[16] = {python ? python : "python3", "-B", script};
	int in[2], out[2];

	snprintf(script, sizeof(script), "%s/tests/system/%s", top ? top : ".",
	    args[0]);
	for (int i = 1; args[i]; i++)
		argv[i + 2] = args[i];
	assert_int_equal(pipe(in), 0);
	assert_int_equal(pipe(out), 0);
	c->pid = fork();
	assert_true(c->pid >= 0);
	if (c->pid == 0) {
		dup2(in[0], 0);
		dup2(out[1], 1);
		close(in[1]);
		close(out[0]);
		execvp(argv[0], (char *const *)argv);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	c->in = in[1];
	c->out = fdopen(out[0], "r");
	if (!fgets(c->ready, sizeof(c->ready), c->out))
		fail_msg("%s did not start", script);
}

static inline void child_stop(struct child *c)
{
	int status;

	close(c->in);
	assert_int_equal(waitpid(c->pid, &status, 0), c->pid);
	fclose(c->out);
	assert_int_equal(status, 0);
}

/* Copies the string that follows "key": in its ready line. */
static inline void child_ready(
    const struct child *c, const char *key, char *out, size_t size)
{
	char quoted[64];
	const char *p;
	size_t n = 0;

	snprintf(quoted, sizeof(quoted), "\"%s\": \"", key);
	p = strstr(c->ready, quoted);
	assert_non_null(p);
	for (p += strlen(quoted); *p && *p != '"' && n + 1 < size; p++)
		out[n++] = *p;
	out[n] = '\0';
}

static inline uint16_t port_of_url(const char *url)
{
	const char *colon = strrchr(url, ':');
	uint64_t port;

	assert_non_null(colon);
	assert_true(num_parse_u64(slice_of_str(colon + 1), 1, 65535, &port));
	return (uint16_t)port;
}

/* One control request, blocking; the reply's body, NUL-terminated, to free. */
static inline char *control(
    const char *url, const char *method, const char *path, const char *body)
{
	struct sockaddr_in to = {
	    .sin_family = AF_INET,
	    .sin_port = htons(port_of_url(url)),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	size_t size = 4 << 20, n = 0;
	char *reply = malloc(size), *end;
	ssize_t got;

	assert_int_equal(
	    connect(fd, (const struct sockaddr *)&to, sizeof(to)), 0);
	dprintf(fd, "%s %s HTTP/1.1\r\nContent-Length: %zu\r\n\r\n%s", method,
	    path, strlen(body), body);
	shutdown(fd, SHUT_WR);
	while (n + 1 < size && (got = read(fd, reply + n, size - n - 1)) > 0)
		n += (size_t)got;
	close(fd);
	reply[n] = '\0';
	assert_true(strncmp(reply, "HTTP/1.1 200 ", 13) == 0);
	end = strstr(reply, "\r\n\r\n");
	assert_non_null(end);
	memmove(reply, end + 4, strlen(end + 4) + 1);
	return reply;
}

static inline unsigned count_of(const char *text, const char *part)
{
	unsigned n = 0;

	while ((text = strstr(text, part))) {
		text += strlen(part);
		n++;
	}
	return n;
}

/* ---- transfers ---- */

/* What done was told, kept. */
struct told {
	struct transfer_result r;
	char *fields; /* owned, as r.body.p */
	bool is_done;
	bool is_starting; /* inside transfer_start */
	char detail[256];
};

static inline void on_done(
    struct transfer *t, const struct transfer_result *r, void *arg)
{
	struct told *told = arg;

	assert_false(told->is_done);
	assert_false(told->is_starting);
	told->is_done = true;
	told->r = *r;
	told->fields = strndup(r->fields.p ? r->fields.p : "", r->fields.n);
	told->r.body.p = transfer_take_body(t, &told->r.body.n);
	snprintf(told->detail, sizeof(told->detail), "%s", r->detail);
}

static inline void told_fini(struct told *told)
{
	free(told->fields);
	free((char *)told->r.body.p);
	*told = (struct told){0};
}

static inline bool has_field(const struct told *told, const char *line)
{
	return strstr(told->fields, line) != NULL;
}

static inline struct transfer *start(
    struct transfers *ts, const struct transfer_request *rq, struct told *told)
{
	struct transfer *t;

	*told = (struct told){.is_starting = true};
	t = transfer_start(ts, rq, on_done, told);
	told->is_starting = false;
	assert_non_null(t);
	return t;
}

static inline void on_impatience(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	fail_msg("%s", (const char *)arg);
}

static inline void wait_all(
    struct event_base *base, const struct told *told, size_t n)
{
	static char text[] = "a transfer did not end";
	struct event *timer = evtimer_new(base, on_impatience, text);
	struct timeval tv = {.tv_sec = RIG_PATIENCE_MS / 1000};

	evtimer_add(timer, &tv);
	for (size_t i = 0; i < n; i++)
		while (!told[i].is_done)
			event_base_loop(base, EVLOOP_ONCE);
	event_free(timer);
}

static inline void run(struct event_base *base, struct transfers *ts,
    const struct transfer_request *rq, struct told *told)
{
	start(ts, rq, told);
	wait_all(base, told, 1);
}

static inline void on_over(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	*(bool *)arg = true;
}

/* Lets the loop run. */
static inline void let_pass(struct event_base *base, int64_t ms)
{
	bool is_over = false;
	struct event *timer = evtimer_new(base, on_over, &is_over);
	struct timeval tv = {
	    .tv_sec = ms / 1000,
	    .tv_usec = ms % 1000 * 1000,
	};

	evtimer_add(timer, &tv);
	while (!is_over)
		event_base_loop(base, EVLOOP_ONCE);
	event_free(timer);
}

static inline struct transfer_request get(const char *target)
{
	return (struct transfer_request){
	    .method = SLICE("GET"),
	    .target = slice_of_str(target),
	    .is_safe = true,
	};
}

static inline struct transfer_request post(const char *target, const char *body)
{
	return (struct transfer_request){
	    .method = SLICE("POST"),
	    .target = slice_of_str(target),
	    .body = slice_of_str(body),
	    .has_body = true,
	};
}

static inline void check(const struct told *told, enum transfer_outcome outcome,
    enum transfer_cause cause)
{
	if (told->r.outcome != outcome || told->r.cause != cause)
		fail_msg("outcome %d cause %s (%s), wanted %d %s",
		    (int)told->r.outcome, transfer_cause_name(told->r.cause),
		    told->detail, (int)outcome, transfer_cause_name(cause));
}

#endif
