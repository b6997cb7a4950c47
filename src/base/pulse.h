/*
 * Pulses: proof that the threads with a loop go round. A thread beats at each
 * tick of its loop; the main thread looks whether all of them did lately, and
 * only then tells the service manager that the daemon is alive. So one
 * blocked thread is found although all the others work.
 *
 * A thread has a patience, in rounds: how long it may be away before it
 * counts as stalled. A loop has one; the writer, whom a slow disk may hold
 * for minutes in one fsync, has more.
 *
 * The resolver has none: getaddrinfo has no time-out that we could set, and
 * while it is away the last good addresses are used.
 */
#ifndef BASE_PULSE_H
#define BASE_PULSE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

/* In rounds. */
#define PULSE_LOOP_PATIENCE 1
#define PULSE_WRITER_PATIENCE 8

struct pulse {
	LIST_ENTRY(pulse) link;
	const char *name;
	int patience;
	atomic_llong beat_ms; /* mono */
	int64_t stalled_ms; /* main's: how long it was away; 0: it was not */
};

/*
 * By the thread itself, or by who starts it. p lives until pulse_end; name
 * is borrowed for as long.
 */
void pulse_begin(struct pulse *p, const char *name, int patience);
/* Any thread; one atomic store. */
void pulse_beat(struct pulse *p);
/* The thread's loop has ended: nobody waits for it any more. */
void pulse_end(struct pulse *p);

/* How long a thread has been away beyond its patience; 0: it has not. Pure. */
int64_t pulse_stalled_ms(
    int64_t beat_ms, int64_t now_ms, int64_t round_ms, int patience);
/*
 * Main thread. Judges all pulses as of now and logs who stalled and who came
 * back since the last time. True when nobody is stalled.
 */
bool pulse_check(int64_t now_ms, int64_t round_ms);
/* Who was stalled at the last check, each name by add. Any thread. */
void pulse_each_stalled(void (*add)(const char *name, void *arg), void *arg);

#endif
