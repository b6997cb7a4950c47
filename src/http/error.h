/*
 * Errors of the proxy itself, in GHL's shape.
 *
 * Pure; any thread.
 */
#ifndef HTTP_ERROR_H
#define HTTP_ERROR_H

#include "base/buf.h"
#include "base/slice.h"

/* Reason phrase; never NULL. A code without one gets the name of its class, as
 * "Client Error", or "Unknown". */
const char *http_reason(unsigned status);

/*
 * Appends {"statusCode":404,"message":"...","error":"Not Found"}. message is
 * plain text and is escaped.
 */
void http_error_body(struct buf *out, unsigned status, struct slice message);

#endif
