/*
 * Records of stored answers and of tags, as a disk may give them back. The
 * input is read as it is, and once more with magic, version, length and
 * checksum put right, so that what lies behind those is reached too. What is
 * let pass lies inside the input and encodes to the same bytes.
 *
 * The other way round a record is made from the input: it comes back as it
 * was, and with one bit changed, or a byte more or less, not at all.
 */
#include "store/moved.h"
#include "store/record.h"

#include <assert.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define CHECKSUM_AT 8
#define CHECKED_FROM 16
#define FIXED_BYTES 184
#define BODY_N_AT 80

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
	memcpy(&key_n, p + 72, sizeof(key_n));
	memcpy(&head_n, p + 76, sizeof(head_n));
	memcpy(&tags_n, p + 114, sizeof(tags_n));
	used = FIXED_BYTES + (size_t)key_n + head_n + p[118] +
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

/* ---- made from the input ---- */

struct source {
	const uint8_t *p;
	size_t n;
};

/* Zeros behind the end of the input. */
static uint64_t take(struct source *s, unsigned bytes)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < bytes; i++) {
		v = v << 8 | (s->n ? *s->p : 0);
		s->p += s->n > 0;
		s->n -= s->n > 0;
	}
	return v;
}

/* As many bytes as are said, if there are so many. */
static struct slice take_slice(struct source *s, size_t n)
{
	struct slice part;

	if (n > s->n)
		n = s->n;
	part = slice_of((const char *)s->p, n);
	s->p += n;
	s->n -= n;
	return part;
}

static struct slice take_inside(struct source *s, struct slice whole)
{
	size_t at = (size_t)take(s, 1);

	return slice_sub(whole, at, at + (size_t)take(s, 1));
}

static void make_record(struct source *s, struct record *r)
{
	*r = (struct record){.seq = take(s, 8)};
	r->proof = take(s, 2);
	r->stored_at_ms = (int64_t)take(s, 8);
	r->fresh_until_ms = (int64_t)take(s, 6);
	r->swr_until_ms = (int64_t)take(s, 6);
	r->age_s = (int64_t)take(s, 4);
	r->status = (uint16_t)take(s, 2);
	r->op = (uint32_t)take(s, 4);
	r->is_stale_allowed = take(s, 1) & 1;
	r->must_revalidate = take(s, 1) & 1;
	r->tags_n = (size_t)take(s, 1) % 8;
	r->tags = (const void *)take_slice(s, r->tags_n * 16).p;
	if (s->n == 0)
		r->tags_n = 0;
	r->op_id = take_slice(s, (size_t)take(s, 1));
	r->location = take_slice(s, (size_t)take(s, 1));
	r->full_key = take_slice(s, (size_t)take(s, 1));
	r->head = take_slice(s, (size_t)take(s, 1));
	r->body = take_slice(s, (size_t)take(s, 1));
	r->etag = take_inside(s, r->head);
	r->last_modified = take_inside(s, r->head);
	r->next_page = take_inside(s, r->body);
	r->authority_n = (size_t)take(s, 1);
}

static void check_equal(const struct record *a, const struct record *b)
{
	assert(a->seq == b->seq && a->proof == b->proof);
	assert(a->stored_at_ms == b->stored_at_ms);
	assert(a->fresh_until_ms == b->fresh_until_ms);
	assert(a->swr_until_ms == b->swr_until_ms && a->age_s == b->age_s);
	assert(a->status == b->status && a->op == b->op);
	assert(a->is_stale_allowed == b->is_stale_allowed);
	assert(a->must_revalidate == b->must_revalidate);
	assert(a->tags_n == b->tags_n);
	assert(a->tags_n == 0 ||
	       memcmp(a->tags, b->tags, a->tags_n * sizeof(*a->tags)) == 0);
	assert(slice_eq(a->op_id, b->op_id));
	assert(slice_eq(a->location, b->location));
	assert(slice_eq(a->full_key, b->full_key));
	assert(slice_eq(a->head, b->head) && slice_eq(a->body, b->body));
	assert(slice_eq(a->etag, b->etag));
	assert(slice_eq(a->last_modified, b->last_modified));
	assert(slice_eq(a->next_page, b->next_page));
	assert(a->authority_n == b->authority_n);
}

/* At a few places that the input chooses, and everywhere in the fixed part in
 * the course of many inputs. */
static void check_damage(uint8_t *p, size_t n, struct source *s)
{
	struct record r;

	for (unsigned i = 0; i < 8; i++) {
		size_t bit = (size_t)take(s, 2) % (8 * n);

		p[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert(!record_decode(p, n, &r));
		p[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	for (size_t i = 0; i < CHECKED_FROM; i++) {
		p[i] ^= 0x80;
		assert(!record_decode(p, n, &r));
		p[i] ^= 0x80;
	}
	assert(!record_decode(p, n - 1, &r));
	assert(!record_decode(p, n + 1, &r));
}

static void try_made(const uint8_t *data, size_t n)
{
	struct source s = {data, n};
	struct record r, back;
	uint8_t *p;
	size_t size;

	make_record(&s, &r);
	size = record_size(&r);
	if (size == 0)
		return;
	p = calloc(1, size + 1);
	assert(p);
	record_encode(&r, p);
	assert(record_decode(p, size, &back));
	check_equal(&r, &back);
	assert(record_peek(p, size, &back));
	check_equal(&r, &back);
	check_damage(p, size, &s);
	free(p);
}

static void try_made_moved(const uint8_t *data, size_t n)
{
	struct source s = {data, n};
	struct digest128 tag = {{0}};
	struct cache_moved m, back;
	unsigned char p[MOVED_BYTES];
	size_t bit;

	tag.b[0] = (unsigned char)take(&s, 1);
	m.epoch = take(&s, 8);
	m.suspect = take(&s, 8);
	m.moved_at_ms = (int64_t)take(&s, 8);
	bit = (size_t)take(&s, 2) % (8 * sizeof(p));
	moved_encode(&tag, &m, p);
	assert(moved_decode(&tag, p, sizeof(p), &back));
	assert(back.epoch == m.epoch && back.suspect == m.suspect &&
	       back.moved_at_ms == m.moved_at_ms);
	p[bit / 8] ^= (unsigned char)(1u << bit % 8);
	assert(!moved_decode(&tag, p, sizeof(p), &back));
	p[bit / 8] ^= (unsigned char)(1u << bit % 8);
	tag.b[take(&s, 1) % sizeof(tag.b)] ^= 1;
	assert(!moved_decode(&tag, p, sizeof(p), &back));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	try_record(data, n);
	try_mended(data, n);
	try_moved(data, n);
	try_made(data, n);
	try_made_moved(data, n);
	return 0;
}
