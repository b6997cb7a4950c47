/*
 * One request to the upstream over libcurl's multi interface on the origin
 * thread's event base. The only files that include curl are transfer.c and
 * its siblings transfer_*.c.
 *
 * Guarantees: no redirect is followed, no environment proxy used, TLS is
 * verified, a name that resolves slowly stalls nobody, the body is bounded,
 * and the request is put on the wire at most once: where libcurl itself would
 * send it again (a reused connection that died), the guard stops it and the
 * outcome says so.
 *
 * Origin thread only.
 */
#ifndef ORIGIN_TRANSFER_H
#define ORIGIN_TRANSFER_H

#include "base/slice.h"
#include "origin/resolve.h"

#include <stdint.h>

struct event_base;
struct transfers; /* the multi handle, its timers, pooled easy handles */
struct transfer;

/* What may change while transfers run. */
struct transfers_terms {
	int64_t connect_timeout_ms;
	int64_t timeout_ms; /* whole request */
	const char *user_agent; /* borrowed until there are other terms */
};

struct transfers_options {
	const char *upstream; /* "https://host[:port]", no path */
	const char *ca_file; /* NULL: system's */
	struct transfers_terms terms;
	size_t max_body_bytes;
	unsigned max_connections;
	unsigned max_streams; /* connections of passed bodies; 0: none */
	/* How names become addresses; NULL: the system's way. */
	resolve_lookup lookup;
	void *lookup_arg;
};

enum transfer_outcome {
	TRANSFER_OK, /* complete answer */
	TRANSFER_UNSENT, /* surely never reached the upstream: connect, DNS,
			    TLS failed, or the stream was refused */
	TRANSFER_UNKNOWN, /* sent, no complete answer: may have been executed */
	TRANSFER_TOO_LARGE /* answer above max_body_bytes (was executed) */
};

/* Why it failed; detail of Cache-Status, key of counters and logs. */
enum transfer_cause {
	TRANSFER_CAUSE_NONE,
	TRANSFER_CAUSE_DNS,
	TRANSFER_CAUSE_CONNECT,
	TRANSFER_CAUSE_TLS, /* handshake: no common version, no TLS at all */
	TRANSFER_CAUSE_CERT_EXPIRED,
	TRANSFER_CAUSE_CERT_EARLY, /* not valid yet; or our clock is behind */
	TRANSFER_CAUSE_CERT_NAME, /* made out to another host */
	TRANSFER_CAUSE_CERT_ISSUER, /* unknown issuer, or self-signed */
	TRANSFER_CAUSE_CERT, /* refused for another reason */
	TRANSFER_CAUSE_TIMEOUT,
	TRANSFER_CAUSE_RESET,
	TRANSFER_CAUSE_PARTIAL,
	TRANSFER_CAUSE_PROTOCOL,
	TRANSFER_CAUSE_RESEND, /* stopped by the send guard */
	TRANSFER_CAUSE_REFUSED, /* HTTP/2: surely not processed */
	TRANSFER_CAUSE_TOO_LARGE, /* answer above max_body_bytes */
	TRANSFER_CAUSE_REQUEST, /* not sendable: say, a field that
				   field_may_be_sent forbids */
	TRANSFER_CAUSE_BUSY, /* waited too long for its turn; see queue.h */
	TRANSFER_CAUSE_LOCAL /* memory, descriptors */
};
/* A constant of lower-case letters and "-". */
const char *transfer_cause_name(enum transfer_cause c);
/* There is no way to the upstream: DNS, connect, TLS, certificate. */
bool transfer_cause_is_way(enum transfer_cause c);
/*
 * What a client is told of an upstream whose identity or encryption is wrong,
 * a constant sentence; NULL for causes that are not about that. Nothing was
 * sent then.
 */
const char *transfer_cause_words(enum transfer_cause c);

struct transfer_result;

/*
 * Takes a body as it comes, instead of having it collected. Both are called
 * inside libcurl: no transfer may be started, resumed or abandoned there.
 */
struct transfer_sink {
	/* The head is complete: status, fields, length. */
	void (*head)(
	    struct transfer *t, const struct transfer_result *head, void *arg);
	/*
	 * The next bytes, never none. False: no room; the same bytes come again
	 * after transfer_resume, and until then nothing is read.
	 */
	bool (*data)(struct transfer *t, struct slice bytes, void *arg);
};

struct transfer_request {
	struct slice method; /* token */
	struct slice target; /* canonical, sent exactly so */
	/* "Name: value" each; borrowed for the call of transfer_start only. */
	const struct slice *fields;
	size_t fields_n;
	struct slice body; /* borrowed until done is called */
	bool has_body; /* a body of length 0 differs from none */
	bool is_safe; /* GET or HEAD or read-post: one explicit second
			 send is allowed after TRANSFER_CAUSE_RESEND */
	/* Of the answer, when less than transfers_options say; 0: as there. */
	size_t max_body_bytes;
	int64_t timeout_ms; /* likewise */
	/* One more than there may be: the others may be dead. */
	bool wants_new_connection;
	/*
	 * NULL: the body is collected. Else it is passed on without bound, over
	 * an HTTP/1.1 connection that no collected one shares: a paused
	 * HTTP/2 stream of libcurl 7.88.1 holds up its siblings. timeout_ms
	 * then bounds the time to the head, and idle_timeout_ms each silence
	 * after it. Only where max_streams is not 0.
	 */
	const struct transfer_sink *sink;
	int64_t idle_timeout_ms;
};

struct transfer_result {
	enum transfer_outcome outcome;
	enum transfer_cause cause;
	uint16_t status; /* when outcome is OK */
	/*
	 * The protocol did not mark the end of the body, so a cut body would
	 * look whole: do not store. True for HTTP/1.x without length or chunks,
	 * and for HTTP/2 without length on a connection that was told to go
	 * away (libcurl 7.88.1 may then report a reset stream as complete).
	 */
	bool is_close_delimited;
	bool has_length; /* Content-Length was sent */
	uint64_t length;
	/* All final header fields as received, "Name: value\r\n" lines,
	 * names and values checked; owned by the transfer. */
	struct slice fields;
	/* Ownership may be taken with transfer_take_body. */
	struct slice body;
	int64_t started_us; /* clock_mono_us when handed to curl */
	int64_t connected_us; /* 0: reused or never */
	int64_t ended_us;
	unsigned sends; /* times the request went out: 0, 1 (2 if safe) */
	unsigned http_major; /* 1 or 2; 0: no answer */
	/* libcurl's words on a failure, for the log: may name the host, never
	 * fields or bodies. "" when there are none; owned by the transfer. */
	const char *detail;
};

typedef void (*transfer_done)(
    struct transfer *t, const struct transfer_result *r, void *arg);

/* What is wrong with path as upstream_ca; NULL: nothing. Static string, or
 * that of strerror. */
const char *transfer_ca_fault(const char *path);

/*
 * NULL with a message in why (caller frees) when an option is unusable. The
 * options' strings are copied, but for those of the terms. Initialises libcurl:
 * call it before other threads start, or on a libcurl whose initialisation is
 * thread-safe (7.84).
 */
struct transfers *transfers_new(
    struct event_base *base, const struct transfers_options *o, char **why);
/* Running transfers are cancelled without calling done. Not inside done.
 * ts may be NULL. */
void transfers_free(struct transfers *ts);
/* For what is handed to curl from now on; what runs keeps its time. Borrows
 * from the former terms end. Cannot fail. */
void transfers_set_terms(
    struct transfers *ts, const struct transfers_terms *terms);
size_t transfers_running(const struct transfers *ts);

/*
 * Starts; done is called exactly once, never from inside this call, after
 * which the transfer is gone. NULL when memory is exhausted (done is not
 * called). A request that may not be sent (bad method, target or field) ends
 * as UNSENT with TRANSFER_CAUSE_REQUEST.
 */
struct transfer *transfer_start(struct transfers *ts,
    const struct transfer_request *rq, transfer_done done, void *arg);
/*
 * Stops: done is not called any more and t is gone. What was sent may still
 * be executed. Also inside the done of another transfer, never inside its
 * own.
 */
void transfer_abandon(struct transfer *t);
/* After data said that there was no room. May call data, not done. */
void transfer_resume(struct transfer *t);
/* Only inside done: moves the body out, free() it. */
char *transfer_take_body(struct transfer *t, size_t *n);

#endif
