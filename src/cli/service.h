/*
 * The daemon as a service: what a service manager is told about its life, and
 * the watchdog, which is fed only while every thread goes round
 * (base/pulse.h). Without a manager only the log hears of stalled threads.
 *
 * Main thread only.
 */
#ifndef CLI_SERVICE_H
#define CLI_SERVICE_H

#include "base/notify.h"

struct service {
	struct notify notify;
	int64_t round_ms; /* how long a loop may take */
	int64_t ping_at_ms; /* mono */
	int64_t looked_at_ms; /* mono: the last tick */
	bool is_stopping;
	bool has_stalled;
};

/* From the environment. */
void service_open(struct service *s);
void service_close(struct service *s);
/* How often to call service_tick, at least. */
int64_t service_tick_ms(const struct service *s);
/* Looks after the threads, and feeds the watchdog. */
void service_tick(struct service *s, int64_t now_ms);

/* listening: borrowed; for people. */
void service_ready(struct service *s, const char *listening);
/* Around a reload: reloading before it, ready again after it. Neither is said
 * any more once it stops. */
void service_reloading(struct service *s);
/* drain_ms: how long clients may take; the manager waits longer than that. */
void service_stopping(struct service *s, int64_t drain_ms);

#endif
