/*
 * A stream: an answer whose body passes from the upstream to one client piece
 * by piece, in memory that does not grow with it. A fixed set of chunks goes
 * round: the origin fills one from libcurl and posts it to the front; the
 * front lends it to the socket and, when its bytes are in the kernel, sends it
 * home. With no chunk at home the origin stops reading from the upstream. So
 * what a slow client does not take stays with the upstream.
 *
 * The front learns of a stream by the reply to its ask (ASK_STREAMED). From
 * then on its mailbox gets chunks, and one end, for which room is kept: streams
 * and their chunks are bounded. Then the front closes the stream.
 *
 *     origin                              front
 *     ask, with the head    ----------->
 *     chunks                ----------->  stream_give_back each
 *                           <-----------  stream_leave, when the client left
 *     end                   ----------->  stream_close
 *
 * Owner of stream and chunks: the origin; the front borrows chunks from their
 * arrival until stream_give_back, the stream until stream_close.
 */
#ifndef ORIGIN_STREAM_H
#define ORIGIN_STREAM_H

#include "base/mailbox.h"

#include <stdbool.h>
#include <stdint.h>

enum {
	STREAM_CHUNKS = 8,
	STREAM_CHUNK_BYTES = 32 * 1024,
	/* Messages that a front's mailbox must have room for, per stream. */
	STREAM_MAILS = STREAM_CHUNKS + 1
};

/* mail.kind in a front's mailbox. */
enum stream_mail_kind {
	STREAM_MAIL_CHUNK = 50, /* struct stream_chunk */
	STREAM_MAIL_END /* struct stream, by its end member */
};

struct stream;

struct stream_chunk {
	struct mail mail;
	struct stream *stream;
	struct stream_chunk *next; /* origin's */
	size_t n;
	char bytes[STREAM_CHUNK_BYTES];
};

/* What a front may read of a stream. */
struct stream_view {
	struct mail end;
	uint32_t slot; /* whose it is, as in the ask */
	uint32_t generation;
	/* With the end: */
	bool is_whole; /* the upstream finished the body */
	const char *detail; /* why it is not; constant; NULL when it is */
};

const struct stream_view *stream_view(const struct stream *s);
/* The stream whose end this mail is. */
struct stream *stream_of_end(struct mail *m);

/* ---- by the front, or whoever ends it ---- */

/* The bytes are not needed any more. Also after stream_close. */
void stream_give_back(struct stream_chunk *c);
/* The client left: nothing more is wanted. Once; the end still comes. */
void stream_leave(struct stream *s);
/* After the end came: the front will not touch the stream again. */
void stream_close(struct stream *s);

#endif
