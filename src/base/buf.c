#include "base/buf.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	BUF_FIRST_BYTES = 256
};

void buf_init(struct buf *b, size_t max_bytes)
{
	*b = (struct buf){.max = max_bytes};
}

void buf_fini(struct buf *b)
{
	free(b->p);
	*b = (struct buf){.max = b->max};
}

void buf_reset(struct buf *b)
{
	b->n = 0;
	b->has_failed = false;
}

/*
 * Room for `more` bytes. One byte beyond size is always allocated, so that
 * vsnprintf and buf_take have a place for their terminator.
 */
static bool buf_reserve(struct buf *b, size_t more)
{
	size_t want, size;
	char *p;

	if (b->has_failed)
		return false;
	if (more > b->max - b->n) {
		b->has_failed = true;
		return false;
	}
	want = b->n + more;
	if (want <= b->size && b->p)
		return true;
	size = b->size ? b->size : BUF_FIRST_BYTES;
	while (size < want)
		size = size > SIZE_MAX / 2 ? want : size * 2;
	if (size > b->max)
		size = b->max;
	p = size < PTRDIFF_MAX ? realloc(b->p, size + 1) : NULL;
	if (!p) {
		b->has_failed = true;
		return false;
	}
	b->p = p;
	b->size = size;
	return true;
}

void buf_add(struct buf *b, const void *p, size_t n)
{
	if (n == 0 || !buf_reserve(b, n))
		return;
	memcpy(b->p + b->n, p, n);
	b->n += n;
}

void buf_add_slice(struct buf *b, struct slice s)
{
	buf_add(b, s.p, s.n);
}

void buf_add_char(struct buf *b, char c)
{
	buf_add(b, &c, 1);
}

void buf_add_u64(struct buf *b, uint64_t v)
{
	char digits[20]; /* of 2^64 - 1 */
	size_t at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + v % 10);
		v /= 10;
	} while (v > 0);
	buf_add(b, digits + at, sizeof(digits) - at);
}

void buf_add_i64(struct buf *b, int64_t v)
{
	uint64_t magnitude = (uint64_t)v;

	if (v < 0) {
		buf_add_char(b, '-');
		magnitude = 0 - magnitude; /* also right for INT64_MIN */
	}
	buf_add_u64(b, magnitude);
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	buf_vprintf(b, fmt, ap);
	va_end(ap);
}

void buf_vprintf(struct buf *b, const char *fmt, va_list ap)
{
	va_list again;
	int n;

	if (!buf_reserve(b, 0))
		return;
	va_copy(again, ap);
	n = vsnprintf(b->p + b->n, b->size - b->n + 1, fmt, ap);
	assert(n >= 0); /* only a bad format gets here */
	if ((size_t)n <= b->size - b->n) {
		b->n += (size_t)n;
	} else if (buf_reserve(b, (size_t)n)) {
		vsnprintf(b->p + b->n, (size_t)n + 1, fmt, again);
		b->n += (size_t)n;
	}
	va_end(again);
}

static bool is_utf8_tail(
    struct slice s, size_t at, unsigned char lo, unsigned char hi)
{
	unsigned char c;

	if (at >= s.n)
		return false;
	c = (unsigned char)s.p[at];
	return c >= lo && c <= hi;
}

/*
 * Length of the well-formed UTF-8 sequence at s[at], or 0. The ranges are
 * those of RFC 3629 section 4: no overlong forms, no surrogates, nothing
 * above U+10FFFF.
 */
static size_t utf8_len(struct slice s, size_t at)
{
	unsigned char c = (unsigned char)s.p[at], lo = 0x80, hi = 0xbf;
	size_t n;

	if (c < 0x80)
		return 1;
	if (c < 0xc2 || c > 0xf4)
		return 0;
	n = c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
	if (c == 0xe0)
		lo = 0xa0;
	else if (c == 0xed)
		hi = 0x9f;
	else if (c == 0xf0)
		lo = 0x90;
	else if (c == 0xf4)
		hi = 0x8f;
	if (!is_utf8_tail(s, at + 1, lo, hi))
		return 0;
	for (size_t i = 2; i < n; i++) {
		if (!is_utf8_tail(s, at + i, 0x80, 0xbf))
			return 0;
	}
	return n;
}

static void buf_add_json_escape(struct buf *b, unsigned char c)
{
	switch (c) {
	case '"':
		buf_add(b, "\\\"", 2);
		break;
	case '\\':
		buf_add(b, "\\\\", 2);
		break;
	case '\n':
		buf_add(b, "\\n", 2);
		break;
	case '\r':
		buf_add(b, "\\r", 2);
		break;
	case '\t':
		buf_add(b, "\\t", 2);
		break;
	default:
		buf_printf(b, "\\u%04x", c);
	}
}

static bool must_escape_json(unsigned char c)
{
	return c < 0x20 || c == '"' || c == '\\' || c == 0x7f;
}

void buf_add_json_string(struct buf *b, struct slice s)
{
	size_t from = 0, at = 0; /* [from, at) needs no escape */

	buf_add_char(b, '"');
	while (at < s.n) {
		unsigned char c = (unsigned char)s.p[at];
		size_t n = utf8_len(s, at);

		if (n > 0 && !must_escape_json(c)) {
			at += n;
			continue;
		}
		buf_add_slice(b, slice_sub(s, from, at));
		if (n == 0)
			buf_add(b, "\\ufffd", 6);
		else
			buf_add_json_escape(b, c);
		from = ++at;
	}
	buf_add_slice(b, slice_sub(s, from, at));
	buf_add_char(b, '"');
}

struct slice buf_slice(const struct buf *b)
{
	return slice_of(b->p, b->n);
}

char *buf_take(struct buf *b, size_t *n)
{
	char *p = b->p;

	if (b->has_failed || b->n == 0) {
		buf_fini(b);
		*n = 0;
		return NULL;
	}
	*n = b->n;
	p[b->n] = '\0';
	*b = (struct buf){.max = b->max};
	return p;
}
