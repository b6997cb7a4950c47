#include "origin/renewal.h"

#include "base/clock.h"
#include "http/update.h"
#include "http/validate.h"
#include "origin/filing.h"
#include "origin/origin_internal.h"

#include <stdlib.h>

#define HEAD_MAX_BYTES (256 * 1024)

/* Of writes that were decided after the entry began, also those whose movement
 * is not committed yet. */
static struct cache_moved moved_since(
    struct origin *o, const struct fetch *f, const struct cache_view *v)
{
	struct api_context context = fetch_context(f, v->body);
	struct cache_moved moved;
	struct tag_set tags;

	tag_set_init(&tags);
	api_tags_read(&context, &tags);
	moves_latest(o->moves, o->reader, tags.v, tags.n, &moved);
	tag_set_fini(&tags);
	return moved;
}

/*
 * The very one whose validators were sent. What a write may have changed is
 * proved by its entity tag only: the length, or the second in which it was
 * made, may be what it was.
 */
static bool is_still_held(
    struct origin *o, const struct fetch *f, const struct cache_view *v)
{
	struct cache_moved moved;

	if (v->state == CACHE_MISS || !slice_eq(v->etag, f->held.etag) ||
	    !slice_eq(v->last_modified, f->held.last_modified))
		return false;
	moved = moved_since(o, f, v);
	if (moved.epoch > v->seq)
		return false;
	return (v->state != CACHE_SUSPECT && moved.suspect <= v->seq) ||
	       (v->etag.n > 0 && !fetch_is_head(f));
}

static char *copy_body(const struct cache_view *v)
{
	char *p = malloc(v->body.n ? v->body.n : 1);

	if (p && v->body.n > 0)
		memcpy(p, v->body.p, v->body.n);
	return p;
}

/* Takes newer, a head as it would be stored. */
static struct answer *merge(struct origin *o, const struct cache_view *v,
    struct slice newer, const struct head *newer_info, struct head *info)
{
	struct buf head;
	char *body;

	buf_init(&head, HEAD_MAX_BYTES);
	update_head(v->head, newer, &head);
	body = copy_body(v);
	if (!body || head.has_failed ||
	    !head_read(buf_slice(&head), clock_wall_ms() / 1000, info)) {
		buf_fini(&head);
		free(body);
		return NULL;
	}
	/* These are no part of a stored head. */
	info->age_s = newer_info->age_s;
	info->limits = newer_info->limits;
	return origin_make_answer(o, v->status, &head, body, v->body.n, info);
}

static bool is_confirmed(const struct fetch *f, const struct transfer_result *r,
    const struct head *newer, const struct cache_view *v, bool *is_disproved)
{
	struct validate_length length = {
	    .is_known = r->has_length, .stored_n = v->body.n, .n = r->length};

	if (!fetch_is_head(f))
		return validate_selects(newer, v->etag, v->last_modified);
	if (r->status != 200)
		return false;
	switch (validate_head(newer, v->etag, v->last_modified, &length)) {
	case VALIDATE_HEAD_FRESHENS:
		return true;
	case VALIDATE_HEAD_INVALIDATES:
		*is_disproved = true;
		return false;
	case VALIDATE_HEAD_NOTHING:
		break;
	}
	return false;
}

/* With the view open. */
static struct answer *renew(struct origin *o, const struct fetch *f,
    const struct transfer_result *r, const struct cache_view *v,
    struct head *info, bool *is_disproved)
{
	struct answer *a = NULL;
	struct head newer;
	struct buf head;
	const char *why;

	buf_init(&head, HEAD_MAX_BYTES);
	if (head_build(r->fields, clock_wall_ms() / 1000, origin_head_rules(o),
		&head, &newer, &why) &&
	    is_confirmed(f, r, &newer, v, is_disproved))
		a = merge(o, v, buf_slice(&head), &newer, info);
	buf_fini(&head);
	return a;
}

struct answer *renewal_make(struct origin *o, const struct fetch *f,
    const struct transfer_result *r, struct head *info, bool *is_disproved)
{
	struct answer *a = NULL;
	struct cache_view v;

	*is_disproved = false;
	if (f->held.full_key.n == 0 || !o->reader)
		return NULL;
	cache_lookup(
	    o->reader, &f->held.key, f->held.full_key, clock_wall_ms(), &v);
	if (is_still_held(o, f, &v))
		a = renew(o, f, r, &v, info, is_disproved);
	cache_release(o->reader);
	return a;
}
