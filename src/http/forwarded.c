#include "http/forwarded.h"

#include "http/gate.h"

/* Who is trusted, and what was found so far, from left to right. */
struct chain {
	const struct addr_range *trusted;
	size_t trusted_n;
	bool is_begun;
	struct forwarded best;
};

static bool is_named(const struct field *f, const char *name)
{
	return slice_eq_nocase(f->name, slice_of_str(name));
}

/*
 * Takes the next element. The last one that is not a trusted proxy counts, and
 * makes up for whatever stood before it; of none but trusted ones the first.
 */
static void chain_add(struct chain *c, const struct forwarded *element)
{
	bool is_proxy =
	    element->state == FORWARDED_KNOWN &&
	    addr_is_in_any(&element->client, c->trusted, c->trusted_n);

	if (!c->is_begun || !is_proxy)
		c->best = *element;
	c->is_begun = true;
}

/* :PORT, which some proxies add; a number, whatever it is. */
static bool is_port(struct slice s)
{
	if (s.n < 2 || s.n > 6 || s.p[0] != ':')
		return false;
	for (size_t i = 1; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
	}
	return true;
}

/* 192.0.2.1, 192.0.2.1:80, [2001:db8::1], [2001:db8::1]:80. */
static bool parse_node(struct slice s, struct addr *out)
{
	size_t end;
	struct slice rest;
	bool has_brackets = s.n > 0 && s.p[0] == '[';

	end = slice_find(s, 0, has_brackets ? ']' : ':');
	if (has_brackets && end == s.n)
		return false;
	rest = slice_sub(s, end + has_brackets, s.n);
	if (rest.n > 0 && !is_port(rest))
		return false;
	s = slice_sub(s, has_brackets, end);
	/* Brackets and only they hold an IPv6 address. */
	return (slice_find(s, 0, ':') < s.n) == has_brackets &&
	       addr_parse(s, out);
}

/* ---- X-Forwarded-For ---- */

/* Commas always split: there are no quotes here, and one that a client wrote
 * must not swallow what the proxy appended. */
static void add_x_forwarded_for(struct chain *c, struct slice list)
{
	while (list.n > 0) {
		size_t end = slice_find(list, 0, ',');
		struct slice item = slice_trim_ows(slice_sub(list, 0, end));
		struct forwarded e = {.state = FORWARDED_KNOWN};

		list = slice_sub(list, end + 1, list.n);
		if (item.n == 0)
			continue;
		if (slice_eq_nocase(item, SLICE("unknown")))
			e.state = FORWARDED_HIDDEN;
		/* Here IPv6 usually has no brackets. */
		else if (!addr_parse(item, &e.client) &&
			 !parse_node(item, &e.client))
			e.state = FORWARDED_BAD;
		chain_add(c, &e);
	}
}

static bool is_scheme(struct slice s)
{
	return slice_eq_nocase(s, SLICE("http")) ||
	       slice_eq_nocase(s, SLICE("https"));
}

/* As our own text, so that it is in lower case. */
static struct slice scheme_of(struct slice s)
{
	if (!is_scheme(s))
		return SLICE_NONE;
	return s.n == 5 ? SLICE("https") : SLICE("http");
}

/* The value of a field that is there once. */
static struct slice single(
    const struct field *fields, size_t n, const char *name)
{
	struct slice value = SLICE_NONE;
	unsigned found = 0;

	for (size_t i = 0; i < n; i++) {
		if (!is_named(&fields[i], name))
			continue;
		value = slice_trim_ows(fields[i].value);
		found++;
	}
	return found == 1 ? value : SLICE_NONE;
}

static void read_x_forwarded(
    const struct field *fields, size_t n, struct chain *c)
{
	struct slice host = single(fields, n, "x-forwarded-host");

	for (size_t i = 0; i < n; i++) {
		if (is_named(&fields[i], "x-forwarded-for"))
			add_x_forwarded_for(c, fields[i].value);
	}
	c->best.scheme = scheme_of(single(fields, n, "x-forwarded-proto"));
	if (gate_host_is_valid(host))
		c->best.host = host;
}

/* ---- Forwarded (RFC 7239) ---- */

/* §6: an obfuscated identifier, or "unknown". */
static bool is_hidden(struct slice s)
{
	return slice_eq_nocase(s, SLICE("unknown")) ||
	       (s.n > 1 && s.p[0] == '_');
}

/* One name=value of an element. False makes the whole element bad. */
static bool add_pair(struct forwarded *e, struct slice pair)
{
	struct slice name, value;

	/* A quote that a client opens inside a value would swallow what the
	 * proxy appended. */
	if (!field_split_pair(pair, &name, &value) || value.n == 0 ||
	    slice_find(value, 0, '\\') < value.n ||
	    slice_find(value, 0, '"') < value.n)
		return false;
	if (slice_eq_nocase(name, SLICE("for"))) {
		if (e->state != FORWARDED_NOT)
			return false; /* §4: each at most once */
		e->state =
		    is_hidden(value) ? FORWARDED_HIDDEN : FORWARDED_KNOWN;
		return e->state == FORWARDED_HIDDEN ||
		       parse_node(value, &e->client);
	}
	if (slice_eq_nocase(name, SLICE("proto")))
		e->scheme = scheme_of(value);
	else if (slice_eq_nocase(name, SLICE("host")) &&
		 gate_host_is_valid(value))
		e->host = value;
	return true;
}

/* Index of the next ";" outside quotes, or s.n. */
static size_t pair_end(struct slice s)
{
	bool is_quoted = false;
	size_t i;

	for (i = 0; i < s.n; i++) {
		if (s.p[i] == '"')
			is_quoted = !is_quoted;
		else if (is_quoted && s.p[i] == '\\')
			i++;
		else if (!is_quoted && s.p[i] == ';')
			break;
	}
	return i < s.n ? i : s.n;
}

static struct forwarded parse_element(struct slice item)
{
	struct forwarded e = {.state = FORWARDED_NOT};

	while (item.n > 0) {
		size_t end = pair_end(item);
		struct slice pair = slice_trim_ows(slice_sub(item, 0, end));

		item = slice_sub(item, end + 1, item.n);
		/* §4 allows empty pairs. */
		if (pair.n > 0 && !add_pair(&e, pair))
			return (struct forwarded){.state = FORWARDED_BAD};
	}
	/* Passed on, but nothing about the client. */
	if (e.state == FORWARDED_NOT)
		e.state = FORWARDED_HIDDEN;
	return e;
}

static void read_forwarded(
    const struct field *fields, size_t n, struct chain *c)
{
	for (size_t i = 0; i < n; i++) {
		struct slice list = fields[i].value, item;

		if (!is_named(&fields[i], "forwarded"))
			continue;
		while (field_list_next(&list, &item)) {
			struct forwarded e = parse_element(item);

			chain_add(c, &e);
		}
	}
}

/* ---- both ---- */

static bool is_same_client(const struct forwarded *a, const struct forwarded *b)
{
	return a->state == FORWARDED_KNOWN && b->state == FORWARDED_KNOWN &&
	       addr_is_equal(&a->client, &b->client);
}

void forwarded_read(const struct field *fields, size_t n,
    const struct addr_range *trusted, size_t trusted_n, struct forwarded *out)
{
	struct chain x = {.trusted = trusted, .trusted_n = trusted_n};
	struct chain f = {.trusted = trusted, .trusted_n = trusted_n};

	read_x_forwarded(fields, n, &x);
	read_forwarded(fields, n, &f);
	*out = f.is_begun ? f.best : x.best;
	if (f.is_begun && x.is_begun && !is_same_client(&f.best, &x.best)) {
		*out = (struct forwarded){.state = FORWARDED_BAD};
		return;
	}
	if (out->scheme.n == 0)
		out->scheme = x.best.scheme;
	if (out->host.n == 0)
		out->host = x.best.host;
	if (out->state == FORWARDED_NOT && forwarded_has_any(fields, n))
		out->state = FORWARDED_HIDDEN;
}

bool forwarded_has_any(const struct field *fields, size_t n)
{
	static const char *const names[] = {
	    "forwarded", "via", "x-real-ip", "x-client-ip", "cf-connecting-ip"};
	const struct slice prefix = SLICE("x-forwarded-");

	for (size_t i = 0; i < n; i++) {
		if (slice_eq_nocase(
			slice_sub(fields[i].name, 0, prefix.n), prefix))
			return true;
		for (size_t k = 0; k < sizeof(names) / sizeof(*names); k++) {
			if (is_named(&fields[i], names[k]))
				return true;
		}
	}
	return false;
}
