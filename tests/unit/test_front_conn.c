/* Binding and the life of a listener; what goes over its connections is tested
 * by tests/system/test_gate.py. */
#include "front/conn.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <event2/http.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

static const struct listener_options options = {
    .max_target_bytes = 1000,
    .max_header_bytes = 4000,
    .max_fields = 20,
    .max_body_bytes = 100000,
    .max_connections = 10,
    .idle_timeout_ms = 1000,
    .header_timeout_ms = 1000,
    .body_timeout_ms = 1000,
    .write_timeout_ms = 1000,
    .is_direct_write = true,
};

struct seen {
	unsigned requests;
	unsigned refused;
	unsigned refused_status;
	const char *peer; /* valid for the last request only */
	bool is_loopback;
	bool must_close;
};

static void on_request(struct evhttp_request *req, struct conn *c, void *arg)
{
	static const char head[] =
	    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n";
	struct seen *s = arg;
	struct iovec iov[] = {{(char *)(uintptr_t)head, sizeof(head) - 1},
	    {(char *)(uintptr_t) "ok", 2}};

	s->requests++;
	s->is_loopback = conn_is_loopback(c);
	s->must_close = conn_must_close(c);
	assert_string_equal(conn_peer(c), s->peer);
	assert_int_equal(conn_requests(c), s->requests);
	conn_reply(c, req, iov, 2);
}

/* As evhttp does when it refuses by itself. */
static void on_request_page(
    struct evhttp_request *req, struct conn *c, void *arg)
{
	(void)c;
	(void)arg;
	evhttp_send_error(req, 501, NULL);
}

static void on_refused(
    struct conn *c, unsigned status, const char *why, void *arg)
{
	struct seen *s = arg;

	assert_non_null(conn_peer(c));
	assert_non_null(why);
	s->refused++;
	s->refused_status = status;
}

static struct event_base *base_new(void)
{
	struct event_config *config = event_config_new();
	struct event_base *base;

	signal(SIGPIPE, SIG_IGN);
	assert_non_null(config);
	event_config_set_flag(config,
	    EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST | EVENT_BASE_FLAG_NOLOCK);
	base = event_base_new_with_config(config);
	event_config_free(config);
	assert_non_null(base);
	return base;
}

static uint16_t bind_ok(struct listener *l, const char *host, uint16_t port)
{
	uint16_t real = 0;
	char *why = NULL;

	assert_true(listener_bind(l, host, port, host, &real, &why));
	assert_null(why);
	assert_true(real != 0 && (port == 0 || real == port));
	return real;
}

/* Blocking, which is fine: the kernel accepts without our loop. */
static int client_new(int family, uint16_t port)
{
	struct sockaddr_in in4 = {.sin_family = AF_INET,
	    .sin_port = htons(port),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6,
	    .sin6_port = htons(port),
	    .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	int fd = socket(family, SOCK_STREAM, 0);

	assert_true(fd >= 0);
	if (family == AF_INET)
		assert_int_equal(
		    connect(fd, (struct sockaddr *)&in4, sizeof(in4)), 0);
	else
		assert_int_equal(
		    connect(fd, (struct sockaddr *)&in6, sizeof(in6)), 0);
	return fd;
}

/* Runs the loop until the peer has n bytes, or its end when n is 0. */
static void receive(struct event_base *base, int fd, char *out, size_t n)
{
	size_t got = 0;
	int turns = 2000;

	for (;;) {
		ssize_t r;

		assert_true(turns-- > 0);
		event_base_loop(base, EVLOOP_NONBLOCK);
		r = recv(fd, out + got, n == 0 ? 1 : n - got, MSG_DONTWAIT);
		if (r < 0) {
			assert_int_equal(errno, EAGAIN);
			usleep(1000);
			continue;
		}
		if (n == 0) {
			assert_int_equal(r, 0);
			return;
		}
		assert_true(r > 0);
		got += (size_t)r;
		if (got == n)
			return;
	}
}

static void exchange(struct event_base *base, struct seen *s, int family,
    const char *peer, uint16_t port)
{
	static const char get[] = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
	static const char want[] =
	    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
	char got[sizeof(want)] = "";
	int fd = client_new(family, port);

	*s = (struct seen){.peer = peer};
	assert_int_equal(send(fd, get, sizeof(get) - 1, 0), sizeof(get) - 1);
	receive(base, fd, got, sizeof(want) - 1);
	assert_string_equal(got, want);
	assert_int_equal(s->requests, 1);
	assert_true(s->is_loopback);
	assert_false(s->must_close);
	close(fd);
}

static void test_bind_gives_the_port(void **state)
{
	struct event_base *base = base_new();
	struct seen s;
	struct listener *l =
	    listener_new(base, &options, on_request, on_refused, &s);
	uint16_t port;

	(void)state;
	assert_non_null(l);
	port = bind_ok(l, "127.0.0.1", 0);
	exchange(base, &s, AF_INET, "127.0.0.1", port);
	assert_true(bind_ok(l, "localhost", 0) != port);
	listener_free(l);
	event_base_free(base);
}

static bool has_ipv6(void)
{
	struct sockaddr_in6 a = {
	    .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	int fd = socket(AF_INET6, SOCK_STREAM, 0);
	bool has = fd >= 0 && bind(fd, (struct sockaddr *)&a, sizeof(a)) == 0;

	if (fd >= 0)
		close(fd);
	return has;
}

static void test_ipv6(void **state)
{
	struct event_base *base;
	struct listener *l;
	struct seen s;

	(void)state;
	if (!has_ipv6())
		skip();
	base = base_new();
	l = listener_new(base, &options, on_request, on_refused, &s);
	exchange(base, &s, AF_INET6, "::1", bind_ok(l, "::1", 0));
	/* One number may serve both families. */
	bind_ok(l, "0.0.0.0", bind_ok(l, "::", 0));
	listener_free(l);
	event_base_free(base);
}

static void test_port_is_shared_and_detected(void **state)
{
	struct event_base *base = base_new();
	struct seen s;
	struct listener *a =
	    listener_new(base, &options, on_request, on_refused, &s);
	struct listener *b =
	    listener_new(base, &options, on_request, on_refused, &s);
	uint16_t port = bind_ok(a, "127.0.0.1", 0);

	(void)state;
	assert_true(listener_port_is_taken("127.0.0.1", port));
	assert_true(listener_port_is_taken("0.0.0.0", port));
	assert_false(listener_port_is_taken("127.0.0.1", 0));
	/* Nevertheless another thread of ours may bind it. */
	bind_ok(b, "127.0.0.1", port);
	listener_free(a);
	assert_true(listener_port_is_taken("127.0.0.1", port));
	exchange(base, &s, AF_INET, "127.0.0.1", port);
	listener_free(b);
	/* Closed connections in TIME_WAIT do not make it taken. */
	assert_false(listener_port_is_taken("127.0.0.1", port));
	event_base_free(base);
}

static void test_bind_errors(void **state)
{
	struct event_base *base = base_new();
	struct listener *l =
	    listener_new(base, &options, on_request, NULL, NULL);
	struct sockaddr_in a = {
	    .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	uint16_t port = 0;
	char *why = NULL;

	(void)state;
	assert_int_equal(bind(fd, (struct sockaddr *)&a, n), 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &n), 0);
	/* A stranger's socket, which does not share. */
	assert_false(
	    listener_bind(l, "127.0.0.1", ntohs(a.sin_port), "", &port, &why));
	assert_non_null(strstr(why, "127.0.0.1:"));
	assert_non_null(strstr(why, "address in use"));
	free(why);
	close(fd);
	assert_false(listener_bind(l, "300.1.1.1", 0, "", &port, &why));
	assert_non_null(strstr(why, "300.1.1.1:0: "));
	free(why);
	/* An address that no machine has (RFC 5737). */
	assert_false(listener_bind(l, "192.0.2.1", 0, "", &port, &why));
	assert_non_null(why);
	free(why);
	listener_free(l);
	event_base_free(base);
}

static void test_pages_of_evhttp_never_leave(void **state)
{
	static const char get[] = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
	struct event_base *base = base_new();
	struct seen s = {.peer = "127.0.0.1"};
	struct listener *l =
	    listener_new(base, &options, on_request_page, on_refused, &s);
	int fd = client_new(AF_INET, bind_ok(l, "127.0.0.1", 0));
	char got[64] = "";

	(void)state;
	/* Pipelined ones are not seen. */
	for (int i = 0; i < 2; i++)
		assert_int_equal(
		    send(fd, get, sizeof(get) - 1, 0), sizeof(get) - 1);
	receive(base, fd, got, 24);
	assert_string_equal(got, "HTTP/1.1 400 Bad Request");
	assert_int_equal(s.refused, 1);
	for (got[0] = 'x'; got[0] != '}';) {
		receive(base, fd, got, 1);
		assert_int_not_equal(got[0], '<');
	}
	receive(base, fd, got, 0);
	close(fd);
	listener_free(l);
	event_base_free(base);
}

static void test_free_with_connections(void **state)
{
	struct event_base *base = base_new();
	struct seen s = {.peer = "127.0.0.1"};
	struct listener *l =
	    listener_new(base, &options, on_request, on_refused, &s);
	uint16_t port = bind_ok(l, "127.0.0.1", 0);
	static const char *const sent[] = {"", "GET", "GET / HTTP/1.1\r\n",
	    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc", "\n"};
	int fd[5];
	char byte;

	(void)state;
	for (size_t i = 0; i < 5; i++) {
		fd[i] = client_new(AF_INET, port);
		send(fd[i], sent[i], strlen(sent[i]), 0);
	}
	for (int turn = 0;
	     turn < 1000 && (s.refused == 0 || listener_connections(l) < 5);
	     turn++) {
		event_base_loop(base, EVLOOP_NONBLOCK);
		usleep(1000);
	}
	assert_int_equal(s.refused, 1);
	assert_int_equal(s.refused_status, 400);
	assert_int_equal(listener_connections(l), 5);
	listener_free(l);
	for (size_t i = 0; i < 5; i++) {
		assert_true(i == 4 || recv(fd[i], &byte, 1, 0) <= 0);
		close(fd[i]);
	}
	event_base_free(base);
}

static void test_drain_ends_idle_ones(void **state)
{
	struct event_base *base = base_new();
	struct seen s = {.peer = "127.0.0.1"};
	struct listener *l =
	    listener_new(base, &options, on_request, on_refused, &s);
	int fd = client_new(AF_INET, bind_ok(l, "127.0.0.1", 0));
	char byte;

	(void)state;
	while (listener_connections(l) == 0)
		event_base_loop(base, EVLOOP_NONBLOCK);
	assert_false(listener_has_drained(l));
	listener_drain(l);
	/* It might be about to ask: that is for the caller to decide. */
	event_base_loop(base, EVLOOP_NONBLOCK);
	assert_int_equal(listener_connections(l), 1);
	listener_drop_idle(l);
	receive(base, fd, &byte, 0);
	assert_int_equal(listener_connections(l), 0);
	while (!listener_has_drained(l))
		event_base_loop(base, EVLOOP_ONCE);
	close(fd);
	listener_free(l);
	listener_free(NULL);
	event_base_free(base);
}

/* What was queued before the drain is accepted, though nobody looked at the
 * socket until then: closing it would have reset the client. */
static void test_drain_takes_the_queue(void **state)
{
	struct event_base *base = base_new();
	struct seen s = {.peer = "127.0.0.1"};
	struct listener *l =
	    listener_new(base, &options, on_request, on_refused, &s);
	uint16_t port = bind_ok(l, "127.0.0.1", 0);
	int fd = client_new(AF_INET, port);

	(void)state;
	listener_drain(l);
	for (int i = 0; i < 1000 && listener_connections(l) == 0; i++)
		event_base_loop(base, EVLOOP_ONCE);
	assert_int_equal(listener_connections(l), 1);
	for (int i = 0; i < 1000 && listener_port_is_taken("127.0.0.1", port);
	     i++) {
		usleep(1000);
		event_base_loop(base, EVLOOP_NONBLOCK);
	}
	assert_false(listener_port_is_taken("127.0.0.1", port));
	close(fd);
	listener_free(l);
	event_base_free(base);
}

/* An inherited socket keeps its queue: who comes after the drain waits there
 * for the next process. */
static void test_drain_leaves_an_inherited_queue(void **state)
{
	struct sockaddr_in sin = {
	    .sin_family = AF_INET,
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	socklen_t n = sizeof(sin);
	struct event_base *base = base_new();
	struct seen s = {.peer = "127.0.0.1"};
	struct listener *l =
	    listener_new(base, &options, on_request, on_refused, &s);
	int inherited = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	char *why = NULL;
	int fd, got;

	(void)state;
	assert_int_equal(bind(inherited, (struct sockaddr *)&sin, n), 0);
	assert_int_equal(listen(inherited, 8), 0);
	assert_int_equal(
	    getsockname(inherited, (struct sockaddr *)&sin, &n), 0);
	assert_true(listener_adopt(l, inherited, "x", true, &why));
	fd = client_new(AF_INET, ntohs(sin.sin_port));
	while (listener_connections(l) == 0)
		event_base_loop(base, EVLOOP_NONBLOCK);
	listener_drain(l);
	close(fd);
	fd = client_new(AF_INET, ntohs(sin.sin_port));
	while (!listener_has_drained(l))
		event_base_loop(base, EVLOOP_ONCE);
	listener_free(l);
	got = accept(inherited, NULL, NULL);
	assert_true(got >= 0);
	close(got);
	close(fd);
	close(inherited);
	event_base_free(base);
}

/* What a service manager may hand over, and what it may not. */
static void test_inherited_faults(void **state)
{
	int pair[2], udp = socket(AF_INET, SOCK_DGRAM, 0);
	int tcp = socket(AF_INET, SOCK_STREAM, 0), any;
	struct sockaddr_in sin = {.sin_family = AF_INET};
	struct buf name;
	bool is_local;

	(void)state;
	buf_init(&name, 1024);
	assert_int_equal(pipe(pair), 0);
	assert_string_equal(listener_inherited_fault(pair[0], &name, &is_local),
	    "not a socket");
	assert_string_equal(listener_inherited_fault(udp, &name, &is_local),
	    "not a stream socket");
	assert_string_equal(listener_inherited_fault(tcp, &name, &is_local),
	    "not listening (a socket unit needs Accept=no)");
	assert_int_equal(listen(tcp, 1), 0); /* of any address */
	assert_null(listener_inherited_fault(tcp, &name, &is_local));
	assert_false(is_local);
	any = socket(AF_INET, SOCK_STREAM, 0);
	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(any, (struct sockaddr *)&sin, sizeof(sin)), 0);
	assert_int_equal(listen(any, 1), 0);
	buf_reset(&name);
	assert_null(listener_inherited_fault(any, &name, &is_local));
	assert_true(is_local);
	assert_memory_equal(name.p, "http=127.0.0.1:", 15);
	buf_fini(&name);
	close(pair[0]);
	close(pair[1]);
	close(udp);
	close(tcp);
	close(any);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_drain_takes_the_queue),
	    cmocka_unit_test(test_drain_leaves_an_inherited_queue),
	    cmocka_unit_test(test_inherited_faults),
	    cmocka_unit_test(test_bind_gives_the_port),
	    cmocka_unit_test(test_ipv6),
	    cmocka_unit_test(test_port_is_shared_and_detected),
	    cmocka_unit_test(test_bind_errors),
	    cmocka_unit_test(test_pages_of_evhttp_never_leave),
	    cmocka_unit_test(test_free_with_connections),
	    cmocka_unit_test(test_drain_ends_idle_ones),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	libevent_global_shutdown();
	return failed;
}
