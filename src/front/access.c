#include "front/access.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "front/front_internal.h"

#include <stdio.h>

void access_trace_id(struct request *r, struct slice body)
{
	struct slice id;

	if (!log_requests_on() || !json_get_text(body, "traceId", &id))
		return;
	if (id.n >= sizeof(r->trace_id))
		return;
	memcpy(r->trace_id, id.p, id.n);
	r->trace_id[id.n] = '\0';
}

/* Where the answer came from, in one word. */
static const char *source(const struct request *r)
{
	switch (r->cache.fwd) {
	case CACHESTATUS_LOCAL:
		return "self";
	case CACHESTATUS_HIT:
		return r->cache.detail ? "stale" : "hit";
	default:
		break;
	}
	if (r->cache.fwd_status == 0)
		return "failed";
	return r->cache.is_collapsed ? "shared" : "upstream";
}

void access_log(struct request *r)
{
	struct buf *target = &r->front->masked;
	const char *op = r->match.op ? r->match.op->id : NULL;

	if (!log_requests_on())
		return;
	buf_reset(target);
	log_mask_query(target, buf_slice(&r->target));
	log_request(LOG_STR("id", r->id),
	    LOG_STR("peer", r->conn ? conn_peer(r->conn) : r->peer),
	    LOG_SLICE("method", r->method_name), LOG_STR("op", op),
	    LOG_SLICE("target", buf_slice(target)),
	    LOG_UINT("status", r->status), LOG_STR("source", source(r)),
	    LOG_STR("detail", r->cache.detail),
	    LOG_UINT("bytes", r->sent_bytes),
	    LOG_US("ms", clock_mono_us() - r->started_us),
	    LOG_US("upstream_ms", r->upstream_us),
	    LOG_STR("trace_id", r->trace_id[0] ? r->trace_id : NULL), LOG_END);
}
