/*
 * Families: how the upstream's parts are doing. GHL is many services behind
 * one name, told apart by the first segment of the path; what answers 500 or
 * not at all under /payments says nothing of /contacts.
 *
 * A family is in trouble after FAMILY_FAILURES failures in a row, or fewer that
 * weigh more, and well again after FAMILY_SUCCESSES answers in a row: one
 * record that gives 500 does not count, nor one answer between two time-outs.
 * While it is in trouble what is stored is served at once, and one request per
 * retry interval goes upstream behind a client's back to find out (a probe).
 * Once one is, and nobody at all was answered since, nothing is waited for
 * elsewhere either.
 *
 * Evidence is given by the origin thread; any thread may ask (relaxed atomics:
 * an old value costs one request or one stale answer that was right a moment
 * ago).
 */
#ifndef ORIGIN_FAMILY_H
#define ORIGIN_FAMILY_H

#include "base/slice.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* More than GHL has; of others nothing is known once all places are taken. */
#define FAMILIES_MAX 64
#define FAMILY_NAME_WORDS 3
/* Of a segment; longer ones are cut. */
#define FAMILY_NAME_MAX (FAMILY_NAME_WORDS * sizeof(unsigned long long))
#define FAMILY_FAILURES 3
#define FAMILY_SUCCESSES 2

enum family_trouble {
	FAMILY_WELL,
	FAMILY_ERRORS, /* 5xx, or what is no answer of the API's */
	FAMILY_SILENT, /* time-outs, cut connections */
	FAMILY_SLOW /* there is an answer in the end */
};

struct family {
	atomic_int trouble; /* enum family_trouble */
	atomic_llong since_ms; /* mono, of trouble */
	atomic_llong retry_at_ms; /* mono */
	atomic_ullong name[FAMILY_NAME_WORDS]; /* all 0: free */
	/* origin thread: */
	unsigned failures, successes; /* in a row */
};

struct families {
	struct family v[FAMILIES_MAX]; /* by name, open addressing */
	atomic_uint troubled; /* how many are */
	/* mono; of the whole: the last answer, and the last that was missed */
	atomic_llong answered_ms, silent_ms;
	atomic_llong retry_at_ms;
};

/* What is to be said of one in trouble. */
struct family_view {
	char name[FAMILY_NAME_MAX + 1];
	enum family_trouble trouble;
	int64_t since_ms; /* mono */
};

/* Origin thread. A request for target failed so, which counts as much as weight
 * failures, or was answered (FAMILY_WELL). True: the family is in trouble now
 * and was not, or the other way round. */
bool family_evidence(struct families *f, struct slice target,
    enum family_trouble what, unsigned weight, int64_t now_ms);
/* Any thread. Of the family, or of the whole. */
enum family_trouble family_trouble(struct families *f, struct slice target);
/* Any thread. Is any in trouble? */
bool family_has_trouble(const struct families *f);
/*
 * Any thread. May a request for target go upstream to find out? True once per
 * interval, which grows with the time that the trouble lasts.
 */
bool family_may_probe(struct families *f, struct slice target, int64_t now_ms);
/* Any thread. Those in trouble, at most max. */
size_t family_list(
    const struct families *f, struct family_view *out, size_t max);
/* The part of target that its family is known by. */
struct slice family_segment(struct slice target);
/* The detail of Cache-Status. Constant text; NULL for FAMILY_WELL. */
const char *family_detail(enum family_trouble t);

#endif
