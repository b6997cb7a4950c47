/*
 * A front without anything behind it, for tests/system/test_gate.py: it runs a
 * listener and answers each request that gets through with what it saw.
 *
 *	front_harness [NAME=VALUE ...]    see set_option() below
 *
 * Prints "ready PORT". SIGTERM drains and ends with 0.
 *
 *	/h/echo          any other path does the same
 *	/h/delay?MS      answers after MS, watching for the client to leave
 *	/h/big?BYTES     a body of that size
 *	/h/close         asks for a close after the reply
 *	/h/counts        what was seen so far; not counted itself
 */
#include "front/conn.h"

#include "base/buf.h"
#include "base/num.h"
#include "http/error.h"
#include "http/gate.h"

#include <assert.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/http_struct.h>
#include <event2/keyvalq_struct.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#define FIELDS_MAX 100
/* After SIGTERM. */
#define IDLE_GRACE_MS 50
#define DRAIN_MS 1500

struct harness {
	struct event_base *base;
	struct listener *listener;
	struct event *on_term;
	struct event *drain;
	unsigned drain_ms;
	unsigned seen, gone, refused, waiting;
	unsigned last_refused;
};

/* A request that is answered later. */
struct wait {
	struct harness *h;
	struct conn *c; /* NULL once the client left */
	struct evhttp_request *req;
	struct event *timer;
};

/* No limit unless one is given. */
static struct budget bodies = {.max = SIZE_MAX};

static struct listener_options options = {
    .bodies = &bodies,
    .max_target_bytes = 8192,
    .max_header_bytes = 16384,
    .max_fields = 64,
    .max_body_bytes = 1024 * 1024,
    .max_connections = 2000,
    .idle_timeout_ms = 60000,
    .header_timeout_ms = 10000,
    .body_timeout_ms = 10000,
    .write_timeout_ms = 10000,
    .is_direct_write = true,
};

static void must(bool is_ok, const char *what)
{
	if (is_ok)
		return;
	fprintf(stderr, "front_harness: %s\n", what);
	exit(2);
}

static bool set_option(struct slice name, uint64_t v)
{
	struct {
		const char *name;
		int64_t *ms;
	} times[] = {{"idle_ms", &options.idle_timeout_ms},
	    {"header_ms", &options.header_timeout_ms},
	    {"body_ms", &options.body_timeout_ms},
	    {"write_ms", &options.write_timeout_ms}};
	struct {
		const char *name;
		size_t *bytes;
	} sizes[] = {{"max_body", &options.max_body_bytes},
	    {"max_partial", &bodies.max},
	    {"max_unsent", &options.max_unsent_bytes}};
	size_t i;

	for (i = 0; i < sizeof(times) / sizeof(*times); i++) {
		if (slice_eq(name, slice_of_str(times[i].name))) {
			*times[i].ms = (int64_t)v;
			return true;
		}
	}
	for (i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		if (slice_eq(name, slice_of_str(sizes[i].name))) {
			*sizes[i].bytes = v;
			return true;
		}
	}
	if (slice_eq(name, SLICE("max_connections")))
		options.max_connections = (unsigned)v;
	else if (slice_eq(name, SLICE("direct")))
		options.is_direct_write = v != 0;
	else
		return false;
	return true;
}

static void read_options(int argc, char **argv)
{
	uint64_t v;
	int i;

	for (i = 1; i < argc; i++) {
		struct slice arg = slice_of_str(argv[i]);
		size_t eq = slice_find(arg, 0, '=');

		must(num_parse_u64(
			 slice_sub(arg, eq + 1, arg.n), 0, INT32_MAX, &v) &&
			 set_option(slice_sub(arg, 0, eq), v),
		    argv[i]);
	}
}

static const char *method_name(const struct evhttp_request *req)
{
	switch (req->type) {
	case EVHTTP_REQ_GET:
		return "GET";
	case EVHTTP_REQ_HEAD:
		return "HEAD";
	case EVHTTP_REQ_POST:
		return "POST";
	case EVHTTP_REQ_PUT:
		return "PUT";
	case EVHTTP_REQ_PATCH:
		return "PATCH";
	case EVHTTP_REQ_DELETE:
		return "DELETE";
	case EVHTTP_REQ_OPTIONS:
		return "OPTIONS";
	default:
		return "?";
	}
}

static void reply(struct conn *c, struct evhttp_request *req, unsigned status,
    struct slice body)
{
	struct iovec iov[2];
	struct buf head;

	if (c == NULL) {
		conn_reply(NULL, req, NULL, 0);
		return;
	}
	buf_init(&head, 1024);
	buf_printf(&head,
	    "HTTP/1.1 %u %s\r\nContent-Type: application/json\r\n"
	    "Content-Length: %zu\r\n%s\r\n",
	    status, http_reason(status), body.n,
	    conn_must_close(c) ? "Connection: close\r\n" : "");
	must(!head.has_failed, "out of memory");
	iov[0] = (struct iovec){head.p, head.n};
	iov[1] = (struct iovec){(char *)(uintptr_t)body.p, body.n};
	conn_reply(c, req, iov, req->type == EVHTTP_REQ_HEAD ? 1 : 2);
	buf_fini(&head);
}

static struct gate_verdict judge(const struct evhttp_request *req)
{
	struct field fields[FIELDS_MAX];
	const struct gate_rules rules = {.max_fields = options.max_fields,
	    .max_target_bytes = options.max_target_bytes};
	struct gate_request rq = {.method = slice_of_str(method_name(req)),
	    .target = slice_of_str(req->uri),
	    .major = (unsigned)req->major,
	    .minor = (unsigned)req->minor,
	    .fields = fields,
	    .body_n = evbuffer_get_length(req->input_buffer)};
	struct evkeyval *kv;

	for (kv = req->input_headers->tqh_first; kv != NULL;
	     kv = kv->next.tqe_next) {
		must(rq.fields_n < FIELDS_MAX, "more fields than framed");
		fields[rq.fields_n++] = (struct field){
		    slice_of_str(kv->key), slice_of_str(kv->value)};
	}
	return gate_check(&rq, &rules);
}

static void reply_echo(struct conn *c, struct evhttp_request *req)
{
	struct evkeyval *kv;
	struct buf body;
	unsigned fields = 0;

	for (kv = req->input_headers->tqh_first; kv != NULL;
	     kv = kv->next.tqe_next)
		fields++;
	buf_init(&body, 65536);
	buf_printf(&body, "{\"method\":\"%s\",\"uri\":", method_name(req));
	buf_add_json_string(&body, slice_of_str(req->uri));
	buf_printf(&body, ",\"fields\":%u,\"body\":%zu,\"nth\":%u}", fields,
	    evbuffer_get_length(req->input_buffer),
	    c == NULL ? 0 : conn_requests(c));
	must(!body.has_failed, "out of memory");
	reply(c, req, 200, buf_slice(&body));
	buf_fini(&body);
}

static void reply_counts(
    struct harness *h, struct conn *c, struct evhttp_request *req)
{
	struct buf body;

	buf_init(&body, 4096);
	buf_printf(&body,
	    "{\"seen\":%u,\"gone\":%u,\"refused\":%u,\"last_refused\":%u,"
	    "\"waiting\":%u,\"connections\":%u,\"peer\":\"%s\","
	    "\"loopback\":%s}",
	    h->seen, h->gone, h->refused, h->last_refused, h->waiting,
	    listener_connections(h->listener), conn_peer(c),
	    conn_is_loopback(c) ? "true" : "false");
	reply(c, req, 200, buf_slice(&body));
	buf_fini(&body);
}

static void reply_big(struct conn *c, struct evhttp_request *req, uint64_t n)
{
	char *body = malloc(n + 1);

	must(body != NULL, "out of memory");
	memset(body, 'x', n);
	reply(c, req, 200, slice_of(body, n));
	free(body);
}

static void wait_done(evutil_socket_t fd, short what, void *arg)
{
	struct wait *w = arg;

	(void)fd;
	(void)what;
	w->h->waiting--;
	reply_echo(w->c, w->req);
	event_free(w->timer);
	free(w);
}

static void wait_gone(void *arg)
{
	struct wait *w = arg;

	w->h->gone++;
	w->c = NULL;
	wait_done(-1, 0, w);
}

static void wait_begin(
    struct harness *h, struct conn *c, struct evhttp_request *req, uint64_t ms)
{
	struct wait *w = calloc(1, sizeof(*w));
	struct timeval tv = {.tv_sec = (time_t)(ms / 1000),
	    .tv_usec = (suseconds_t)(ms % 1000 * 1000)};

	must(w != NULL, "out of memory");
	*w = (struct wait){.h = h, .c = c, .req = req};
	w->timer = evtimer_new(h->base, wait_done, w);
	must(w->timer != NULL, "out of memory");
	evtimer_add(w->timer, &tv);
	h->waiting++;
	conn_watch(c, req, wait_gone, w);
}

static void on_request(struct evhttp_request *req, struct conn *c, void *arg)
{
	struct harness *h = arg;
	struct slice uri = slice_of_str(req->uri);
	size_t mark = slice_find(uri, 0, '?');
	struct slice path = slice_sub(uri, 0, mark);
	struct gate_verdict verdict = judge(req);
	uint64_t n = 0;

	num_parse_u64(slice_sub(uri, mark + 1, uri.n), 0, INT32_MAX, &n);
	if (verdict.status != 0) {
		h->refused++;
		h->last_refused = verdict.status;
		if (verdict.must_close)
			conn_close_after(c);
		reply(c, req, verdict.status, SLICE("{}"));
		return;
	}
	if (slice_eq(path, SLICE("/h/counts"))) {
		reply_counts(h, c, req);
		return;
	}
	h->seen++;
	if (slice_eq(path, SLICE("/h/close")))
		conn_close_after(c);
	if (slice_eq(path, SLICE("/h/big")))
		reply_big(c, req, n);
	else if (slice_eq(path, SLICE("/h/delay")))
		wait_begin(h, c, req, n);
	else
		reply_echo(c, req);
}

static void on_refused(
    struct conn *c, unsigned status, const char *why, void *arg)
{
	struct harness *h = arg;

	(void)c;
	(void)why;
	h->refused++;
	h->last_refused = status;
}

/* Every 10 ms after SIGTERM: ends the loop when all is answered. */
static void on_drain(evutil_socket_t fd, short what, void *arg)
{
	struct harness *h = arg;
	struct timeval tv = {.tv_usec = 10000};

	(void)fd;
	(void)what;
	h->drain_ms += 10;
	if (h->drain_ms > IDLE_GRACE_MS)
		listener_drop_idle(h->listener);
	if (h->waiting == 0 &&
	    (listener_has_drained(h->listener) || h->drain_ms > DRAIN_MS))
		event_base_loopbreak(h->base);
	else
		evtimer_add(h->drain, &tv);
}

static void on_term(evutil_socket_t fd, short what, void *arg)
{
	struct harness *h = arg;

	listener_drain(h->listener);
	on_drain(fd, what, h);
}

static void harness_run(struct harness *h)
{
	char *why = NULL;
	uint16_t port = 0;

	h->listener =
	    listener_new(h->base, &options, on_request, on_refused, h);
	must(h->listener != NULL, "listener");
	if (!listener_bind(h->listener, "127.0.0.1", 0, "", &port, &why))
		must(false, why);
	must(listener_port_is_taken("127.0.0.1", port), "probe is blind");
	printf("ready %u\n", (unsigned)port);
	fflush(stdout);
	event_base_dispatch(h->base);
	listener_free(h->listener);
}

int main(int argc, char **argv)
{
	struct event_config *config = event_config_new();
	struct harness h = {0};

	read_options(argc, argv);
	signal(SIGPIPE, SIG_IGN);
	must(config != NULL, "event config");
	event_config_set_flag(config,
	    EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST | EVENT_BASE_FLAG_NOLOCK);
	h.base = event_base_new_with_config(config);
	event_config_free(config);
	must(h.base != NULL, "event base");
	h.on_term = evsignal_new(h.base, SIGTERM, on_term, &h);
	h.drain = evtimer_new(h.base, on_drain, &h);
	must(h.on_term != NULL && h.drain != NULL, "events");
	evsignal_add(h.on_term, NULL);
	harness_run(&h);
	event_free(h.on_term);
	event_free(h.drain);
	event_base_free(h.base);
	libevent_global_shutdown();
	return 0;
}
