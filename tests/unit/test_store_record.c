/*
 * The bytes of a stored answer: they come back as they went in, and whatever
 * else comes back is refused.
 */
#include "store/record.h"

#include "store/moved.h"
#include "store_rig.h"

static const struct digest128 two_tags[2] = {{{1}}, {{2, 3}}};

static struct record sample(void)
{
	static const char head[] =
	    "A: b\r\nETag: \"x\"\r\nLast-Modified: y\r\n";
	static const char body[] = "{\"next\":\"http://h/p\"}";

	return (struct record){
	    .seq = 9,
	    .proof = 4,
	    .stored_at_ms = 1000,
	    .fresh_until_ms = 2000,
	    .swr_until_ms = 3000,
	    .age_s = 1,
	    .status = 200,
	    .is_stale_allowed = true,
	    .op = 7,
	    .op_id = SLICE("contacts.get-contact"),
	    .location = SLICE("loc"),
	    .tags = two_tags,
	    .tags_n = 2,
	    .full_key = SLICE("GET /contacts/1"),
	    .head = slice_of(head, sizeof(head) - 1),
	    .body = slice_of(body, sizeof(body) - 1),
	    .etag = slice_of(head + 12, 3),
	    .last_modified = slice_of(head + 32, 1),
	    .next_page = slice_of(body + 9, 10),
	    .authority_n = 8,
	};
}

/* On an odd address, as LMDB may give it. */
static unsigned char *encode(
    const struct record *r, unsigned char **block, size_t *n)
{
	*n = record_size(r);
	assert_true(*n > 0);
	*block = malloc(*n + 1);
	assert_non_null(*block);
	record_encode(r, *block + 1);
	return *block + 1;
}

static void comes_back_as_it_went_in(void **state)
{
	struct record in = sample(), out;
	unsigned char *block, *p;
	size_t n;

	(void)state;
	p = encode(&in, &block, &n);
	assert_true(record_decode(p, n, &out));
	assert_int_equal(out.seq, 9);
	assert_int_equal(out.proof, 4);
	assert_int_equal(out.stored_at_ms, 1000);
	assert_int_equal(out.fresh_until_ms, 2000);
	assert_int_equal(out.swr_until_ms, 3000);
	assert_int_equal(out.age_s, 1);
	assert_int_equal(out.status, 200);
	assert_true(out.is_stale_allowed);
	assert_false(out.must_revalidate);
	assert_int_equal(out.op, 7);
	assert_true(slice_eq(out.op_id, in.op_id));
	assert_true(slice_eq(out.location, in.location));
	assert_int_equal(out.tags_n, 2);
	assert_memory_equal(out.tags, two_tags, sizeof(two_tags));
	assert_true(slice_eq(out.full_key, in.full_key));
	assert_true(slice_eq(out.head, in.head));
	assert_true(slice_eq(out.body, in.body));
	assert_true(slice_eq(out.etag, SLICE("\"x\"")));
	assert_true(slice_eq(out.last_modified, SLICE("y")));
	assert_true(slice_eq(out.next_page, SLICE("http://h/p")));
	assert_int_equal(out.authority_n, 8);
	free(block);
}

static void nothing_optional_is_needed(void **state)
{
	struct record in = {
	    .status = 204, .full_key = SLICE("k"), .must_revalidate = true};
	struct record out;
	unsigned char *block, *p;
	size_t n;

	(void)state;
	p = encode(&in, &block, &n);
	assert_true(record_decode(p, n, &out));
	assert_true(out.must_revalidate);
	assert_false(out.is_stale_allowed);
	assert_int_equal(out.tags_n + out.head.n + out.body.n + out.etag.n +
			     out.next_page.n + out.location.n + out.op_id.n,
	    0);
	free(block);
}

static void any_changed_byte_is_noticed(void **state)
{
	struct record in = sample(), out;
	unsigned char *block, *p;
	size_t n;

	(void)state;
	p = encode(&in, &block, &n);
	for (size_t i = 0; i < n; i++) {
		p[i] ^= 0x40;
		assert_false(record_decode(p, n, &out));
		p[i] ^= 0x40;
	}
	assert_true(record_decode(p, n, &out));
	free(block);
}

static void any_other_length_is_refused(void **state)
{
	struct record in = sample(), out;
	unsigned char *block, *p;
	size_t n;

	(void)state;
	p = encode(&in, &block, &n);
	for (size_t i = 0; i < n; i++) {
		unsigned char *cut = (unsigned char *)rig_copy(p, i);

		assert_false(record_decode(cut, i, &out));
		assert_false(record_peek(cut, i, &out));
		free(cut);
	}
	free(block);
}

/* The checks behind the checksum, one by one: sets one number of the fixed
 * part and looks without it. */
static void each_number_is_checked(void **state)
{
	static const struct {
		size_t at, bytes;
		uint64_t value;
	} cases[] = {
	    {0, 4, 1}, /* magic */
	    {4, 4, 1}, /* version */
	    {32, 8, UINT64_MAX}, /* stored_at_ms */
	    {40, 8, UINT64_MAX}, /* fresh_until_ms */
	    {48, 8, UINT64_MAX}, /* swr_until_ms */
	    {56, 8, UINT64_MAX - 1}, /* stale_until_ms */
	    {64, 8, UINT64_MAX}, /* age_s */
	    {72, 4, UINT32_MAX}, /* lengths */
	    {76, 4, UINT32_MAX}, {80, 4, UINT32_MAX},
	    {88, 4, 36}, /* etag beyond head */
	    {88, 4, UINT32_MAX}, {92, 4, UINT32_MAX}, /* last_modified */
	    {96, 4, 20}, /* next_page beyond body */
	    {100, 4, UINT32_MAX}, {100, 4, 0}, /* an offset without a length */
	    {104, 4, 11}, /* authority beyond next_page */
	    {108, 2, 0}, /* etag: an offset without a length */
	    {110, 2, UINT16_MAX}, {112, 2, 99}, /* status */
	    {112, 2, 600}, {114, 2, 3}, /* tags */
	    {116, 2, 16}, /* an unknown flag */
	    {119, 1, 65}, /* location */
	    {119, 1, 2}, /* bytes after the location */
	};
	struct record in = sample(), out;
	unsigned char *block, *p;
	size_t n;

	(void)state;
	p = encode(&in, &block, &n);
	assert_true(record_peek(p, n, &out));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		unsigned char *q = (unsigned char *)rig_copy(p, n);

		memcpy(q + cases[i].at, &cases[i].value, cases[i].bytes);
		if (record_peek(q, n, &out))
			fail_msg("case %zu was let pass", i);
		free(q);
	}
	free(block);
}

static void what_is_too_large_is_not_stored(void **state)
{
	char *zeros = calloc(1, RECORD_BODY_MAX + 1);
	struct digest128 *tags = (struct digest128 *)(void *)zeros;
	struct record cases[12];

	(void)state;
	assert_non_null(zeros);
	for (size_t i = 0; i < 12; i++) {
		cases[i] = sample();
		cases[i].etag = cases[i].last_modified = SLICE_NONE;
		cases[i].next_page = SLICE_NONE;
		cases[i].authority_n = 0;
	}
	cases[0].full_key = slice_of(zeros, RECORD_KEY_MAX + 1);
	cases[1].full_key = SLICE_NONE;
	cases[2].head = slice_of(zeros, RECORD_HEAD_MAX + 1);
	cases[3].body = slice_of(zeros, RECORD_BODY_MAX + 1);
	cases[4].tags = tags;
	cases[4].tags_n = RECORD_TAGS_MAX + 1;
	cases[5].op_id = slice_of(zeros, RECORD_OP_ID_MAX + 1);
	cases[6].location = slice_of(zeros, RECORD_LOCATION_MAX + 1);
	cases[7].status = 99;
	cases[8].age_s = -1;
	cases[9].fresh_until_ms = INT64_MAX;
	cases[10].authority_n = 1;
	cases[11].head = cases[11].etag = slice_of(zeros, UINT16_MAX + 1);
	for (size_t i = 0; i < 12; i++)
		if (record_size(&cases[i]) != 0)
			fail_msg("case %zu would be stored", i);
	cases[3].body.n = RECORD_BODY_MAX;
	assert_true(record_size(&cases[3]) > RECORD_BODY_MAX);
	free(zeros);
}

/* ---- tags ---- */

static void a_tag_comes_back(void **state)
{
	struct digest128 tag = {{5}}, other = {{6}};
	struct cache_moved in = {3, 4, 5}, out;
	unsigned char bytes[MOVED_BYTES + 1];

	(void)state;
	moved_encode(&tag, &in, bytes + 1);
	assert_true(moved_decode(&tag, bytes + 1, MOVED_BYTES, &out));
	assert_memory_equal(&in, &out, sizeof(in));
	assert_false(moved_decode(&other, bytes + 1, MOVED_BYTES, &out));
	assert_false(moved_decode(&tag, bytes + 1, MOVED_BYTES - 1, &out));
	for (size_t i = 1; i < sizeof(bytes); i++) {
		bytes[i] ^= 1;
		assert_false(moved_decode(&tag, bytes + 1, MOVED_BYTES, &out));
		bytes[i] ^= 1;
	}
}

static void merging_takes_the_later(void **state)
{
	struct cache_moved a = {1, 9, 3}, b = {2, 8, 7};

	(void)state;
	moved_merge(&a, &b);
	assert_int_equal(a.epoch, 2);
	assert_int_equal(a.suspect, 9);
	assert_int_equal(a.moved_at_ms, 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(comes_back_as_it_went_in),
	    cmocka_unit_test(nothing_optional_is_needed),
	    cmocka_unit_test(any_changed_byte_is_noticed),
	    cmocka_unit_test(any_other_length_is_refused),
	    cmocka_unit_test(each_number_is_checked),
	    cmocka_unit_test(what_is_too_large_is_not_stored),
	    cmocka_unit_test(a_tag_comes_back),
	    cmocka_unit_test(merging_takes_the_later),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
