#include "http/head.h"
#include "base/json.h"
#include "http/date.h"
#include "http/field.h"

#include <stddef.h>

struct limit {
	const char *name;
	size_t at; /* offset in struct head_limits */
};

static const struct limit limits[] = {
    {"x-ratelimit-max", offsetof(struct head_limits, max)},
    {"x-ratelimit-remaining", offsetof(struct head_limits, remaining)},
    {"x-ratelimit-interval-milliseconds",
	offsetof(struct head_limits, interval_ms)},
    {"x-ratelimit-limit-daily", offsetof(struct head_limits, limit_daily)},
    {"x-ratelimit-daily-remaining",
	offsetof(struct head_limits, daily_remaining)},
    {"x-ratelimit-daily-reset", offsetof(struct head_limits, daily_reset_ms)},
};

/* Fields whose place in the stored head is remembered. */
struct place {
	const char *name;
	size_t at; /* offset in struct head */
};

static const struct place places[] = {
    {"etag", offsetof(struct head, etag)},
    {"last-modified", offsetof(struct head, last_modified)},
    {"content-type", offsetof(struct head, content_type)},
    {"content-encoding", offsetof(struct head, content_encoding)},
    {"vary", offsetof(struct head, vary)},
    {"location", offsetof(struct head, location)},
    {"content-location", offsetof(struct head, content_location)},
    {"x-trace-id", offsetof(struct head, trace_id)},
    {"traceid", offsetof(struct head, trace_id)},
};

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static bool is_named(struct slice name, const char *text)
{
	return slice_eq_nocase(name, slice_of_str(text));
}

static void note_limit(struct head_limits *l, const struct field *f)
{
	for (size_t i = 0; i < COUNT(limits); i++) {
		int64_t v;

		if (!is_named(f->name, limits[i].name) ||
		    !json_i64(f->value, &v))
			continue;
		/* Overdrawn is as good as nothing left. */
		*(int64_t *)(void *)((char *)l + limits[i].at) = v < 0 ? 0 : v;
	}
}

/* RFC 9110 §10.2.3: seconds, or a date. */
static void note_retry(struct head_limits *l, struct slice value, int64_t now_s)
{
	int64_t v;

	if (cachecontrol_seconds(value, &v))
		l->retry_after_s = v;
	else if (http_date_parse(value, now_s, &v))
		l->retry_after_s = v > now_s ? v - now_s : 0;
}

/* RFC 9111 §5.3: an unreadable date, "0" above all, is in the past. Of several
 * the earliest counts. */
static void note_expires(struct head *h, struct slice value, int64_t now_s)
{
	int64_t v;

	if (!http_date_parse(value, now_s, &v))
		v = 0;
	if (!h->has_expires || v < h->expires_s)
		h->expires_s = v;
	h->has_expires = true;
}

/* §5.1: of a list the first member; what is no number is ignored. */
static void note_age(struct head *h, struct slice value)
{
	struct slice first;
	int64_t v;

	if (field_list_next(&value, &first) && cachecontrol_seconds(first, &v))
		h->age_s = v;
}

static void note_fact(struct head *h, const struct field *f, int64_t now_s)
{
	if (is_named(f->name, "cache-control"))
		cachecontrol_add(&h->cc, f->value);
	else if (is_named(f->name, "date"))
		h->has_date =
		    h->has_date || http_date_parse(f->value, now_s, &h->date_s);
	else if (is_named(f->name, "age"))
		note_age(h, f->value);
	else if (is_named(f->name, "expires"))
		note_expires(h, f->value, now_s);
	else if (is_named(f->name, "content-range"))
		h->has_content_range = true;
	else if (is_named(f->name, "retry-after"))
		note_retry(&h->limits, f->value, now_s);
	else
		note_limit(&h->limits, f);
}

/* RFC 9110 §7.6.1: Connection names it. */
static bool is_nominated(struct slice lines, struct slice name)
{
	struct field f;

	while (field_next(&lines, &f)) {
		if (is_named(f.name, "connection") &&
		    field_list_has(f.value, name))
			return true;
	}
	return false;
}

static bool is_kept(
    struct slice lines, struct slice name, enum head_rules rules)
{
	if (rules == HEAD_DROPS_OURS && field_is_never_replayed(name))
		return false;
	return !field_is_hop_by_hop(name) && !field_is_rewritten(name) &&
	       !is_named(name, "date") && !is_named(name, "vary") &&
	       !is_nominated(lines, name);
}

/* A Date that cannot be read is none. */
static void add_date(const struct head *h, int64_t now_s, struct buf *out)
{
	char date[HTTP_DATE_SIZE];

	http_date_format(date, h->has_date ? h->date_s : now_s);
	field_add(out, SLICE("Date"), slice_of_str(date));
}

/* One line, so that whoever compares variants need not look further. */
static void add_vary(struct slice lines, struct buf *out)
{
	if (!field_find(lines, SLICE("vary"), NULL))
		return;
	buf_add_slice(out, SLICE("Vary: "));
	field_join(lines, SLICE("vary"), out);
	buf_add_slice(out, SLICE("\r\n"));
}

static void find_places(struct head *h, struct slice stored)
{
	struct field f;

	while (field_next(&stored, &f)) {
		for (size_t i = 0; i < COUNT(places); i++) {
			struct slice *s = (void *)((char *)h + places[i].at);

			if (s->n == 0 && is_named(f.name, places[i].name))
				*s = f.value;
		}
	}
}

static void head_init(struct head *h)
{
	*h = (struct head){.limits = {-1, -1, -1, -1, -1, -1, -1}};
	cachecontrol_init(&h->cc);
}

bool head_build(struct slice lines, int64_t now_s, enum head_rules rules,
    struct buf *out, struct head *h, const char **why)
{
	struct slice rest = lines;
	size_t begin = out->n;
	struct field f;

	head_init(h);
	*why = NULL;
	while (field_next(&rest, &f)) {
		if (!field_is_token(f.name) || !field_is_value(f.value)) {
			*why = "invalid byte in a header field";
			return false;
		}
		note_fact(h, &f, now_s);
		if (is_kept(lines, f.name, rules))
			field_add(out, f.name, f.value);
	}
	add_date(h, now_s, out);
	add_vary(lines, out);
	if (rest.n > 0)
		*why = "malformed header line";
	else if (out->has_failed)
		*why = "head too large";
	else if (out->n > begin)
		find_places(h, slice_of(out->p + begin, out->n - begin));
	return !*why;
}

bool head_read(struct slice stored, int64_t now_s, struct head *h)
{
	struct slice rest = stored;
	struct field f;

	head_init(h);
	while (field_next(&rest, &f))
		note_fact(h, &f, now_s);
	if (rest.n > 0)
		return false;
	find_places(h, stored);
	return true;
}

void head_freshness(const struct head *h, unsigned status, int64_t received_s,
    struct freshness_answer *a)
{
	*a = (struct freshness_answer){
	    .status = status,
	    .cc = h->cc,
	    .has_expires = h->has_expires,
	    .expires_s = h->expires_s,
	    .date_s = h->has_date ? h->date_s : received_s,
	    .has_validator = h->etag.n > 0 || h->last_modified.n > 0,
	    /* Content-Range means nothing elsewhere (RFC 9110 §14.4). */
	    .is_vary_any = field_list_has(h->vary, SLICE("*")),
	};
}
