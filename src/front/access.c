#include "front/access.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/metrics.h"
#include "front/front_internal.h"
#include "front/tool.h"
#include "http/field.h"

#include <stdio.h>

const char *access_client(const struct request *r)
{
	return r->client;
}

const char *access_peer(const struct conn *c)
{
	return conn_peer(c);
}

void access_new_id(struct front *f, char *id, size_t size)
{
	snprintf(id, size, "%s-%llx", f->id_prefix,
	    (unsigned long long)f->next_id++);
}

void access_trace_id(struct request *r, const struct answer *a)
{
	struct slice id;

	if (!log_requests_on())
		return;
	if (!json_get_text(a->body, "traceId", &id) &&
	    !field_find(a->head, SLICE("x-trace-id"), &id) &&
	    !field_find(a->head, SLICE("traceid"), &id))
		return;
	if (id.n >= sizeof(r->trace_id))
		return;
	memcpy(r->trace_id, id.p, id.n);
	r->trace_id[id.n] = '\0';
}

/* Where the answer came from, in one word. */
static const char *source(const struct request *r)
{
	if (!r->is_answered)
		return "gone";
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

static const char *text_or_none(const char *text)
{
	return text[0] ? text : NULL;
}

static struct slice slice_or_none(struct slice s)
{
	return s.n > 0 ? s : SLICE_NONE;
}

static void log_line(struct request *r)
{
	struct buf *target = &r->front->masked;
	const char *op = r->match.op ? r->match.op->id : NULL;

	if (!log_requests_on())
		return;
	buf_reset(target);
	log_mask_query(target, buf_slice(&r->target));
	log_request(LOG_STR("id", r->id), LOG_STR("client", access_client(r)),
	    LOG_SLICE("method", slice_or_none(r->method_name)),
	    LOG_STR("op", op),
	    LOG_SLICE("target", slice_or_none(buf_slice(target))),
	    LOG_STR("tool", text_or_none(r->tool)),
	    LOG_UINT("status", r->status), LOG_STR("source", source(r)),
	    LOG_STR("detail", r->cache.detail),
	    LOG_UINT("bytes", r->sent_bytes),
	    LOG_US("ms", r->ended_us - r->started_us),
	    LOG_US("wait_ms", r->wait_us),
	    LOG_US("upstream_ms", r->upstream_us),
	    LOG_STR("trace_id", text_or_none(r->trace_id)), LOG_END);
}

static void count_times(const struct request *r)
{
	int64_t us = r->ended_us - r->started_us;

	if (r->asked > 0)
		metrics_time(TIMING_WAIT, us);
	else if (r->cache.fwd == CACHESTATUS_HIT)
		metrics_time(TIMING_HIT, us);
	if (r->sent_us != 0)
		metrics_time(TIMING_QUEUE, r->wait_us);
}

void access_end(struct request *r)
{
	if (r->ended_us == 0)
		r->ended_us = clock_mono_us();
	/* Who joined a flight that had begun did not wait for it to begin. */
	if (r->sent_us > r->started_us)
		r->wait_us = r->sent_us - r->started_us;
	log_line(r);
	count_times(r);
	tool_count(r);
}

void access_refused(
    struct front *f, const struct conn *c, unsigned status, const char *why)
{
	char id[24];

	metrics_add(METRIC_REQUESTS, 1);
	if (!log_requests_on())
		return;
	access_new_id(f, id, sizeof(id));
	log_request(LOG_STR("id", id), LOG_STR("client", access_peer(c)),
	    LOG_UINT("status", status), LOG_STR("source", "refused"),
	    LOG_STR("detail", why), LOG_END);
}
