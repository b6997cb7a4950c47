#include "origin/family.h"

#include <string.h>

/* Often while a short outage may end any moment, later seldom enough that
 * time-outs of probes do not pile up. */
#define RETRY_MS 1000
#define RETRY_LATER_MS 5000
#define LATER_AFTER_MS 60000

static const char *const details[] = {
    [FAMILY_WELL] = NULL,
    [FAMILY_ERRORS] = "upstream-5xx",
    [FAMILY_SILENT] = "upstream-silent",
    [FAMILY_SLOW] = "upstream-slow",
};

const char *family_detail(enum family_trouble t)
{
	return details[t];
}

struct slice family_segment(struct slice target)
{
	size_t end = 1;

	if (target.n == 0 || target.p[0] != '/')
		return SLICE_NONE;
	while (end < target.n && target.p[end] != '/' && target.p[end] != '?')
		end++;
	return slice_sub(target, 1, end);
}

/* A segment as it stands in a table; all zero is no name. */
struct name {
	unsigned long long words[FAMILY_NAME_WORDS];
};

static struct name name_of(struct slice target)
{
	struct slice segment = family_segment(target);
	struct name name = {{0}};

	if (segment.n == 0)
		segment = SLICE("/");
	memcpy(name.words, segment.p,
	    segment.n < FAMILY_NAME_MAX ? segment.n : FAMILY_NAME_MAX);
	return name;
}

static unsigned place_of(const struct name *name)
{
	unsigned long long h = 0;

	for (size_t i = 0; i < FAMILY_NAME_WORDS; i++)
		h = (h ^ name->words[i]) * 0x9e3779b97f4a7c15u;
	return (unsigned)(h >> 32) % FAMILIES_MAX;
}

static struct name name_at(const struct family *one)
{
	struct name name;

	for (size_t i = 0; i < FAMILY_NAME_WORDS; i++)
		name.words[i] =
		    atomic_load_explicit(&one->name[i], memory_order_relaxed);
	return name;
}

static bool is_same(const struct name *a, const struct name *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

/* Where target's family is, or could be; NULL: not there, and no room. */
static struct family *find(struct families *f, const struct name *name)
{
	static const struct name none;
	unsigned place = place_of(name);

	for (unsigned i = 0; i < FAMILIES_MAX; i++) {
		struct family *one = &f->v[(place + i) % FAMILIES_MAX];
		struct name held = name_at(one);

		if (is_same(&held, name) || is_same(&held, &none))
			return one;
	}
	return NULL;
}

/* NULL: nothing was ever said of it. */
static struct family *family_of(struct families *f, struct slice target)
{
	struct name name = name_of(target), held;
	struct family *one = find(f, &name);

	if (!one)
		return NULL;
	held = name_at(one);
	return is_same(&held, &name) ? one : NULL;
}

/* Makes room for it when it has none. */
static struct family *enter(struct families *f, struct slice target)
{
	struct name name = name_of(target);
	struct family *one = find(f, &name);

	for (size_t i = 0; one && i < FAMILY_NAME_WORDS; i++)
		atomic_store(&one->name[i], name.words[i]);
	return one;
}

static bool is_in_trouble(const struct family *one)
{
	return atomic_load_explicit(&one->trouble, memory_order_relaxed) !=
	       FAMILY_WELL;
}

static bool note_failure(struct families *f, struct family *one,
    enum family_trouble what, unsigned weight, int64_t now_ms)
{
	one->successes = 0;
	if (is_in_trouble(one)) {
		atomic_store(&one->trouble, (int)what);
		return false;
	}
	one->failures += weight;
	if (one->failures < FAMILY_FAILURES)
		return false;
	atomic_store(&one->since_ms, now_ms);
	atomic_store(&one->retry_at_ms, now_ms + RETRY_MS);
	atomic_store(&one->trouble, (int)what);
	atomic_fetch_add(&f->troubled, 1);
	return true;
}

static bool note_success(struct families *f, struct family *one, int64_t now_ms)
{
	one->failures = 0;
	if (!is_in_trouble(one))
		return false;
	if (++one->successes < FAMILY_SUCCESSES) {
		/* the next one may decide it at once */
		atomic_store(&one->retry_at_ms, now_ms);
		return false;
	}
	one->successes = 0;
	atomic_store(&one->trouble, FAMILY_WELL);
	atomic_fetch_sub(&f->troubled, 1);
	return true;
}

bool family_evidence(struct families *f, struct slice target,
    enum family_trouble what, unsigned weight, int64_t now_ms)
{
	struct family *one =
	    what == FAMILY_WELL ? family_of(f, target) : enter(f, target);

	if (what == FAMILY_WELL || what == FAMILY_ERRORS)
		atomic_store(&f->answered_ms, now_ms);
	else
		atomic_store(&f->silent_ms, now_ms);
	if (!one)
		return false;
	return what == FAMILY_WELL ? note_success(f, one, now_ms)
				   : note_failure(f, one, what, weight, now_ms);
}

bool family_has_trouble(const struct families *f)
{
	return atomic_load_explicit(&f->troubled, memory_order_relaxed) > 0;
}

static bool is_silent(const struct families *f)
{
	return atomic_load_explicit(&f->silent_ms, memory_order_relaxed) >
	       atomic_load_explicit(&f->answered_ms, memory_order_relaxed);
}

enum family_trouble family_trouble(struct families *f, struct slice target)
{
	const struct family *one;

	if (!family_has_trouble(f))
		return FAMILY_WELL;
	one = family_of(f, target);
	if (one && is_in_trouble(one))
		return (enum family_trouble)atomic_load_explicit(
		    &one->trouble, memory_order_relaxed);
	return is_silent(f) ? FAMILY_SLOW : FAMILY_WELL;
}

static bool take_turn(
    atomic_llong *retry_at_ms, int64_t now_ms, int64_t wait_ms)
{
	long long due = atomic_load_explicit(retry_at_ms, memory_order_relaxed);

	return now_ms >= due && atomic_compare_exchange_strong(
				    retry_at_ms, &due, now_ms + wait_ms);
}

bool family_may_probe(struct families *f, struct slice target, int64_t now_ms)
{
	struct family *one = family_of(f, target);
	int64_t since_ms;

	if (!one || !is_in_trouble(one))
		return take_turn(&f->retry_at_ms, now_ms, RETRY_MS);
	since_ms = atomic_load_explicit(&one->since_ms, memory_order_relaxed);
	return take_turn(&one->retry_at_ms, now_ms,
	    now_ms - since_ms < LATER_AFTER_MS ? RETRY_MS : RETRY_LATER_MS);
}

size_t family_list(
    const struct families *f, struct family_view *out, size_t max)
{
	size_t n = 0;

	for (size_t i = 0; i < FAMILIES_MAX && n < max; i++) {
		const struct family *one = &f->v[i];
		unsigned long long
		    words[FAMILY_NAME_MAX / sizeof(unsigned long long)];

		if (!is_in_trouble(one))
			continue;
		for (size_t j = 0; j < sizeof(words) / sizeof(*words); j++)
			words[j] = atomic_load(&one->name[j]);
		memcpy(out[n].name, words, FAMILY_NAME_MAX);
		out[n].name[FAMILY_NAME_MAX] = '\0';
		out[n].trouble =
		    (enum family_trouble)atomic_load(&one->trouble);
		out[n++].since_ms = atomic_load(&one->since_ms);
	}
	return n;
}
