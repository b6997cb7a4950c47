#include "front/local.h"

#include "front/cross.h"
#include "front/front_internal.h"
#include "front/peer.h"
#include "front/reply.h"

/* 256 tools take a quarter of it. */
#define FIGURES_MAX_BYTES (1024 * 1024)

/* The process runs and this thread answers. */
static void health(struct request *r)
{
	reply_json(r, 200, SLICE("{\"status\":\"ok\"}\n"));
}

/* New work is welcome. */
static void ready(struct request *r)
{
	if (r->front->is_draining)
		reply_json(r, 503, SLICE("{\"status\":\"draining\"}\n"));
	else
		reply_json(r, 200, SLICE("{\"status\":\"ready\"}\n"));
}

bool local_is_operator(struct request *r)
{
	return peer_is_this_machine(r) && !cross_is_foreign_page(r);
}

/*
 * Who may see figures and names of tools: status, metrics. False: replied.
 */
static bool may_see_figures(struct request *r)
{
	if (local_is_operator(r))
		return true;
	reply_error(r, 403, "only from this machine");
	return false;
}

static void reply_figures(struct request *r,
    void (*write)(struct buf *out, void *arg), struct slice type)
{
	struct buf body;

	if (!may_see_figures(r))
		return;
	buf_init(&body, FIGURES_MAX_BYTES);
	write(&body, r->front->options.status_arg);
	if (body.has_failed || body.n == 0)
		reply_error(r, 503, "out of memory");
	else
		reply_document(r, type, buf_slice(&body));
	buf_fini(&body);
}

static void status(struct request *r)
{
	reply_figures(r, r->front->options.status,
	    SLICE("application/json; charset=utf-8"));
}

static void metrics(struct request *r)
{
	reply_figures(
	    r, r->front->options.metrics, r->front->options.metrics_type);
}

static const struct {
	struct slice path;
	void (*reply)(struct request *r);
} endpoints[] = {
    {{"/-/health", 9}, health},
    {{"/-/ready", 8}, ready},
    {{"/-/status", 9}, status},
    {{"/-/metrics", 10}, metrics},
};

void local_reply(struct request *r)
{
	for (size_t i = 0; i < sizeof(endpoints) / sizeof(*endpoints); i++) {
		if (!slice_eq(r->path, endpoints[i].path))
			continue;
		if (r->method != API_GET && r->method != API_HEAD)
			reply_error(r, 405, "only GET");
		else
			endpoints[i].reply(r);
		return;
	}
	reply_error(r, 404, "ghlmirror has no such endpoint");
}
