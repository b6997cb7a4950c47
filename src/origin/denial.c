#include "origin/denial.h"

#include "api/refusal.h"
#include "base/metrics.h"
#include "origin/origin_internal.h"

/* Of an API that nobody knows nobody knows what its errors mean. */
bool denial_is_possible(const struct origin *o, unsigned status)
{
	return !o->options.is_standards &&
	       (status == 400 || status == 401 || status == 403 ||
		   status == 404 || status == 410);
}

/* Stored, or on its way into the store: without that nothing need move. */
static bool is_held(struct origin *o, const struct fetch *f)
{
	return f->kind == FETCH_READ && flight_is_filed(o, f);
}

bool denial_is_of_credential(
    const struct origin *o, unsigned status, struct slice body)
{
	return denial_is_possible(o, status) &&
	       refusal_of(status, body) == REFUSAL_CREDENTIAL;
}

bool denial_tags(struct origin *o, const struct fetch *f, unsigned status,
    struct slice body, struct tag_set *tags)
{
	if (!denial_is_possible(o, status))
		return false;
	switch (refusal_of(status, body)) {
	case REFUSAL_NONE:
		return false;
	case REFUSAL_CREDENTIAL:
		metrics_add(METRIC_CREDENTIALS_DENIED, 1);
		api_tags_scope(&f->scope, tags);
		return true;
	case REFUSAL_REQUEST:
	case REFUSAL_GONE:
		break;
	}
	if (!is_held(o, f))
		return false;
	metrics_add(METRIC_ANSWERS_DENIED, 1);
	api_tags_entry(&f->key, tags);
	return true;
}
