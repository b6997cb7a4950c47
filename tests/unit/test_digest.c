#include "base/digest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

static void expect_hex(struct digest128 d, const char *want)
{
	char hex[33];

	for (int i = 0; i < 16; i++)
		snprintf(hex + 2 * i, 3, "%02x", d.b[i]);
	assert_string_equal(hex, want);
}

/* XXH3-128 with seed 0 of the empty string, from the test vectors of xxHash. */
static void test_fast(void **state)
{
	struct digest128 a = digest_fast(SLICE("contact:abc"));
	struct digest128 b = digest_fast(SLICE("contact:abd"));
	struct digest128 c = digest_fast(SLICE("contact:abc"));

	(void)state;
	expect_hex(digest_fast(SLICE_NONE), "99aa06d3014798d86001c324468d497f");
	expect_hex(digest_fast(SLICE("")), "99aa06d3014798d86001c324468d497f");
	assert_true(digest_equal(&a, &c));
	assert_false(digest_equal(&a, &b));
}

static void test_checksum(void **state)
{
	(void)state;
	assert_true(digest_checksum(SLICE("")) == 0x2d06800538d394c2);
	assert_true(
	    digest_checksum(SLICE("abc")) != digest_checksum(SLICE("abd")));
}

/*
 * RFC 4231 test case 1 has a key of 20 bytes 0x0b; HMAC pads a short key with
 * zeros, so the 32 byte secret 0x0b x 20, 0 x 12 must give the same.
 */
static void test_keyed(void **state)
{
	struct digest_secret secret = {{0}}, other;
	struct digest128 a, b;

	(void)state;
	memset(secret.b, 0x0b, 20);
	expect_hex(digest_keyed(&secret, SLICE("Hi There")),
	    "b0344c61d8db38535ca8afceaf0bf12b");
	/* Nothing of one computation remains in the next. */
	expect_hex(digest_keyed(&secret, SLICE("Hi There")),
	    "b0344c61d8db38535ca8afceaf0bf12b");
	other = secret;
	other.b[31] = 1;
	a = digest_keyed(&secret, SLICE_NONE);
	b = digest_keyed(&other, SLICE_NONE);
	assert_false(digest_equal(&a, &b));
}

static void test_random(void **state)
{
	unsigned char a[600] = {0}, b[600] = {0};
	size_t zeros = 0;

	(void)state;
	assert_true(digest_random(a, sizeof(a)));
	assert_true(digest_random(b, sizeof(b)));
	assert_memory_not_equal(a, b, sizeof(a));
	for (size_t i = 0; i < sizeof(a); i++)
		zeros += a[i] == 0;
	assert_true(zeros < 50); /* 2.3 are to be expected */
	assert_true(digest_random(NULL, 0));
}

static int setup(void **state)
{
	(void)state;
	return digest_init() ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	digest_fini();
	/* Again, as a second start in one process would. */
	if (!digest_init())
		return -1;
	digest_fini();
	digest_fini();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_fast),
	    cmocka_unit_test(test_checksum),
	    cmocka_unit_test(test_keyed),
	    cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
