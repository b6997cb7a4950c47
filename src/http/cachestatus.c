#include "http/cachestatus.h"
#include "http/field.h"

static const char *const fwd_names[] = {
    [CACHESTATUS_BYPASS] = "bypass",
    [CACHESTATUS_METHOD] = "method",
    [CACHESTATUS_URI_MISS] = "uri-miss",
    [CACHESTATUS_VARY_MISS] = "vary-miss",
    [CACHESTATUS_MISS] = "miss",
    [CACHESTATUS_REQUEST] = "request",
    [CACHESTATUS_STALE] = "stale",
    [CACHESTATUS_PARTIAL] = "partial",
};

static bool is_alpha(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* RFC 9651 §3.3.5 sf-string: printable ASCII. */
static bool is_sf_string(struct slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < 0x20 || s.p[i] > 0x7e)
			return false;
	}
	return true;
}

static void add_sf_string(struct buf *out, struct slice s)
{
	buf_add_char(out, '"');
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '"' || s.p[i] == '\\')
			buf_add_char(out, '\\');
		buf_add_char(out, s.p[i]);
	}
	buf_add_char(out, '"');
}

static void add_detail(struct buf *out, struct slice detail)
{
	if (detail.n == 0 || !is_sf_string(detail))
		return;
	buf_add_slice(out, SLICE("; detail="));
	if (field_is_token(detail) && is_alpha(detail.p[0]))
		buf_add_slice(out, detail);
	else
		add_sf_string(out, detail);
}

static void add_fwd(const struct cachestatus *s, struct buf *out)
{
	buf_add_slice(out, SLICE("; fwd="));
	buf_add_slice(out, slice_of_str(fwd_names[s->fwd]));
	if (s->fwd_status != 0) {
		buf_add_slice(out, SLICE("; fwd-status="));
		buf_add_u64(out, s->fwd_status);
	}
}

void cachestatus_write(const struct cachestatus *s, struct buf *out)
{
	buf_add_slice(out, SLICE("ghlmirror"));
	if (s->fwd == CACHESTATUS_HIT)
		buf_add_slice(out, SLICE("; hit"));
	else if (s->fwd != CACHESTATUS_LOCAL)
		add_fwd(s, out);
	if (s->has_ttl) {
		buf_add_slice(out, SLICE("; ttl="));
		buf_add_i64(out, s->ttl_s);
	}
	if (s->is_stored)
		buf_add_slice(out, SLICE("; stored"));
	if (s->is_collapsed)
		buf_add_slice(out, SLICE("; collapsed"));
	add_detail(out, slice_of_str(s->detail));
}
