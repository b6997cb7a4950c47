#include "base/addr.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/un.h>

#include <cmocka.h>

#define N_OF(array) (sizeof(array) / sizeof((array)[0]))

static struct addr parsed(const char *text)
{
	struct addr a;

	if (!addr_parse(slice_of_str(text), &a))
		fail_msg("%s", text);
	return a;
}

static void test_text(void **state)
{
	static const char *const rows[][2] = {
	    {"192.0.2.1", "192.0.2.1"},
	    {"0.0.0.0", "0.0.0.0"},
	    {"::ffff:192.0.2.1", "192.0.2.1"},
	    {"::FFFF:c000:0201", "192.0.2.1"},
	    {"2001:DB8:0::1", "2001:db8::1"},
	    {"::", "::"},
	    {"::1", "::1"},
	};
	static const char *const refused[] = {"", "1", "1.2.3", "1.2.3.4.5",
	    "01.2.3.4", "256.1.1.1", "1.2.3.4 ", " 1.2.3.4", "1.2.3.4:80",
	    "[::1]", "::1%lo", "::g", "localhost", "1.2.3.4/8", "0x7f.0.0.1",
	    "1:2:3:4:5:6:7:8:9", "::ffff:1.2.3.256",
	    "0000:0000:0000:0000:0000:0000:0000:0000:0000:0000"};
	struct addr untouched = {{7}}, a = untouched;

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		char text[ADDR_TEXT_SIZE];

		a = parsed(rows[i][0]);
		addr_format(&a, text);
		assert_string_equal(text, rows[i][1]);
	}
	a = untouched;
	for (size_t i = 0; i < N_OF(refused); i++) {
		if (addr_parse(slice_of_str(refused[i]), &a))
			fail_msg("%s", refused[i]);
	}
	assert_false(addr_parse(SLICE("1.2.3.4\0"), &a));
	assert_memory_equal(&a, &untouched, sizeof(a));
}

static void test_kinds(void **state)
{
	static const struct {
		const char *text;
		bool is_loopback, is_any;
	} rows[] = {
	    {"127.0.0.1", true, false},
	    {"127.255.255.255", true, false},
	    {"::1", true, false},
	    {"::ffff:127.0.0.1", true, false},
	    {"126.0.0.1", false, false},
	    {"128.0.0.1", false, false},
	    {"::2", false, false},
	    {"::127.0.0.1", false, false},
	    {"7f00::1", false, false},
	    {"0.0.0.0", false, true},
	    {"::ffff:0.0.0.0", false, true},
	    {"::", false, true},
	    {"1::", false, false},
	    {"1.0.0.0", false, false},
	};

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		struct addr a = parsed(rows[i].text);

		if (addr_is_loopback(&a) != rows[i].is_loopback ||
		    addr_is_any(&a) != rows[i].is_any)
			fail_msg("%s", rows[i].text);
	}
}

static void test_ranges(void **state)
{
	static const struct {
		const char *range, *in, *out;
	} rows[] = {
	    {"10.0.0.0/8", "10.255.0.1", "11.0.0.0"},
	    {"10.0.0.0/8", "::ffff:10.1.1.1", "::10.1.1.1"},
	    {"192.0.2.1", "192.0.2.1", "192.0.2.0"},
	    {"192.0.2.1/32", "192.0.2.1", "192.0.2.3"},
	    {"192.0.2.128/25", "192.0.2.200", "192.0.2.127"},
	    {"192.0.2.2/31", "192.0.2.3", "192.0.2.1"},
	    {"0.0.0.0/0", "255.0.0.1", "::1"},
	    {"::ffff:0:0/96", "255.0.0.1", "::1"},
	    {"::/0", "10.0.0.1", NULL},
	    {"2001:db8::/32", "2001:db8:ffff::", "2001:db9::"},
	    {"2001:db8::/33", "2001:db8:7fff::", "2001:db8:8000::"},
	    {"::1", "::1", "::"},
	};

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		struct addr_range r;
		struct addr a = parsed(rows[i].in);

		if (!addr_range_parse(slice_of_str(rows[i].range), &r) ||
		    !addr_is_in(&a, &r) || !addr_is_in_any(&a, &r, 1))
			fail_msg("%s in %s", rows[i].in, rows[i].range);
		assert_false(addr_is_in_any(&a, &r, 0));
		if (rows[i].out) {
			a = parsed(rows[i].out);
			if (addr_is_in(&a, &r))
				fail_msg("%s", rows[i].range);
		}
	}
}

static void test_bad_ranges(void **state)
{
	static const char *const rows[] = {"", "/8", "10.0.0.0/", "10.0.0.0/33",
	    "::/129", "10.0.0.0/-1", "10.0.0.0/8/8", "10.0.0.0/ 8", "10/8",
	    "10.1.2.3/8", "2001:db8::1/64", "*", "localhost", "unix",
	    "10.0.0.0-10.0.0.9"};
	struct addr_range r;

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		if (addr_range_parse(slice_of_str(rows[i]), &r))
			fail_msg("%s", rows[i]);
	}
}

static void test_sockaddr(void **state)
{
	struct sockaddr_in in4 = {.sin_family = AF_INET};
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	struct addr a, b = parsed("192.0.2.7");

	(void)state;
	assert_int_equal(inet_pton(AF_INET, "192.0.2.7", &in4.sin_addr), 1);
	assert_true(addr_of_sockaddr((struct sockaddr *)&in4, &a));
	assert_true(addr_is_equal(&a, &b));
	assert_int_equal(
	    inet_pton(AF_INET6, "::ffff:192.0.2.7", &in6.sin6_addr), 1);
	assert_true(addr_of_sockaddr((struct sockaddr *)&in6, &a));
	assert_true(addr_is_equal(&a, &b));
	assert_false(addr_of_sockaddr((struct sockaddr *)&un, &a));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_text),
	    cmocka_unit_test(test_kinds),
	    cmocka_unit_test(test_ranges),
	    cmocka_unit_test(test_bad_ranges),
	    cmocka_unit_test(test_sockaddr),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
