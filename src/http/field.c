#include "http/field.h"

#include <assert.h>

bool field_is_token(struct slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (!field_is_tchar((unsigned char)s.p[i]))
			return false;
	}
	return s.n > 0;
}

bool field_is_value(struct slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if ((c < 0x20 && c != '\t') || c == 0x7f)
			return false;
	}
	return true;
}

/* Index of the comma that ends the element at from, or s.n. */
static size_t element_end(struct slice s, size_t from)
{
	bool is_quoted = false;

	for (size_t i = from; i < s.n; i++) {
		if (s.p[i] == '"')
			is_quoted = !is_quoted;
		else if (is_quoted && s.p[i] == '\\')
			i++;
		else if (!is_quoted && s.p[i] == ',')
			return i;
	}
	return s.n;
}

bool field_list_next(struct slice *rest, struct slice *item)
{
	while (rest->n > 0) {
		size_t end = element_end(*rest, 0);

		*item = slice_trim_ows(slice_sub(*rest, 0, end));
		*rest = slice_sub(*rest, end + 1, rest->n);
		if (item->n > 0)
			return true;
	}
	return false;
}

bool field_list_has(struct slice list, struct slice token)
{
	struct slice item;

	while (field_list_next(&list, &item)) {
		if (slice_eq_nocase(item, token))
			return true;
	}
	return false;
}

/* s begins with a quote: it must be one whole quoted-string. */
static bool unquote(struct slice s, struct slice *inside)
{
	size_t i = 1;

	while (i < s.n && s.p[i] != '"')
		i += s.p[i] == '\\' ? 2 : 1;
	*inside = slice_sub(s, 1, i);
	return i + 1 == s.n;
}

bool field_split_pair(
    struct slice item, struct slice *name, struct slice *value)
{
	size_t eq = slice_find(item, 0, '=');

	*name = slice_sub(item, 0, eq);
	*value = SLICE_NONE;
	if (!field_is_token(*name))
		return false;
	if (eq == item.n)
		return true;
	*value = slice_of(item.p + eq + 1, item.n - eq - 1);
	if (value->n > 0 && value->p[0] == '"')
		return unquote(*value, value);
	return true;
}

bool field_next(struct slice *block, struct field *f)
{
	size_t end = slice_find(*block, 0, '\n'), colon;
	struct slice line;

	if (end == block->n || end == 0 || block->p[end - 1] != '\r')
		return false;
	line = slice_sub(*block, 0, end - 1);
	colon = slice_find(line, 0, ':');
	if (colon == line.n)
		return false;
	f->name = slice_sub(line, 0, colon);
	f->value = slice_trim_ows(slice_sub(line, colon + 1, line.n));
	*block = slice_sub(*block, end + 1, block->n);
	return true;
}

bool field_find(struct slice block, struct slice name, struct slice *value)
{
	struct field f;

	while (field_next(&block, &f)) {
		if (!slice_eq_nocase(f.name, name))
			continue;
		if (value)
			*value = f.value;
		return true;
	}
	return false;
}

unsigned field_join(struct slice block, struct slice name, struct buf *out)
{
	size_t begin = out->n;
	struct field f;
	unsigned n = 0;

	while (field_next(&block, &f)) {
		if (!slice_eq_nocase(f.name, name))
			continue;
		n++;
		if (f.value.n > 0 && out->n > begin)
			buf_add_slice(out, SLICE(", "));
		buf_add_slice(out, f.value);
	}
	return n;
}

void field_add(struct buf *out, struct slice name, struct slice value)
{
	assert(field_is_token(name) && field_is_value(value));
	buf_add_slice(out, name);
	buf_add_slice(out, SLICE(": "));
	buf_add_slice(out, value);
	buf_add_slice(out, SLICE("\r\n"));
}

/* names ends with a NULL. */
static bool is_one_of(struct slice name, const char *const *names)
{
	for (; *names; names++) {
		if (slice_eq_nocase(name, slice_of_str(*names)))
			return true;
	}
	return false;
}

bool field_is_hop_by_hop(struct slice name)
{
	/* §7.6.1 names most; Proxy-Authentication-Info and the Proxy-
	 * challenges are for this hop by RFC 9111 §3.1; Proxy-Connection and
	 * HTTP2-Settings are met in the wild. */
	static const char *const names[] = {"connection", "keep-alive",
	    "proxy-authenticate", "proxy-authentication-info",
	    "proxy-authorization", "proxy-connection", "te", "trailer",
	    "transfer-encoding", "upgrade", "http2-settings", NULL};

	return is_one_of(name, names);
}

/* Length and Expect frame the message; Host names whom it is sent to. */
static bool is_senders_own(struct slice name)
{
	static const char *const names[] = {
	    "content-length", "expect", "host", NULL};

	return is_one_of(name, names);
}

bool field_may_be_sent(struct slice name)
{
	return !field_is_hop_by_hop(name) && !is_senders_own(name);
}

bool field_may_be_forwarded(struct slice name)
{
	static const char *const names[] = {"accept-encoding", "if-match",
	    "if-modified-since", "if-none-match", "if-range",
	    "if-unmodified-since", "user-agent", "via", NULL};

	return field_may_be_sent(name) && !is_one_of(name, names);
}

bool field_is_never_replayed(struct slice name)
{
	/*
	 * strict-transport-security, expect-ct and alt-svc would bind a
	 * client to the upstream's transport, not to ours; access-control-*
	 * speaks of web pages that may use the upstream, not us (http/cors.h).
	 * Server stays: it describes who made the answer.
	 */
	static const char *const names[] = {"set-cookie", "set-cookie2",
	    "alt-svc", "clear-site-data", "expect-ct", "nel", "report-to",
	    "reporting-endpoints", "ratelimit", "strict-transport-security",
	    "x-request-id", NULL};
	static const char *const prefixes[] = {
	    "access-control-", "cf-", "x-ratelimit-", "ratelimit-"};

	for (size_t i = 0; i < sizeof(prefixes) / sizeof(*prefixes); i++) {
		struct slice prefix = slice_of_str(prefixes[i]);

		if (slice_eq_nocase(slice_sub(name, 0, prefix.n), prefix))
			return true;
	}
	return is_one_of(name, names);
}

bool field_is_rewritten(struct slice name)
{
	static const char *const names[] = {"content-length", "age", NULL};

	return is_one_of(name, names);
}
