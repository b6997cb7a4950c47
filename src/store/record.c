#include "store/record.h"

#include <assert.h>

#define MAGIC 0x414c4847u /* "GHLA" on a little-endian disk */

enum {
	FLAG_STALE_ALLOWED = 1,
	FLAG_MUST_REVALIDATE = 2,
	FLAG_MUST_VALIDATE = 4,
	FLAG_GUIDE = 8,
	FLAGS_KNOWN = FLAG_STALE_ALLOWED | FLAG_MUST_REVALIDATE |
		      FLAG_MUST_VALIDATE | FLAG_GUIDE
};

/*
 * The fixed part; tags, operation id, full key, head and body follow without
 * gaps. Copied in and out whole: LMDB aligns values to two bytes only.
 */
struct fixed {
	uint32_t magic;
	uint32_t version;
	uint64_t checksum; /* of everything after this field */
	uint64_t seq;
	uint64_t proof;
	int64_t stored_at_ms;
	int64_t fresh_until_ms;
	int64_t swr_until_ms;
	int64_t stale_until_ms;
	int64_t age_s;
	uint32_t key_n;
	uint32_t head_n;
	uint32_t body_n;
	uint32_t op;
	uint32_t etag_at; /* in head */
	uint32_t last_modified_at;
	uint32_t next_page_at; /* in body */
	uint32_t next_page_n;
	uint32_t authority_n;
	uint16_t etag_n;
	uint16_t last_modified_n;
	uint16_t status;
	uint16_t tags_n;
	uint16_t flags;
	uint8_t op_id_n;
	uint8_t location_n;
	char location[RECORD_LOCATION_MAX]; /* zeros after location_n */
};

#define CHECKED_FROM (offsetof(struct fixed, checksum) + sizeof(uint64_t))

_Static_assert(sizeof(struct fixed) == 184, "the layout has no padding");
_Static_assert(
    sizeof(struct digest128) == 16 && _Alignof(struct digest128) == 1,
    "tags may lie at any address");

/* ---- what may be in a record ---- */

/* Small enough that sums and differences of a few never overflow. */
static bool is_time(int64_t t)
{
	return t >= 0 && t <= INT64_MAX / 8;
}

static bool is_inside(struct slice part, struct slice whole)
{
	return part.n == 0 ||
	       (part.n <= whole.n && part.p >= whole.p &&
		   (size_t)(part.p - whole.p) <= whole.n - part.n);
}

static bool has_sane_numbers(const struct record *r)
{
	return is_time(r->stored_at_ms) && is_time(r->fresh_until_ms) &&
	       is_time(r->swr_until_ms) && is_time(r->age_s) &&
	       (is_time(r->stale_until_ms) || r->stale_until_ms == INT64_MAX) &&
	       r->status >= 100 && r->status <= 599;
}

static bool has_sane_sizes(const struct record *r)
{
	return r->full_key.n > 0 && r->full_key.n <= RECORD_KEY_MAX &&
	       r->head.n <= RECORD_HEAD_MAX && r->body.n <= RECORD_BODY_MAX &&
	       r->tags_n <= RECORD_TAGS_MAX && r->op_id.n <= RECORD_OP_ID_MAX &&
	       r->location.n <= RECORD_LOCATION_MAX &&
	       r->etag.n <= UINT16_MAX && r->last_modified.n <= UINT16_MAX &&
	       r->authority_n <= r->next_page.n;
}

/* ---- encode ---- */

size_t record_size(const struct record *r)
{
	if (!has_sane_numbers(r) || !has_sane_sizes(r))
		return 0;
	return sizeof(struct fixed) + r->tags_n * sizeof(*r->tags) +
	       r->op_id.n + r->full_key.n + r->head.n + r->body.n;
}

static uint32_t offset_in(struct slice part, struct slice whole)
{
	assert(is_inside(part, whole));
	return part.n ? (uint32_t)(part.p - whole.p) : 0;
}

static void fill_lengths(const struct record *r, struct fixed *f)
{
	f->key_n = (uint32_t)r->full_key.n;
	f->head_n = (uint32_t)r->head.n;
	f->body_n = (uint32_t)r->body.n;
	f->tags_n = (uint16_t)r->tags_n;
	f->op_id_n = (uint8_t)r->op_id.n;
	f->location_n = (uint8_t)r->location.n;
	f->etag_at = offset_in(r->etag, r->head);
	f->etag_n = (uint16_t)r->etag.n;
	f->last_modified_at = offset_in(r->last_modified, r->head);
	f->last_modified_n = (uint16_t)r->last_modified.n;
	f->next_page_at = offset_in(r->next_page, r->body);
	f->next_page_n = (uint32_t)r->next_page.n;
	f->authority_n = (uint32_t)r->authority_n;
}

static uint16_t flags_of(const struct record *r)
{
	unsigned flags = 0;

	flags |= r->is_stale_allowed ? FLAG_STALE_ALLOWED : 0;
	flags |= r->must_revalidate ? FLAG_MUST_REVALIDATE : 0;
	flags |= r->must_validate ? FLAG_MUST_VALIDATE : 0;
	flags |= r->is_guide ? FLAG_GUIDE : 0;
	return (uint16_t)flags;
}

static void fill_fixed(const struct record *r, struct fixed *f)
{
	memset(f, 0, sizeof(*f));
	f->magic = MAGIC;
	f->version = RECORD_VERSION;
	f->seq = r->seq;
	f->proof = r->proof;
	f->stored_at_ms = r->stored_at_ms;
	f->fresh_until_ms = r->fresh_until_ms;
	f->swr_until_ms = r->swr_until_ms;
	f->stale_until_ms = r->stale_until_ms;
	f->age_s = r->age_s;
	f->status = r->status;
	f->op = r->op;
	f->flags = flags_of(r);
	fill_lengths(r, f);
	if (r->location.n > 0)
		memcpy(f->location, r->location.p, r->location.n);
}

static char *append(char *at, const void *p, size_t n)
{
	if (n > 0)
		memcpy(at, p, n);
	return at + n;
}

void record_encode(const struct record *r, void *dst)
{
	size_t n = record_size(r);
	char *start = dst, *at = start;
	struct fixed f;

	assert(n > 0);
	fill_fixed(r, &f);
	at = append(at, &f, sizeof(f));
	at = append(at, r->tags, r->tags_n * sizeof(*r->tags));
	at = append(at, r->op_id.p, r->op_id.n);
	at = append(at, r->full_key.p, r->full_key.n);
	at = append(at, r->head.p, r->head.n);
	at = append(at, r->body.p, r->body.n);
	assert(at == start + n);
	f.checksum =
	    digest_checksum(slice_of(start + CHECKED_FROM, n - CHECKED_FROM));
	memcpy(start + offsetof(struct fixed, checksum), &f.checksum,
	    sizeof(f.checksum));
}

/* ---- decode ---- */

/* The next n bytes of rest, which has them. */
static struct slice cut(struct slice *rest, size_t n)
{
	struct slice s = slice_of(rest->p, n);

	assert(n <= rest->n);
	rest->p += n;
	rest->n -= n;
	return s;
}

/* A part given by offset and length; false when it is not inside. An empty
 * one has one spelling only. */
static bool place(struct slice whole, uint32_t at, size_t n, struct slice *out)
{
	*out = SLICE_NONE;
	if (n == 0)
		return at == 0;
	if (at > whole.n || n > whole.n - at)
		return false;
	*out = slice_of(whole.p + at, n);
	return true;
}

/* All lengths are at most 32 bits and few: the sum cannot overflow. */
static uint64_t length_of(const struct fixed *f)
{
	return sizeof(*f) + (uint64_t)f->tags_n * sizeof(struct digest128) +
	       f->op_id_n + (uint64_t)f->key_n + f->head_n + f->body_n;
}

static bool read_location(
    const struct fixed *f, const char *at, struct slice *out)
{
	if (f->location_n > RECORD_LOCATION_MAX)
		return false;
	for (size_t i = f->location_n; i < RECORD_LOCATION_MAX; i++)
		if (f->location[i] != '\0')
			return false;
	*out = slice_of(at + offsetof(struct fixed, location), f->location_n);
	return true;
}

static void read_numbers(const struct fixed *f, struct record *r)
{
	r->seq = f->seq;
	r->proof = f->proof;
	r->stored_at_ms = f->stored_at_ms;
	r->fresh_until_ms = f->fresh_until_ms;
	r->swr_until_ms = f->swr_until_ms;
	r->stale_until_ms = f->stale_until_ms;
	r->age_s = f->age_s;
	r->status = f->status;
	r->op = f->op;
	r->is_stale_allowed = f->flags & FLAG_STALE_ALLOWED;
	r->must_revalidate = f->flags & FLAG_MUST_REVALIDATE;
	r->must_validate = f->flags & FLAG_MUST_VALIDATE;
	r->is_guide = f->flags & FLAG_GUIDE;
	r->authority_n = f->authority_n;
}

static bool read_parts(
    const struct fixed *f, struct slice all, struct record *r)
{
	struct slice rest = all;

	cut(&rest, sizeof(*f));
	r->tags_n = f->tags_n;
	r->tags = (const struct digest128 *)(const void *)cut(
	    &rest, f->tags_n * sizeof(struct digest128))
		      .p;
	r->op_id = cut(&rest, f->op_id_n);
	r->full_key = cut(&rest, f->key_n);
	r->head = cut(&rest, f->head_n);
	r->body = cut(&rest, f->body_n);
	return read_location(f, all.p, &r->location) &&
	       place(r->head, f->etag_at, f->etag_n, &r->etag) &&
	       place(r->head, f->last_modified_at, f->last_modified_n,
		   &r->last_modified) &&
	       place(r->body, f->next_page_at, f->next_page_n, &r->next_page);
}

static bool decode(const void *p, size_t n, bool is_checked, struct record *r)
{
	struct slice all = slice_of(p, n);
	struct fixed f;

	if (n < sizeof(f))
		return false;
	memcpy(&f, p, sizeof(f));
	if (f.magic != MAGIC || f.version != RECORD_VERSION ||
	    length_of(&f) != n || (f.flags & ~FLAGS_KNOWN))
		return false;
	if (is_checked &&
	    digest_checksum(slice_sub(all, CHECKED_FROM, n)) != f.checksum)
		return false;
	read_numbers(&f, r);
	return read_parts(&f, all, r) && has_sane_numbers(r) &&
	       has_sane_sizes(r);
}

bool record_decode(const void *p, size_t n, struct record *r)
{
	return decode(p, n, true, r);
}

bool record_peek(const void *p, size_t n, struct record *r)
{
	return decode(p, n, false, r);
}
