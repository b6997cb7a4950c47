#include "front/tool.h"

#include "base/log.h"
#include "base/metrics.h"
#include "front/front_internal.h"

#include <stdio.h>

#define PREFIX "/-/as/"

const char *tool_strip(
    struct slice target, struct slice *tool, struct slice *rest)
{
	const struct slice prefix = SLICE(PREFIX);
	size_t end = prefix.n;

	*tool = SLICE_NONE;
	*rest = target;
	if (!slice_starts(target, prefix))
		return NULL;
	while (end < target.n && target.p[end] != '/' && target.p[end] != '?')
		end++;
	*tool = slice_sub(target, prefix.n, end);
	*rest = slice_sub(target, end, target.n);
	if (!usage_tool_is_valid(*tool))
		return "the name of a tool is 1 to 32 letters, digits, dots, "
		       "dashes and underscores";
	/* Names are shown everywhere. */
	if (log_is_secret(*tool))
		return "a tool must not be named by a token or key";
	return slice_starts(*rest, SLICE("/"))
		   ? NULL
		   : "behind the name of a tool stands the path";
}

struct slice tool_name(const struct request *r)
{
	return r->tool[0] ? slice_of_str(r->tool) : USAGE_NO_TOOL;
}

struct slice tool_prefix(const struct request *r, char text[TOOL_PREFIX_SIZE])
{
	_Static_assert(sizeof(PREFIX) + sizeof(r->tool) <= TOOL_PREFIX_SIZE,
	    "a prefix with the longest name fits");

	if (!r->tool[0])
		return SLICE_NONE;
	snprintf(text, TOOL_PREFIX_SIZE, "%s%s", PREFIX, r->tool);
	return slice_of_str(text);
}

static void count_source(struct usage_row *row, const struct request *r)
{
	if (r->cache.fwd == CACHESTATUS_HIT) {
		usage_row_count(
		    row, r->cache.detail ? USAGE_STALE : USAGE_HITS, 1);
		usage_row_count(
		    row, USAGE_OLDEST_S, r->age_s > 0 ? (uint64_t)r->age_s : 0);
		return;
	}
	if (r->kind == FETCH_READ && r->may_store) {
		metrics_add(METRIC_MISSES, 1);
		usage_row_count(row, USAGE_MISSES, 1);
	}
	if (r->is_shared)
		usage_row_count(row, USAGE_COALESCED, 1);
}

/* 4xx is the client's fault as the upstream sees it; the rest, and what the
 * proxy itself refuses, are failures to get an answer. */
static void count_error(struct usage_row *row, const struct request *r)
{
	bool is_upstreams =
	    r->cache.fwd == CACHESTATUS_HIT || r->cache.fwd_status != 0;

	if (r->status >= 400 && r->status < 500 && is_upstreams)
		usage_row_count(row, USAGE_CLIENT_ERRORS, 1);
	else if (r->status >= 400)
		usage_row_count(row, USAGE_FAILURES, 1);
}

void tool_count(const struct request *r)
{
	struct slice op =
	    r->match.op ? slice_of_str(r->match.op->id) : USAGE_OTHER;
	struct usage_row *row;

	if (!r->is_counted)
		return;
	row = usage_table_row(
	    r->front->usage, tool_name(r), op, r->now_ms / USAGE_HOUR_MS);
	usage_row_count(row, USAGE_ASKED, 1);
	usage_row_count(row, USAGE_BYTES, r->sent_bytes);
	count_source(row, r);
	count_error(row, r);
}
