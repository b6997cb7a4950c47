/*
 * JSON: what is valid can be minified, stays valid and the same; walking it
 * ends where skipping ends; strings decode; nothing reads past the text.
 */
#include "base/json.h"
#include "http/page.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check_string(struct slice raw)
{
	struct buf text;

	buf_init(&text, raw.n + 1);
	assert(json_string(raw, &text));
	assert(text.n <= raw.n);
	assert(json_equals(raw, buf_slice(&text)));
	buf_fini(&text);
}

static void check_value(struct slice raw, enum json_type type);

static void check_array(struct slice raw)
{
	struct json_iter it;
	enum json_type type;
	struct slice item;

	assert(json_iter_open(&it, raw, JSON_ARRAY));
	while (json_array_next(&it, &item, &type))
		check_value(item, type);
	assert(!it.is_bad && it.at + 1 == raw.n);
}

static void check_object(struct slice raw)
{
	struct json_iter it;
	enum json_type type;
	struct slice key, item;

	assert(json_iter_open(&it, raw, JSON_OBJECT));
	while (json_object_next(&it, &key, &item, &type)) {
		check_string(key);
		check_value(item, type);
	}
	assert(!it.is_bad && it.at + 1 == raw.n);
}

/* raw is valid JSON. The depth of the recursion is JSON_DEPTH_MAX. */
static void check_value(struct slice raw, enum json_type type)
{
	enum json_type again;
	int64_t v;

	assert(json_get(raw, "", &raw, &again) && again == type);
	if (type == JSON_STRING)
		check_string(raw);
	else if (type == JSON_ARRAY)
		check_array(raw);
	else if (type == JSON_OBJECT)
		check_object(raw);
	else
		json_i64(raw, &v);
}

static void check_valid(struct slice doc)
{
	struct buf small, again;
	enum json_type type;
	struct slice raw;

	buf_init(&small, doc.n + 1);
	buf_init(&again, doc.n + 1);
	assert(json_minify(doc, &small) && small.n <= doc.n);
	assert(json_minify(buf_slice(&small), &again));
	assert(slice_eq(buf_slice(&small), buf_slice(&again)));
	assert(json_skip(doc, 0, &raw, &type, NULL));
	check_value(raw, type);
	buf_fini(&small);
	buf_fini(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct slice doc = slice_of((const char *)data, n), raw, url;
	enum json_type type;
	size_t authority_n;
	struct buf small;

	if (json_valid(doc)) {
		check_valid(doc);
	} else {
		buf_init(&small, n + 1);
		assert(!json_minify(doc, &small));
		buf_fini(&small);
	}
	json_get(doc, "a.b.0", &raw, &type);
	json_get(doc, "contacts.0.id", &raw, &type);
	if (page_find(doc, &url, &authority_n))
		assert(authority_n > 7 && authority_n <= url.n);
	return 0;
}
