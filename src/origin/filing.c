#include "origin/filing.h"

#include "api/key.h"
#include "base/json.h"
#include "base/metrics.h"
#include "http/field.h"
#include "http/freshness.h"

#include <stdio.h>
#include <stdlib.h>

#define REFETCH_KEY_MAX_BYTES (64 * 1024)

/* How long and how an answer may be used. */
struct term {
	int64_t fresh_ms;
	int64_t swr_ms;
	bool is_stale_allowed;
	bool must_revalidate;
};

static bool is_json(const struct answer *a, const struct head *info)
{
	size_t end = slice_find(info->content_type, 0, ';');
	struct slice type = slice_sub(info->content_type, 0, end);
	struct slice body = slice_trim_ows(a->body);

	/* A Content-Length that is too small cuts a body unnoticed. */
	return slice_eq_nocase(
		   slice_trim_ows(type), SLICE("application/json")) &&
	       (slice_starts(body, SLICE("{")) ||
		   slice_starts(body, SLICE("["))) &&
	       json_valid(body);
}

/*
 * GHL's reads are JSON. What is not is a captive portal, a Cloudflare page or
 * an error in disguise, and must not stand in for a record.
 */
const char *filing_failure(
    const struct fetch *f, const struct answer *a, const struct head *info)
{
	if (a->status == 429)
		return "upstream-429";
	if (a->status >= 500)
		return "upstream-5xx";
	if (a->status == 200 && f->match.op && !is_json(a, info))
		return "upstream-not-json";
	return NULL;
}

static bool has_settled(const struct filing *f)
{
	if (!f->fetch->match.op->is_settling || f->moved.moved_at_ms == 0)
		return true;
	if (f->answer->date_ms - f->moved.moved_at_ms >= f->settling_ms)
		return true;
	metrics_add(METRIC_SETTLING_UNSTORED, 1);
	return false;
}

/* Operations of the table: its terms win over the upstream's, but for
 * no-store. */
static bool term_of_operation(const struct filing *f, struct term *t)
{
	const struct api_policy *p = &f->fetch->policy;

	if (f->answer->status != 200 || !api_policy_may_store(p))
		return false;
	if (f->info->cc.has_no_store && !p->is_override_upstream) {
		metrics_add(METRIC_NO_STORE_HONOURED, 1);
		return false;
	}
	t->fresh_ms = p->ttl_ms;
	t->swr_ms = p->swr_ms;
	t->is_stale_allowed = p->stale == API_STALE_MARKED;
	return has_settled(f);
}

static int64_t non_negative(int64_t v)
{
	return v > 0 ? v : 0;
}

/* Paths that the table does not know: RFC 9111 without heuristics. Whatever
 * Vary names is in the key, or the upstream never sees it, unless it is the
 * one header that is forwarded and not keyed. */
static bool term_of_rfc9111(const struct filing *f, struct term *t)
{
	struct cache_control none;
	struct freshness_answer a;
	int64_t now_s = f->answer->date_ms / 1000;
	int64_t lifetime_s, age_s;

	cachecontrol_init(&none);
	head_freshness(f->info, f->answer->status, now_s, &a);
	if (!freshness_may_store(&a, &none) || !freshness_is_explicit(&a) ||
	    field_list_has(f->info->vary, SLICE("x-sdk-version")))
		return false;
	lifetime_s = freshness_lifetime_s(&a);
	age_s = freshness_initial_age_s(f->info->age_s, a.date_s, now_s, now_s);
	if (lifetime_s <= age_s)
		return false;
	t->fresh_ms = (lifetime_s - age_s) * 1000;
	t->swr_ms = non_negative(a.cc.stale_while_revalidate_s) * 1000;
	t->must_revalidate = a.cc.has_must_revalidate ||
			     a.cc.has_proxy_revalidate ||
			     a.cc.s_maxage_s >= 0 || a.cc.has_no_cache;
	t->is_stale_allowed = !t->must_revalidate;
	return !a.cc.has_no_cache;
}

static bool term_of(const struct filing *f, struct term *t)
{
	*t = (struct term){0};
	if (!f->fetch->may_store || f->is_close_delimited ||
	    f->answer->body.n > f->max_bytes || f->tags->is_full ||
	    f->info->content_encoding.n > 0)
		return false;
	if (f->fetch->match.op)
		return term_of_operation(f, t);
	return term_of_rfc9111(f, t);
}

static bool copy_slice(struct slice *to, struct slice from)
{
	char *p = malloc(from.n ? from.n : 1);

	if (!p)
		return false;
	if (from.n > 0)
		memcpy(p, from.p, from.n);
	*to = slice_of(p, from.n);
	return true;
}

static bool copy_tags(struct cache_put *p, const struct tag_set *tags)
{
	p->tags = malloc((tags->n ? tags->n : 1) * sizeof(*p->tags));
	if (!p->tags)
		return false;
	if (tags->n > 0)
		memcpy(p->tags, tags->v, tags->n * sizeof(*p->tags));
	p->tags_n = tags->n;
	return true;
}

static void set_location(struct cache_put *p, const struct filing *f)
{
	struct api_context context = fetch_context(f->fetch, f->answer->body);
	struct slice location = api_location(&context);

	if (location.n >= sizeof(p->location))
		return;
	if (location.n > 0)
		memcpy(p->location, location.p, location.n);
	p->location[location.n] = '\0';
}

struct cache_put *filing_put(const struct filing *f)
{
	struct term term;
	struct cache_put *p;

	if (!term_of(f, &term))
		return NULL;
	p = calloc(1, sizeof(*p));
	if (!p)
		return NULL;
	p->key = f->fetch->key;
	p->answer = answer_ref(f->answer);
	p->seq = f->seq;
	p->fresh_until_ms = f->answer->date_ms + term.fresh_ms;
	p->swr_until_ms = p->fresh_until_ms + term.swr_ms;
	p->is_stale_allowed = term.is_stale_allowed;
	p->must_revalidate = term.must_revalidate;
	p->op = f->fetch->match.op ? (uint32_t)api_op_index(f->fetch->match.op)
				   : UINT32_MAX;
	set_location(p, f);
	if (!copy_slice(&p->full_key, f->fetch->full_key) ||
	    !copy_tags(p, f->tags)) {
		cache_put_free(p);
		return NULL;
	}
	return p;
}

/* ---- what was stored earlier ---- */

static void shorten(int64_t *until_ms, int64_t most_ms)
{
	if (*until_ms > most_ms)
		*until_ms = most_ms;
}

enum cache_state filing_review(struct cache_view *v, const struct api_op *op,
    const struct api_policy *policy, int64_t now_ms)
{
	if (v->state == CACHE_MISS || !op)
		return v->state;
	shorten(&v->fresh_until_ms, v->stored_at_ms + policy->ttl_ms);
	shorten(&v->swr_until_ms, v->fresh_until_ms + policy->swr_ms);
	if (v->state == CACHE_FRESH && now_ms >= v->fresh_until_ms)
		v->state = CACHE_EXPIRED;
	return v->state;
}

/* ---- refetch ---- */

/* The nearest record at or above the path of a write. */
static const struct api_op *record_above(struct slice *path)
{
	struct api_match m;

	while (path->n > 1) {
		if (api_find(API_GET, *path, &m) && m.op->is_refetched)
			return m.op;
		do
			path->n--;
		while (path->n > 1 && path->p[path->n] != '/');
	}
	return NULL;
}

static size_t fields_without(
    const struct fetch *f, struct slice name, struct slice *out)
{
	size_t n = 0;

	for (size_t i = 0; i < f->fields_n; i++) {
		struct slice line = f->fields[i];
		struct slice has = slice_sub(line, 0, slice_find(line, 0, ':'));

		if (!slice_eq_nocase(has, name))
			out[n++] = line;
	}
	return n;
}

/* Who asks for the record, and whether anybody has it. */
struct refetch {
	struct fetch_spec spec;
	const struct api_op *op;
	filing_holds holds;
	void *arg;
};

static struct fetch *fetch_if_held(struct refetch *rf)
{
	struct fetch_spec *s = &rf->spec;
	struct fetch *f = NULL;
	struct buf key;

	buf_init(&key, REFETCH_KEY_MAX_BYTES);
	api_key_build(&key, &s->scope, rf->op, API_GET, s->target, s->fields,
	    s->fields_n, SLICE_NONE);
	if (!key.has_failed) {
		s->full_key = buf_slice(&key);
		s->key = digest_fast(s->full_key);
		if (rf->holds(&s->key, s->full_key, rf->arg))
			f = fetch_new(s);
	}
	buf_fini(&key);
	return f;
}

/*
 * Readers spell the same request in two ways: with the writer's header
 * fields (the SDK sends Content-Type even on GET), or without Content-Type.
 */
struct fetch *filing_refetch(const struct api_policies *policies,
    const struct fetch *write, filing_holds holds, void *arg)
{
	struct slice fields[FETCH_FIELDS_MAX];
	struct refetch rf = {
	    .spec =
		{
		    .kind = FETCH_READ,
		    .may_store = true,
		    .may_join = true,
		    .scope = write->scope,
		    .method = API_GET,
		    .method_name = SLICE("GET"),
		    .target = write->path,
		    .location = write->location,
		    .tool = write->tool,
		    .fields = write->fields,
		    .fields_n = write->fields_n,
		},
	    .holds = holds,
	    .arg = arg,
	};
	struct fetch *f;

	if (write->match.op == NULL || write->match.op->method == API_DELETE)
		return NULL;
	rf.op = record_above(&rf.spec.target);
	if (!rf.op)
		return NULL;
	rf.spec.policy = *api_policy_of(policies, rf.op);
	f = fetch_if_held(&rf);
	if (f)
		return f;
	rf.spec.fields = fields;
	rf.spec.fields_n = fields_without(write, SLICE("Content-Type"), fields);
	return fetch_if_held(&rf);
}
