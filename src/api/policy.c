#include "api/policy.h"

#include <assert.h>
#include <stdlib.h>

struct api_policies {
	struct api_policy unknown;
	struct api_policy of[]; /* by api_op_index */
};

/* ---- matching ---- */

static bool same_segment(struct slice a, struct slice b)
{
	if (slice_starts(a, SLICE("{")) && slice_starts(b, SLICE("{")))
		return true;
	return slice_eq(a, b);
}

static struct slice next_segment(struct slice *rest)
{
	size_t end = slice_find(*rest, 1, '/');
	struct slice segment = slice_sub(*rest, 1, end);

	*rest = slice_sub(*rest, end, rest->n);
	return segment;
}

/* Names of parameters and a trailing slash make no difference. */
static bool same_template(struct slice a, struct slice b)
{
	while (a.n > 1 && b.n > 1)
		if (!same_segment(next_segment(&a), next_segment(&b)))
			return false;
	return a.n <= 1 && b.n <= 1;
}

static bool matches_template(const struct api_op *op, struct slice match)
{
	size_t space = slice_find(match, 0, ' ');
	struct slice template = slice_sub(match, space + 1, match.n);

	if (!slice_starts(template, SLICE("/")) ||
	    api_method_of(slice_sub(match, 0, space)) != op->method)
		return false;
	return same_template(template, slice_of_str(op->template)) ||
	       (op->alias && same_template(template, slice_of_str(op->alias)));
}

static bool matches(const struct api_op *op, struct slice match)
{
	enum api_class class;

	if (api_class_of(match, &class))
		return op->class == class;
	return slice_eq(match, slice_of_str(op->id)) ||
	       matches_template(op, match);
}

/* ---- building ---- */

static void set_stale(struct api_policy *p, int64_t stale_ms)
{
	p->stale_ms = stale_ms;
	p->stale = stale_ms > 0 ? API_STALE_MARKED : API_STALE_NEVER;
}

static void apply(const struct api_route_rule *r, struct api_policy *p)
{
	assert(r->ttl_ms >= 0 && r->swr_ms >= 0 && r->stale_ms >= 0);
	if (r->has_ttl)
		p->ttl_ms = r->ttl_ms;
	if (r->has_swr)
		p->swr_ms = r->swr_ms;
	if (r->has_stale)
		set_stale(p, r->stale_ms);
	if (r->has_override)
		p->is_override_upstream = r->is_override_upstream;
}

/* NULL, or what is wrong with the rule. */
static const char *apply_to_all(
    const struct api_route_rule *r, struct api_policies *p)
{
	bool has_matched = false, has_applied = false;

	for (size_t i = 0; i < api_ops_n(); i++) {
		if (!matches(api_op_at(i), r->match))
			continue;
		has_matched = true;
		if (!api_class_is_read(api_op_at(i)->class))
			continue;
		has_applied = true;
		apply(r, &p->of[i]);
	}
	if (!has_matched)
		return "matches no operation id, METHOD /template or class";
	if (!has_applied)
		return "matches only operations that are never stored";
	return NULL;
}

static void set_defaults(struct api_policies *p)
{
	p->unknown = (struct api_policy){.stale = API_STALE_NEVER};
	for (size_t i = 0; i < api_ops_n(); i++) {
		const struct api_op *op = api_op_at(i);

		p->of[i] = (struct api_policy){
		    .ttl_ms = op->ttl_ms,
		    .swr_ms = op->swr_ms,
		};
		set_stale(&p->of[i],
		    op->stale == API_STALE_MARKED ? API_STALE_UNLIMITED : 0);
	}
}

static const char *apply_rules(const struct api_route_rule *rules, size_t n,
    bool wants_classes, struct api_policies *p, size_t *at)
{
	enum api_class class;

	for (*at = 0; *at < n; ++*at) {
		const char *message;

		if (api_class_of(rules[*at].match, &class) != wants_classes)
			continue;
		message = apply_to_all(&rules[*at], p);
		if (message)
			return message;
	}
	return NULL;
}

struct api_policies *api_policies_new(
    const struct api_route_rule *rules, size_t n, struct api_route_error *error)
{
	struct api_policies *p;

	error->rule = 0;
	error->message = "out of memory";
	p = malloc(sizeof(*p) + api_ops_n() * sizeof(p->of[0]));
	if (!p)
		return NULL;
	set_defaults(p);
	error->message = apply_rules(rules, n, true, p, &error->rule);
	if (!error->message)
		error->message = apply_rules(rules, n, false, p, &error->rule);
	if (error->message) {
		api_policies_free(p);
		return NULL;
	}
	return p;
}

void api_policies_free(struct api_policies *p)
{
	free(p);
}

const struct api_policy *api_policy_of(
    const struct api_policies *p, const struct api_op *op)
{
	return op ? &p->of[api_op_index(op)] : &p->unknown;
}
