/* The log line of a request. Front thread only. */
#ifndef FRONT_ACCESS_H
#define FRONT_ACCESS_H

#include "front/request.h"

/* One line, without secrets; before the connection is gone. */
void access_log(struct request *r);
/* Remembers GHL's traceId, which an answer's body holds. */
void access_trace_id(struct request *r, struct slice body);

#endif
