/*
 * Web pages: which of them may read answers (CORS), and which must not even
 * look like the operator. Front thread only.
 */
#ifndef FRONT_CROSS_H
#define FRONT_CROSS_H

#include "front/request.h"

/* Appends CORS fields to an answer, if any are due. */
void cross_add_fields(struct request *r, struct buf *out);
/* A browser's question before a request (Fetch §3.2.2), of whatever page. */
bool cross_is_preflight(struct request *r);
/* Answers it; nothing goes upstream. r is gone. */
void cross_reply(struct request *r);
/* Sent by a page of another origin than ours. */
bool cross_is_foreign_page(struct request *r);

#endif
