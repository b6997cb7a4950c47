/*
 * What the parts of the connection layer share; nobody else includes it.
 *
 * The idea: evhttp only ever gets whole messages. Bytes that arrive are
 * framed inside the input buffer's callback, before evhttp's read callback
 * runs; those of an unfinished message wait in conn.partial. So evhttp is
 * always between two messages when we refuse one, none of its own error pages
 * is reachable, and its parser never rescans a growing buffer.
 *
 * Three rules keep this free of surprises:
 *  - nothing that may free a connection runs inside a buffer callback; such
 *    work is queued with conn_queue() and done by listener_work();
 *  - a connection ends only through evhttp, which tells us by its close
 *    callback; conn_hang_up() makes evhttp believe that the peer left;
 *  - a struct conn is freed by listener_work() only, never below a function
 *    that still uses it.
 */
#ifndef FRONT_CONN_INTERNAL_H
#define FRONT_CONN_INTERNAL_H

#include "front/conn.h"
#include "http/frame.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <netinet/in.h>
#include <sys/queue.h>
#include <sys/socket.h>

#define CONN_MAGIC 0x636f6e6eu

/* Complete pipelined messages that may wait inside evhttp's input buffer. */
#define CONN_PIPELINE_BYTES (64 * 1024)
/* What is read and thrown away after the last reply, so that the peer gets to
 * read that reply instead of a reset; and for how long. */
#define CONN_LINGER_BYTES (64 * 1024)
#define CONN_LINGER_MS 1000
/* Connections beyond max_connections that may at one time be told so. */
#define CONN_OVER_CAP_MAX 64
/* The default of 16 KiB per loop turn makes large replies slow. */
#define CONN_WRITE_BYTES (256 * 1024)

/* Which deadline runs. Each phase has one queue per listener; its time-out is
 * the same for all, so the queue is ordered by deadline. */
enum conn_phase {
	CONN_IDLE, /* kept alive, no byte of a next message */
	CONN_HEAD, /* new, or inside a head; absolute */
	CONN_BODY, /* inside a body; absolute */
	CONN_BUSY, /* a request is with evhttp or the caller; no deadline */
	CONN_WRITE, /* output waits for the socket; since last progress */
	CONN_LINGER, /* everything is written, waiting for the peer's end */
	CONN_PHASES
};

/* Complete messages with methods that evhttp does not know, at a time. */
#define CONN_EXTENSIONS_MAX 4

/* One of them: evhttp gets it under another name. */
struct conn_extension {
	unsigned number; /* of the message; see conn.accepted */
	uint64_t at; /* where it begins in what the client sent */
	bool has_body;
	bool is_renamed;
	char name[FRAME_TOKEN_MAX];
	size_t name_n;
};

struct conn {
	unsigned magic;
	struct listener *l;
	struct bufferevent *bev; /* evhttp's */
	struct evhttp_connection *evcon; /* evhttp's; NULL until adopted */
	bufferevent_data_cb evhttp_write;
	bufferevent_event_cb evhttp_event;
	int fd; /* evhttp's */

	TAILQ_ENTRY(conn) in_phase; /* l->phase[phase], unless dead */
	enum conn_phase phase;
	int64_t since_ms; /* when it entered the phase, or last progress */
	TAILQ_ENTRY(conn) in_work; /* l->work, while is_queued */
	bool is_queued;

	struct frame frame;
	struct evbuffer *partial; /* unfinished message; NULL when none */
	size_t charged_bytes; /* taken from the budget of bodies */
	unsigned accepted; /* messages given to evhttp */
	unsigned dispatched; /* requests given to the caller */
	unsigned answered; /* replies written to the socket */
	uint64_t framed_n; /* bytes that were framed */
	uint64_t given_n; /* and those of them that evhttp got */
	struct conn_extension
	    extensions[CONN_EXTENSIONS_MAX]; /* oldest first */
	unsigned extensions_n;
	bool is_extension_noted; /* of the message that is being framed */

	/* Bytes from here on are thrown away, not framed. */
	bool is_deaf;
	bool must_close; /* after the request that is being answered */
	bool is_closing; /* our callbacks are installed, evhttp's are not */
	bool must_hang_up; /* listener_work is to end it */
	bool is_continue_due;
	bool is_moving; /* we change the input buffer ourselves */
	bool is_writing; /* we add to the output buffer ourselves */
	bool is_dead;
	bool is_over_cap; /* there were too many when it came */
	size_t unsent_bytes; /* in the output buffer */
	bool is_held; /* dispatched, not yet replied to */
	bool is_streaming; /* between conn_stream_begin and _end */
	bool is_chunked; /* and each piece is a chunk */
	bool has_peer_ended; /* end of input seen while closing */
	bool has_address;
	const struct listener_socket *socket; /* the listener's; or NULL */
	unsigned last_message; /* number of the message that asked to close */
	size_t discarded_bytes;
	unsigned refused_status; /* 0: not refused */
	const char *refused_why;

	void (*on_gone)(void *arg);
	void *gone_arg;
	struct addr address; /* if has_address */
	char peer[ADDR_TEXT_SIZE];
};

TAILQ_HEAD(conn_list, conn);

/* A socket that is listened on. Its name outlives the socket, because
 * connections do. */
struct listener_socket {
	struct evhttp_bound_socket *bound; /* evhttp's; NULL once closed */
	struct sockaddr_storage local;
	char *name; /* owned */
	bool is_inherited; /* others accept from it, too */
	TAILQ_ENTRY(listener_socket) in_listener;
};

TAILQ_HEAD(listener_socket_list, listener_socket);

struct listener {
	struct event_base *base;
	struct listener_options options;
	listener_request on_request;
	listener_refused on_refused;
	void *arg;
	struct evhttp *http;
	struct event *work_event; /* runs listener_work on this loop turn */
	struct event *tick; /* next deadline */
	int64_t tick_at_ms; /* 0: not armed */
	struct event *resume; /* accept again after EMFILE */
	int64_t paused_logged_ms; /* when that was last logged; 0: never */
	struct conn_list phase[CONN_PHASES];
	struct conn_list work;
	struct conn **by_fd; /* owned; from descriptor to connection */
	size_t by_fd_n;
	unsigned connections;
	size_t unsent_bytes; /* in output buffers, all connections */
	unsigned held; /* requests that are with the caller */
	bool is_draining;
	struct listener_socket_list sockets; /* owned */
	struct event *last_accept; /* draining: closes sockets */
	LIST_ENTRY(listener) in_all;
};

/* conn.c */
struct bufferevent *conn_open(struct event_base *base, void *listener);
void conn_adopt(struct conn *c);
void conn_free(struct conn *c);
void conn_hang_up(struct conn *c);
void conn_queue(struct conn *c);
/* The caller no longer has a request of this connection. */
void conn_let_go(struct conn *c);
bool conn_is_between_messages(const struct conn *c);
/* Looks the connection of a request up. NULL: not ours. */
struct conn *conn_of(struct listener *l, struct evhttp_request *req);

/* conn_input.c */
void conn_input_changed(
    struct evbuffer *input, const struct evbuffer_cb_info *info, void *conn);
void conn_partial_drop(struct conn *c);
/* What was charged beyond the bytes that are still held is given back. */
void conn_uncharge(struct conn *c, size_t held_bytes);
/* Of messages that evhttp has not got to, and of the unfinished one. */
size_t conn_held_bytes(const struct conn *c);
/* Refuses the message that is being read. why must be constant. */
void conn_refuse(struct conn *c, unsigned status, const char *why);
/* Nothing that the peer sent or will send is looked at any more. */
void conn_go_deaf(struct conn *c);

/* conn_reply.c */
void conn_dispatch(struct evhttp_request *req, void *listener);
void conn_send_continue(struct conn *c);
void conn_output_changed(
    struct evbuffer *output, const struct evbuffer_cb_info *info, void *conn);
/* Writes what the socket takes, and keeps a copy of the rest. False: out of
 * memory. */
bool conn_send(struct conn *c, const struct iovec *iov, int iov_n);
/* The whole reply is written or waits to be: the rest is evhttp's. */
void conn_finish(struct conn *c, struct evhttp_request *req);
/* Adds bytes of ours to what the peer gets. False: out of memory. */
bool conn_write(struct conn *c, const void *p, size_t n);

/* conn_close.c */
void conn_close_begin(struct conn *c);

/* listener.c */
struct evconnlistener;
void listener_accept_failed(struct evconnlistener *lev, void *http);

/* listener_bind.c */
/* The socket that accepted the connection with this descriptor, or NULL. */
const struct listener_socket *listener_socket_of(
    const struct listener *l, int fd);
void listener_sockets_free(struct listener *l);
/* Takes lev over, also when it fails. */
bool listener_add(struct listener *l, struct evconnlistener *lev,
    const char *name, bool is_inherited);

/* conn_shed.c */
/* There is one connection too many: makes room, or refuses it. */
void conn_shed_for(struct conn *newest);
/* Keeps account of the output buffer; after every change of it. */
void conn_count_unsent(struct conn *c);
/* More bytes than allowed wait for clients to read: cuts the slowest, which
 * is never the one that has only begun. */
void conn_shed_unsent_for(struct conn *newest);

/* conn_deadline.c */
void conn_enter(struct conn *c, enum conn_phase phase);
/* Chooses the phase after a message, a reply or a part of either. */
void conn_settle(struct conn *c);
/* Ends with RST instead of FIN. */
void conn_reset(struct conn *c);
void listener_tick(evutil_socket_t fd, short what, void *listener);

/* ---- conn_method.c ---- */

/* After e, which took bytes up to c->framed_n: notes a message whose method
 * evhttp does not know. */
void conn_note_method(struct conn *c, enum frame_event e);
/* Is there one that evhttp is to get under another name? */
bool conn_must_rename(const struct conn *c);
/* Moves all of from, the next bytes for evhttp, to out, and renames what is in
 * them. False: no memory. */
bool conn_rename(struct conn *c, struct evbuffer *from, struct evbuffer *out);

#endif
