#include "http/cachecontrol.h"
#include "http/field.h"

#include <stddef.h>

/* How a directive's argument is read, and what a bad one means. */
enum kind {
	KIND_RESTRICTS, /* flag; counts whatever stands behind it */
	KIND_PERMITS, /* flag; counts only when well-formed */
	KIND_FIELDS, /* flag, or a list of field names */
	KIND_AGE, /* seconds; bad: 0 */
	KIND_FRESH, /* seconds; bad: for ever; of several the longest */
	KIND_GRACE, /* seconds; bad: ignored */
	KIND_ANY_GRACE /* as KIND_GRACE; without argument: for ever */
};

struct directive {
	const char *name;
	enum kind kind;
	size_t at; /* offset of the flag or of the seconds */
	size_t fields; /* KIND_FIELDS: offset of the list */
};

#define AT(member) offsetof(struct cache_control, member)

static const struct directive directives[] = {
    {"no-store", KIND_RESTRICTS, AT(has_no_store), 0},
    {"no-cache", KIND_FIELDS, AT(has_no_cache), AT(no_cache_fields)},
    {"private", KIND_FIELDS, AT(has_private), AT(private_fields)},
    {"must-revalidate", KIND_RESTRICTS, AT(has_must_revalidate), 0},
    {"proxy-revalidate", KIND_RESTRICTS, AT(has_proxy_revalidate), 0},
    {"no-transform", KIND_RESTRICTS, AT(has_no_transform), 0},
    {"public", KIND_PERMITS, AT(has_public), 0},
    {"must-understand", KIND_PERMITS, AT(has_must_understand), 0},
    {"only-if-cached", KIND_PERMITS, AT(has_only_if_cached), 0},
    {"max-age", KIND_AGE, AT(max_age_s), 0},
    {"s-maxage", KIND_AGE, AT(s_maxage_s), 0},
    {"min-fresh", KIND_FRESH, AT(min_fresh_s), 0},
    {"max-stale", KIND_ANY_GRACE, AT(max_stale_s), 0},
    {"stale-while-revalidate", KIND_GRACE, AT(stale_while_revalidate_s), 0},
    {"stale-if-error", KIND_GRACE, AT(stale_if_error_s), 0},
};

void cachecontrol_init(struct cache_control *cc)
{
	*cc = (struct cache_control){
	    .max_age_s = -1,
	    .s_maxage_s = -1,
	    .stale_while_revalidate_s = -1,
	    .stale_if_error_s = -1,
	    .min_fresh_s = -1,
	    .max_stale_s = -1,
	};
}

bool cachecontrol_seconds(struct slice s, int64_t *seconds)
{
	int64_t sum = 0;

	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
		sum = sum * 10 + (s.p[i] - '0');
		if (sum > CACHECONTROL_SECONDS_MAX)
			sum = CACHECONTROL_SECONDS_MAX;
	}
	*seconds = sum;
	return s.n > 0;
}

/* The token that item begins with: what a malformed directive is about. */
static struct slice leading_token(struct slice item)
{
	size_t n = 0;

	while (n < item.n && field_is_tchar((unsigned char)item.p[n]))
		n++;
	return slice_sub(item, 0, n);
}

static const struct directive *find(struct slice name)
{
	for (size_t i = 0; i < sizeof(directives) / sizeof(*directives); i++) {
		if (slice_eq_nocase(name, slice_of_str(directives[i].name)))
			return &directives[i];
	}
	return NULL;
}

/* The smaller of the two, where -1 is absent. */
static void keep_smaller(int64_t *kept, int64_t seconds)
{
	if (*kept < 0 || seconds < *kept)
		*kept = seconds;
}

static void set_seconds(
    int64_t *kept, enum kind kind, struct slice value, bool is_bad)
{
	int64_t seconds;

	if (kind == KIND_ANY_GRACE && !is_bad && !value.p) {
		keep_smaller(kept, CACHECONTROL_SECONDS_MAX);
		return;
	}
	is_bad |= !cachecontrol_seconds(value, &seconds);
	if (kind == KIND_AGE) {
		keep_smaller(kept, is_bad ? 0 : seconds);
	} else if (kind == KIND_FRESH) {
		if (is_bad)
			seconds = CACHECONTROL_SECONDS_MAX;
		if (seconds > *kept)
			*kept = seconds;
	} else if (!is_bad) {
		keep_smaller(kept, seconds);
	}
}

/* RFC 9111 §5.2.2.4, §5.2.2.7: with names it speaks of those fields only. Two
 * lists are not worth joining: the unqualified form is the stricter one. */
static void set_fields(
    bool *flag, struct slice *fields, struct slice value, bool is_bad)
{
	if (is_bad || value.n == 0 || fields->p)
		*flag = true;
	else
		*fields = value;
}

static void apply(struct cache_control *cc, const struct directive *d,
    struct slice value, bool is_bad)
{
	char *base = (char *)cc;
	void *at = base + d->at;

	switch (d->kind) {
	case KIND_RESTRICTS:
		*(bool *)at = true;
		break;
	case KIND_PERMITS:
		*(bool *)at |= !is_bad && !value.p;
		break;
	case KIND_FIELDS:
		set_fields(at, (void *)(base + d->fields), value, is_bad);
		break;
	default:
		set_seconds(at, d->kind, value, is_bad);
		break;
	}
}

void cachecontrol_add(struct cache_control *cc, struct slice value)
{
	struct slice item, name, arg;

	cc->is_present = true;
	while (field_list_next(&value, &item)) {
		bool is_bad = !field_split_pair(item, &name, &arg);
		const struct directive *d;

		if (is_bad)
			name = leading_token(item);
		d = find(name);
		if (d)
			apply(cc, d, arg, is_bad);
	}
}
