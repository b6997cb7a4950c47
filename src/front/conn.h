/*
 * A client connection below evhttp: the framing machine that sees every byte
 * first, absolute deadlines, the direct write of a prepared reply, and word of
 * clients that leave while we wait for the upstream. All unusual use of
 * libevent (stack quirks of 2.1.12) is behind these functions.
 *
 * One struct listener per front thread: event base, evhttp, sockets, the
 * connections. Front thread only.
 */
#ifndef FRONT_CONN_H
#define FRONT_CONN_H

#include "base/addr.h"
#include "base/buf.h"
#include "base/budget.h"
#include "base/slice.h"

#include <stdint.h>
#include <sys/uio.h>

struct event_base;
struct evhttp_request;
struct listener;
struct conn;

struct listener_options {
	size_t max_target_bytes;
	size_t max_header_bytes; /* request line and fields together */
	size_t max_body_bytes;
	unsigned max_fields;
	unsigned max_connections;
	/* 0: none. */
	int64_t idle_timeout_ms; /* keep-alive, between requests */
	int64_t header_timeout_ms; /* absolute, first byte to end of fields */
	int64_t body_timeout_ms; /* absolute, end of fields to end of body */
	int64_t write_timeout_ms; /* without progress while replying */
	/* Of replies that wait for their clients to read, all connections of
	 * this listener together; 0: no limit. Beyond it connections are reset,
	 * those first that took nothing for longest. */
	size_t max_unsent_bytes;
	/*
	 * Bytes of messages that did not come in one piece, from their arrival
	 * until they are answered, of all listeners that share it; NULL: no
	 * limit. Beyond it messages are refused with 503.
	 */
	struct budget *bodies;
	bool is_direct_write;
	bool takes_any_method; /* see conn_method */
};

/*
 * A request whose framing was accepted and that evhttp parsed. Its on_complete
 * callback and the close callback of its connection are taken, and nothing but
 * conn_reply may answer it.
 */
typedef void (*listener_request)(
    struct evhttp_request *req, struct conn *c, void *arg);
/* A message that was refused below evhttp; for counters and the log. */
typedef void (*listener_refused)(
    struct conn *c, unsigned status, const char *why, void *arg);

/*
 * The base must be used by one thread only, and outlive the listener. The
 * process must ignore SIGPIPE (libevent writes without MSG_NOSIGNAL).
 * on_refused may be NULL; it must not touch the connection beyond reading it.
 * Returns NULL when memory is exhausted.
 */
struct listener *listener_new(struct event_base *base,
    const struct listener_options *o, listener_request on_request,
    listener_refused on_refused, void *arg);
/*
 * Takes over what may change while it runs: the time-outs, max_connections and
 * is_direct_write; the rest of o is not looked at. Holds for connections that
 * are open, too: what is overdue by a shorter time-out ends soon.
 */
void listener_follow(struct listener *l, const struct listener_options *o);
/*
 * True when a socket listens there, of this process or of another one: shared
 * ports would let a second daemon of the same user in without a word. To be
 * asked once, before the first listener_bind of that port.
 */
bool listener_port_is_taken(const char *host, uint16_t port);
/*
 * Binds a shared-port TCP socket; one for IPv6 takes IPv6 only. host is a name
 * or an address without brackets; names are resolved, so this may block. port
 * 0 takes a free port; port_out gets the real one. Connections that come by
 * this socket say name (copied). Returns false with a message in why (caller
 * frees).
 */
bool listener_bind(struct listener *l, const char *host, uint16_t port,
    const char *name, uint16_t *port_out, char **why);
/*
 * NULL when fd, inherited from a service manager, is a listening TCP or unix
 * stream socket, else what is wrong with it. name gets its address for people,
 * is_local whether only this machine can reach it.
 */
const char *listener_inherited_fault(int fd, struct buf *name, bool *is_local);
/*
 * Accepts from a socket that listens already, which other listeners may do as
 * well, and other processes if it is inherited. fd stays the caller's; the
 * open socket behind it becomes non-blocking. name and why as above.
 */
bool listener_adopt(struct listener *l, int fd, const char *name,
    bool is_inherited, char **why);
/*
 * False with a libevent that ends the process when a client of a unix socket
 * has a long address of its own (CVE-2026-63388); listener_adopt then refuses
 * unix sockets.
 */
bool listener_may_use_unix(void);
/*
 * Stops accepting: at once from inherited sockets, whose queues wait for the
 * next process; from our own after what is queued there was accepted, because
 * closing them resets it. Later replies are followed by a close. Once.
 */
void listener_drain(struct listener *l);
/*
 * After listener_drain: closes connections that wait for a request, unless
 * one has arrived that was not read yet. May be called again.
 */
void listener_drop_idle(struct listener *l);
/* Drained: accepts no more, and no connection is left. */
bool listener_has_drained(const struct listener *l);
unsigned listener_connections(const struct listener *l);
/*
 * Closes all connections and frees the listener. No request may be held by
 * the caller. Not from inside a callback of this listener: it runs the loop a
 * few times without blocking, because libevent finalises bufferevents there.
 * l may be NULL.
 */
void listener_free(struct listener *l);

/*
 * A struct conn stays valid until the request it came with is answered, or
 * until on_gone of conn_watch was called. Whoever holds a request across loop
 * turns must watch it: without that nothing tells that the client left.
 */

/* Address of the peer as text, without port, or "unix"; valid with the
 * connection. */
const char *conn_peer(const struct conn *c);
/* The same as an address; NULL for a peer of a unix socket. */
const struct addr *conn_address(const struct conn *c);
bool conn_is_loopback(const struct conn *c);
bool conn_is_unix(const struct conn *c);
/* Name of the socket it came by; "" when that cannot be told. */
const char *conn_listener_name(const struct conn *c);
/* Requests this connection has delivered, the present one included. */
unsigned conn_requests(const struct conn *c);
/* The reply will be followed by a close: drain, HTTP/1.0, refusal, client's
 * Connection: close. The caller puts "Connection: close" into the head iff
 * this says so at the time of conn_reply. */
bool conn_must_close(const struct conn *c);
/* After this reply the connection closes. */
void conn_close_after(struct conn *c);

/*
 * The method of the request that was given to the caller last, if evhttp knows
 * it under another name; else empty. Borrowed until the reply.
 */
struct slice conn_method(const struct conn *c);
/*
 * While the upstream is asked: watches for the client leaving. on_gone is
 * called at most once, never from inside this call; c is invalid after it.
 * evhttp keeps the request, which must still be finished with
 * conn_reply(NULL, req, NULL, 0), from inside on_gone or later. What the client
 * pipelines meanwhile is kept and served afterwards. A client that shuts down
 * only its sending side counts as gone (TCP cannot tell the difference). Who
 * pipelines more than 64 KiB is not heard leaving before the reply is written.
 */
void conn_watch(struct conn *c, struct evhttp_request *req,
    void (*on_gone)(void *arg), void *arg);

/*
 * Sends a whole reply: status line, fields, blank line and body, as they are
 * in iov, and ends the request and the watch. Bytes are consumed before the
 * call returns (what the socket does not take is copied), so iov may point
 * into an open LMDB transaction. req is gone afterwards, and c must not be
 * used any more. The caller gives no body for HEAD, 204 and 304. c is NULL,
 * and iov not looked at, when the client left.
 */
void conn_reply(struct conn *c, struct evhttp_request *req,
    const struct iovec *iov, int iov_n);

/*
 * The same piece by piece: conn_stream_begin, conn_stream_add as often as there
 * is something, conn_stream_end. The request must be watched, and stays so:
 * when on_gone is called none of these may be called any more. The write
 * deadline runs while the client takes nothing of what there is for it, never
 * while there is nothing.
 */

/* The client understands chunks (HTTP/1.1). */
bool conn_may_chunk(const struct evhttp_request *req);
/* Status line, fields and blank line, consumed as by conn_reply. is_chunked:
 * the head says so, and each piece becomes a chunk. */
void conn_stream_begin(struct conn *c, struct evhttp_request *req,
    const struct iovec *iov, int iov_n, bool is_chunked);

typedef void (*conn_release)(const void *p, size_t n, void *arg);

/*
 * n bytes at p, not 0, are lent until release, which is called once: when they
 * are in the socket, or the connection ended; also from inside this call. It
 * may not call anything of the connection.
 */
void conn_stream_add(
    struct conn *c, const void *p, size_t n, conn_release release, void *arg);

enum conn_stream_ending {
	CONN_STREAM_WHOLE,
	/* Bytes are missing, which the client must see: it closes without an
	 * end of chunks, or before its Content-Length */
	CONN_STREAM_SHORT,
	/* or, where neither was given, with a reset. */
	CONN_STREAM_SHORT_OF_CLOSE
};

/* Ends request and watch, as conn_reply. */
void conn_stream_end(
    struct conn *c, struct evhttp_request *req, enum conn_stream_ending ending);

#endif
