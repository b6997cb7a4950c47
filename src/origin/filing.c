#include "origin/filing.h"

#include "api/key.h"
#include "base/json.h"
#include "base/metrics.h"
#include "http/field.h"
#include "http/freshness.h"
#include "http/vary.h"

#include <stdio.h>
#include <stdlib.h>

#define KEY_MAX_BYTES (64 * 1024)
#define VARY_MAX_BYTES (16 * 1024)

/* How long and how an answer may be used. */
struct term {
	int64_t fresh_ms;
	int64_t swr_ms;
	int64_t stale_ms; /* past freshness, when the upstream fails;
			     INT64_MAX: no bound of its own */
	bool is_stale_allowed;
	bool must_revalidate;
	bool must_validate;
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

/* An error that says how long it holds (RFC 9111 §3). GHL's are failures all
 * the same, and a stored answer is better. */
static bool is_meant_to_last(
    const struct fetch *f, const struct answer *a, const struct head *info)
{
	struct freshness_answer facts;

	if (!f->is_standards)
		return false;
	head_freshness(info, a->status, a->date_ms / 1000, &facts);
	return freshness_lifetime_s(&facts) > 0;
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
	if (a->status >= 500 && !is_meant_to_last(f, a, info))
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

/* Whatever Vary names is in the key, or the upstream never sees it, unless it
 * is the one field that is forwarded and not keyed. Under the standards profile
 * it is what tells variants apart. */
static bool is_vary_met(const struct filing *f)
{
	struct buf names;
	enum vary_kind kind;

	buf_init(&names, VARY_MAX_BYTES);
	kind = vary_normalise(f->info->vary, &names);
	buf_fini(&names);
	if (kind == VARY_ANY)
		return false;
	return f->fetch->is_standards ||
	       !field_list_has(f->info->vary, SLICE("x-sdk-version"));
}

/* Of an unknown path of GHL's only what says itself how long it is good for:
 * an ETag, which all answers have there, is no wish to be stored. */
static bool is_worth_storing(
    const struct filing *f, const struct freshness_answer *a)
{
	return f->fetch->is_standards || freshness_is_explicit(a);
}

/* Paths that the table does not know: RFC 9111 without heuristics. */
static bool term_of_rfc9111(const struct filing *f, struct term *t)
{
	struct cache_control none;
	struct freshness_answer a;
	int64_t now_s = f->answer->date_ms / 1000;

	cachecontrol_init(&none);
	head_freshness(f->info, f->answer->status, now_s, &a);
	if (!freshness_may_store(&a, &none) || !is_worth_storing(f, &a) ||
	    !is_vary_met(f))
		return false;
	/* What arrives expired has expired a certain time ago. */
	t->fresh_ms =
	    (freshness_lifetime_s(&a) - f->answer->initial_age_s) * 1000;
	t->swr_ms = non_negative(a.cc.stale_while_revalidate_s) * 1000;
	t->stale_ms = a.cc.stale_if_error_s < 0 ? INT64_MAX
						: a.cc.stale_if_error_s * 1000;
	t->must_validate = a.cc.has_no_cache || a.cc.no_cache_fields.p;
	t->must_revalidate = a.cc.has_must_revalidate ||
			     a.cc.has_proxy_revalidate || a.cc.s_maxage_s >= 0;
	t->is_stale_allowed = !t->must_revalidate && !t->must_validate;
	return t->fresh_ms > 0 || a.has_validator || t->is_stale_allowed;
}

static bool term_of(const struct filing *f, struct term *t)
{
	*t = (struct term){.stale_ms = INT64_MAX};
	if (!f->fetch->may_store || f->is_close_delimited ||
	    f->answer->body.n > f->max_bytes || f->tags->is_full)
		return false;
	/* Nobody else asked for it so. */
	if (f->info->content_encoding.n > 0 && !f->fetch->is_standards)
		return false;
	if (f->fetch->match.op)
		return term_of_operation(f, t);
	return term_of_rfc9111(f, t);
}

int64_t filing_initial_age_s(const struct fetch *f, const struct head *info,
    int64_t requested_at_ms, int64_t received_at_ms)
{
	int64_t received_s = received_at_ms / 1000;
	/* GHL makes each answer anew: what its Date says beyond that is the
	 * difference of two clocks. */
	int64_t date_s =
	    info->has_date && !f->match.op ? info->date_s : received_s;

	return freshness_initial_age_s(
	    info->age_s, date_s, requested_at_ms / 1000, received_s);
}

void filing_variant_key(struct buf *key, struct slice base, struct slice names,
    const struct slice *fields, size_t fields_n)
{
	buf_add_slice(key, base);
	/* A base ends in a line feed, and so is nobody's variant. */
	buf_add_slice(key, SLICE("vary:"));
	vary_key(key, names, fields, fields_n);
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

static bool key_of_variant(
    const struct fetch *f, struct slice vary, struct buf *key)
{
	struct buf names;

	buf_init(&names, VARY_MAX_BYTES);
	vary_normalise(vary, &names);
	filing_variant_key(
	    key, f->full_key, buf_slice(&names), f->fields, f->fields_n);
	key->has_failed |= names.has_failed;
	buf_fini(&names);
	return !key->has_failed;
}

bool filing_is_same_variant(
    const struct fetch *a, const struct fetch *b, struct slice head)
{
	struct slice vary = SLICE_NONE;
	struct buf one, other;
	bool is_same;

	if (!a->is_standards)
		return true;
	field_find(head, SLICE("vary"), &vary);
	buf_init(&one, KEY_MAX_BYTES);
	buf_init(&other, KEY_MAX_BYTES);
	is_same = key_of_variant(a, vary, &one) &&
		  key_of_variant(b, vary, &other) &&
		  slice_eq(buf_slice(&one), buf_slice(&other));
	buf_fini(&one);
	buf_fini(&other);
	return is_same;
}

/* Takes the text; an empty one is one, too. */
static bool take_text(struct slice *to, struct buf *text)
{
	bool is_ok = !text->has_failed && copy_slice(to, buf_slice(text));

	buf_fini(text);
	return is_ok;
}

/* The key of this variant, and where it is to be found. */
static bool set_variant(struct cache_put *p, const struct filing *f)
{
	struct buf names, key;
	bool is_ok;

	buf_init(&names, VARY_MAX_BYTES);
	buf_init(&key, KEY_MAX_BYTES);
	/* Vary: * was not to be stored. */
	vary_normalise(f->info->vary, &names);
	filing_variant_key(&key, f->fetch->full_key, buf_slice(&names),
	    f->fetch->fields, f->fetch->fields_n);
	p->key = digest_fast(buf_slice(&key));
	p->base_key = f->fetch->key;
	is_ok = take_text(&p->vary, &names);
	is_ok = take_text(&p->full_key, &key) && is_ok;
	return is_ok && copy_slice(&p->base_full_key, f->fetch->full_key);
}

static bool set_keys(struct cache_put *p, const struct filing *f)
{
	if (f->fetch->is_standards)
		return set_variant(p, f);
	p->key = f->fetch->key;
	return copy_slice(&p->full_key, f->fetch->full_key);
}

static int64_t later(int64_t at_ms, int64_t ms)
{
	return ms > INT64_MAX - at_ms ? INT64_MAX : at_ms + ms;
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
	p->answer = answer_ref(f->answer);
	p->seq = f->seq;
	p->fresh_until_ms = f->answer->date_ms + term.fresh_ms;
	p->swr_until_ms = p->fresh_until_ms + term.swr_ms;
	p->stale_until_ms = later(p->fresh_until_ms, term.stale_ms);
	p->is_stale_allowed = term.is_stale_allowed;
	p->must_revalidate = term.must_revalidate;
	p->must_validate = term.must_validate;
	p->op = f->fetch->match.op ? (uint32_t)api_op_index(f->fetch->match.op)
				   : UINT32_MAX;
	set_location(p, f);
	if (!set_keys(p, f) || !copy_tags(p, f->tags)) {
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

	buf_init(&key, KEY_MAX_BYTES);
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
