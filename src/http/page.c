#include "http/page.h"
#include "base/json.h"

/* Length of a slash as JSON may spell it ("/" or "\/") at s.p[at], or 0. */
static size_t slash_length(struct slice s, size_t at)
{
	if (at < s.n && s.p[at] == '/')
		return 1;
	return at + 1 < s.n && s.p[at] == '\\' && s.p[at + 1] == '/' ? 2 : 0;
}

/* Length of "http://" or "https://" at the front, or 0. */
static size_t scheme_length(struct slice url)
{
	size_t colon = slice_find(url, 0, ':'), first, second;
	struct slice scheme = slice_sub(url, 0, colon);

	if (!slice_eq_nocase(scheme, SLICE("http")) &&
	    !slice_eq_nocase(scheme, SLICE("https")))
		return 0;
	first = slash_length(url, colon + 1);
	second = slash_length(url, colon + 1 + first);
	return first && second ? colon + 1 + first + second : 0;
}

bool page_find(struct slice body, struct slice *url, size_t *authority_n)
{
	size_t begin, end;

	if (!json_get_text(body, "meta.nextPageUrl", url))
		return false;
	begin = end = scheme_length(*url);
	if (begin == 0)
		return false;
	while (end < url->n && !memchr("/?#\\", url->p[end], 4))
		end++;
	if (end == begin)
		return false;
	if (end < url->n && url->p[end] == '\\' && !slash_length(*url, end))
		return false;
	*authority_n = end;
	return true;
}

/* As buf_add_json_string, without the quotes. */
static void add_escaped(struct buf *out, struct slice s)
{
	static const char hex[] = "0123456789abcdef";

	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c == '"' || c == '\\')
			buf_add_char(out, '\\');
		if (c < 0x20) {
			buf_add_slice(out, SLICE("\\u00"));
			buf_add_char(out, hex[c >> 4]);
			buf_add_char(out, hex[c & 15]);
		} else {
			buf_add_char(out, (char)c);
		}
	}
}

void page_base(struct slice scheme, struct slice host, struct slice prefix,
    struct buf *out)
{
	add_escaped(out, scheme);
	buf_add_slice(out, SLICE("://"));
	add_escaped(out, host);
	add_escaped(out, prefix);
}
