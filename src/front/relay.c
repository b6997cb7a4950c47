#include "front/relay.h"

#include "base/metrics.h"
#include "front/access.h"
#include "front/front_internal.h"
#include "front/reply.h"

#include <assert.h>

void relay_begin(struct request *r, const struct ask *a)
{
	struct reply reply = reply_of_answer(a->answer);
	struct stream *s = a->stream;

	r->cache.fwd_status = a->answer->status;
	r->cache.is_collapsed = false;
	access_trace_id(r, a->answer);
	reply.is_streamed = true;
	reply.has_length = a->has_length;
	reply.length = a->length;
	r->stream = s;
	r->is_length_known = a->has_length;
	/* HEAD, 304 and the like: the head was all. */
	if (!reply_begin(r, &reply))
		stream_leave(s);
}

/* Logs the request and gives up its slot; the connection is not touched. */
static void finish(struct request *r)
{
	r->is_answered = true;
	metrics_add(METRIC_REQUESTS, 1);
	access_end(r);
	r->req = NULL;
	r->conn = NULL;
	r->stream = NULL;
	request_free(r);
}

static void finish_reply(
    struct request *r, enum conn_stream_ending ending, const char *detail)
{
	struct evhttp_request *req = r->req;
	struct conn *conn = r->conn;

	if (ending != CONN_STREAM_WHOLE) {
		metrics_add(METRIC_STREAMS_CUT, 1);
		r->cache.detail = detail;
	}
	finish(r);
	conn_stream_end(conn, req, ending);
}

static enum conn_stream_ending short_of(const struct request *r)
{
	return r->is_length_known || conn_may_chunk(r->req)
		   ? CONN_STREAM_SHORT
		   : CONN_STREAM_SHORT_OF_CLOSE;
}

void relay_client_gone(struct request *r)
{
	struct evhttp_request *req = r->req;
	struct stream *s = r->stream;

	metrics_add(METRIC_STREAMS_CUT, 1);
	r->cache.detail = "client-left";
	r->conn = NULL;
	finish(r);
	conn_reply(NULL, req, NULL, 0);
	stream_leave(s);
}

void relay_cut(struct request *r, const char *detail)
{
	struct stream *s = r->stream;

	finish_reply(r, short_of(r), detail);
	stream_leave(s);
}

/* ---- mail ---- */

/* The request that still wants this stream, or NULL. */
static struct request *request_of(struct front *f, const struct stream *s)
{
	const struct stream_view *v = stream_view(s);
	struct request *r = &f->slots[v->slot];

	assert(v->slot < f->options.max_requests);
	if (r->stream != s)
		return NULL;
	assert(r->generation == v->generation && r->conn);
	return r;
}

static void on_released(const void *p, size_t n, void *arg)
{
	(void)p;
	(void)n;
	stream_give_back(arg);
}

void relay_take_chunk(struct front *f, struct stream_chunk *c)
{
	struct request *r = request_of(f, c->stream);

	if (!r) {
		stream_give_back(c);
		return;
	}
	r->sent_bytes += c->n;
	conn_stream_add(r->conn, c->bytes, c->n, on_released, c);
}

void relay_take_end(struct front *f, struct mail *end)
{
	struct stream *s = stream_of_end(end);
	const struct stream_view *v = stream_view(s);
	struct request *r = request_of(f, s);

	if (r)
		finish_reply(r, v->is_whole ? CONN_STREAM_WHOLE : short_of(r),
		    v->detail);
	stream_close(s);
}
