#include "base/addr.h"

#include "base/num.h"

#include <arpa/inet.h>
#include <netinet/in.h>

_Static_assert(ADDR_TEXT_SIZE >= INET6_ADDRSTRLEN, "inet_ntop has room");

static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

static bool is_v4(const struct addr *a)
{
	return memcmp(a->b, mapped, sizeof(mapped)) == 0;
}

static void set_v4(struct addr *a, const void *four_bytes)
{
	memcpy(a->b, mapped, sizeof(mapped));
	memcpy(a->b + sizeof(mapped), four_bytes, 4);
}

bool addr_parse(struct slice s, struct addr *out)
{
	char text[ADDR_TEXT_SIZE];
	struct in_addr in4;
	struct in6_addr in6;

	if (s.n == 0 || s.n >= sizeof(text) || memchr(s.p, '\0', s.n))
		return false;
	memcpy(text, s.p, s.n);
	text[s.n] = '\0';
	if (inet_pton(AF_INET, text, &in4) == 1) {
		set_v4(out, &in4);
		return true;
	}
	if (inet_pton(AF_INET6, text, &in6) != 1)
		return false;
	memcpy(out->b, &in6, sizeof(out->b));
	return true;
}

/* The address with everything beyond the prefix made zero. */
static struct addr prefix_of(const struct addr *a, unsigned bits)
{
	struct addr p = *a;

	for (unsigned i = bits; i < 128; i++)
		p.b[i / 8] &= (uint8_t) ~(0x80u >> i % 8);
	return p;
}

bool addr_range_parse(struct slice s, struct addr_range *out)
{
	size_t slash = slice_find(s, 0, '/');
	struct slice text = slice_sub(s, 0, slash);
	struct addr a, p;
	uint64_t bits = 128;
	bool is_dotted;

	if (!addr_parse(text, &a))
		return false;
	is_dotted = slice_find(text, 0, ':') == text.n;
	if (slash < s.n) {
		if (!num_parse_u64(slice_sub(s, slash + 1, s.n), 0,
			is_dotted ? 32 : 128, &bits))
			return false;
		bits += is_dotted ? 96 : 0;
	}
	/* 10.1.2.3/8 is either 10.0.0.0/8 or 10.1.2.3: not to be guessed. */
	p = prefix_of(&a, (unsigned)bits);
	if (!addr_is_equal(&a, &p))
		return false;
	*out = (struct addr_range){p, (unsigned)bits};
	return true;
}

bool addr_of_sockaddr(const struct sockaddr *sa, struct addr *out)
{
	if (sa->sa_family == AF_INET) {
		set_v4(out,
		    &((const struct sockaddr_in *)(const void *)sa)->sin_addr);
		return true;
	}
	if (sa->sa_family != AF_INET6)
		return false;
	memcpy(out->b,
	    &((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr,
	    sizeof(out->b));
	return true;
}

bool addr_is_equal(const struct addr *a, const struct addr *b)
{
	return memcmp(a->b, b->b, sizeof(a->b)) == 0;
}

bool addr_is_loopback(const struct addr *a)
{
	static const struct addr v6 = {{[15] = 1}};

	return is_v4(a) ? a->b[12] == 127 : addr_is_equal(a, &v6);
}

bool addr_is_any(const struct addr *a)
{
	static const uint8_t none[16] = {0};

	return memcmp(a->b + 12, none, 4) == 0 &&
	       (is_v4(a) || memcmp(a->b, none, 12) == 0);
}

bool addr_is_in(const struct addr *a, const struct addr_range *r)
{
	struct addr p = prefix_of(a, r->bits);

	return addr_is_equal(&p, &r->base);
}

bool addr_is_in_any(
    const struct addr *a, const struct addr_range *ranges, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (addr_is_in(a, &ranges[i]))
			return true;
	}
	return false;
}

void addr_format(const struct addr *a, char out[ADDR_TEXT_SIZE])
{
	if (is_v4(a))
		inet_ntop(AF_INET, a->b + 12, out, ADDR_TEXT_SIZE);
	else
		inet_ntop(AF_INET6, a->b, out, ADDR_TEXT_SIZE);
}
