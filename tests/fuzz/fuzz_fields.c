/*
 * Values of fields: lists, Cache-Control, dates, entity tags, Host. Dates come
 * back from their text; ages stay in their bounds; a second line of
 * Cache-Control never makes an answer more reusable than it was.
 */
#include "http/cachecontrol.h"
#include "http/conditional.h"
#include "http/date.h"
#include "http/field.h"
#include "http/gate.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define NOW_S INT64_C(1767225600)

static void check_lists(struct slice in)
{
	struct slice rest = in, item, name, value;

	while (field_list_next(&rest, &item)) {
		assert(item.n > 0 && item.n <= in.n);
		assert(slice_eq(slice_trim_ows(item), item));
		assert(field_list_has(in, item));
		if (field_split_pair(item, &name, &value))
			assert(field_is_token(name) && value.n < item.n);
	}
	assert(rest.n == 0);
}

static void check_seconds(int64_t s)
{
	assert(s >= -1 && s <= CACHECONTROL_SECONDS_MAX);
}

static bool is_shorter(int64_t now, int64_t before)
{
	return before < 0 || (now >= 0 && now <= before);
}

static void check_cache_control(struct slice in)
{
	struct cache_control one, two;

	cachecontrol_init(&one);
	cachecontrol_add(&one, SLICE("max-age=100, stale-if-error=7"));
	two = one;
	cachecontrol_add(&two, in);
	check_seconds(two.max_age_s);
	check_seconds(two.s_maxage_s);
	check_seconds(two.stale_while_revalidate_s);
	check_seconds(two.stale_if_error_s);
	check_seconds(two.min_fresh_s);
	check_seconds(two.max_stale_s);
	assert(is_shorter(two.max_age_s, one.max_age_s));
	assert(is_shorter(two.stale_if_error_s, one.stale_if_error_s));
}

static void check_date(struct slice in)
{
	char text[HTTP_DATE_SIZE];
	int64_t t, back;

	if (!http_date_parse(in, NOW_S, &t))
		return;
	assert(t >= 0);
	http_date_format(text, t);
	assert(http_date_parse(slice_of_str(text), NOW_S, &back));
	assert(back == t);
}

static void check_etag(struct slice in)
{
	if (etag_is_valid(in))
		assert(etag_matches(in, in) && etag_list_matches(in, in));
	else
		assert(!etag_matches(in, in));
	etag_list_matches(in, SLICE("\"a\""));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct slice in = slice_of((const char *)data, n);

	check_lists(in);
	check_cache_control(in);
	check_date(in);
	check_etag(in);
	if (gate_host_is_valid(in))
		assert(in.n > 0 && field_is_value(in));
	return 0;
}
