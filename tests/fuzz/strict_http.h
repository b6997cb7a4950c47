/*
 * A second opinion on where HTTP/1.x requests end and what they say: RFC 9112
 * read strictly, with the further restrictions that http/frame.h documents.
 * It shares no code with the framing machine and works the other way round:
 * over whole bytes, by cutting them into lines and these into words.
 *
 * For fuzz targets. Pure.
 */
#ifndef TESTS_FUZZ_STRICT_HTTP_H
#define TESTS_FUZZ_STRICT_HTTP_H

#include "http/frame.h"

#define STRICT_FIELDS_MAX 32
#define STRICT_BODY_MAX 4096

enum strict_result {
	STRICT_WHOLE,
	STRICT_PART, /* could become a request with more bytes */
	STRICT_BAD
};

struct strict_request {
	/* Inside the bytes that were read. */
	struct slice method, target;
	unsigned minor; /* HTTP/1.minor */
	struct {
		struct slice name, value;
	} fields[STRICT_FIELDS_MAX];
	size_t fields_n;
	size_t bytes; /* of the whole message, on the wire */
	bool is_keep_alive;
	bool expects_continue;
	size_t body_n; /* without chunk framing */
	char body[STRICT_BODY_MAX];
};

/* Reads one request at the start of in. Limits beyond the maxima above are
 * the caller's bug. rq is whole only after STRICT_WHOLE. */
enum strict_result strict_read(struct slice in,
    const struct frame_limits *limits, struct strict_request *rq);

#endif
