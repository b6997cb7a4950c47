#include "base/num.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define N_OF(array) (sizeof(array) / sizeof((array)[0]))

static void test_u64(void **state)
{
	static const struct {
		const char *text;
		uint64_t min, max;
		bool is_good;
		uint64_t want;
	} rows[] = {
	    {"0", 0, 9, true, 0},
	    {"7", 0, 9, true, 7},
	    {"007", 0, 9, true, 7},
	    {"9", 9, 9, true, 9},
	    {"10", 0, 9, false, 0},
	    {"8", 9, 9, false, 0},
	    {"18446744073709551615", 0, UINT64_MAX, true, UINT64_MAX},
	    {"18446744073709551616", 0, UINT64_MAX, false, 0},
	    {"99999999999999999999", 0, UINT64_MAX, false, 0},
	    {"184467440737095516150", 0, UINT64_MAX, false, 0},
	    {"", 0, 9, false, 0},
	    {"-1", 0, 9, false, 0},
	    {"+1", 0, 9, false, 0},
	    {" 1", 0, 9, false, 0},
	    {"1 ", 0, 9, false, 0},
	    {"1x", 0, 99, false, 0},
	    {"0x1", 0, 99, false, 0},
	    {"1.5", 0, 99, false, 0},
	    {"1/", 0, 99, false, 0},
	    {"1:", 0, 99, false, 0},
	};

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		uint64_t v = 4711;

		assert_int_equal(num_parse_u64(slice_of_str(rows[i].text),
				     rows[i].min, rows[i].max, &v),
		    rows[i].is_good);
		assert_true(v == (rows[i].is_good ? rows[i].want : 4711));
	}
}

static void test_i64(void **state)
{
	static const struct {
		const char *text;
		int64_t min, max;
		bool is_good;
		int64_t want;
	} rows[] = {
	    {"5", INT64_MIN, INT64_MAX, true, 5},
	    {"-5", INT64_MIN, INT64_MAX, true, -5},
	    {"-0", INT64_MIN, INT64_MAX, true, 0},
	    {"9223372036854775807", INT64_MIN, INT64_MAX, true, INT64_MAX},
	    {"9223372036854775808", INT64_MIN, INT64_MAX, false, 0},
	    {"-9223372036854775808", INT64_MIN, INT64_MAX, true, INT64_MIN},
	    {"-9223372036854775809", INT64_MIN, INT64_MAX, false, 0},
	    {"-3", -2, 2, false, 0},
	    {"3", -2, 2, false, 0},
	    {"-2", -2, 2, true, -2},
	    {"-", -2, 2, false, 0},
	    {"--1", -2, 2, false, 0},
	    {"", -2, 2, false, 0},
	    {"- 1", -2, 2, false, 0},
	};

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		int64_t v = 4711;

		assert_int_equal(num_parse_i64(slice_of_str(rows[i].text),
				     rows[i].min, rows[i].max, &v),
		    rows[i].is_good);
		assert_true(v == (rows[i].is_good ? rows[i].want : 4711));
	}
}

static void test_duration(void **state)
{
	static const struct {
		const char *text;
		int64_t want; /* -1: refused */
	} rows[] = {
	    {"0", 0},
	    {"0s", 0},
	    {"500ms", 500},
	    {"30s", 30000},
	    {"5m", 300000},
	    {"12h", 43200000},
	    {"30d", 2592000000},
	    {"36525d", 3155760000000},
	    {"36526d", -1},
	    {"3155760000001ms", -1},
	    {"99999999999999999999d", -1},
	    {"30", -1},
	    {"s", -1},
	    {"", -1},
	    {"1 s", -1},
	    {"1S", -1},
	    {"1sec", -1},
	    {"1.5s", -1},
	    {"-1s", -1},
	    {"1h30m", -1},
	};

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		int64_t ms = -1;

		num_parse_duration(slice_of_str(rows[i].text), &ms);
		assert_int_equal(ms, rows[i].want);
	}
}

static void test_size(void **state)
{
	static const struct {
		const char *text;
		int64_t want; /* -1: refused */
	} rows[] = {
	    {"0", 0},
	    {"4096", 4096},
	    {"512KiB", 524288},
	    {"64MiB", 67108864},
	    {"4GiB", 4294967296},
	    {"4294967296GiB", INT64_C(1) << 62},
	    {"4294967297GiB", -1},
	    {"4611686018427387904", INT64_C(1) << 62},
	    {"4611686018427387905", -1},
	    {"4GB", -1},
	    {"4G", -1},
	    {"4gib", -1},
	    {"4 GiB", -1},
	    {"GiB", -1},
	    {"", -1},
	    {"-1", -1},
	};

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		uint64_t bytes = UINT64_MAX;

		num_parse_size(slice_of_str(rows[i].text), &bytes);
		assert_true(bytes == (uint64_t)rows[i].want);
	}
}

static void test_bool(void **state)
{
	static const char *const bad[] = {
	    "", "y", "Yes", "NO", "true", "1", "yes ", "nope"};
	bool v = false;

	(void)state;
	assert_true(num_parse_bool(SLICE("yes"), &v));
	assert_true(v);
	for (size_t i = 0; i < N_OF(bad); i++)
		assert_false(num_parse_bool(slice_of_str(bad[i]), &v));
	assert_true(v);
	assert_true(num_parse_bool(SLICE("no"), &v));
	assert_false(v);
}

static void test_host_port(void **state)
{
	static const struct {
		const char *text;
		const char *host; /* NULL: refused */
		enum num_host_kind kind;
		int port;
		bool is_loopback;
	} rows[] = {
	    {"127.0.0.1:8788", "127.0.0.1", NUM_HOST_IPV4, 8788, true},
	    {"127.8.9.1:0", "127.8.9.1", NUM_HOST_IPV4, 0, true},
	    {"0.0.0.0:80", "0.0.0.0", NUM_HOST_IPV4, 80, false},
	    {"[::1]:80", "::1", NUM_HOST_IPV6, 80, true},
	    {"[0:0::1]:80", "0:0::1", NUM_HOST_IPV6, 80, true},
	    {"[::]:65535", "::", NUM_HOST_IPV6, 65535, false},
	    {"[::ffff:127.0.0.1]:1", "::ffff:127.0.0.1", NUM_HOST_IPV6, 1,
		false},
	    {"localhost:1", "localhost", NUM_HOST_NAME, 1, true},
	    {"LocalHost:1", "LocalHost", NUM_HOST_NAME, 1, true},
	    {"my_host-1.example:1", "my_host-1.example", NUM_HOST_NAME, 1,
		false},
	    {"127.evil.example:1", "127.evil.example", NUM_HOST_NAME, 1, false},
	    {"name", "name", NUM_HOST_NAME, 443, false},
	    {"[::1]", "::1", NUM_HOST_IPV6, 443, true},
	    {"", NULL, 0, 0, false},
	    {":80", NULL, 0, 0, false},
	    {"8788", NULL, 0, 0, false},
	    {"name:", NULL, 0, 0, false},
	    {"name:65536", NULL, 0, 0, false},
	    {"name:-1", NULL, 0, 0, false},
	    {"name:80:80", NULL, 0, 0, false},
	    {"::1:80", NULL, 0, 0, false},
	    {"[::1:80", NULL, 0, 0, false},
	    {"[::1]80", NULL, 0, 0, false},
	    {"[fe80::1%eth0]:80", NULL, 0, 0, false},
	    {"[127.0.0.1]:80", NULL, 0, 0, false},
	    {"[]:80", NULL, 0, 0, false},
	    {"256.0.0.1:80", NULL, 0, 0, false},
	    {"127.1:80", NULL, 0, 0, false},
	    {"user@host:80", NULL, 0, 0, false},
	    {"host/path:80", NULL, 0, 0, false},
	    {"ho st:80", NULL, 0, 0, false},
	    {"-host:80", NULL, 0, 0, false},
	    {".host:80", NULL, 0, 0, false},
	};

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		struct num_host_port hp;
		bool is_good =
		    num_parse_host_port(slice_of_str(rows[i].text), 443, &hp);

		assert_int_equal(is_good, rows[i].host != NULL);
		if (!is_good)
			continue;
		assert_true(slice_eq(hp.host, slice_of_str(rows[i].host)));
		assert_int_equal(hp.kind, rows[i].kind);
		assert_int_equal(hp.port, rows[i].port);
		assert_int_equal(num_is_loopback(&hp), rows[i].is_loopback);
	}
}

static void test_host_port_bytes(void **state)
{
	struct num_host_port hp;
	char name[255];

	(void)state;
	assert_false(
	    num_parse_host_port(SLICE("name"), NUM_PORT_REQUIRED, &hp));
	assert_false(
	    num_parse_host_port(slice_of("127.0.0.1\0x:80", 14), 80, &hp));
	memset(name, 'a', sizeof(name));
	assert_true(num_parse_host_port(slice_of(name, 253), 80, &hp));
	assert_false(num_parse_host_port(slice_of(name, 254), 80, &hp));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_u64),
	    cmocka_unit_test(test_i64),
	    cmocka_unit_test(test_duration),
	    cmocka_unit_test(test_size),
	    cmocka_unit_test(test_bool),
	    cmocka_unit_test(test_host_port),
	    cmocka_unit_test(test_host_port_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
