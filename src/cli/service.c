#include "cli/service.h"

#include "base/clock.h"
#include "base/pulse.h"

#include <inttypes.h>

#define TICK_MS 1000
/* Without a watchdog, and the least with one: origin's tick takes a second. */
#define ROUND_MS 15000
#define ROUND_MIN_MS 3000
/* After the drain: for the writer to commit what it has, on a slow disk. */
#define COMMIT_MS 60000

void service_open(struct service *s)
{
	*s = (struct service){.round_ms = ROUND_MS};
	notify_open(&s->notify);
	if (s->notify.watchdog_ms > 0)
		s->round_ms = s->notify.watchdog_ms / 2;
	if (s->round_ms < ROUND_MIN_MS)
		s->round_ms = ROUND_MIN_MS;
	s->looked_at_ms = clock_mono_ms();
}

void service_close(struct service *s)
{
	notify_close(&s->notify);
}

int64_t service_tick_ms(const struct service *s)
{
	int64_t due_ms = s->notify.watchdog_ms / 4;

	return due_ms > 0 && due_ms < TICK_MS ? due_ms : TICK_MS;
}

static void tell_stalled(struct service *s, bool has_stalled)
{
	if (has_stalled != s->has_stalled && !s->is_stopping)
		notify_send(&s->notify, "STATUS=%s",
		    has_stalled ? "a thread is stalled" : "serving");
	s->has_stalled = has_stalled;
}

void service_tick(struct service *s, int64_t now_ms)
{
	bool was_away = now_ms - s->looked_at_ms > s->round_ms / 2;

	s->looked_at_ms = now_ms;
	/* Was the whole process stopped for a while, others may need a moment
	 * longer than main to come round again. */
	if (!was_away)
		tell_stalled(s, !pulse_check(now_ms, s->round_ms));
	if (s->has_stalled || s->notify.watchdog_ms == 0 ||
	    now_ms < s->ping_at_ms)
		return;
	s->ping_at_ms = now_ms + s->notify.watchdog_ms / 3;
	notify_send(&s->notify, "WATCHDOG=1");
}

void service_ready(struct service *s, const char *listening)
{
	if (s->is_stopping)
		return;
	notify_send(&s->notify, "READY=1\nSTATUS=serving, %s", listening);
}

void service_reloading(struct service *s)
{
	if (s->is_stopping)
		return;
	notify_send(&s->notify, "RELOADING=1\nMONOTONIC_USEC=%" PRId64,
	    clock_mono_us());
}

void service_stopping(struct service *s, int64_t drain_ms)
{
	s->is_stopping = true;
	notify_send(&s->notify,
	    "STOPPING=1\nSTATUS=draining\nEXTEND_TIMEOUT_USEC=%" PRId64,
	    (drain_ms + COMMIT_MS) * 1000);
}
