/*
 * Records of usage, as a disk may give them back: what is damaged changes
 * nothing, what is read comes out the same when it is written again, and what
 * was written is read back.
 */
#include "base/digest.h"
#include "store/usage_record.h"

#include <assert.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define HOUR INT64_C(490000)
#define CHECKED_FROM 8
#define HEAD_BYTES 18
#define RECORD_MAX 65536
/* No table of these tests is ever full. */
#define ROWS_MAX 16384

static struct usage_table *new_table(void)
{
	struct usage_table *t = usage_table_new(ROWS_MAX);

	assert(t);
	return t;
}

static void check_same(const struct usage_table *a, const struct usage_table *b)
{
	assert(usage_table_n(a) == usage_table_n(b));
	for (size_t i = 0; i < usage_table_n(a); i++)
		assert(memcmp(usage_table_at(a, i), usage_table_at(b, i),
			   sizeof(struct usage_row)) == 0);
}

static void check_damage(struct slice record, const uint8_t *data, size_t n)
{
	char *p = malloc(record.n);
	struct usage_table *t = new_table();

	assert(p);
	memcpy(p, record.p, record.n);
	for (size_t i = 0; i + 1 < n && i < 8; i++) {
		size_t bit = (data[i] * 256u + data[i + 1]) % (8 * record.n);

		p[bit / 8] ^= (char)(1u << bit % 8);
		assert(!usage_record_decode(slice_of(p, record.n), HOUR, t));
		p[bit / 8] ^= (char)(1u << bit % 8);
	}
	assert(!usage_record_decode(slice_of(p, record.n - 1), HOUR, t));
	assert(!usage_record_decode(slice_of(p, record.n), HOUR + 1, t));
	assert(usage_table_n(t) == 0);
	usage_table_free(t);
	free(p);
}

static void check_table(
    const struct usage_table *t, const uint8_t *data, size_t n)
{
	struct usage_table *back = new_table();
	struct buf record;

	buf_init(&record, RECORD_MAX);
	usage_record_encode(t, HOUR, &record);
	if (!record.has_failed) {
		assert(usage_record_decode(buf_slice(&record), HOUR, back));
		check_same(t, back);
		check_damage(buf_slice(&record), data, n);
	}
	buf_fini(&record);
	usage_table_free(back);
}

static void try_bytes(const uint8_t *data, size_t n)
{
	struct usage_table *t = new_table();

	if (usage_record_decode(slice_of((const char *)data, n), HOUR, t))
		check_table(t, data, n);
	else
		assert(usage_table_n(t) == 0);
	usage_table_free(t);
}

/* The same behind a good head. */
static void try_rows(const uint8_t *data, size_t n)
{
	struct usage_table *none = new_table();
	uint64_t checksum;
	struct buf record;

	buf_init(&record, n + HEAD_BYTES);
	usage_record_encode(none, HOUR, &record);
	buf_add(&record, data, n);
	checksum = digest_checksum(
	    slice_sub(buf_slice(&record), CHECKED_FROM, record.n));
	memcpy(record.p, &checksum, sizeof(checksum));
	try_bytes((const uint8_t *)record.p, record.n);
	buf_fini(&record);
	usage_table_free(none);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	if (n > RECORD_MAX / 8)
		return 0;
	try_bytes(data, n);
	try_rows(data, n);
	return 0;
}
