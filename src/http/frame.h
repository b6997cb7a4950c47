/*
 * The framing machine. It is fed every byte that a client sends, in whatever
 * pieces they arrive, before evhttp sees them; it tells where each message
 * ends and refuses what evhttp 2.1.12 would understand differently from
 * RFC 9112 (and so from any other hop), because a disagreement about where a
 * message ends is request smuggling.
 *
 * Stricter than the RFC demands, on purpose and documented for users:
 *  - empty lines before the request line are refused (evhttp does too);
 *  - chunk extensions and non-empty trailers are refused;
 *  - no tab beside the value of Content-Length, Transfer-Encoding, Expect;
 *  - only origin-form targets ("/...") are taken, without fragment;
 *  - only GET HEAD POST PUT PATCH DELETE OPTIONS are known (else 501), unless
 *    every method is to be taken, and never CONNECT and TRACE.
 *
 * It copies nothing but short names and values, so its memory is fixed; it
 * does not look into bodies. What needs whole fields (Host syntax, Connection
 * naming Authorization) is judged by http/gate.h from what evhttp parsed.
 *
 * Pure; one thread at a time. After a refusal the machine stays refused: the
 * caller answers status and why, and closes.
 */
#ifndef HTTP_FRAME_H
#define HTTP_FRAME_H

#include "base/slice.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct frame_limits {
	size_t max_target_bytes; /* else 414 */
	size_t max_head_bytes; /* request line and fields together; else 431 */
	unsigned max_fields; /* else 431 */
	uint64_t max_body_bytes; /* without chunk framing; else 413 */
	bool takes_any_method; /* of up to FRAME_TOKEN_MAX characters */
};

enum frame_event {
	FRAME_MORE, /* everything consumed, the message goes on */
	FRAME_HEAD_DONE, /* the blank line was read and a body follows */
	FRAME_MESSAGE_END, /* last byte of the message (no body: of the head) */
	FRAME_REFUSED /* see status and why; final */
};

enum frame_phase {
	FRAME_IDLE, /* between messages, nothing of the next one was read */
	FRAME_HEAD,
	FRAME_BODY,
	FRAME_DEAD /* refused */
};

enum frame_method {
	FRAME_GET,
	FRAME_HEAD_METHOD,
	FRAME_POST,
	FRAME_PUT,
	FRAME_PATCH,
	FRAME_DELETE,
	FRAME_OPTIONS,
	FRAME_EXTENSION /* any other; see frame_extension */
};

#define FRAME_TOKEN_MAX 24

/* Fields other than those named as results are the machine's own. */
struct frame {
	/* Results. */
	unsigned status; /* after FRAME_REFUSED: the status to answer */
	const char *why; /* then: plain text for the client, constant */
	uint64_t body_n; /* body bytes so far, without chunk framing */
	size_t head_n; /* bytes of the head so far */

	struct frame_limits limits;
	uint8_t state;
	uint8_t method;
	uint8_t minor; /* HTTP/1.minor */
	uint8_t field; /* which known field is being read */
	uint8_t token_n; /* bytes in token */
	bool is_token_over; /* did not fit; equals nothing we look for */
	bool is_value_ended; /* white space after the value's first part */
	bool has_host;
	bool has_length;
	bool has_chunked;
	bool has_expect;
	bool has_close;
	bool has_keep_alive;
	unsigned fields_n;
	size_t target_n;
	uint64_t length; /* Content-Length */
	uint64_t left; /* body or chunk bytes still to come */
	unsigned digits_n; /* of the chunk size */
	char token[FRAME_TOKEN_MAX];
	char extension[FRAME_TOKEN_MAX]; /* the method's name */
	uint8_t extension_n;
};

void frame_init(struct frame *f, const struct frame_limits *limits);

/*
 * Reads from bytes up to the next event and says in *consumed how many bytes
 * that took; the caller feeds the rest again. After FRAME_MESSAGE_END the next
 * byte begins the next message. Splits of the input do not change the events.
 */
enum frame_event frame_feed(
    struct frame *f, struct slice bytes, size_t *consumed);

enum frame_phase frame_phase(const struct frame *f);
/* Some bytes of a message were read and its end was not: closing now cuts a
 * request. */
bool frame_is_mid_message(const struct frame *f);

/* The following hold from the end of a head until the next message begins. */

/* The method's name if it is FRAME_EXTENSION, else empty. */
struct slice frame_extension(const struct frame *f);
/* There is, or was, a body with the message. */
bool frame_has_body(const struct frame *f);
/* The client wants the connection kept: HTTP/1.1 without "close", or HTTP/1.0
 * with "keep-alive" (RFC 9112 §9.3). */
bool frame_is_keep_alive(const struct frame *f);
/* Expect: 100-continue on HTTP/1.1, with a body still to come. */
bool frame_expects_continue(const struct frame *f);

#endif
