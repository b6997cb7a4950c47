/*
 * Tools: "/-/as/NAME" before the path of a request says who asks, for the
 * accounting and never for rights. Counts requests by tool and operation.
 *
 * Front thread only.
 */
#ifndef FRONT_TOOL_H
#define FRONT_TOOL_H

#include "front/request.h"

/*
 * Splits a target as it was sent: rest is what stands behind the name, tool
 * the name, empty without one. Both borrow from target. NULL, or what is wrong
 * (a constant). Pure.
 */
const char *tool_strip(
    struct slice target, struct slice *tool, struct slice *rest);

/* The name under which r is counted: "-" without one. Borrowed from r. */
struct slice tool_name(const struct request *r);

#define TOOL_PREFIX_SIZE 48

/* What the client's base URL has for a path: "/-/as/NAME" or nothing. */
struct slice tool_prefix(const struct request *r, char text[TOOL_PREFIX_SIZE]);

/* Counts a request of which it is known what came of it. */
void tool_count(const struct request *r);

#endif
