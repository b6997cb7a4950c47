/*
 * Forwarding fields of a trusted peer. The input is what a client wrote into
 * them, "Name: value" lines; then the proxy appends the address that it was
 * really called from. Whatever the client wrote, no other address is taken
 * for the client, and what is taken over holds to its form.
 */
#include "http/forwarded.h"
#include "http/gate.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define FIELDS_MAX 16
#define REAL "203.0.113.7"

static struct addr_range trusted[2];

static void check_result(const struct forwarded *f)
{
	char text[ADDR_TEXT_SIZE];
	struct addr again;

	assert(f->state >= FORWARDED_NOT && f->state <= FORWARDED_BAD);
	assert(f->scheme.n == 0 || slice_eq(f->scheme, SLICE("http")) ||
	       slice_eq(f->scheme, SLICE("https")));
	assert(f->host.n == 0 || gate_host_is_valid(f->host));
	if (f->state != FORWARDED_KNOWN)
		return;
	addr_format(&f->client, text);
	assert(addr_parse(slice_of_str(text), &again));
	assert(addr_is_equal(&f->client, &again));
}

static size_t read_lines(struct slice in, struct field *fields)
{
	size_t n = 0;

	while (in.n > 0 && n < FIELDS_MAX) {
		size_t end = slice_find(in, 0, '\n');
		struct slice line = slice_sub(in, 0, end);
		size_t colon = slice_find(line, 0, ':');

		in = slice_sub(in, end + 1, in.n);
		fields[n].name = slice_sub(line, 0, colon);
		fields[n].value =
		    slice_trim_ows(slice_sub(line, colon + 1, line.n));
		if (field_is_token(fields[n].name) &&
		    field_is_value(fields[n].value))
			n++;
	}
	return n;
}

/* The proxy appends to the last line of that name, or adds one. */
static void check_appended(struct field *fields, size_t n, const char *name,
    const char *element, bool is_in_line)
{
	struct forwarded f;
	struct addr real;
	struct buf line;
	size_t last = n;

	buf_init(&line, 65536);
	for (size_t i = 0; i < n && is_in_line; i++)
		if (slice_eq_nocase(fields[i].name, slice_of_str(name)))
			last = i;
	if (last < n && fields[last].value.n > 0) {
		buf_add_slice(&line, fields[last].value);
		buf_add_slice(&line, SLICE(", "));
	}
	buf_add_slice(&line, slice_of_str(element));
	fields[last] = (struct field){slice_of_str(name), buf_slice(&line)};
	assert(addr_parse(SLICE(REAL), &real));
	forwarded_read(fields, last == n ? n + 1 : n, trusted, 2, &f);
	check_result(&f);
	assert(f.state != FORWARDED_NOT);
	if (f.state == FORWARDED_KNOWN)
		assert(addr_is_equal(&f.client, &real));
	buf_fini(&line);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct slice in = slice_of((const char *)data, n);
	struct field fields[FIELDS_MAX + 1];
	struct forwarded f;
	size_t fields_n;

	assert(addr_range_parse(SLICE("10.0.0.0/8"), &trusted[0]));
	assert(addr_range_parse(SLICE("2001:db8::/32"), &trusted[1]));
	fields_n = read_lines(in, fields);
	forwarded_read(fields, fields_n, trusted, 2, &f);
	check_result(&f);
	assert(forwarded_has_any(fields, fields_n) || f.state == FORWARDED_NOT);
	for (int is_in_line = 0; is_in_line < 2; is_in_line++) {
		fields_n = read_lines(in, fields);
		check_appended(
		    fields, fields_n, "X-Forwarded-For", REAL, is_in_line);
		fields_n = read_lines(in, fields);
		check_appended(fields, fields_n, "Forwarded",
		    "for=" REAL ";proto=https", is_in_line);
	}
	return 0;
}
