#include "front/reply.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "front/access.h"
#include "front/cross.h"
#include "front/front_internal.h"
#include "front/peer.h"
#include "front/tool.h"
#include "http/error.h"
#include "http/field.h"
#include "http/page.h"

#include <assert.h>

struct reply reply_of_view(const struct cache_view *v, int64_t now_ms)
{
	int64_t here_s = (now_ms - v->stored_at_ms) / 1000;

	return (struct reply){
	    .status = v->status,
	    .head = v->head,
	    .body = v->body,
	    .etag = v->etag,
	    .last_modified = v->last_modified,
	    .next_page = v->next_page,
	    .authority_n = v->authority_n,
	    .age_s = v->age_s + (here_s > 0 ? here_s : 0),
	};
}

struct reply reply_of_answer(const struct answer *a)
{
	return (struct reply){
	    .status = a->status,
	    .head = a->head,
	    .body = a->body,
	    .etag = a->etag,
	    .last_modified = a->last_modified,
	    .next_page = a->next_page,
	    .authority_n = a->authority_n,
	    .age_s = a->age_s > 0 ? a->age_s : -1,
	};
}

/* ---- head ---- */

static void add_date(struct front *f, struct buf *b)
{
	int64_t now_s = clock_wall_ms() / 1000;

	if (now_s != f->date_s) {
		f->date_s = now_s;
		http_date_format(f->date, now_s);
	}
	buf_add_slice(b, SLICE("Date: "));
	buf_add_slice(b, slice_of_str(f->date));
	buf_add_slice(b, SLICE("\r\n"));
}

static void add_number(struct buf *b, struct slice name, int64_t v)
{
	if (v < 0)
		return;
	buf_add_slice(b, name);
	buf_add_slice(b, SLICE(": "));
	buf_add_i64(b, v);
	buf_add_slice(b, SLICE("\r\n"));
}

/* The proxy's view of the quota, whoever's reply this was once. */
static void add_limits(struct request *r, struct buf *b)
{
	struct head_limits l;

	if (!rates_view(origin_rates(r->front->options.origin), &r->scope, &l))
		return;
	add_number(b, SLICE("x-ratelimit-max"), l.max);
	add_number(b, SLICE("x-ratelimit-remaining"), l.remaining);
	add_number(
	    b, SLICE("x-ratelimit-interval-milliseconds"), l.interval_ms);
	add_number(b, SLICE("x-ratelimit-limit-daily"), l.limit_daily);
	add_number(b, SLICE("x-ratelimit-daily-remaining"), l.daily_remaining);
	add_number(b, SLICE("x-ratelimit-daily-reset"), l.daily_reset_ms);
}

static void add_cache_status(struct request *r, struct buf *b)
{
	if (r->cache.fwd == CACHESTATUS_LOCAL)
		return;
	buf_add_slice(b, SLICE("Cache-Status: "));
	cachestatus_write(&r->cache, b);
	buf_add_slice(b, SLICE("\r\n"));
}

static void add_connection(struct request *r, struct buf *b)
{
	if (r->conn && conn_must_close(r->conn))
		buf_add_slice(b, SLICE("Connection: close\r\n"));
}

static void add_request_id(struct request *r, struct buf *b)
{
	buf_add_slice(b, SLICE("X-Request-Id: "));
	buf_add_slice(b, slice_of_str(r->id));
	buf_add_slice(b, SLICE("\r\n"));
}

static void add_own_fields(
    struct request *r, bool is_own, int64_t age_s, struct buf *b)
{
	/* An answer has the Date of the origin (RFC 9110 §6.6.1). */
	if (is_own)
		add_date(r->front, b);
	add_number(b, SLICE("Age"), age_s);
	buf_add_slice(b, SLICE("Via: 1.1 ghlmirror\r\n"));
	add_cache_status(r, b);
	/* Under the standards profile these fields are the upstream's. */
	if (!r->front->options.is_standards) {
		add_request_id(r, b);
		add_limits(r, b);
	}
	cross_add_fields(r, b);
	add_connection(r, b);
	buf_add_slice(b, SLICE("\r\n"));
}

static void add_status_line(struct buf *b, unsigned status)
{
	buf_add_slice(b, SLICE("HTTP/1.1 "));
	buf_add_u64(b, status);
	buf_add_char(b, ' ');
	buf_add_slice(b, slice_of_str(http_reason(status)));
	buf_add_slice(b, SLICE("\r\n"));
}

static bool has_body(unsigned status)
{
	return status >= 200 && status != 204 && status != 304;
}

/* ---- sending ---- */

/* The parts of a message in the order they are sent. */
struct parts {
	struct iovec iov[6];
	int n;
	size_t bytes;
};

static void add_part(struct parts *p, struct slice s)
{
	if (s.n == 0)
		return;
	p->iov[p->n].iov_base = (void *)(uintptr_t)s.p;
	p->iov[p->n].iov_len = s.n;
	p->n++;
	p->bytes += s.n;
}

static void send_parts(struct request *r, const struct parts *p)
{
	struct evhttp_request *req = r->req;
	struct conn *conn = r->conn;

	r->sent_bytes = conn ? p->bytes : 0;
	r->is_answered = true;
	metrics_add(METRIC_REQUESTS, 1);
	access_end(r);
	r->req = NULL;
	r->conn = NULL;
	if (conn)
		conn_reply(conn, req, p->iov, p->n);
	/* While the origin still owes a reply, that reply ends the slot. */
	if (!r->is_waiting)
		request_free(r);
}

/* Scheme, authority and the tool's prefix that the client used; nothing for an
 * HTTP/1.0 client that names no host. */
static struct slice base_url(struct request *r)
{
	char text[TOOL_PREFIX_SIZE];
	struct slice prefix = tool_prefix(r, text);
	struct buf *b = &r->front->base_url;
	struct slice scheme, authority;

	buf_reset(b);
	if (peer_base(r, &scheme, &authority))
		page_base(scheme, authority, prefix, b);
	return b->has_failed ? SLICE_NONE : buf_slice(b);
}

/* Up to three runs of bytes: around the rewritten part of nextPageUrl. */
static void split_body(
    struct request *r, const struct reply *reply, struct slice out[3])
{
	struct slice body = reply->body, base;
	size_t at;

	out[0] = body;
	out[1] = out[2] = SLICE_NONE;
	if (reply->next_page.n == 0 || !r->conn)
		return;
	base = base_url(r);
	if (base.n == 0)
		return;
	at = (size_t)(reply->next_page.p - body.p);
	out[0] = slice_sub(body, 0, at);
	out[1] = base;
	out[2] = slice_sub(body, at + reply->authority_n, body.n);
}

/* It went upstream as a HEAD, and what length GET's body would have is then not
 * known (RFC 9110 §8.6). */
static bool is_passed_head(const struct request *r)
{
	return r->is_head && !r->match.op && r->cache.fwd_status != 0;
}

static void add_framing(
    struct request *r, const struct reply *reply, size_t body_n, struct buf *b)
{
	if (!has_body(reply->status))
		return;
	if (!reply->is_streamed) {
		if (!is_passed_head(r))
			add_number(b, SLICE("Content-Length"), (int64_t)body_n);
	} else if (reply->has_length) {
		add_number(b, SLICE("Content-Length"), (int64_t)reply->length);
	} else if (!r->is_head && conn_may_chunk(r->req)) {
		buf_add_slice(b, SLICE("Transfer-Encoding: chunked\r\n"));
	}
}

/* The body of a stream follows; the request is not over. */
static void begin_parts(
    struct request *r, const struct reply *reply, const struct parts *p)
{
	r->sent_bytes = p->bytes;
	conn_stream_begin(r->conn, r->req, p->iov, p->n,
	    !reply->has_length && conn_may_chunk(r->req));
}

/* The stored head goes between the status line and the fields of our own.
 * False: all was sent. */
static bool send_message(struct request *r, const struct reply *reply)
{
	struct buf *own = &r->front->own_head;
	struct slice body[3];
	struct parts p = {.n = 0};
	bool is_bodiless = r->is_head || !has_body(reply->status);
	size_t line_n;

	r->status = reply->status;
	r->age_s = reply->age_s;
	split_body(r, reply, body);
	buf_reset(own);
	add_status_line(own, reply->status);
	line_n = own->n;
	add_framing(r, reply, body[0].n + body[1].n + body[2].n, own);
	add_own_fields(r, reply->is_own, reply->age_s, own);
	assert(!own->has_failed);
	add_part(&p, slice_sub(buf_slice(own), 0, line_n));
	add_part(&p, reply->head);
	add_part(&p, slice_sub(buf_slice(own), line_n, own->n));
	for (int i = 0; i < 3 && !is_bodiless; i++)
		add_part(&p, body[i]);
	if (reply->is_streamed && !is_bodiless) {
		begin_parts(r, reply, &p);
		return true;
	}
	r->stream = NULL;
	send_parts(r, &p);
	return false;
}

/* What it has in Date, which was put there when it had none; -1: nothing. */
static int64_t date_of(const struct reply *reply, int64_t now_s)
{
	struct slice value;
	int64_t date_s;

	if (!field_find(reply->head, SLICE("date"), &value) ||
	    !http_date_parse(value, now_s, &date_s))
		return -1;
	return date_s;
}

static bool is_not_modified(struct request *r, const struct reply *reply)
{
	int64_t now_s = r->now_ms / 1000;

	if (!r->conditional.if_none_match.p &&
	    !r->conditional.if_modified_since.p)
		return false;
	if (reply->status != 200 ||
	    (r->kind != FETCH_READ && r->kind != FETCH_STREAM))
		return false;
	if (r->method != API_GET && r->method != API_HEAD)
		return false;
	return conditional_is_not_modified(&r->conditional, reply->etag,
	    reply->last_modified, date_of(reply, now_s), now_s);
}

static bool send_conditional(struct request *r, const struct reply *reply)
{
	struct buf *head = &r->front->head_304;
	struct reply short_reply;

	if (!is_not_modified(r, reply))
		return send_message(r, reply);
	metrics_add(METRIC_NOT_MODIFIED, 1);
	buf_reset(head);
	conditional_head_304(reply->head, head);
	short_reply = *reply;
	short_reply.status = 304;
	short_reply.head = buf_slice(head);
	short_reply.body = SLICE_NONE;
	short_reply.next_page = SLICE_NONE;
	return send_message(r, &short_reply);
}

void reply_send(struct request *r, const struct reply *reply)
{
	send_conditional(r, reply);
}

bool reply_begin(struct request *r, const struct reply *reply)
{
	assert(reply->is_streamed && r->conn);
	return send_conditional(r, reply);
}

void reply_json(struct request *r, unsigned status, struct slice body)
{
	struct reply reply = {
	    .status = status,
	    .head = SLICE("Content-Type: application/json; charset=utf-8\r\n"
			  "Cache-Control: no-store\r\n"),
	    .body = body,
	    .age_s = -1,
	    .is_own = true,
	};

	send_message(r, &reply);
}

void reply_document(struct request *r, struct slice type, struct slice body)
{
	struct buf *head = &r->front->head_304;
	struct reply reply = {
	    .status = 200, .body = body, .age_s = -1, .is_own = true};

	buf_reset(head);
	field_add(head, SLICE("Content-Type"), type);
	field_add(head, SLICE("Cache-Control"), SLICE("no-store"));
	reply.head = buf_slice(head);
	send_message(r, &reply);
}

void reply_error(struct request *r, unsigned status, const char *message)
{
	struct slice head =
	    SLICE("Content-Type: application/json; "
		  "charset=utf-8\r\nCache-Control: no-store\r\n");
	struct slice retry = SLICE("Content-Type: application/json; "
				   "charset=utf-8\r\nCache-Control: "
				   "no-store\r\nRetry-After: 1\r\n");
	struct buf *body = &r->front->error_body;
	struct reply reply = {.status = status, .age_s = -1, .is_own = true};

	buf_reset(body);
	http_error_body(body, status, slice_of_str(message));
	reply.head = status == 503 ? retry : head;
	reply.body = buf_slice(body);
	send_message(r, &reply);
}
