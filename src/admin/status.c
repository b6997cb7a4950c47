#include "admin/status.h"

#include "base/clock.h"
#include "base/metrics.h"
#include "base/pulse.h"

#include <cjson/cJSON.h>

/* Counters stay far below 2^53, where a double is exact. */
static void add_number(cJSON *o, const char *name, uint64_t v)
{
	cJSON_AddNumberToObject(o, name, (double)v);
}

static void add_counters(cJSON *doc)
{
	uint64_t sums[METRIC_COUNT];
	cJSON *o = cJSON_AddObjectToObject(doc, "counters");

	metrics_sum(sums);
	for (int i = 0; i < METRIC_COUNT; i++)
		add_number(o, metrics_name((enum metric)i), sums[i]);
}

static void add_ratio(cJSON *doc)
{
	uint64_t sums[METRIC_COUNT];
	double served, asked;

	metrics_sum(sums);
	served = (double)(sums[METRIC_HITS] + sums[METRIC_HITS_STALE]);
	asked = served + (double)sums[METRIC_MISSES];
	cJSON_AddNumberToObject(
	    doc, "hitRatio", asked > 0 ? served / asked : 0);
	add_number(doc, "upstreamCallsSaved",
	    sums[METRIC_HITS] + sums[METRIC_HITS_STALE] +
		sums[METRIC_COALESCED]);
}

static void add_upstream(cJSON *doc, const struct status_sources *s)
{
	const struct online *online = origin_online(s->origin);
	bool is_away = online_is_away(online);
	cJSON *o = cJSON_AddObjectToObject(doc, "upstream");

	cJSON_AddStringToObject(o, "url", s->upstream);
	cJSON_AddStringToObject(
	    o, "offline", online_mode_name(online_get_mode(online)));
	cJSON_AddStringToObject(o, "state", is_away ? "away" : "reachable");
	if (is_away)
		cJSON_AddStringToObject(o, "reason", online_detail(online));
}

static void add_work(cJSON *doc, const struct status_sources *s)
{
	struct origin_stat stat;
	cJSON *o = cJSON_AddObjectToObject(doc, "origin");

	origin_stat(s->origin, &stat);
	add_number(o, "flights", stat.flights);
	add_number(o, "passages", stat.passages);
	add_number(o, "sequence", stat.seq);
}

static void add_store(cJSON *doc, const struct status_sources *s)
{
	struct cache_stat stat;
	cJSON *o = cJSON_AddObjectToObject(doc, "store");

	if (!s->cache) {
		cJSON_AddStringToObject(o, "state", "absent");
		cJSON_AddStringToObject(o, "reason", s->cache_failure);
		return;
	}
	cache_stat(s->cache, &stat);
	cJSON_AddStringToObject(
	    o, "state", stat.is_serving ? "serving" : "out-of-service");
	if (stat.trouble[0])
		cJSON_AddStringToObject(o, "reason", stat.trouble);
	cJSON_AddBoolToObject(o, "storing", stat.is_storing);
	add_number(o, "entries", stat.entries);
	add_number(o, "tags", stat.tags);
	add_number(o, "usedBytes", stat.used_bytes);
	add_number(o, "fileBytes", stat.file_bytes);
	add_number(o, "maxBytes", stat.max_bytes);
	add_number(o, "evicted", stat.evicted);
	if (stat.oldest_ms > 0)
		add_number(o, "oldestMs", (uint64_t)stat.oldest_ms);
}

static void add_vault(cJSON *doc, const struct status_sources *s)
{
	cJSON *o = cJSON_AddObjectToObject(doc, "vault");

	cJSON_AddStringToObject(
	    o, "state", s->vault_failure ? "unusable" : "open");
	if (s->vault_failure)
		cJSON_AddStringToObject(o, "reason", s->vault_failure);
}

static void add_stalled(const char *name, void *arg)
{
	cJSON_AddItemToArray(arg, cJSON_CreateString(name));
}

/* What the daemon itself is up to. */
static void add_life(cJSON *doc, const struct status_sources *s)
{
	cJSON_AddStringToObject(
	    doc, "state", atomic_load(s->is_draining) ? "draining" : "serving");
	cJSON_AddBoolToObject(doc, "bypass", origin_is_bypassed(s->origin));
	pulse_each_stalled(
	    add_stalled, cJSON_AddArrayToObject(doc, "stalledThreads"));
}

void status_write(const struct status_sources *s, struct buf *out)
{
	cJSON *doc = cJSON_CreateObject();
	char *text;

	cJSON_AddStringToObject(doc, "version", s->version);
	add_number(doc, "uptimeSeconds",
	    (uint64_t)((clock_mono_ms() - s->started_ms) / 1000));
	add_number(doc, "threads", s->threads);
	add_life(doc, s);
	add_upstream(doc, s);
	add_ratio(doc);
	add_work(doc, s);
	add_store(doc, s);
	config_status_write(s->config, doc);
	add_vault(doc, s);
	add_counters(doc);
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
