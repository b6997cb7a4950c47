#include "base/num.h"

#include <arpa/inet.h>
#include <netinet/in.h>

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

bool num_parse_u64(struct slice s, uint64_t min, uint64_t max, uint64_t *out)
{
	uint64_t v = 0;

	if (s.n == 0)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		unsigned digit;

		if (!is_digit(s.p[i]))
			return false;
		digit = (unsigned)(s.p[i] - '0');
		if (v > (UINT64_MAX - digit) / 10)
			return false;
		v = v * 10 + digit;
	}
	if (v < min || v > max)
		return false;
	*out = v;
	return true;
}

bool num_parse_i64(struct slice s, int64_t min, int64_t max, int64_t *out)
{
	bool is_negative = s.n > 0 && s.p[0] == '-';
	uint64_t magnitude, most = (uint64_t)INT64_MAX + is_negative;
	int64_t v;

	if (is_negative)
		s = slice_sub(s, 1, s.n);
	if (!num_parse_u64(s, 0, most, &magnitude))
		return false;
	if (is_negative && magnitude > 0)
		v = -(int64_t)(magnitude - 1) - 1; /* also INT64_MIN */
	else
		v = (int64_t)magnitude;
	if (v < min || v > max)
		return false;
	*out = v;
	return true;
}

struct num_unit {
	const char *name;
	uint64_t factor;
};

/* Digits followed by exactly one of the units. */
static bool num_parse_with_unit(struct slice s, const struct num_unit *units,
    size_t n_units, uint64_t max, uint64_t *out)
{
	size_t digits = 0;
	struct slice name;

	while (digits < s.n && is_digit(s.p[digits]))
		digits++;
	name = slice_sub(s, digits, s.n);
	s = slice_sub(s, 0, digits);
	for (size_t i = 0; i < n_units; i++) {
		uint64_t v;

		if (!slice_eq(name, slice_of_str(units[i].name)))
			continue;
		if (!num_parse_u64(s, 0, max / units[i].factor, &v))
			return false;
		*out = v * units[i].factor;
		return true;
	}
	return false;
}

#define N_OF(array) (sizeof(array) / sizeof((array)[0]))

bool num_parse_duration(struct slice s, int64_t *out_ms)
{
	static const struct num_unit units[] = {
	    {"ms", 1},
	    {"s", 1000},
	    {"m", 60 * 1000},
	    {"h", 60 * 60 * 1000},
	    {"d", 24 * 60 * 60 * 1000},
	};
	const uint64_t century_ms = UINT64_C(36525) * 24 * 60 * 60 * 1000;
	uint64_t ms;

	/* Nothing is nothing in every unit; else the unit is not guessed. */
	if (slice_eq(s, SLICE("0"))) {
		*out_ms = 0;
		return true;
	}
	if (!num_parse_with_unit(s, units, N_OF(units), century_ms, &ms))
		return false;
	*out_ms = (int64_t)ms;
	return true;
}

bool num_parse_size(struct slice s, uint64_t *out_bytes)
{
	static const struct num_unit units[] = {
	    {"", 1},
	    {"KiB", UINT64_C(1) << 10},
	    {"MiB", UINT64_C(1) << 20},
	    {"GiB", UINT64_C(1) << 30},
	};

	return num_parse_with_unit(
	    s, units, N_OF(units), UINT64_C(1) << 62, out_bytes);
}

bool num_parse_bool(struct slice s, bool *out)
{
	if (slice_eq(s, SLICE("yes")))
		*out = true;
	else if (slice_eq(s, SLICE("no")))
		*out = false;
	else
		return false;
	return true;
}

/* inet_pton wants a terminated string; addr has room for either family. */
static bool parse_address(int family, struct slice s, struct in6_addr *addr)
{
	char text[INET6_ADDRSTRLEN];

	if (s.n == 0 || s.n >= sizeof(text) || memchr(s.p, '\0', s.n))
		return false;
	memcpy(text, s.p, s.n);
	text[s.n] = '\0';
	return inet_pton(family, text, addr) == 1;
}

static bool is_host_name(struct slice s)
{
	/* RFC 1035 section 2.3.4 allows 255 bytes on the wire, 253 here. */
	if (s.n == 0 || s.n > 253)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (!is_digit(c) && !(c >= 'a' && c <= 'z') &&
		    !(c >= 'A' && c <= 'Z') && c != '-' && c != '.' && c != '_')
			return false;
	}
	return s.p[0] != '-' && s.p[0] != '.';
}

/* All digits and dots: an address somebody mistyped, not a name. */
static bool looks_like_ipv4(struct slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (!is_digit(s.p[i]) && s.p[i] != '.')
			return false;
	}
	return true;
}

static bool num_parse_host(struct slice s, struct num_host_port *hp)
{
	struct in6_addr addr;

	hp->host = s;
	if (parse_address(AF_INET, s, &addr)) {
		hp->kind = NUM_HOST_IPV4;
		return true;
	}
	hp->kind = NUM_HOST_NAME;
	return is_host_name(s) && !looks_like_ipv4(s);
}

static bool num_parse_ipv6(struct slice s, struct num_host_port *hp)
{
	struct in6_addr addr;

	hp->host = s;
	hp->kind = NUM_HOST_IPV6;
	return parse_address(AF_INET6, s, &addr);
}

bool num_parse_host_port(
    struct slice s, int default_port, struct num_host_port *out)
{
	struct num_host_port hp;
	struct slice port;
	uint64_t v;

	if (slice_starts(s, SLICE("["))) {
		size_t end = slice_find(s, 0, ']');

		if (end == s.n || !num_parse_ipv6(slice_sub(s, 1, end), &hp))
			return false;
		port = slice_sub(s, end + 1, s.n);
	} else {
		size_t end = slice_find(s, 0, ':');

		if (!num_parse_host(slice_sub(s, 0, end), &hp))
			return false;
		port = slice_sub(s, end, s.n);
	}
	if (port.n == 0) {
		if (default_port == NUM_PORT_REQUIRED)
			return false;
		v = (uint64_t)default_port;
	} else if (port.p[0] != ':' ||
		   !num_parse_u64(
		       slice_sub(port, 1, port.n), 0, UINT16_MAX, &v)) {
		return false;
	}
	hp.port = (uint16_t)v;
	*out = hp;
	return true;
}

bool num_is_loopback(const struct num_host_port *hp)
{
	struct in6_addr addr;

	switch (hp->kind) {
	case NUM_HOST_IPV4:
		return slice_starts(hp->host, SLICE("127."));
	case NUM_HOST_IPV6:
		return parse_address(AF_INET6, hp->host, &addr) &&
		       IN6_IS_ADDR_LOOPBACK(&addr);
	case NUM_HOST_NAME:
		break;
	}
	return slice_eq_nocase(hp->host, SLICE("localhost"));
}
