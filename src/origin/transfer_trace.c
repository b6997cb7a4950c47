#include "origin/transfer_trace.h"

#include "base/num.h"

/* lib/http2.c and lib/transfer.c of 7.88.1, spelling included. */
#define LINE_STREAM "Using Stream ID: "
#define LINE_GOAWAY "recveived GOAWAY, error="
#define LINE_GOAWAY_LAST "last_stream="
#define LINE_REFUSED "REFUSED_STREAM, retrying a fresh connect"
#define LINE_RETRY "Connection died, retrying a fresh connect"
#define LINE_DOWNGRADE "Downgrades to HTTP/1.1"

bool transfer_trace_knows(unsigned version_num)
{
	return version_num == 0x075801;
}

void transfer_trace_reset(struct transfer_trace *t)
{
	*t = (struct transfer_trace){0};
}

/* The number at the start of s. */
static bool take_number(struct slice s, uint32_t *out)
{
	size_t n = 0;
	uint64_t v;

	while (n < s.n && s.p[n] >= '0' && s.p[n] <= '9')
		n++;
	if (!num_parse_u64(slice_sub(s, 0, n), 0, UINT32_MAX, &v))
		return false;
	*out = (uint32_t)v;
	return true;
}

static struct slice after(struct slice s, struct slice prefix)
{
	return slice_sub(s, prefix.n, s.n);
}

static bool take_goaway(struct slice line, uint32_t *last)
{
	const struct slice key = SLICE(LINE_GOAWAY_LAST);
	size_t at = slice_find(line, 0, ' ');

	for (; at < line.n; at = slice_find(line, at + 1, ' ')) {
		struct slice word = slice_sub(line, at + 1, line.n);

		if (slice_starts(word, key))
			return take_number(after(word, key), last);
	}
	return false;
}

bool transfer_trace_feed(
    struct transfer_trace *t, struct slice line, uint32_t *last)
{
	const struct slice stream = SLICE(LINE_STREAM);

	if (t->is_left_behind)
		return false;
	if (slice_starts(line, stream))
		take_number(after(line, stream), &t->stream_id);
	else if (slice_starts(line, SLICE(LINE_REFUSED)))
		t->is_refused = true;
	else if (slice_starts(line, SLICE(LINE_RETRY)) ||
		 slice_starts(line, SLICE(LINE_DOWNGRADE)))
		t->is_left_behind = true;
	else if (slice_starts(line, SLICE(LINE_GOAWAY)))
		return take_goaway(line, last);
	return false;
}

void transfer_trace_goaway(struct transfer_trace *t, uint32_t last)
{
	if (t->is_left_behind)
		return;
	if (!t->has_goaway || last < t->last_stream_id)
		t->last_stream_id = last;
	t->has_goaway = true;
}

bool transfer_trace_has_left(const struct transfer_trace *t)
{
	return t->bytes_out > 0 || t->stream_id > 0;
}

bool transfer_trace_is_unprocessed(const struct transfer_trace *t)
{
	if (t->is_refused)
		return true;
	return t->has_goaway && t->stream_id > t->last_stream_id;
}
