#include "store/usage_record.h"

#include "base/digest.h"

#define VERSION 1

/*
 * Bytes: checksum of all that follows (8), hour (8), version (1), counts per
 * row (1); then rows until the end: length and bytes of the tool, of the
 * operation, the counts as LEB128. Numbers of the head are in the machine's
 * byte order: state does not travel between machines.
 */
struct head {
	uint64_t checksum;
	int64_t hour;
	uint8_t version;
	uint8_t counts;
};

#define HEAD_BYTES 18

static void add_number(struct buf *out, uint64_t v)
{
	while (v >= 0x80) {
		buf_add_char(out, (char)(v | 0x80));
		v >>= 7;
	}
	buf_add_char(out, (char)v);
}

static void add_text(struct buf *out, const char *text)
{
	add_number(out, strlen(text));
	buf_add_slice(out, slice_of_str(text));
}

static void add_row(struct buf *out, const struct usage_row *row)
{
	add_text(out, row->tool);
	add_text(out, row->op);
	for (int c = 0; c < USAGE_COUNT; c++)
		add_number(out, row->v[c]);
}

void usage_record_encode(
    const struct usage_table *t, int64_t hour, struct buf *out)
{
	size_t start = out->n;
	uint64_t checksum = 0;

	buf_add(out, &checksum, sizeof(checksum));
	buf_add(out, &hour, sizeof(hour));
	buf_add_char(out, VERSION);
	buf_add_char(out, USAGE_COUNT);
	for (size_t i = 0; i < usage_table_n(t); i++)
		if (usage_table_at(t, i)->hour == hour)
			add_row(out, usage_table_at(t, i));
	if (out->has_failed)
		return;
	checksum = digest_checksum(
	    slice_sub(buf_slice(out), start + sizeof(checksum), out->n));
	memcpy(out->p + start, &checksum, sizeof(checksum));
}

static bool take_number(struct slice *s, uint64_t *v)
{
	unsigned shift = 0;

	*v = 0;
	for (size_t i = 0; i < s->n && shift < 64; i++, shift += 7) {
		unsigned char c = (unsigned char)s->p[i];

		*v |= (uint64_t)(c & 0x7f) << shift;
		if (c < 0x80) {
			*s = slice_sub(*s, i + 1, s->n);
			return true;
		}
	}
	return false;
}

static bool take_text(struct slice *s, size_t max, struct slice *text)
{
	uint64_t n;

	if (!take_number(s, &n) || n > max || n > s->n)
		return false;
	*text = slice_sub(*s, 0, (size_t)n);
	*s = slice_sub(*s, (size_t)n, s->n);
	return slice_find(*text, 0, '\0') == text->n;
}

/* t is NULL: only looks whether it can be read. */
static bool take_row(
    struct slice *s, const struct head *h, struct usage_table *t)
{
	struct usage_row row = {.hour = h->hour};
	struct slice tool, op;

	if (!take_text(s, USAGE_TOOL_MAX, &tool) ||
	    !take_text(s, USAGE_OP_MAX, &op))
		return false;
	for (int c = 0; c < h->counts; c++) {
		uint64_t v;

		if (!take_number(s, &v))
			return false;
		if (c < USAGE_COUNT)
			row.v[c] = v;
	}
	if (t)
		usage_row_add(usage_table_row(t, tool, op, h->hour), row.v);
	return true;
}

static bool take_head(struct slice *s, struct head *h)
{
	if (s->n < HEAD_BYTES)
		return false;
	memcpy(&h->checksum, s->p, 8);
	memcpy(&h->hour, s->p + 8, 8);
	h->version = (uint8_t)s->p[16];
	h->counts = (uint8_t)s->p[17];
	if (h->checksum != digest_checksum(slice_sub(*s, 8, s->n)))
		return false;
	*s = slice_sub(*s, HEAD_BYTES, s->n);
	return h->version == VERSION;
}

bool usage_record_decode(
    struct slice record, int64_t hour, struct usage_table *t)
{
	struct slice rows, s = record;
	struct head h;

	if (!take_head(&s, &h) || h.hour != hour)
		return false;
	rows = s;
	while (s.n > 0)
		if (!take_row(&s, &h, NULL))
			return false;
	while (rows.n > 0)
		take_row(&rows, &h, t);
	return true;
}
