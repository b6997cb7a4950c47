#include "api/key.h"

bool api_key_has_field(struct slice name)
{
	return !slice_eq_nocase(name, SLICE("authorization")) &&
	       !slice_eq_nocase(name, SLICE("x-sdk-version"));
}

static void add_lower(struct buf *key, struct slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		buf_add_char(key, c >= 'A' && c <= 'Z' ? (char)(c + 32) : c);
	}
}

static void add_field(struct buf *key, struct slice line)
{
	size_t colon = slice_find(line, 0, ':');
	struct slice name = slice_sub(line, 0, colon);

	if (!api_key_has_field(name))
		return;
	add_lower(key, name);
	buf_add_char(key, ':');
	buf_add_slice(key, slice_trim_ows(slice_sub(line, colon + 1, line.n)));
	buf_add_char(key, '\n');
}

/*
 * Line feeds separate: none can stand in a target or a field, and the body
 * comes last. The scope has a fixed length.
 */
void api_key_build(struct buf *key, const struct digest128 *scope,
    const struct api_op *op, enum api_method method, struct slice target,
    const struct slice *fields, size_t fields_n, struct slice body)
{
	buf_add(key, scope->b, sizeof(scope->b));
	buf_add_slice(key, slice_of_str(op ? op->id : "-"));
	buf_add_char(key, '\n');
	/* HEAD is answered from what GET stored. */
	buf_add_slice(key, slice_of_str(api_method_name(
			       method == API_HEAD ? API_GET : method)));
	buf_add_char(key, ' ');
	buf_add_slice(key, target);
	buf_add_char(key, '\n');
	for (size_t i = 0; i < fields_n; i++)
		add_field(key, fields[i]);
	buf_add_char(key, '\n');
	buf_add_slice(key, body);
}
