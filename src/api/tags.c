#include "api/tags.h"

#include "api/location.h"
#include "api/source.h"
#include "base/sabotage.h"

#include <assert.h>

#define NAME_MAX_BYTES 32 /* of a tag, without its id */

enum direction {
	READ,
	MOVE
};

/* One pass over a rule string. */
struct pass {
	const struct api_context *context;
	enum direction direction;
	struct locations locations;
	struct tag_set *out;
};

/* A record rule while its ids come in. */
struct record {
	struct pass *pass;
	struct slice prefix; /* "contact:" */
	bool has_ids;
};

/* ---- expansion ---- */

static void add(struct pass *p, struct slice prefix, struct slice rest)
{
	struct digest128 tag = tag_named(prefix, rest);

	if (SABOTAGE_CREDENTIAL_TAGS && p->context->scope)
		for (size_t i = 0; i < sizeof(tag.b); i++)
			tag.b[i] ^= p->context->scope->b[i];
	tag_set_add(p->out, tag);
}

/* name is without "@". */
static void add_collection(
    struct pass *p, struct slice name, bool is_everywhere)
{
	static const struct slice every = {"*", 1}, some = {"?", 1};
	bool is_known = p->locations.n > 0 && !is_everywhere;
	char text[NAME_MAX_BYTES] = "";
	struct slice prefix = slice_of(text, name.n + 1);

	assert(prefix.n <= sizeof(text));
	memcpy(text, name.p, name.n);
	text[name.n] = '@';
	for (size_t i = 0; is_known && i < p->locations.n; i++)
		add(p, prefix, p->locations.v[i]);
	if (p->direction == MOVE || !is_known)
		add(p, prefix, some);
	if (is_known == (p->direction == READ))
		add(p, prefix, every);
}

static void on_id(void *arg, struct slice id, bool is_borrowed)
{
	struct record *r = arg;

	(void)is_borrowed;
	r->has_ids = true;
	add(r->pass, r->prefix, id);
}

/*
 * Unites alternatives. What one gives is enough; if none does, one that could
 * not be read leaves the whole unknown.
 */
static enum source_state each_alternative(const struct api_context *c,
    struct slice sources, source_id_fn *fn, void *arg)
{
	enum source_state whole = SOURCE_ABSENT;
	size_t at = 0;

	while (at < sources.n) {
		size_t end = slice_find(sources, at, '|');
		enum source_state one =
		    source_each(c, slice_sub(sources, at, end), fn, arg);

		at = end + 1;
		if (one == SOURCE_PRESENT || whole == SOURCE_PRESENT)
			whole = SOURCE_PRESENT;
		else if (one == SOURCE_UNKNOWN)
			whole = SOURCE_UNKNOWN;
	}
	return whole;
}

static void apply_record(
    struct pass *p, struct slice name, struct slice sources)
{
	struct record r = {.pass = p, .prefix = {name.p, name.n + 1}};
	bool is_optional = slice_starts(sources, SLICE("?"));
	enum source_state state;

	if (is_optional)
		sources = slice_sub(sources, 1, sources.n);
	state = each_alternative(p->context, sources, on_id, &r);
	if (state == SOURCE_ABSENT && is_optional)
		return;
	if (p->direction == READ) {
		if (state != SOURCE_PRESENT)
			add(p, r.prefix, SLICE_NONE);
		add_collection(p, name, false);
	} else {
		if (r.has_ids)
			add(p, r.prefix, SLICE_NONE);
		if (state != SOURCE_PRESENT)
			add_collection(p, name, false);
	}
}

/* how: what stands behind "@": nothing, "@", or "?" and a condition. */
static void apply_collection(
    struct pass *p, struct slice name, struct slice how)
{
	if (slice_starts(how, SLICE("?")) &&
	    each_alternative(p->context, slice_sub(how, 1, how.n), NULL,
		NULL) == SOURCE_ABSENT)
		return;
	add_collection(p, name, slice_eq(how, SLICE("@")));
}

static void apply_rule(struct pass *p, struct slice rule)
{
	size_t end = 0;

	while (end < rule.n && rule.p[end] != ':' && rule.p[end] != '@')
		end++;
	assert(end > 0 && end < rule.n);
	if (rule.p[end] == ':')
		apply_record(p, slice_sub(rule, 0, end),
		    slice_sub(rule, end + 1, rule.n));
	else
		apply_collection(p, slice_sub(rule, 0, end),
		    slice_sub(rule, end + 1, rule.n));
}

static void apply_rules(struct pass *p, const char *text)
{
	struct slice rules = slice_of_str(text);
	size_t at = 0;

	while (at < rules.n) {
		size_t end = slice_find(rules, at, ' ');

		apply_rule(p, slice_sub(rules, at, end));
		at = end + 1;
	}
}

static void pass_init(struct pass *p, const struct api_context *c,
    enum direction direction, struct tag_set *out)
{
	p->context = c;
	p->direction = direction;
	p->out = out;
	locations_of(c, &p->locations);
}

/* ---- requests ---- */

void api_tags_read(const struct api_context *c, struct tag_set *out)
{
	struct pass p;

	pass_init(&p, c, READ, out);
	api_tags_all(out);
	api_tags_path(c->path, out);
	if (c->scope)
		api_tags_scope(c->scope, out);
	if (c->key)
		api_tags_entry(c->key, out);
	add_collection(&p, SLICE("everything"), false);
	if (!c->match->op)
		return;
	api_tags_operation(slice_of_str(c->match->op->id), out);
	apply_rules(&p, c->match->op->tags_read);
}

void api_tags_moved(const struct api_context *c, struct tag_set *out)
{
	struct pass p;

	pass_init(&p, c, MOVE, out);
	if (c->match->op)
		apply_rules(&p, c->match->op->tags_moved);
	else
		add_collection(&p, SLICE("everything"), false);
}

/* ---- purges ---- */

void api_tags_all(struct tag_set *out)
{
	tag_set_add(out, tag_named(SLICE("all"), SLICE_NONE));
}

/* Entries whose location is not known may be of this one. */
void api_tags_location(struct slice location, struct tag_set *out)
{
	static const struct slice prefix = {"everything@", 11};

	tag_set_add(out, tag_named(prefix, location));
	tag_set_add(out, tag_named(prefix, SLICE("?")));
}

void api_tags_contact(struct slice contact, struct tag_set *out)
{
	struct api_match match = {
	    .op = api_by_id(SLICE("contacts.delete-contact")),
	    .params_n = 1,
	    .params = {{SLICE("contactId"), contact}},
	};
	struct api_context context = {.match = &match};

	assert(match.op);
	api_tags_moved(&context, out);
}

void api_tags_operation(struct slice op_id, struct tag_set *out)
{
	tag_set_add(out, tag_named(SLICE("op:"), op_id));
}

void api_tags_path(struct slice path, struct tag_set *out)
{
	if (path.n > 1 && path.p[path.n - 1] == '/')
		path.n--;
	tag_set_add(out, tag_named(SLICE("path:"), path));
}

static struct slice slice_of_digest(const struct digest128 *d)
{
	return slice_of((const char *)d->b, sizeof(d->b));
}

void api_tags_scope(const struct digest128 *scope, struct tag_set *out)
{
	tag_set_add(out, tag_named(SLICE("scope:"), slice_of_digest(scope)));
}

void api_tags_entry(const struct digest128 *key, struct tag_set *out)
{
	tag_set_add(out, tag_named(SLICE("key:"), slice_of_digest(key)));
}
