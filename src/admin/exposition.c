#include "admin/exposition.h"

#include "base/clock.h"
#include "base/metrics.h"

#include <inttypes.h>

static void add_family(struct buf *out, const char *name, const char *suffix,
    const char *type, const char *help)
{
	buf_printf(out, "# HELP ghlmirror_%s%s %s\n", name, suffix, help);
	buf_printf(out, "# TYPE ghlmirror_%s%s %s\n", name, suffix, type);
}

/* ---- counters ---- */

static void add_counters(struct buf *out)
{
	uint64_t sums[METRIC_COUNT];

	metrics_sum(sums);
	for (int i = 0; i < METRIC_COUNT; i++) {
		const char *name = metrics_name((enum metric)i);

		add_family(out, name, "_total", "counter",
		    metrics_help((enum metric)i));
		buf_printf(
		    out, "ghlmirror_%s_total %" PRIu64 "\n", name, sums[i]);
	}
}

/* ---- times ---- */

static void add_seconds(struct buf *out, uint64_t us)
{
	buf_printf(
	    out, "%" PRIu64 ".%06u", us / 1000000, (unsigned)(us % 1000000));
}

static void add_timing(struct buf *out, enum timing t)
{
	const char *name = metrics_time_name(t);
	struct timing_sum sum;
	uint64_t n = 0;

	metrics_time_sum(t, &sum);
	add_family(out, name, "_seconds", "histogram", metrics_time_help(t));
	for (unsigned i = 0; i < TIMING_BOUNDS; i++) {
		n += sum.buckets[i];
		buf_printf(out, "ghlmirror_%s_seconds_bucket{le=\"", name);
		add_seconds(out, (uint64_t)metrics_bound_us(i));
		buf_printf(out, "\"} %" PRIu64 "\n", n);
	}
	n += sum.buckets[TIMING_BOUNDS];
	buf_printf(out,
	    "ghlmirror_%s_seconds_bucket{le=\"+Inf\"} %" PRIu64 "\n", name, n);
	buf_printf(out, "ghlmirror_%s_seconds_sum ", name);
	add_seconds(out, sum.sum_us);
	buf_printf(out, "\nghlmirror_%s_seconds_count %" PRIu64 "\n", name, n);
}

/* ---- gauges ---- */

struct seen {
	const struct status_sources *sources;
	uint64_t sums[METRIC_COUNT];
	struct origin_stat origin;
	struct cache_stat cache; /* zeros without a store */
	struct accounting_today today;
};

static uint64_t uptime_s(const struct seen *seen)
{
	return (uint64_t)(clock_mono_ms() - seen->sources->started_ms) / 1000;
}

static uint64_t threads(const struct seen *seen)
{
	return seen->sources->threads;
}

static uint64_t draining(const struct seen *seen)
{
	return atomic_load(seen->sources->is_draining);
}

static uint64_t connections(const struct seen *seen)
{
	return status_connections(seen->sums);
}

static uint64_t reachable(const struct seen *seen)
{
	return !online_is_away(origin_online(seen->sources->origin));
}

static uint64_t offline(const struct seen *seen)
{
	const struct online *online = origin_online(seen->sources->origin);

	return online_get_mode(online) == ONLINE_OFFLINE;
}

static uint64_t flights(const struct seen *seen)
{
	return seen->origin.flights;
}

static uint64_t passages(const struct seen *seen)
{
	return seen->origin.passages;
}

static uint64_t streams(const struct seen *seen)
{
	return seen->origin.streams;
}

static uint64_t queued(const struct seen *seen)
{
	return seen->origin.queued;
}

static uint64_t store_serving(const struct seen *seen)
{
	return seen->cache.is_serving;
}

static uint64_t store_storing(const struct seen *seen)
{
	return seen->cache.is_storing;
}

static uint64_t store_entries(const struct seen *seen)
{
	return seen->cache.entries;
}

static uint64_t store_used(const struct seen *seen)
{
	return seen->cache.used_bytes;
}

static uint64_t store_file(const struct seen *seen)
{
	return seen->cache.file_bytes;
}

static uint64_t store_max(const struct seen *seen)
{
	return seen->cache.max_bytes;
}

static uint64_t usage_kept(const struct seen *seen)
{
	return seen->today.trouble == NULL;
}

static uint64_t oldest_today(const struct seen *seen)
{
	return seen->today.total.v[USAGE_OLDEST_S];
}

static const struct {
	const char *name;
	const char *help;
	uint64_t (*value)(const struct seen *seen);
} gauges[] = {
    {"uptime_seconds", "Time since the start.", uptime_s},
    {"threads", "Threads that serve clients.", threads},
    {"draining", "1 while it stops.", draining},
    {"connections_open", "Client connections that are open.", connections},
    {"upstream_reachable",
	"1 while the upstream is asked, 0 while it is away or the proxy is set "
	"offline.",
	reachable},
    {"offline", "1 while the proxy is set offline.", offline},
    {"flights", "Reads that are under way upstream, or wait for their turn.",
	flights},
    {"passages",
	"Writes and other requests that are under way upstream, or wait for "
	"their turn.",
	passages},
    {"streams", "Answers that pass piece by piece at the moment.", streams},
    {"queued", "Reads, writes and others that wait for their turn.", queued},
    {"store_serving", "1 while stored answers are served.", store_serving},
    {"store_storing", "1 while answers are stored.", store_storing},
    {"store_entries", "Stored answers.", store_entries},
    {"store_used_bytes", "Bytes in use by stored answers, about.", store_used},
    {"store_file_bytes", "Size of the file of stored answers.", store_file},
    {"store_max_bytes", "Bytes that stored answers may use.", store_max},
    {"usage_kept", "1 while usage counts can be written to the vault.",
	usage_kept},
    {"oldest_answer_today_seconds",
	"Age of the oldest stored answer that was served since midnight.",
	oldest_today},
};

static void add_gauges(struct buf *out, const struct status_sources *s)
{
	struct seen seen = {.sources = s};

	metrics_sum(seen.sums);
	origin_stat(s->origin, &seen.origin);
	if (s->cache)
		cache_stat(s->cache, &seen.cache);
	accounting_today(s->accounting, &seen.today);
	for (size_t i = 0; i < sizeof(gauges) / sizeof(*gauges); i++) {
		add_family(out, gauges[i].name, "", "gauge", gauges[i].help);
		buf_printf(out, "ghlmirror_%s %" PRIu64 "\n", gauges[i].name,
		    gauges[i].value(&seen));
	}
}

static void add_build(struct buf *out, const struct status_sources *s)
{
	add_family(
	    out, "build_info", "", "gauge", "1, with the version as a label.");
	buf_printf(out, "ghlmirror_build_info{version=\"%s\"} 1\n", s->version);
}

/* ---- tools ---- */

struct tool_line {
	struct buf *out;
	enum usage_count count;
};

/* Names have no character that a label would need escaped. */
static void add_tool(const struct usage_row *row, void *arg)
{
	const struct tool_line *line = arg;

	buf_printf(line->out,
	    "ghlmirror_tool_%s_total{tool=\"%s\"} %" PRIu64 "\n",
	    usage_metric_name(line->count), row->tool, row->v[line->count]);
}

static void add_tools(struct buf *out, struct accounting *a)
{
	for (int c = 0; c < USAGE_COUNT; c++) {
		struct tool_line line = {out, (enum usage_count)c};
		const char *name = usage_metric_name(line.count);

		if (!name)
			continue;
		buf_printf(out, "# HELP ghlmirror_tool_%s_total %s\n", name,
		    usage_help(line.count));
		buf_printf(
		    out, "# TYPE ghlmirror_tool_%s_total counter\n", name);
		accounting_tools(a, add_tool, &line);
	}
}

void exposition_write(const struct status_sources *s, struct buf *out)
{
	add_build(out, s);
	add_gauges(out, s);
	add_counters(out);
	for (int t = 0; t < TIMING_COUNT; t++)
		add_timing(out, (enum timing)t);
	add_tools(out, s->accounting);
}
