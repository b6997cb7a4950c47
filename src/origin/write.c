#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "http/field.h"
#include "http/reference.h"
#include "http/target.h"
#include "origin/denial.h"
#include "origin/filing.h"
#include "origin/movement.h"
#include "origin/origin_internal.h"

#include <assert.h>
#include <stdlib.h>

#define TARGET_MAX_BYTES 8192

/*
 * What passes once: writes, and reads that are neither stored nor shared. One
 * client request is one upstream request, whatever happens.
 */
struct passage {
	struct passage *next, **link; /* list of all */
	struct origin *origin;
	struct ask *ask;
	struct queue_job job; /* idle: answered, waits for the commit */
	struct movement movement;
	struct fetch *refetch; /* after the commit; may be NULL */
};

/* ---- passages ---- */

static void finish(struct passage *p);

static void on_write_moved(struct movement *m, bool is_committed)
{
	(void)is_committed;
	finish(m->arg);
}

static struct passage *passage_new(struct origin *o, struct ask *a)
{
	struct passage *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->origin = o;
	p->ask = a;
	movement_init(&p->movement, o, on_write_moved, p);
	p->next = o->passages;
	p->link = &o->passages;
	if (p->next)
		p->next->link = &p->next;
	o->passages = p;
	atomic_fetch_add(&o->passages_n, 1);
	return p;
}

/* Gives the prepared ask back to its front. */
static void finish(struct passage *p)
{
	struct origin *o = p->origin;

	*p->link = p->next;
	if (p->next)
		p->next->link = p->link;
	atomic_fetch_sub(&o->passages_n, 1);
	origin_return(o, p->ask);
	if (p->refetch)
		flight_refetch(o, p->refetch);
	free(p);
}

/* What a write's outcome says about the state behind it. */
enum verdict {
	DID_NOTHING,
	DID_WRITE,
	MAY_HAVE_WRITTEN
};

/* An API of which nothing is known is believed when it says that it failed. */
static enum verdict judge(const struct transfer_result *r, bool is_standards)
{
	switch (r->outcome) {
	case TRANSFER_UNSENT:
		return DID_NOTHING;
	case TRANSFER_UNKNOWN:
		return MAY_HAVE_WRITTEN;
	default:
		break;
	}
	/* RFC 9111 §4.4: 2xx and 3xx are no errors. */
	if (r->status >= 200 && r->status < 400)
		return DID_WRITE;
	if (r->status >= 400 && r->status < 500)
		return DID_NOTHING;
	return is_standards ? DID_NOTHING : MAY_HAVE_WRITTEN;
}

static void fill_reply(
    struct passage *p, struct transfer *t, const struct transfer_result *r)
{
	struct ask *a = p->ask;
	struct head info;

	origin_time_ask(a, r);
	if (r->outcome == TRANSFER_OK) {
		a->answer = origin_answer(p->origin, t, r, &info);
		if (a->answer) {
			a->result = ASK_ANSWERED;
			rates_update(
			    p->origin->rates, &a->fetch->scope, &info.limits);
			return;
		}
		a->detail = "bad-head";
		a->fail_status = 502;
	} else {
		a->detail = transfer_cause_name(r->cause);
		a->fail_status = origin_fail_status(r);
		a->message = origin_fail_message(r);
	}
	a->result = ASK_FAILED;
}

/*
 * §4.4: what the answer names in Location and Content-Location has changed,
 * too, if it is of this host. Heads are short and these fields rare, so they
 * are looked for again instead of being carried along.
 */
static void add_named(struct passage *p, struct tag_set *tags)
{
	static const char *const names[] = {"location", "content-location"};
	struct ask *a = p->ask;
	struct slice authority =
	    slice_of_str(p->origin->options.transfers.upstream);
	struct slice reference, path;
	struct buf target;

	authority = slice_sub(authority,
	    slice_find(authority, 0, ':') + sizeof("//"), authority.n);
	buf_init(&target, TARGET_MAX_BYTES);
	for (size_t i = 0; a->answer && i < 2; i++) {
		buf_reset(&target);
		if (!field_find(
			a->answer->head, slice_of_str(names[i]), &reference) ||
		    !reference_target(
			reference, a->fetch->target, authority, &target))
			continue;
		target_split(buf_slice(&target), &path, NULL);
		api_tags_path(path, tags);
	}
	buf_fini(&target);
}

/* What the write has changed. Of a path that nobody knows that is everything
 * it may have; of an API that nobody knows, what RFC 9111 §4.4 says. */
static void tags_of(struct passage *p, struct tag_set *tags)
{
	struct ask *a = p->ask;
	struct api_context context =
	    fetch_context(a->fetch, a->answer ? a->answer->body : SLICE_NONE);

	if (p->origin->options.is_standards)
		api_tags_path(a->fetch->path, tags);
	else
		api_tags_moved(&context, tags);
	add_named(p, tags);
}

/* Commits the movement before the client hears of its write. */
static void settle_write(struct passage *p, enum verdict verdict)
{
	struct ask *a = p->ask;
	struct tag_set tags;

	if (verdict == DID_NOTHING) {
		finish(p);
		return;
	}
	if (verdict == MAY_HAVE_WRITTEN)
		metrics_add(METRIC_WRITES_UNKNOWN, 1);
	else
		metrics_add(METRIC_WRITES, 1);
	if (verdict == DID_WRITE)
		p->refetch = filing_refetch(p->origin->settings->policies,
		    a->fetch, flight_holds, p->origin);
	tag_set_init(&tags);
	tags_of(p, &tags);
	if (tags.n == 0 && !tags.is_full) {
		finish(p); /* moves nothing: a typing indicator, say */
		return;
	}
	movement_send(&p->movement, &tags, verdict == MAY_HAVE_WRITTEN);
}

/* Takes p when what it brought denies something that is stored. */
static bool settle_denial(struct passage *p)
{
	struct ask *a = p->ask;
	struct tag_set tags;

	tag_set_init(&tags);
	if (!a->answer || !denial_tags(p->origin, a->fetch, a->answer->status,
			      a->answer->body, &tags))
		return false;
	movement_send(&p->movement, &tags, false);
	return true;
}

static void on_passed(
    struct queue_job *j, struct transfer *t, const struct transfer_result *r)
{
	struct passage *p = mail_of(j, struct passage, job);

	origin_note_result(p->origin, p->ask->fetch, r);
	origin_note_family(p->origin, p->ask->fetch, r, NULL);
	fill_reply(p, t, r);
	if (settle_denial(p))
		return;
	if (p->ask->fetch->kind == FETCH_WRITE)
		settle_write(p, judge(r, p->origin->options.is_standards));
	else
		finish(p);
}

static const struct queue_ops ops = {.done = on_passed};

void write_ask(struct origin *o, struct ask *a)
{
	struct passage *p = passage_new(o, a);

	if (!p) {
		origin_return_failed(o, a, 503, "memory");
		return;
	}
	p->job.ops = &ops;
	p->job.fetch = a->fetch;
	queue_add(&o->queue, &p->job);
}

/* Nothing was sent, so nothing moves. */
static void drop(struct passage *p, const char *detail)
{
	queue_leave(&p->job);
	p->ask->result = ASK_FAILED;
	p->ask->fail_status = 503;
	p->ask->detail = detail;
	finish(p);
}

bool write_client_gone(struct origin *o, const struct origin_gone *g)
{
	struct passage *p = o->passages;

	while (p && !origin_is_gone(g, p->ask))
		p = p->next;
	if (!p || p->job.state != QUEUE_WAITING)
		return false;
	metrics_add(METRIC_DROPPED, 1);
	drop(p, "client-left");
	return true;
}

/* ---- after the commit ---- */

static void purge_done(struct origin_purge *p, bool is_committed)
{
	p->is_committed = is_committed;
	p->mail.kind = p->reply_kind;
	if (!mailbox_post(p->reply_to, &p->mail))
		assert(!"the purger's mailbox is full");
}

static void on_purge_moved(struct movement *m, bool is_committed)
{
	struct origin_purge *p = m->arg;

	free(m);
	purge_done(p, is_committed);
}

void write_purge(struct origin *o, struct origin_purge *p)
{
	struct movement *m = malloc(sizeof(*m));

	if (!m) {
		purge_done(p, false);
		return;
	}
	movement_init(m, o, on_purge_moved, p);
	movement_send(m, &p->tags, false);
}

void write_stop_all(struct origin *o)
{
	struct passage *next;

	for (struct passage *p = o->passages; p; p = next) {
		next = p->next;
		if (p->job.state == QUEUE_IDLE)
			continue; /* its commit is on the way */
		if (p->job.state == QUEUE_WAITING) {
			drop(p, "stopping");
			continue;
		}
		queue_leave(&p->job);
		p->ask->result = ASK_FAILED;
		p->ask->fail_status = 503;
		p->ask->detail = "stopping";
		/* It may have been done: the next process must know. */
		if (p->ask->fetch->kind == FETCH_WRITE)
			settle_write(p, MAY_HAVE_WRITTEN);
		else
			finish(p);
	}
}
