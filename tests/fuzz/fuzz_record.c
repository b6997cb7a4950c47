/*
 * Records of stored answers and of tags, as a disk may give them back. The
 * input is read as it is, and once more with magic, version, length and
 * checksum put right, so that what lies behind those is reached too. What is
 * let pass lies inside the input and encodes to the same bytes.
 */
#include "store/moved.h"
#include "store/record.h"

#include <assert.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define CHECKSUM_AT 8
#define CHECKED_FROM 16
#define FIXED_BYTES 176
#define BODY_N_AT 72

static void check_inside(struct slice part, const uint8_t *p, size_t n)
{
	const char *start = (const char *)p;

	if (part.n == 0)
		return;
	assert(part.p >= start && part.n <= n);
	assert(part.p + part.n <= start + n);
}

static void check_record(const struct record *r, const uint8_t *p, size_t n)
{
	check_inside(r->op_id, p, n);
	check_inside(r->location, p, n);
	check_inside(r->full_key, p, n);
	check_inside(r->head, p, n);
	check_inside(r->body, p, n);
	check_inside(r->etag, (const uint8_t *)r->head.p, r->head.n);
	check_inside(r->last_modified, (const uint8_t *)r->head.p, r->head.n);
	check_inside(r->next_page, (const uint8_t *)r->body.p, r->body.n);
	check_inside(
	    slice_of((const char *)r->tags, r->tags_n * sizeof(*r->tags)), p,
	    n);
	assert(r->authority_n <= r->next_page.n);
	assert(r->status >= 100 && r->status <= 599);
	assert(r->stored_at_ms >= 0 && r->age_s >= 0);
}

static void check_same_bytes(const struct record *r, const uint8_t *p, size_t n)
{
	uint8_t *again;

	assert(record_size(r) == n);
	again = malloc(n);
	assert(again);
	record_encode(r, again);
	assert(memcmp(again, p, n) == 0);
	free(again);
}

static void try_record(const uint8_t *p, size_t n)
{
	struct record r;

	if (record_peek(p, n, &r))
		check_record(&r, p, n);
	if (!record_decode(p, n, &r))
		return;
	check_record(&r, p, n);
	check_same_bytes(&r, p, n);
}

/* The body takes what the other lengths leave. */
static void mend_length(uint8_t *p, size_t n)
{
	struct record r = {.status = 200, .full_key = SLICE("k")};
	uint8_t pattern[FIXED_BYTES + 1];
	uint32_t key_n, head_n, body_n;
	uint16_t tags_n;
	size_t used;

	assert(record_size(&r) == sizeof(pattern));
	record_encode(&r, pattern);
	memcpy(p, pattern, CHECKSUM_AT);
	memcpy(&key_n, p + 64, sizeof(key_n));
	memcpy(&head_n, p + 68, sizeof(head_n));
	memcpy(&tags_n, p + 106, sizeof(tags_n));
	used = FIXED_BYTES + (size_t)key_n + head_n + p[110] +
	       (size_t)tags_n * sizeof(struct digest128);
	body_n = used <= n ? (uint32_t)(n - used) : 0;
	memcpy(p + BODY_N_AT, &body_n, sizeof(body_n));
}

static void try_mended(const uint8_t *data, size_t n)
{
	uint8_t *p;
	uint64_t checksum;

	if (n < FIXED_BYTES)
		return;
	p = malloc(n);
	assert(p);
	memcpy(p, data, n);
	mend_length(p, n);
	checksum = digest_checksum(
	    slice_of((const char *)p + CHECKED_FROM, n - CHECKED_FROM));
	memcpy(p + CHECKSUM_AT, &checksum, sizeof(checksum));
	try_record(p, n);
	free(p);
}

static void try_moved(const uint8_t *data, size_t n)
{
	const struct digest128 tag = {{7}};
	unsigned char again[MOVED_BYTES];
	struct cache_moved m;

	if (!moved_decode(&tag, data, n, &m))
		return;
	moved_encode(&tag, &m, again);
	assert(memcmp(again, data, n) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	try_record(data, n);
	try_mended(data, n);
	try_moved(data, n);
	return 0;
}
