/*
 * Upstream heads: any bytes, as the lines that curl would cut them into, or
 * cut anywhere. What is accepted can be stored, and what is stored can be read
 * again and holds nothing that would break a reply. A second, plainer reading
 * must accept the same and come to the same stored head, byte for byte.
 */
#include "http/conditional.h"
#include "http/date.h"
#include "http/field.h"
#include "http/head.h"
#include "http/upstream.h"

#include <assert.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define NOW_S INT64_C(1767225600)
#define INPUT_MAX (4 * UPSTREAM_HEAD_MAX_BYTES)

/* Bytes of the input that are not sent. */
#define CUT 0xff /* the line ends here, without a line feed */
#define LINE_FEED 0xfe /* a line feed that ends no line */

/* The next piece, as it is given to the machine: up to and with a line feed,
 * or up to a cut. in is ours to change. */
static struct slice next_piece(char *in, size_t n, size_t *at)
{
	size_t from = *at, end = from;

	while (end < n && in[end] != '\n' && in[end] != (char)CUT) {
		if (in[end] == (char)LINE_FEED)
			in[end] = '\n';
		end++;
	}
	*at = end < n ? end + 1 : n;
	return slice_of(
	    in + from, end < n && in[end] == '\n' ? *at - from : end - from);
}

/* ---- a second reading ---- */

struct reading {
	bool is_bad;
	bool is_done;
	unsigned status; /* 0: no block yet */
	unsigned fields_n;
	struct {
		struct slice name;
		struct buf value;
	} fields[UPSTREAM_FIELDS_MAX + 1];
	struct slice length; /* of Content-Length; p is NULL without */
};

static void forget(struct reading *r)
{
	for (unsigned i = 0; i < r->fields_n; i++)
		buf_fini(&r->fields[i].value);
	*r = (struct reading){.is_bad = r->is_bad};
}

/* HTTP/D or HTTP/D.D, a space, three digits, nothing or a space. */
static unsigned read_status(struct slice line)
{
	char text[16] = {0};
	unsigned status = 0;
	int end = 0;

	memcpy(text, line.p, line.n < 15 ? line.n : 15);
	if (sscanf(text, "HTTP/%*1[0-9]%n", &end) < 0 || end != 6)
		return 0;
	if (text[6] == '.' && isdigit((unsigned char)text[7]))
		end = 8;
	if (text[end] != ' ' || !isdigit((unsigned char)text[end + 1]) ||
	    !isdigit((unsigned char)text[end + 2]) ||
	    !isdigit((unsigned char)text[end + 3]))
		return 0;
	if (line.n > (size_t)end + 4 && text[end + 4] != ' ')
		return 0;
	for (int i = 1; i <= 3; i++)
		status = status * 10 + (unsigned)(text[end + i] - '0');
	return status >= 100 && status <= 599 ? status : 0;
}

static bool is_name(struct slice s, const char *name)
{
	return s.n == strlen(name) && strncasecmp(s.p, name, s.n) == 0;
}

/* All lengths must say the same number, in at most 18 digits. */
static bool read_length(struct reading *r, struct slice value)
{
	for (size_t i = 0; i < value.n; i++)
		if (!isdigit((unsigned char)value.p[i]))
			return false;
	if (value.n == 0 || value.n > 18)
		return false;
	while (value.n > 1 && value.p[0] == '0')
		value = slice_of(value.p + 1, value.n - 1);
	if (r->length.p && !slice_eq(r->length, value))
		return false;
	r->length = value;
	return true;
}

static bool is_framing(struct slice name)
{
	return is_name(name, "content-length") ||
	       is_name(name, "transfer-encoding");
}

static bool read_fold(struct reading *r, struct slice line)
{
	struct slice more = slice_trim_ows(line);

	if (r->fields_n == 0 || is_framing(r->fields[r->fields_n - 1].name) ||
	    !field_is_value(more))
		return false;
	buf_add_char(&r->fields[r->fields_n - 1].value, ' ');
	buf_add_slice(&r->fields[r->fields_n - 1].value, more);
	return true;
}

static bool read_field(struct reading *r, struct slice line)
{
	const char *colon = memchr(line.p, ':', line.n);
	struct slice name, value;

	if (!colon || r->fields_n == UPSTREAM_FIELDS_MAX)
		return false;
	name = slice_trim_ows(slice_of(line.p, (size_t)(colon - line.p)));
	value = slice_of(colon + 1, line.n - (size_t)(colon - line.p) - 1);
	value = slice_trim_ows(value);
	if (!field_is_token(name) || !field_is_value(value))
		return false;
	if (is_name(name, "content-length") && !read_length(r, value))
		return false;
	r->fields[r->fields_n].name = name;
	buf_init(&r->fields[r->fields_n].value, INPUT_MAX);
	buf_add_slice(&r->fields[r->fields_n++].value, value);
	return true;
}

static bool read_end(struct reading *r)
{
	unsigned status = r->status;

	r->is_done = status >= 200;
	if (!r->is_done)
		r->status = 0;
	return status != 101;
}

static void read_piece(struct reading *r, struct slice piece)
{
	if (r->is_done)
		return;
	if (slice_ends(piece, SLICE("\n")))
		piece.n--;
	if (slice_ends(piece, SLICE("\r")))
		piece.n--;
	if (slice_starts(piece, SLICE("HTTP/"))) {
		forget(r);
		r->status = read_status(piece);
		r->is_bad = r->status == 0;
	} else if (r->status == 0) {
		r->is_bad = true;
	} else if (piece.n == 0) {
		r->is_bad = !read_end(r);
	} else if (piece.p[0] == ' ' || piece.p[0] == '\t') {
		r->is_bad = !read_fold(r, piece);
	} else {
		r->is_bad = !read_field(r, piece);
	}
}

/* ---- what may be stored ---- */

static bool is_dropped(const struct reading *r, struct slice name)
{
	static const char *const names[] = {"connection", "keep-alive",
	    "proxy-authenticate", "proxy-authentication-info",
	    "proxy-authorization", "proxy-connection", "te", "trailer",
	    "transfer-encoding", "upgrade", "http2-settings", "set-cookie",
	    "set-cookie2", "alt-svc", "clear-site-data", "expect-ct", "nel",
	    "report-to", "reporting-endpoints", "ratelimit",
	    "strict-transport-security", "content-length", "age",
	    "x-request-id"};
	static const char *const families[] = {
	    "access-control-", "cf-", "x-ratelimit-", "ratelimit-"};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (is_name(name, names[i]))
			return true;
	for (size_t i = 0; i < sizeof(families) / sizeof(*families); i++)
		if (name.n >= strlen(families[i]) &&
		    strncasecmp(name.p, families[i], strlen(families[i])) == 0)
			return true;
	for (unsigned i = 0; i < r->fields_n; i++)
		if (is_name(r->fields[i].name, "connection") &&
		    field_list_has(buf_slice(&r->fields[i].value), name))
			return true;
	return false;
}

/* A fold may have put white space at an end. */
static struct slice value_of(const struct reading *r, unsigned i)
{
	return slice_trim_ows(buf_slice(&r->fields[i].value));
}

static void write_vary(const struct reading *r, struct buf *out)
{
	bool has_vary = false, has_value = false;

	for (unsigned i = 0; i < r->fields_n; i++) {
		if (!is_name(r->fields[i].name, "vary"))
			continue;
		if (!has_vary)
			buf_add_slice(out, SLICE("Vary: "));
		has_vary = true;
		if (has_value && value_of(r, i).n > 0)
			buf_add_slice(out, SLICE(", "));
		buf_add_slice(out, value_of(r, i));
		has_value |= value_of(r, i).n > 0;
	}
	if (has_vary)
		buf_add_slice(out, SLICE("\r\n"));
}

/* The first that can be read, in the form that is to be sent. */
static void write_date(const struct reading *r, struct buf *out)
{
	char text[HTTP_DATE_SIZE];
	int64_t at_s = NOW_S;

	for (unsigned i = 0; i < r->fields_n; i++)
		if (is_name(r->fields[i].name, "date") &&
		    http_date_parse(value_of(r, i), NOW_S, &at_s))
			break;
	http_date_format(text, at_s);
	buf_printf(out, "Date: %s\r\n", text);
}

/* In order and as they came; Date, and all Vary lines as one, at the end. */
static void write_stored(const struct reading *r, struct buf *out)
{
	for (unsigned i = 0; i < r->fields_n; i++) {
		struct slice name = r->fields[i].name;

		if (is_dropped(r, name) || is_name(name, "vary") ||
		    is_name(name, "date"))
			continue;
		buf_add_slice(out, name);
		buf_add_slice(out, SLICE(": "));
		buf_add_slice(out, value_of(r, i));
		buf_add_slice(out, SLICE("\r\n"));
	}
	write_date(r, out);
	write_vary(r, out);
}

/* ---- checks ---- */

static void check_block(struct slice block)
{
	struct field f;

	while (field_next(&block, &f)) {
		assert(field_is_token(f.name));
		assert(field_is_value(f.value));
	}
	assert(block.n == 0);
}

static void check_stored(struct slice stored)
{
	struct slice rest = stored;
	struct field f;

	check_block(stored);
	while (field_next(&rest, &f)) {
		assert(!field_is_hop_by_hop(f.name));
		assert(!field_is_never_replayed(f.name));
		assert(!field_is_rewritten(f.name));
	}
}

static void check_head(const struct upstream *u, const struct reading *r)
{
	struct cache_control request;
	struct freshness_answer a;
	const char *why;
	struct buf stored, again;
	struct head h, h2;

	buf_init(&stored, 2 * UPSTREAM_HEAD_MAX_BYTES);
	buf_init(&again, 2 * UPSTREAM_HEAD_MAX_BYTES);
	assert(head_build(
	    upstream_lines(u), NOW_S, HEAD_DROPS_OURS, &stored, &h, &why));
	check_stored(buf_slice(&stored));
	write_stored(r, &again);
	assert(slice_eq(buf_slice(&stored), buf_slice(&again)));
	buf_reset(&again);
	/* What is stored is what would be stored of it. */
	assert(head_build(
	    buf_slice(&stored), NOW_S, HEAD_DROPS_OURS, &again, &h2, &why));
	assert(slice_eq(buf_slice(&stored), buf_slice(&again)));
	assert(slice_eq(h.etag, h2.etag) && slice_eq(h.vary, h2.vary));
	head_freshness(&h, u->status, NOW_S, &a);
	cachecontrol_init(&request);
	freshness_may_store(&a, &request);
	assert(freshness_lifetime_s(&a) >= 0);
	assert(freshness_initial_age_s(h.age_s, a.date_s, NOW_S, NOW_S) >= 0);
	buf_reset(&again);
	conditional_head_304(buf_slice(&stored), &again);
	check_stored(buf_slice(&again));
	buf_fini(&stored);
	buf_fini(&again);
}

static void check_same(const struct upstream *u, const struct reading *r)
{
	assert(u->status == r->status || r->status == 0);
	assert(u->fields_n == r->fields_n);
	assert(upstream_is_done(u) == r->is_done);
	assert(u->has_length == (r->length.p != NULL));
	check_block(upstream_lines(u));
	if (r->is_done)
		check_head(u, r);
}

/* in is ours to change. */
static void run(char *in, size_t n)
{
	struct upstream u;
	struct reading r = {0};
	size_t at = 0;

	upstream_init(&u);
	while (at < n && !r.is_bad) {
		struct slice piece = next_piece(in, n, &at);

		read_piece(&r, piece);
		assert(upstream_feed(&u, piece) == !r.is_bad);
	}
	if (r.is_bad)
		assert(u.phase == UPSTREAM_FAILED && u.why != NULL);
	else
		check_same(&u, &r);
	forget(&r);
	upstream_fini(&u);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char *in;

	/* Above it heads are refused for their size. */
	if (n > UPSTREAM_HEAD_MAX_BYTES / 2)
		return 0;
	in = malloc(n + 1);
	assert(in);
	memcpy(in, data, n);
	run(in, n);
	free(in);
	return 0;
}
