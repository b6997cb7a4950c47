/*
 * Whether the upstream can be asked: the operator's word (on, off, auto) and
 * the evidence of transfers. Fronts read it without asking the origin.
 *
 * Connection evidence (DNS, connect, TLS) is about the whole upstream. While
 * it says "away", fronts serve what is stored at once; one request per retry
 * interval still goes through to the origin and finds out.
 *
 * Written by the origin thread; read by any (relaxed atomics: a reader that
 * sees an old value asks the upstream once more or serves one stale answer
 * more, both of which were right a moment ago).
 */
#ifndef ORIGIN_ONLINE_H
#define ORIGIN_ONLINE_H

#include "origin/transfer.h"

#include <stdatomic.h>

enum online_mode {
	ONLINE_AUTO, /* by evidence */
	ONLINE_OFFLINE, /* operator: never ask */
	ONLINE_ONLINE /* operator: always ask */
};

struct online {
	atomic_int mode;
	atomic_int cause; /* enum transfer_cause of the evidence */
	atomic_llong away_since_ms; /* mono; 0: not away */
	atomic_llong changed_ms; /* mono: of what online_is_away or the mode
				    says; 0: not since the start */
	atomic_llong retry_at_ms; /* mono; the next request may try */
};

const char *online_mode_name(enum online_mode mode);
/* False when text names no mode ("on", "off", "auto" of the offline
 * command: "on" is ONLINE_OFFLINE). */
bool online_mode_parse(struct slice text, enum online_mode *mode);
enum online_mode online_get_mode(const struct online *o);
void online_set_mode(struct online *o, enum online_mode mode, int64_t now_ms);
/* Origin thread: what a transfer showed. */
void online_evidence(
    struct online *o, const struct transfer_result *r, int64_t now_ms);
/*
 * True when a request may go to the upstream now. While away it is true once
 * per retry interval: whoever gets it is the probe.
 */
bool online_may_ask(struct online *o, int64_t now_ms);
bool online_is_away(const struct online *o);
/* Mono: since when mode and online_is_away are as they are; 0: always. */
int64_t online_changed_ms(const struct online *o);
/* "offline" or the cause: the detail of Cache-Status. Constant text. */
const char *online_detail(const struct online *o);

#endif
