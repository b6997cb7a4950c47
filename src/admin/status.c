#include "admin/status.h"

#include "admin/usage_report.h"
#include "base/clock.h"
#include "base/metrics.h"
#include "base/pulse.h"

#include <cjson/cJSON.h>
#include <stdio.h>

/* Counters stay far below 2^53, where a double is exact. */
static void add_number(cJSON *o, const char *name, uint64_t v)
{
	cJSON_AddNumberToObject(o, name, (double)v);
}

/* All that the document is made from, as of one moment or nearly so. */
struct seen {
	const struct status_sources *sources;
	int64_t now_ms; /* mono */
	int64_t now_wall_ms;
	uint64_t sums[METRIC_COUNT];
	struct origin_stat origin;
	struct cache_stat cache; /* where there is one */
	struct accounting_today today;
};

static void look(struct seen *seen, const struct status_sources *s)
{
	seen->sources = s;
	seen->now_ms = clock_mono_ms();
	seen->now_wall_ms = clock_wall_ms();
	metrics_sum(seen->sums);
	origin_stat(s->origin, &seen->origin);
	if (s->cache)
		cache_stat(s->cache, &seen->cache);
	accounting_today(s->accounting, &seen->today);
}

/* ---- what the daemon itself is up to ---- */

static void add_stalled(const char *name, void *arg)
{
	cJSON_AddItemToArray(arg, cJSON_CreateString(name));
}

static void add_life(cJSON *doc, const struct seen *seen)
{
	const struct status_sources *s = seen->sources;

	cJSON_AddStringToObject(
	    doc, "state", atomic_load(s->is_draining) ? "draining" : "serving");
	cJSON_AddBoolToObject(doc, "bypass", origin_is_bypassed(s->origin));
	pulse_each_stalled(
	    add_stalled, cJSON_AddArrayToObject(doc, "stalledThreads"));
}

/* ---- what is wrong ---- */

static void add_trouble(cJSON *list, const char *what, const char *why)
{
	char text[256];

	snprintf(text, sizeof(text), "%s: %s", what, why);
	cJSON_AddItemToArray(list, cJSON_CreateString(text));
}

static void add_store_trouble(cJSON *list, const struct seen *seen)
{
	const struct status_sources *s = seen->sources;

	if (!s->cache)
		add_trouble(list, "no store, requests pass through",
		    s->cache_failure ? s->cache_failure : "out of memory");
	else if (!seen->cache.is_serving)
		add_trouble(
		    list, "the store is out of service", seen->cache.trouble);
	else if (!seen->cache.is_storing)
		add_trouble(list, "no answer is stored", seen->cache.trouble);
	else if (seen->cache.trouble[0])
		add_trouble(list, "the store fails", seen->cache.trouble);
}

static void add_vault_trouble(cJSON *list, const struct seen *seen)
{
	if (seen->sources->vault_failure)
		add_trouble(list, "the vault cannot be used",
		    seen->sources->vault_failure);
}

static void add_usage_trouble(cJSON *list, const struct seen *seen)
{
	if (seen->today.trouble && !seen->sources->vault_failure)
		add_trouble(list, "the vault does not take the usage counts",
		    seen->today.trouble);
}

static void add_upstream_trouble(cJSON *list, const struct seen *seen)
{
	const struct online *online = origin_online(seen->sources->origin);
	struct family_view one;

	if (online_is_away(online) && online_get_mode(online) != ONLINE_OFFLINE)
		add_trouble(list, "the upstream cannot be reached",
		    online_detail(online));
	else if (family_list(origin_families(seen->sources->origin), &one, 1))
		add_trouble(
		    list, "a part of the upstream is not well", one.name);
}

static void add_stalled_trouble(const char *name, void *list)
{
	add_trouble(list, "a thread stands still", name);
}

static void add_thread_trouble(cJSON *list, const struct seen *seen)
{
	(void)seen;
	pulse_each_stalled(add_stalled_trouble, list);
}

static void (*const trouble_finders[])(cJSON *list, const struct seen *seen) = {
    add_thread_trouble,
    add_store_trouble,
    add_vault_trouble,
    add_usage_trouble,
    add_upstream_trouble,
};

static void add_troubles(cJSON *list, const struct seen *seen)
{
	size_t n = sizeof(trouble_finders) / sizeof(*trouble_finders);

	for (size_t i = 0; i < n; i++)
		trouble_finders[i](list, seen);
}

/* A reload that was refused: what runs is not what the file says. */
static void add_config_trouble(cJSON *list, const cJSON *doc)
{
	const cJSON *reload = cJSON_GetObjectItemCaseSensitive(
	    cJSON_GetObjectItemCaseSensitive(doc, "config"), "lastReload");
	const char *reason = cJSON_GetStringValue(
	    cJSON_GetObjectItemCaseSensitive(reload, "reason"));

	if (reason)
		add_trouble(list, "the last reload was refused", reason);
}

/* ---- parts ---- */

static void add_ratio(cJSON *doc, const struct seen *seen)
{
	const uint64_t *sums = seen->sums;
	uint64_t served = sums[METRIC_HITS] + sums[METRIC_HITS_STALE];
	uint64_t asked = served + sums[METRIC_MISSES];

	cJSON_AddNumberToObject(
	    doc, "hitRatio", asked ? (double)served / (double)asked : 0);
	add_number(doc, "upstreamCallsSaved", served + sums[METRIC_COALESCED]);
}

static void add_today(cJSON *doc, const struct seen *seen)
{
	const struct accounting_today *today = &seen->today;
	cJSON *o = cJSON_AddObjectToObject(doc, "today");
	cJSON *list;

	add_number(o, "sinceSeconds",
	    (uint64_t)((seen->now_wall_ms - today->since_ms) / 1000));
	usage_report_add(o, today->total.v);
	list = cJSON_AddArrayToObject(o, "topOperations");
	for (size_t i = 0; i < today->top_n; i++) {
		cJSON *row = cJSON_CreateObject();

		cJSON_AddStringToObject(row, "operation", today->top[i].op);
		usage_report_add(row, today->top[i].v);
		cJSON_AddItemToArray(list, row);
	}
}

static void add_last_error(cJSON *upstream, const struct seen *seen)
{
	const struct origin_stat *stat = &seen->origin;
	int64_t ago_ms = seen->now_wall_ms - stat->error_at_ms;
	cJSON *o;

	if (stat->error_at_ms == 0)
		return;
	o = cJSON_AddObjectToObject(upstream, "lastError");
	add_number(o, "secondsAgo", ago_ms > 0 ? (uint64_t)ago_ms / 1000 : 0);
	if (stat->error_status)
		add_number(o, "status", stat->error_status);
	else
		cJSON_AddStringToObject(o, "cause", stat->error_cause);
	if (stat->error_op)
		cJSON_AddStringToObject(o, "operation", stat->error_op);
}

/* Since when it is as it is. */
static int64_t state_ms(const struct seen *seen, const struct online *online)
{
	int64_t changed_ms = online_changed_ms(online);
	int64_t started_ms = seen->sources->started_ms;

	return seen->now_ms -
	       (changed_ms > started_ms ? changed_ms : started_ms);
}

/* The parts that are not well. */
static void add_families(cJSON *upstream, const struct seen *seen)
{
	struct family_view list[FAMILIES_MAX];
	size_t n = family_list(
	    origin_families(seen->sources->origin), list, FAMILIES_MAX);
	cJSON *array = cJSON_AddArrayToObject(upstream, "troubled");

	for (size_t i = 0; i < n; i++) {
		cJSON *o = cJSON_CreateObject();

		cJSON_AddStringToObject(o, "family", list[i].name);
		cJSON_AddStringToObject(
		    o, "reason", family_detail(list[i].trouble));
		add_number(o, "seconds",
		    (uint64_t)(seen->now_ms - list[i].since_ms) / 1000);
		cJSON_AddItemToArray(array, o);
	}
}

static void add_upstream(cJSON *doc, const struct seen *seen)
{
	const struct status_sources *s = seen->sources;
	const struct online *online = origin_online(s->origin);
	bool is_away = online_is_away(online);
	cJSON *o = cJSON_AddObjectToObject(doc, "upstream");

	cJSON_AddStringToObject(o, "url", s->upstream);
	cJSON_AddStringToObject(
	    o, "offline", online_mode_name(online_get_mode(online)));
	cJSON_AddStringToObject(o, "state", is_away ? "away" : "reachable");
	add_number(o, "stateSeconds", (uint64_t)state_ms(seen, online) / 1000);
	if (is_away)
		cJSON_AddStringToObject(o, "reason", online_detail(online));
	add_families(o, seen);
	add_last_error(o, seen);
}

static void add_work(cJSON *doc, const struct seen *seen)
{
	cJSON *o = cJSON_AddObjectToObject(doc, "origin");

	add_number(o, "flights", seen->origin.flights);
	add_number(o, "passages", seen->origin.passages);
	add_number(o, "streams", seen->origin.streams);
	add_number(o, "queued", seen->origin.queued);
	add_number(o, "sequence", seen->origin.seq);
}

uint64_t status_connections(const uint64_t sums[METRIC_COUNT])
{
	uint64_t begun = sums[METRIC_CONNECTIONS];
	uint64_t ended = sums[METRIC_CONNECTIONS_ENDED];

	return begun > ended ? begun - ended : 0;
}

static void add_clients(cJSON *doc, const struct seen *seen)
{
	cJSON *o = cJSON_AddObjectToObject(doc, "clients");

	add_number(o, "connections", status_connections(seen->sums));
}

static void add_store(cJSON *doc, const struct seen *seen)
{
	const struct cache_stat *stat = &seen->cache;
	cJSON *o = cJSON_AddObjectToObject(doc, "store");

	if (!seen->sources->cache) {
		cJSON_AddStringToObject(o, "state", "absent");
		cJSON_AddStringToObject(
		    o, "reason", seen->sources->cache_failure);
		return;
	}
	cJSON_AddStringToObject(
	    o, "state", stat->is_serving ? "serving" : "out-of-service");
	cJSON_AddBoolToObject(o, "storing", stat->is_storing);
	if (stat->trouble[0])
		cJSON_AddStringToObject(o, "reason", stat->trouble);
	add_number(o, "entries", stat->entries);
	add_number(o, "tags", stat->tags);
	add_number(o, "usedBytes", stat->used_bytes);
	add_number(o, "fileBytes", stat->file_bytes);
	add_number(o, "maxBytes", stat->max_bytes);
	add_number(o, "evicted", stat->evicted);
	if (stat->oldest_ms > 0)
		add_number(o, "oldestMs", (uint64_t)stat->oldest_ms);
}

static void add_vault(cJSON *doc, const struct seen *seen)
{
	const char *failure = seen->sources->vault_failure;
	cJSON *o = cJSON_AddObjectToObject(doc, "vault");

	cJSON_AddStringToObject(o, "state", failure ? "unusable" : "open");
	if (failure)
		cJSON_AddStringToObject(o, "reason", failure);
}

static void add_counters(cJSON *doc, const struct seen *seen)
{
	cJSON *o = cJSON_AddObjectToObject(doc, "counters");

	for (int i = 0; i < METRIC_COUNT; i++)
		add_number(o, metrics_name((enum metric)i), seen->sums[i]);
}

static cJSON *document(const struct seen *seen)
{
	const struct status_sources *s = seen->sources;
	cJSON *doc = cJSON_CreateObject(), *troubles;

	cJSON_AddStringToObject(doc, "version", s->version);
	add_number(doc, "uptimeSeconds",
	    (uint64_t)((seen->now_ms - s->started_ms) / 1000));
	add_number(doc, "threads", s->threads);
	add_life(doc, seen);
	troubles = cJSON_AddArrayToObject(doc, "troubles");
	add_ratio(doc, seen);
	add_today(doc, seen);
	add_upstream(doc, seen);
	add_work(doc, seen);
	add_clients(doc, seen);
	add_store(doc, seen);
	add_vault(doc, seen);
	config_status_write(s->config, doc);
	add_troubles(troubles, seen);
	add_config_trouble(troubles, doc);
	add_counters(doc, seen);
	return doc;
}

void status_write(const struct status_sources *s, struct buf *out)
{
	struct seen seen;
	cJSON *doc;
	char *text;

	look(&seen, s);
	doc = document(&seen);
	text = cJSON_PrintUnformatted(doc);
	cJSON_Delete(doc);
	if (!text) {
		out->has_failed = true;
		return;
	}
	buf_add_slice(out, slice_of_str(text));
	buf_add_char(out, '\n');
	cJSON_free(text);
}
