#include "origin/transfer_attempt.h"

#include "base/clock.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

enum {
	/* Below the idle time after which front ends of clouds hang up. */
	MAX_IDLE_SAFE_S = 50,
	/*
	 * A connection that the upstream closes at the moment a write goes out
	 * makes the outcome of the write unknown. Upstreams close after some
	 * idle time, the shortest in wide use being the 5 s of Node's server,
	 * so writes take connections idle for less than 2 s. libcurl compares
	 * whole seconds with ">" (7.88.1 conn_maxage): 1 allows up to 1.999 s.
	 */
	MAX_IDLE_WRITE_S = 1
};

/* ---- callbacks ---- */

static bool has_body(const struct transfer_attempt *a)
{
	unsigned status = a->head.status;

	return !a->order->is_head && status != 204 && status != 304;
}

static size_t on_head(char *p, size_t size, size_t n, void *arg)
{
	struct transfer_attempt *a = arg;

	bool was_done = upstream_is_done(&a->head);

	if (!upstream_feed(&a->head, slice_of(p, size * n)))
		return 0;
	if (a->outlet && !was_done && upstream_is_done(&a->head))
		a->outlet->head(a->private);
	return size * n;
}

static size_t pass_on(struct transfer_attempt *a, struct slice bytes)
{
	if (!a->outlet->data(a->private, bytes)) {
		a->is_paused = true;
		return CURL_WRITEFUNC_PAUSE;
	}
	a->body_n += bytes.n;
	return bytes.n;
}

static size_t on_body(char *p, size_t size, size_t n, void *arg)
{
	struct transfer_attempt *a = arg;

	n *= size;
	if (a->outlet)
		return pass_on(a, slice_of(p, n));
	if (n > a->body.max - a->body.n ||
	    (a->head.has_length && a->head.length > a->body.max)) {
		a->is_over = true;
		return CURL_WRITEFUNC_ERROR;
	}
	buf_add(&a->body, p, n);
	if (a->body.has_failed) {
		a->is_short = true;
		return CURL_WRITEFUNC_ERROR;
	}
	a->body_n += n;
	return n;
}

static curl_socket_t on_dial(
    void *arg, curlsocktype purpose, struct curl_sockaddr *to)
{
	struct transfer_attempt *a = arg;
	int fd = socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);

	(void)purpose;
	a->has_dialed = true;
	if (fd >= 0)
		return fd;
	/* Not for an address family that this host lacks. */
	if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS ||
	    errno == ENOMEM)
		a->is_short = true;
	return CURL_SOCKET_BAD;
}

bool transfer_attempt_has_left(const struct transfer_attempt *a)
{
	long head_bytes = 0;

	if (!a->trace.is_begun)
		return false;
	if (transfer_trace_has_left(&a->trace))
		return true;
	/* Counts the first piece only, but in every version of libcurl. */
	if (a->easy)
		curl_easy_getinfo(a->easy, CURLINFO_REQUEST_SIZE, &head_bytes);
	return head_bytes > 0;
}

static void copy_ip(struct transfer_attempt *a, const char *ip)
{
	size_t n = strlen(ip);

	if (n >= sizeof(a->local_ip))
		n = 0;
	memcpy(a->local_ip, ip, n);
	a->local_ip[n] = '\0';
}

/* The send guard. */
static int on_send(
    void *arg, char *peer_ip, char *local_ip, int peer_port, int local_port)
{
	struct transfer_attempt *a = arg;

	(void)peer_ip;
	(void)peer_port;
	/* After a call that nothing came of (the connection had died before it
	 * took a byte) this is the first sending still. */
	if (transfer_attempt_has_left(a)) {
		a->is_stopped = true;
		return CURL_PREREQFUNC_ABORT;
	}
	transfer_trace_reset(&a->trace);
	a->trace.is_begun = true;
	a->is_reused = !a->has_dialed;
	if (a->has_dialed)
		a->connected_us = clock_mono_us();
	copy_ip(a, local_ip);
	a->local_port = local_port;
	return CURL_PREREQFUNC_OK;
}

static bool share_connection(
    const struct transfer_attempt *a, const struct transfer_attempt *b)
{
	return a->trace.is_begun && b->trace.is_begun &&
	       a->local_port == b->local_port && a->local_port != 0 &&
	       strcmp(a->local_ip, b->local_ip) == 0;
}

/* libcurl tells only the transfer that happened to read the frame. */
static void tell_goaway(struct transfer_attempt *a, uint32_t last)
{
	for (struct transfer_attempt *b = a->site->first; b; b = b->next)
		if (share_connection(a, b))
			transfer_trace_goaway(&b->trace, last);
}

static int on_trace(
    CURL *easy, curl_infotype type, char *p, size_t n, void *arg)
{
	struct transfer_attempt *a = arg;
	uint32_t last;

	(void)easy;
	if (!a->trace.is_begun)
		return 0;
	if (type == CURLINFO_HEADER_OUT || type == CURLINFO_DATA_OUT)
		a->trace.bytes_out += n;
	else if (type == CURLINFO_TEXT && a->site->can_trace &&
		 transfer_trace_feed(&a->trace, slice_of(p, n), &last))
		tell_goaway(a, last);
	return 0;
}

/* ---- options ---- */

#define SET(option, value) \
	(curl_easy_setopt(a->easy, option, value) == CURLE_OK)

static bool set_callbacks(struct transfer_attempt *a, void *private)
{
	return SET(CURLOPT_PRIVATE, private) &&
	       SET(CURLOPT_ERRORBUFFER, a->error) &&
	       SET(CURLOPT_HEADERFUNCTION, on_head) &&
	       SET(CURLOPT_HEADERDATA, a) &&
	       SET(CURLOPT_WRITEFUNCTION, on_body) &&
	       SET(CURLOPT_WRITEDATA, a) &&
	       SET(CURLOPT_OPENSOCKETFUNCTION, on_dial) &&
	       SET(CURLOPT_OPENSOCKETDATA, a) &&
	       SET(CURLOPT_PREREQFUNCTION, on_send) &&
	       SET(CURLOPT_PREREQDATA, a) &&
	       SET(CURLOPT_DEBUGFUNCTION, on_trace) &&
	       SET(CURLOPT_DEBUGDATA, a) && SET(CURLOPT_VERBOSE, 1L);
}

/* Where to, and nowhere else: no proxy from the environment, no redirect, no
 * other protocol, no unverified peer. */
static bool set_route(struct transfer_attempt *a, bool is_fresh)
{
	const struct transfer_site *site = a->site;
	const char *scheme = site->is_tls ? "https" : "http";

	return SET(CURLOPT_URL, site->url) &&
	       SET(CURLOPT_PROTOCOLS_STR, scheme) &&
	       SET(CURLOPT_REDIR_PROTOCOLS_STR, scheme) &&
	       SET(CURLOPT_FOLLOWLOCATION, 0L) && SET(CURLOPT_PROXY, "") &&
	       SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED) &&
	       SET(CURLOPT_RESOLVE, a->resolve) &&
	       SET(CURLOPT_CONNECTTIMEOUT_MS,
		   (long)site->terms.connect_timeout_ms) &&
	       SET(CURLOPT_NOSIGNAL, 1L) &&
	       /* Should libcurl look a name up after all: do not join the
		* thread that does (7.88.1 multi_done would, and stall the
		* loop). */
	       SET(CURLOPT_QUICK_EXIT, 1L) && SET(CURLOPT_TCP_KEEPALIVE, 1L) &&
	       SET(CURLOPT_TCP_NODELAY, 1L) &&
	       SET(CURLOPT_FRESH_CONNECT, is_fresh ? 1L : 0L) &&
	       SET(CURLOPT_MAXAGE_CONN, a->order->is_safe
					    ? (long)MAX_IDLE_SAFE_S
					    : (long)MAX_IDLE_WRITE_S) &&
	       SET(CURLOPT_SSL_VERIFYPEER, 1L) &&
	       SET(CURLOPT_SSL_VERIFYHOST, 2L) &&
	       SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) &&
	       (!site->ca_file || SET(CURLOPT_CAINFO, site->ca_file));
}

/*
 * CURLOPT_BUFFERSIZE is left alone: 7.88.1 refuses it on a handle whose last
 * transfer shared its HTTP/2 connection, since it then keeps the old buffer
 * (multi_done returns early). The default holds a TLS record.
 */
static bool set_http(struct transfer_attempt *a)
{
	long version = a->site->is_tls && !a->outlet
			   ? (long)CURL_HTTP_VERSION_2TLS
			   : (long)CURL_HTTP_VERSION_1_1;

	return SET(CURLOPT_HTTP_VERSION, version) &&
	       /* Else a cold start opens a connection per transfer. */
	       SET(CURLOPT_PIPEWAIT, 1L) && SET(CURLOPT_HTTP09_ALLOWED, 0L) &&
	       /* Bodies pass as they are; no Accept-Encoding is sent. */
	       SET(CURLOPT_HTTP_CONTENT_DECODING, 0L) &&
	       SET(CURLOPT_USERAGENT, a->site->terms.user_agent);
}

/*
 * The target goes by CURLOPT_REQUEST_TARGET: it is sent byte for byte and
 * never meets a URL parser, so nothing in it can become a host.
 */
static bool set_request(struct transfer_attempt *a)
{
	const struct transfer_order *o = a->order;
	bool is_ok = SET(CURLOPT_REQUEST_TARGET, o->target) &&
		     SET(CURLOPT_PATH_AS_IS, 1L) &&
		     SET(CURLOPT_HTTPHEADER, o->fields);

	/* HEAD as a CUSTOMREQUEST would wait for a body. */
	if (o->is_head)
		return is_ok && SET(CURLOPT_NOBODY, 1L);
	/* From memory, so that nothing has to be rewound. */
	if (o->has_body)
		is_ok =
		    is_ok && SET(CURLOPT_POST, 1L) &&
		    SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)o->body.n) &&
		    SET(CURLOPT_POSTFIELDS, o->body.n > 0 ? o->body.p : "");
	else
		is_ok = is_ok && SET(CURLOPT_HTTPGET, 1L);
	return is_ok && SET(CURLOPT_CUSTOMREQUEST, o->method);
}

/* All options, for a handle that was reset. */
static bool set_options(
    struct transfer_attempt *a, bool is_fresh, void *private)
{
	return set_callbacks(a, private) && set_route(a, is_fresh) &&
	       set_http(a) && set_request(a);
}

/* ---- life ---- */

void transfer_attempt_init(struct transfer_attempt *a,
    struct transfer_site *site, const struct transfer_order *order)
{
	*a = (struct transfer_attempt){.site = site, .order = order};
	upstream_init(&a->head);
	buf_init(&a->body, site->max_body_bytes);
}

void transfer_attempt_fini(struct transfer_attempt *a)
{
	assert(!a->easy);
	upstream_fini(&a->head);
	buf_fini(&a->body);
}

static void forget(struct transfer_attempt *a)
{
	upstream_reset(&a->head);
	buf_reset(&a->body);
	transfer_trace_reset(&a->trace);
	a->local_ip[0] = '\0';
	a->local_port = 0;
	a->connected_us = 0;
	a->has_dialed = false;
	a->is_stopped = false;
	a->is_short = false;
	a->is_over = false;
	a->is_paused = false;
	a->body_n = 0;
	a->is_reused = false;
	a->error[0] = '\0';
}

static void enlist(struct transfer_attempt *a)
{
	a->previous = NULL;
	a->next = a->site->first;
	if (a->next)
		a->next->previous = a;
	a->site->first = a;
}

static void delist(struct transfer_attempt *a)
{
	if (a->next)
		a->next->previous = a->previous;
	if (a->previous)
		a->previous->next = a->next;
	else
		a->site->first = a->next;
}

bool transfer_attempt_begin(
    struct transfer_attempt *a, CURL *easy, bool is_fresh, void *private)
{
	assert(!a->easy);
	forget(a);
	a->easy = easy;
	a->private = private;
	enlist(a);
	if (a->site->resolve) {
		a->resolve = curl_slist_append(NULL, a->site->resolve);
		if (!a->resolve)
			return false;
	}
	return set_options(a, is_fresh, private);
}

CURL *transfer_attempt_end(struct transfer_attempt *a)
{
	CURL *easy = a->easy;

	assert(easy);
	delist(a);
	a->easy = NULL;
	/* Before the list that it points to goes. */
	curl_easy_setopt(easy, CURLOPT_RESOLVE, NULL);
	curl_slist_free_all(a->resolve);
	a->resolve = NULL;
	return easy;
}

void transfer_attempt_resume(struct transfer_attempt *a)
{
	assert(a->easy && a->is_paused);
	/* First: what libcurl kept may find no room either. */
	a->is_paused = false;
	curl_easy_pause(a->easy, CURLPAUSE_CONT);
}

/* ---- what it came to ---- */

static bool is_body_cut(const struct transfer_attempt *a)
{
	return has_body(a) && a->head.has_length && !a->head.is_chunked &&
	       a->head.length != a->body_n;
}

static long verify_result(const struct transfer_attempt *a)
{
	long result = 0;

	curl_easy_getinfo(a->easy, CURLINFO_SSL_VERIFYRESULT, &result);
	return result;
}

struct transfer_verdict transfer_attempt_judge(
    const struct transfer_attempt *a, CURLcode code, bool is_expired)
{
	struct transfer_evidence e = {
	    .code = (int)code,
	    .verify_result = verify_result(a),
	    .is_expired = is_expired,
	    .has_dialed = a->has_dialed,
	    .has_left = transfer_attempt_has_left(a),
	    .is_unprocessed = transfer_trace_is_unprocessed(&a->trace),
	    .is_stopped = a->is_stopped,
	    .is_short = a->is_short,
	    .is_over = a->is_over,
	    .is_head_bad = a->head.phase == UPSTREAM_FAILED,
	    .is_head_done = upstream_is_done(&a->head),
	    .is_body_cut = is_body_cut(a),
	};

	return transfer_judge(&e);
}

bool transfer_attempt_may_repeat(
    const struct transfer_attempt *a, const struct transfer_verdict *v)
{
	switch (v->cause) {
	case TRANSFER_CAUSE_RESEND:
	case TRANSFER_CAUSE_REFUSED:
		return true;
	case TRANSFER_CAUSE_RESET:
		/* An HTTP/2 connection that died: libcurl does not call all of
		 * its ways to die a reason to send again. */
		return a->is_reused && a->head.phase == UPSTREAM_START;
	default:
		return false;
	}
}

bool transfer_attempt_is_close_delimited(const struct transfer_attempt *a)
{
	if (!upstream_is_delimited(&a->head, has_body(a)))
		return true;
	return a->trace.has_goaway && has_body(a) && !a->head.has_length;
}
