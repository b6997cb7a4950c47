/*
 * What became of one sending, as far as libcurl tells: how many bytes the
 * connection took, and whether the upstream said that it processed nothing.
 *
 * The latter is only found in libcurl's verbose lines. They are no interface,
 * so they are believed from the one version they were read in and tested
 * with; from any other the answer is "not proven", which is always safe.
 *
 * Pure; one thread at a time.
 */
#ifndef ORIGIN_TRANSFER_TRACE_H
#define ORIGIN_TRANSFER_TRACE_H

#include "base/slice.h"

#include <stdint.h>

struct transfer_trace {
	bool is_begun; /* libcurl was about to send */
	size_t bytes_out; /* accepted by the connection */
	uint32_t stream_id; /* HTTP/2; 0: none */
	uint32_t last_stream_id; /* of the GOAWAY; with has_goaway */
	bool has_goaway;
	bool is_refused; /* RST_STREAM with REFUSED_STREAM */
	/* libcurl turned to another connection: later lines are about that. */
	bool is_left_behind;
};

/* libcurl of this CURLVERSION_NOW number writes the lines we know. */
bool transfer_trace_knows(unsigned version_num);

/* Another sending begins. */
void transfer_trace_reset(struct transfer_trace *t);
/*
 * One verbose line, with or without its line end. True when it told of a
 * GOAWAY, which concerns all streams of the connection; last is then set.
 */
bool transfer_trace_feed(
    struct transfer_trace *t, struct slice line, uint32_t *last);
/* The connection got a GOAWAY. The first may name 2^31-1 (RFC 9113 §6.8), a
 * later one the real last stream: the smallest counts. */
void transfer_trace_goaway(struct transfer_trace *t, uint32_t last);
/* Something was handed to the connection. */
bool transfer_trace_has_left(const struct transfer_trace *t);
/* The upstream has said that it did not and will not process the request:
 * RFC 9113 §8.7. */
bool transfer_trace_is_unprocessed(const struct transfer_trace *t);

#endif
