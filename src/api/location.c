#include "api/location.h"

#include "api/source.h"

#include <assert.h>

struct gather {
	struct locations *out;
	bool is_odd; /* something was named that cannot be used */
};

/* GHL's ids are letters and digits. Anything else would be a way to write one
 * location in two ways. */
static bool is_plain(struct slice id)
{
	for (size_t i = 0; i < id.n; i++) {
		char c = id.p[i];

		if (!((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
			(c >= 'a' && c <= 'z') || c == '-' || c == '_'))
			return false;
	}
	return id.n > 0 && id.n <= API_LOCATION_MAX;
}

static void add(struct gather *g, struct slice id)
{
	for (size_t i = 0; i < g->out->n; i++)
		if (slice_eq(g->out->v[i], id))
			return;
	if (g->out->n == LOCATIONS_MAX)
		g->is_odd = true;
	else
		g->out->v[g->out->n++] = id;
}

static void on_id(void *arg, struct slice id, bool is_borrowed)
{
	struct gather *g = arg;

	if (is_borrowed && is_plain(id))
		add(g, id);
	else
		g->is_odd = true;
}

static void on_alt_type(void *arg, struct slice id, bool is_borrowed)
{
	bool *is_location = arg;

	(void)is_borrowed;
	*is_location = slice_eq(id, SLICE("location"));
}

/* altId is a location unless altType beside it says otherwise. */
static bool is_about_location(const struct api_context *c, struct slice source)
{
	static const char type[] = "altType";
	bool is_location = true;
	char sibling[64];
	size_t stem;

	if (!slice_ends(source, SLICE(".altId")))
		return true;
	stem = source.n - strlen("altId");
	assert(stem + sizeof(type) <= sizeof(sibling));
	memcpy(sibling, source.p, stem);
	memcpy(sibling + stem, type, sizeof(type));
	source_each(c, slice_of_str(sibling), on_alt_type, &is_location);
	return is_location;
}

static void gather_from(
    const struct api_context *c, struct gather *g, bool wants_answer)
{
	struct slice rules = slice_of_str(c->match->op->location);
	size_t at = 0;

	while (at < rules.n) {
		size_t end = slice_find(rules, at, ' ');
		struct slice source = slice_sub(rules, at, end);

		at = end + 1;
		if (slice_starts(source, SLICE("$answer.")) == wants_answer &&
		    is_about_location(c, source))
			source_each(c, source, on_id, g);
	}
}

void locations_of(const struct api_context *c, struct locations *out)
{
	struct gather g = {.out = out};

	out->n = 0;
	if (c->match->op)
		gather_from(c, &g, false);
	if (c->location.n > 0)
		on_id(&g, c->location, true);
	if (c->match->op && out->n == 0)
		gather_from(c, &g, true);
	if (g.is_odd)
		out->n = 0;
}

struct slice api_location(const struct api_context *c)
{
	struct locations known;

	locations_of(c, &known);
	return known.n > 0 ? known.v[0] : SLICE_NONE;
}
