/*
 * The record of a stored answer: the bytes that lie in the cache environment.
 *
 * What comes back from a disk is not trusted: after a power loss anything may
 * be there. Decoding checks a checksum over everything and then every length
 * and offset, and gives nothing out unless all of it holds. Numbers are in the
 * machine's own byte order: a cache does not travel, and one from elsewhere
 * has the wrong magic.
 *
 * Pure; any thread.
 */
#ifndef STORE_RECORD_H
#define STORE_RECORD_H

#include "base/digest.h"
#include "base/slice.h"

#include <stdint.h>

/* Changes with the layout; an environment of another version is made anew. */
#define RECORD_VERSION 2

/* Caps. What is larger is not stored. */
#define RECORD_KEY_MAX (256u << 10)
#define RECORD_HEAD_MAX (256u << 10)
#define RECORD_BODY_MAX (16u << 20)
#define RECORD_TAGS_MAX 4096u
#define RECORD_LOCATION_MAX 64u
#define RECORD_OP_ID_MAX 255u

struct record {
	uint64_t seq; /* sequence when the request was handed to curl */
	uint64_t proof; /* for bulk revalidation; 0: none */
	int64_t stored_at_ms;
	int64_t fresh_until_ms;
	int64_t swr_until_ms;
	int64_t stale_until_ms; /* INT64_MAX: no bound */
	int64_t age_s;
	uint16_t status; /* 100..599 */
	bool is_stale_allowed;
	bool must_revalidate;
	bool must_validate;
	bool is_guide; /* to variants; see cache_vary.c */
	/* Index in the operation table, and the id that it had: tables change
	 * with upgrades, and a number alone would then mean another one. */
	uint32_t op;
	struct slice op_id; /* empty: unknown path */
	struct slice location; /* empty: unknown */
	const struct digest128 *tags;
	size_t tags_n;
	struct slice full_key;
	struct slice head;
	struct slice body;
	struct slice etag; /* inside head; n = 0: none */
	struct slice last_modified; /* inside head; n = 0: none */
	struct slice next_page; /* inside body; n = 0: none */
	size_t authority_n; /* <= next_page.n */
};

/* Bytes that r takes; 0 when a cap or a range forbids to store it. */
size_t record_size(const struct record *r);
/* dst: exactly record_size(r) bytes, which is not 0; any alignment. */
void record_encode(const struct record *r, void *dst);
/*
 * Borrows from p, which needs no alignment. False on anything odd; r is then
 * not to be used.
 */
bool record_decode(const void *p, size_t n, struct record *r);
/*
 * As record_decode but for the checksum, so that of a large record only the
 * first page is touched. For housekeeping; never for what goes to a client.
 */
bool record_peek(const void *p, size_t n, struct record *r);

#endif
