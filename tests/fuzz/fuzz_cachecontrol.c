/*
 * Cache-Control against a plainer reading, directive by directive; and what
 * the rules of freshness make of it: no directive that restricts is ever
 * without effect, and nothing becomes fresh by growing older.
 *
 * The input is a line of an answer, then what a request says, then numbers.
 */
#include "http/cachecontrol.h"
#include "http/freshness.h"

#include "plain_list.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static struct slice items[PLAIN_BYTES_MAX];
static size_t items_n;

static int64_t plain_seconds(struct slice s)
{
	int64_t sum = 0;

	if (s.n == 0)
		return -1;
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < '0' || s.p[i] > '9')
			return -1;
	while (s.n > 0 && s.p[0] == '0')
		s = slice_of(s.p + 1, s.n - 1);
	if (s.n > 10)
		return CACHECONTROL_SECONDS_MAX;
	for (size_t i = 0; i < s.n; i++)
		sum = sum * 10 + s.p[i] - '0';
	return sum > CACHECONTROL_SECONDS_MAX ? CACHECONTROL_SECONDS_MAX : sum;
}

/* The next directive of this name from *at on. */
static bool next(const char *name, size_t *at, struct plain_pair *p)
{
	while (*at < items_n) {
		struct slice lead = items[*at];

		*p = plain_split(items[(*at)++]);
		while (lead.n > 0 && !plain_is_token(lead))
			lead.n--;
		if (plain_is_name(p->is_good ? p->name : lead, name))
			return true;
	}
	return false;
}

static bool has(const char *name)
{
	struct plain_pair p;
	size_t at = 0;

	return next(name, &at, &p);
}

static bool has_bare(const char *name)
{
	struct plain_pair p;
	size_t at = 0;

	while (next(name, &at, &p))
		if (p.is_good && !p.has_value)
			return true;
	return false;
}

/* if_bad: what counts for one that cannot be read, -1: nothing. */
static int64_t smallest(const char *name, int64_t if_bad, int64_t if_bare)
{
	struct plain_pair p;
	int64_t least = -1;
	size_t at = 0;

	while (next(name, &at, &p)) {
		int64_t s = p.is_good ? plain_seconds(p.value) : -1;

		if (p.is_good && !p.has_value && if_bare >= 0)
			s = if_bare;
		if (s < 0)
			s = if_bad;
		if (s >= 0 && (least < 0 || s < least))
			least = s;
	}
	return least;
}

static int64_t largest_min_fresh(void)
{
	struct plain_pair p;
	int64_t most = -1;
	size_t at = 0;

	while (next("min-fresh", &at, &p)) {
		int64_t s = p.is_good ? plain_seconds(p.value) : -1;

		if (s < 0)
			s = CACHECONTROL_SECONDS_MAX;
		if (s > most)
			most = s;
	}
	return most;
}

static void check_fields(const char *name, bool flag, struct slice fields)
{
	struct plain_pair p;
	struct slice first = SLICE_NONE;
	bool is_whole = false;
	size_t at = 0;

	while (next(name, &at, &p)) {
		bool has_names = p.is_good && p.value.n > 0;

		if (has_names && !first.p)
			first = p.value;
		else
			is_whole = true;
	}
	assert(flag == is_whole);
	assert(slice_eq(fields, first));
}

static void check_reading(struct slice in, const struct cache_control *cc)
{
	items_n = plain_items(in, items);
	assert(cc->is_present);
	assert(cc->has_no_store == has("no-store"));
	assert(cc->has_must_revalidate == has("must-revalidate"));
	assert(cc->has_proxy_revalidate == has("proxy-revalidate"));
	assert(cc->has_no_transform == has("no-transform"));
	assert(cc->has_public == has_bare("public"));
	assert(cc->has_must_understand == has_bare("must-understand"));
	assert(cc->has_only_if_cached == has_bare("only-if-cached"));
	assert(cc->max_age_s == smallest("max-age", 0, -1));
	assert(cc->s_maxage_s == smallest("s-maxage", 0, -1));
	assert(cc->min_fresh_s == largest_min_fresh());
	assert(cc->max_stale_s ==
	       smallest("max-stale", -1, CACHECONTROL_SECONDS_MAX));
	assert(cc->stale_while_revalidate_s ==
	       smallest("stale-while-revalidate", -1, -1));
	assert(cc->stale_if_error_s == smallest("stale-if-error", -1, -1));
	check_fields("no-cache", cc->has_no_cache, cc->no_cache_fields);
	check_fields("private", cc->has_private, cc->private_fields);
}

struct numbers {
	uint32_t lifetime, age, more;
	uint16_t status;
	uint8_t bits;
};

static void check_storing(const struct cache_control *answer,
    const struct cache_control *request, const struct numbers *v)
{
	struct freshness_answer a = {
	    .status = v->status % 600,
	    .cc = *answer,
	    .has_expires = v->bits & 1,
	    .expires_s = v->lifetime,
	    .date_s = v->age,
	    .has_validator = v->bits & 2,
	    .is_vary_any = v->bits & 8,
	};
	int64_t lifetime = freshness_lifetime_s(&a);

	assert(lifetime >= 0 && lifetime <= CACHECONTROL_SECONDS_MAX);
	if (answer->s_maxage_s >= 0)
		assert(lifetime == answer->s_maxage_s);
	else if (answer->max_age_s >= 0)
		assert(lifetime == answer->max_age_s);
	if (!freshness_may_store(&a, request))
		return;
	assert(!request->has_no_store && !a.is_vary_any);
	assert(!answer->has_private && a.status >= 200 && a.status != 206 &&
	       a.status != 304 && a.status != 429);
	assert(!answer->has_no_store || answer->has_must_understand);
	assert(freshness_is_explicit(&a) || a.has_validator);
}

static void check_judging(const struct cache_control *answer,
    const struct cache_control *request, const struct numbers *v)
{
	int64_t lifetime = v->lifetime, age = v->age;
	int64_t older = age + v->more;
	enum freshness_verdict now, later;
	enum freshness_disconnected cut;

	now = freshness_judge(answer, request, lifetime, age);
	later = freshness_judge(answer, request, lifetime, older);
	/* In the order in which they are worse. */
	assert(later >= now);
	cut =
	    freshness_judge_disconnected(answer, request, lifetime, age, true);
	if (now == FRESHNESS_FRESH) {
		assert(age < lifetime || lifetime - age > 0);
		assert(!answer->has_no_cache && !request->has_no_cache);
		assert(request->max_age_s < 0 || age <= request->max_age_s);
		assert(request->min_fresh_s < 0 ||
		       lifetime - age >= request->min_fresh_s);
	}
	if (now == FRESHNESS_STALE || now == FRESHNESS_REVALIDATE ||
	    (cut == FRESHNESS_SERVE_STALE && age >= lifetime)) {
		assert(!answer->has_must_revalidate);
		assert(!answer->has_proxy_revalidate);
		assert(answer->s_maxage_s < 0);
	}
	if (now == FRESHNESS_REVALIDATE)
		assert(age - lifetime <= answer->stale_while_revalidate_s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct slice in = slice_of((const char *)data, n), line, ask;
	struct cache_control answer, request;
	struct numbers v = {0};
	size_t end;

	if (n > PLAIN_BYTES_MAX)
		return 0;
	end = slice_find(in, 0, '\n');
	line = slice_sub(in, 0, end);
	in = slice_sub(in, end + 1, in.n);
	end = slice_find(in, 0, '\n');
	ask = slice_sub(in, 0, end);
	in = slice_sub(in, end + 1, in.n);
	if (in.n > 0)
		memcpy(&v, in.p, in.n < sizeof(v) ? in.n : sizeof(v));
	cachecontrol_init(&answer);
	cachecontrol_add(&answer, line);
	check_reading(line, &answer);
	cachecontrol_init(&request);
	cachecontrol_add(&request, ask);
	check_reading(ask, &request);
	check_storing(&answer, &request, &v);
	check_judging(&answer, &request, &v);
	return 0;
}
