#include "base/pulse.h"

#include "base/clock.h"
#include "base/log.h"

#include <pthread.h>

/* For the few who come, go and judge; a beat takes no lock. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static LIST_HEAD(, pulse) pulses;

void pulse_begin(struct pulse *p, const char *name, int patience)
{
	p->name = name;
	p->patience = patience;
	p->stalled_ms = 0;
	pulse_beat(p);
	pthread_mutex_lock(&lock);
	LIST_INSERT_HEAD(&pulses, p, link);
	pthread_mutex_unlock(&lock);
}

void pulse_beat(struct pulse *p)
{
	atomic_store_explicit(
	    &p->beat_ms, clock_mono_ms(), memory_order_relaxed);
}

void pulse_end(struct pulse *p)
{
	pthread_mutex_lock(&lock);
	LIST_REMOVE(p, link);
	pthread_mutex_unlock(&lock);
}

int64_t pulse_stalled_ms(
    int64_t beat_ms, int64_t now_ms, int64_t round_ms, int patience)
{
	int64_t away_ms = now_ms - beat_ms;

	return away_ms > round_ms * patience ? away_ms : 0;
}

static void report(const struct pulse *p, int64_t was_ms)
{
	if (p->stalled_ms > 0 && was_ms == 0)
		log_event(LOG_ERROR, "thread-stalled",
		    LOG_STR("thread", p->name),
		    LOG_INT("away_ms", p->stalled_ms), LOG_END);
	else if (p->stalled_ms == 0 && was_ms > 0)
		log_event(LOG_WARN, "thread-is-back",
		    LOG_STR("thread", p->name), LOG_END);
}

bool pulse_check(int64_t now_ms, int64_t round_ms)
{
	struct pulse *p;
	bool are_all_well = true;

	pthread_mutex_lock(&lock);
	LIST_FOREACH(p, &pulses, link)
	{
		int64_t was_ms = p->stalled_ms;

		p->stalled_ms = pulse_stalled_ms(
		    atomic_load_explicit(&p->beat_ms, memory_order_relaxed),
		    now_ms, round_ms, p->patience);
		report(p, was_ms);
		if (p->stalled_ms > 0)
			are_all_well = false;
	}
	pthread_mutex_unlock(&lock);
	return are_all_well;
}

void pulse_each_stalled(void (*add)(const char *name, void *arg), void *arg)
{
	struct pulse *p;

	pthread_mutex_lock(&lock);
	LIST_FOREACH(p, &pulses, link)
	{
		if (p->stalled_ms > 0)
			add(p->name, arg);
	}
	pthread_mutex_unlock(&lock);
}
