#include "origin/online.h"

/* Long enough that a dead upstream costs clients next to nothing, short
 * enough that nobody waits for its return. */
#define RETRY_INTERVAL_MS 1000

static const char *const mode_names[] = {"auto", "on", "off"};

const char *online_mode_name(enum online_mode mode)
{
	return mode_names[mode];
}

bool online_mode_parse(struct slice text, enum online_mode *mode)
{
	for (int i = 0; i < 3; i++) {
		if (slice_eq(text, slice_of_str(mode_names[i]))) {
			*mode = (enum online_mode)i;
			return true;
		}
	}
	return false;
}

enum online_mode online_get_mode(const struct online *o)
{
	return (enum online_mode)atomic_load_explicit(
	    &o->mode, memory_order_relaxed);
}

void online_set_mode(struct online *o, enum online_mode mode, int64_t now_ms)
{
	if (atomic_exchange(&o->mode, (int)mode) != (int)mode)
		atomic_store(&o->changed_ms, now_ms);
}

int64_t online_changed_ms(const struct online *o)
{
	return atomic_load(&o->changed_ms);
}

static bool is_connection_evidence(const struct transfer_result *r)
{
	return r->outcome == TRANSFER_UNSENT && transfer_cause_is_way(r->cause);
}

static void set_evidence(
    struct online *o, const struct transfer_result *r, int64_t now_ms)
{
	if (r->outcome == TRANSFER_OK) {
		atomic_store(&o->away_since_ms, 0);
		return;
	}
	if (!is_connection_evidence(r))
		return;
	atomic_store(&o->cause, (int)r->cause);
	atomic_store(&o->retry_at_ms, now_ms + RETRY_INTERVAL_MS);
	if (atomic_load(&o->away_since_ms) == 0)
		atomic_store(&o->away_since_ms, now_ms);
}

void online_evidence(
    struct online *o, const struct transfer_result *r, int64_t now_ms)
{
	bool was_away = online_is_away(o);

	set_evidence(o, r, now_ms);
	if (online_is_away(o) != was_away)
		atomic_store(&o->changed_ms, now_ms);
}

bool online_is_away(const struct online *o)
{
	switch (atomic_load_explicit(&o->mode, memory_order_relaxed)) {
	case ONLINE_OFFLINE:
		return true;
	case ONLINE_ONLINE:
		return false;
	default:
		return atomic_load_explicit(
			   &o->away_since_ms, memory_order_relaxed) != 0;
	}
}

bool online_may_ask(struct online *o, int64_t now_ms)
{
	long long due;

	if (!online_is_away(o))
		return true;
	if (atomic_load_explicit(&o->mode, memory_order_relaxed) ==
	    ONLINE_OFFLINE)
		return false;
	due = atomic_load_explicit(&o->retry_at_ms, memory_order_relaxed);
	return now_ms >= due && atomic_compare_exchange_strong(&o->retry_at_ms,
				    &due, now_ms + RETRY_INTERVAL_MS);
}

const char *online_detail(const struct online *o)
{
	if (atomic_load(&o->mode) == ONLINE_OFFLINE)
		return "offline";
	return transfer_cause_name((enum transfer_cause)atomic_load(&o->cause));
}
