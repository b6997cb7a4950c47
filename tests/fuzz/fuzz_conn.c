/*
 * A connection, differential against evhttp. The input goes over a socket to
 * a listener as the daemon has it: the framing machine reads first, evhttp
 * gets what that lets through. A strict reader of the same bytes must find the
 * same requests as evhttp hands out: their number, methods, targets, fields
 * and bodies. The replies on the wire must be as many, in their order, a
 * refusal the last; and nothing may be left of the connection.
 *
 * Behind a first byte 0xfe the listener takes any method, and evhttp is given
 * other names.
 *
 * A byte 0xff is not sent: it cuts the input into pieces that arrive one after
 * the other. Every second request waits for its reply until the next piece has
 * arrived; behind a last 0xff the client leaves without waiting for it.
 */
#include "front/conn_internal.h"
#include "front/identity.h"
#include "strict_http.h"

#include <assert.h>
#include <event2/buffer.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define CUT 0xff
#define ANY_METHOD 0xfe
#define INPUT_MAX 65536
#define REQUESTS_MAX 64

static struct budget bodies = {.max = SIZE_MAX};

static struct listener_options options = {
    .bodies = &bodies,
    .max_target_bytes = 64,
    .max_header_bytes = 512,
    .max_body_bytes = 128,
    .max_fields = 8,
    .max_connections = 4,
    .is_direct_write = true,
};

static struct frame_limits limits = {
    .max_target_bytes = 64,
    .max_head_bytes = 512,
    .max_body_bytes = 128,
    .max_fields = 8,
};

/* The listener lives as long as the process; what belongs to one input is
 * made anew by it. */
static struct server {
	struct event_base *base;
	struct listener *listeners[2]; /* the second takes any method */
	struct sockaddr_un addresses[2];
	socklen_t address_n[2];
	/* Of this input. */
	unsigned nth;
	struct listener *listener;

	/* The requests that the strict reader found, in wire. */
	struct strict_request expected[REQUESTS_MAX];
	unsigned expected_n;
	unsigned refused_status; /* by the framing machine alone; 0: none */
	const char *refused_why;

	unsigned seen_n;
	unsigned refusals;
	unsigned gone;
	struct conn *held_conn; /* with held_req */
	struct evhttp_request *held_req;
} server;

/* ---- what must happen ---- */

/* From its end on the connection is deaf. conn_dispatch ends every HTTP/1.0
 * connection, "keep-alive" or not. */
static bool is_last(const struct strict_request *rq)
{
	return rq->minor == 0 || !rq->is_keep_alive;
}

/* False when there are more requests than we can hold. */
static bool expect_requests(struct slice wire)
{
	size_t at = 0;

	server.expected_n = 0;
	for (;;) {
		struct strict_request *rq = &server.expected[server.expected_n];

		if (strict_read(slice_sub(wire, at, wire.n), &limits, rq) !=
		    STRICT_WHOLE)
			return true;
		at += rq->bytes;
		server.expected_n++;
		if (is_last(rq))
			return true;
		if (server.expected_n == REQUESTS_MAX)
			return false;
	}
}

static void expect_refusal(struct slice wire)
{
	struct frame f;
	size_t at = 0, used;

	frame_init(&f, &limits);
	server.refused_status = 0;
	server.refused_why = NULL;
	while (at < wire.n) {
		enum frame_event e =
		    frame_feed(&f, slice_sub(wire, at, wire.n), &used);

		at += used;
		if (e == FRAME_REFUSED) {
			server.refused_status = f.status;
			server.refused_why = f.why;
			return;
		}
		/* Nothing behind it is framed. */
		if (e == FRAME_MESSAGE_END && !frame_is_keep_alive(&f))
			return;
	}
}

/* ---- what does happen ---- */

static void check_fields(
    const struct gate_request *rq, const struct strict_request *want)
{
	assert(rq->fields_n == want->fields_n);
	for (size_t i = 0; i < want->fields_n; i++) {
		assert(slice_eq(rq->fields[i].name, want->fields[i].name));
		assert(slice_eq(slice_trim_ows(rq->fields[i].value),
		    want->fields[i].value));
	}
}

/* The gate is a second fence: what it says about the line and the framing the
 * framing machine has said before. */
static void check_gate(const struct gate_request *rq)
{
	static const struct gate_rules rules = {
	    .max_fields = 8, .max_target_bytes = 64};
	static const char *const framing[] = {"invalid byte in a header name",
	    "control byte in a header value",
	    "more than one Content-Length header", "malformed Content-Length",
	    "more than one Transfer-Encoding header",
	    "Transfer-Encoding other than chunked",
	    "both Content-Length and Transfer-Encoding",
	    "Transfer-Encoding in HTTP/1.0", "more than one Host header",
	    "no Host header"};
	struct gate_verdict v = gate_check(rq, &rules);

	assert(v.status == 0 || v.status == 400 || v.status == 415);
	for (size_t i = 0; v.message && i < sizeof(framing) / sizeof(*framing);
	     i++)
		assert(strcmp(v.message, framing[i]) != 0);
}

/* What evhttp takes it for, and what it is. */
static void check_method(
    struct slice given, struct slice own, const struct strict_request *want)
{
	if (own.n == 0) {
		assert(slice_eq(given, want->method));
		return;
	}
	assert(slice_eq(own, want->method));
	assert(slice_eq(given, SLICE("GET")) || slice_eq(given, SLICE("POST")));
	assert(want->body_n == 0 || slice_eq(given, SLICE("POST")));
}

static void check_request(struct conn *c, struct evhttp_request *req,
    const struct strict_request *want)
{
	struct field fields[IDENTITY_FIELDS_MAX];
	struct gate_request rq;

	identity_gate_request(req, fields, &rq);
	check_method(rq.method, conn_method(c), want);
	assert(slice_eq(rq.target, want->target));
	assert(slice_eq(slice_of_str(identity_uri(req)), want->target));
	assert(rq.major == 1 && rq.minor == want->minor);
	check_fields(&rq, want);
	assert(rq.body_n == want->body_n);
	assert(
	    slice_eq(identity_body(req), slice_of(want->body, want->body_n)));
	check_gate(&rq);
}

/* Its number is the reply, so that one in the wrong place is found. */
static void reply(struct conn *c, struct evhttp_request *req, unsigned nth)
{
	char text[64];
	int n = snprintf(text, sizeof(text),
	    "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n%04u", nth);
	struct iovec iov = {text, (size_t)n};

	conn_reply(c, req, &iov, 1);
}

static void on_gone(void *arg)
{
	struct evhttp_request *req = server.held_req;

	(void)arg;
	assert(req);
	server.held_req = NULL;
	server.gone++;
	conn_reply(NULL, req, NULL, 0);
}

static void on_request(struct evhttp_request *req, struct conn *c, void *arg)
{
	unsigned nth = server.seen_n++;

	(void)arg;
	assert(nth < server.expected_n && !server.held_req);
	assert(conn_requests(c) == nth + 1);
	check_request(c, req, &server.expected[nth]);
	if (nth % 2 == 0) {
		reply(c, req, nth);
		return;
	}
	server.held_conn = c;
	server.held_req = req;
	conn_watch(c, req, on_gone, NULL);
}

static void on_refused(
    struct conn *c, unsigned status, const char *why, void *arg)
{
	(void)c;
	(void)arg;
	server.refusals++;
	assert(status == server.refused_status && why == server.refused_why);
}

static void answer_held(void)
{
	struct evhttp_request *req = server.held_req;

	if (!req)
		return;
	server.held_req = NULL;
	reply(server.held_conn, req, server.seen_n - 1);
}

/* Until nothing is left to do: all that is read is there already. */
static void run(void)
{
	event_base_loop(server.base, EVLOOP_NONBLOCK);
}

/* ---- the client ---- */

static void listener_open(unsigned nth)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	struct sockaddr_un *address = &server.addresses[nth];

	assert(fd >= 0);
	options.takes_any_method = nth == 1;
	server.listeners[nth] =
	    listener_new(server.base, &options, on_request, on_refused, NULL);
	assert(server.listeners[nth]);
	/* Of an abstract name that the kernel chooses. */
	address->sun_family = AF_UNIX;
	server.address_n[nth] = sizeof(*address);
	if (bind(fd, (void *)address, sizeof(sa_family_t)) != 0 ||
	    listen(fd, 8) != 0 ||
	    getsockname(fd, (void *)address, &server.address_n[nth]) != 0)
		abort();
	if (evhttp_accept_socket(server.listeners[nth]->http, fd) != 0)
		abort();
}

static void server_open(void)
{
	signal(SIGPIPE, SIG_IGN);
	server.base = event_base_new();
	assert(server.base);
	listener_open(0);
	listener_open(1);
}

static int client_open(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

	if (fd < 0 || connect(fd, (void *)&server.addresses[server.nth],
			  server.address_n[server.nth]) != 0)
		abort();
	return fd;
}

static struct conn *only_connection(void)
{
	struct conn *c = NULL;

	for (int phase = 0; phase < CONN_PHASES && !c; phase++)
		c = TAILQ_FIRST(&server.listener->phase[phase]);
	return c;
}

/* All whole messages were taken; of an unfinished one evhttp has nothing. */
static void check_buffers(void)
{
	struct conn *c = only_connection();

	if (!c || server.held_req)
		return;
	assert(c->accepted == c->answered && c->accepted == server.seen_n);
	if (!c->is_closing)
		assert(evbuffer_get_length(bufferevent_get_input(c->bev)) == 0);
}

/* Sends what lies between the cuts. False when the server hung up. */
static bool send_piece(int fd, struct slice piece)
{
	bool is_open =
	    piece.n == 0 || send(fd, piece.p, piece.n, 0) == (ssize_t)piece.n;

	run();
	check_buffers();
	return is_open;
}

static void send_pieces(int fd, struct slice in)
{
	size_t at = 0;
	bool is_open = true;

	while (is_open && at < in.n) {
		size_t end = slice_find(in, at, (char)CUT);

		answer_held();
		is_open = send_piece(fd, slice_sub(in, at, end));
		at = end + 1;
	}
}

/* ---- the wire ---- */

static bool skip(struct slice *s, const char *text)
{
	struct slice start = slice_of_str(text);

	if (!slice_starts(*s, start))
		return false;
	*s = slice_sub(*s, start.n, s->n);
	return true;
}

static void check_refusal(struct slice got)
{
	char line[32];
	struct slice head, value;
	size_t end = 0;

	snprintf(line, sizeof(line), "HTTP/1.1 %u ", server.refused_status);
	assert(slice_starts(got, slice_of_str(line)));
	while (end < got.n &&
	       !slice_starts(slice_sub(got, end, got.n), SLICE("\r\n\r\n")))
		end++;
	assert(end < got.n);
	head = slice_sub(got, slice_find(got, 0, '\n') + 1, end + 2);
	assert(field_find(head, SLICE("connection"), &value) &&
	       slice_eq(value, SLICE("close")));
	snprintf(line, sizeof(line), "%zu", got.n - end - 4);
	assert(field_find(head, SLICE("content-length"), &value) &&
	       slice_eq(value, slice_of_str(line)));
}

/* A reply that says "close" (HTTP/1.0) may still be followed by a refusal of
 * what was framed before that reply was made. */
static void check_wire(struct slice got, bool has_ended)
{
	char text[16];
	bool is_after_last = server.expected_n > 0 &&
			     is_last(&server.expected[server.expected_n - 1]);

	for (unsigned i = 0; i < server.expected_n; i++) {
		skip(&got, "HTTP/1.1 100 Continue\r\n\r\n");
		snprintf(text, sizeof(text), "%04u", i);
		assert(
		    skip(&got, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n"));
		assert(skip(&got, text));
	}
	if (!is_after_last)
		skip(&got, "HTTP/1.1 100 Continue\r\n\r\n");
	if (got.n > 0 || (server.refused_status && !is_after_last))
		check_refusal(got);
	assert(has_ended == (server.refused_status != 0 || is_after_last));
}

static void read_wire(int fd)
{
	static char got[INPUT_MAX];
	ssize_t n, total = 0;

	while ((n = recv(fd, got + total, sizeof(got) - (size_t)total, 0)) > 0)
		total += n;
	check_wire(slice_of(got, (size_t)total), n == 0);
}

/* ---- */

static void client_run(struct slice in)
{
	bool is_leaving = in.n > 0 && in.p[in.n - 1] == (char)CUT;
	int fd = client_open();

	run();
	server.seen_n = server.refusals = server.gone = 0;
	send_pieces(fd, in);
	while (server.held_req && !is_leaving) {
		answer_held();
		run();
	}
	is_leaving = server.held_req != NULL;
	if (!is_leaving) {
		check_buffers();
		assert(server.seen_n == server.expected_n);
		read_wire(fd);
	}
	close(fd);
	run();
	assert(!server.held_req && server.gone == is_leaving);
	assert(listener_connections(server.listener) == 0);
	assert(server.listener->held == 0 && budget_used(&bodies) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static char wire[INPUT_MAX];
	size_t wire_n = 0;

	if (n > sizeof(wire))
		return 0;
	if (!server.base)
		server_open();
	server.nth = n > 0 && data[0] == ANY_METHOD;
	server.listener = server.listeners[server.nth];
	limits.takes_any_method = server.nth == 1;
	data += server.nth;
	n -= server.nth;
	for (size_t i = 0; i < n; i++)
		if (data[i] != CUT)
			wire[wire_n++] = (char)data[i];
	if (!expect_requests(slice_of(wire, wire_n)) ||
	    (server.nth == 1 && server.expected_n > CONN_EXTENSIONS_MAX))
		return 0;
	expect_refusal(slice_of(wire, wire_n));
	client_run(slice_of((const char *)data, n));
	return 0;
}
