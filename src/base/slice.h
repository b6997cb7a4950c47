/*
 * A slice is a borrowed run of bytes: pointer and length, no terminator, no
 * ownership. Whoever hands one out says how long the bytes live.
 *
 * Pure; any thread.
 */
#ifndef BASE_SLICE_H
#define BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct slice {
	const char *p; /* may be NULL only when n is 0 */
	size_t n; /* bytes */
};

#define SLICE(lit) \
	((struct slice){(lit), sizeof(lit) - 1}) /* lit: a string literal */
#define SLICE_NONE ((struct slice){NULL, 0})

static inline struct slice slice_of(const char *p, size_t n)
{
	return (struct slice){p, n};
}

/* s may be NULL, which gives the empty slice. */
static inline struct slice slice_of_str(const char *s)
{
	return (struct slice){s, s ? strlen(s) : 0};
}

static inline bool slice_eq(struct slice a, struct slice b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

/* ASCII case-insensitive, as HTTP field names and tokens compare. */
bool slice_eq_nocase(struct slice a, struct slice b);
bool slice_starts(struct slice s, struct slice prefix);
bool slice_ends(struct slice s, struct slice suffix);
/* Without leading and trailing SP and HTAB (RFC 9110 OWS). */
struct slice slice_trim_ows(struct slice s);
/* Index of the first c at or after from, or s.n when there is none. */
size_t slice_find(struct slice s, size_t from, char c);
/* The bytes [from, to), clamped to s. */
struct slice slice_sub(struct slice s, size_t from, size_t to);

#endif
