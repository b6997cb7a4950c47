/*
 * A scanner over borrowed JSON text: no tree, no allocation, no recursion.
 * The proxy never writes a document anew (numbers and key order would change),
 * it only has to find values in one, so every result is a slice of the input.
 *
 * Grammar: RFC 8259, strict, with two allowances. Raw control bytes inside
 * strings are accepted (GHL sends them), and UTF-8 is not checked. Nesting
 * deeper than JSON_DEPTH_MAX is refused. A byte order mark is refused.
 *
 * "raw" is always the whole value as it stands in the text: a string with its
 * quotes, an object with its braces. Slices live as long as the document.
 *
 * Pure; any thread.
 */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include "base/buf.h"
#include "base/slice.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define JSON_DEPTH_MAX 64

enum json_type {
	JSON_NONE, /* no value */
	JSON_NULL,
	JSON_FALSE,
	JSON_TRUE,
	JSON_NUMBER,
	JSON_STRING,
	JSON_ARRAY,
	JSON_OBJECT
};

/* Exactly one value, with nothing but white space around it. */
bool json_valid(struct slice doc);

/*
 * One value that starts at or after at (white space is passed over): its text,
 * its type, and in *end the index behind it. False when no valid value is
 * there. raw, type and end may be NULL.
 */
bool json_skip(struct slice doc, size_t at, struct slice *raw,
    enum json_type *type, size_t *end);

/*
 * The value at a dotted path: "meta.nextPageUrl", "contacts.0.id" (a part of
 * digits indexes an array). An empty path is the whole document. Keys compare
 * case-sensitively and after unescaping, as the upstream's parser does, so
 * that no spelling of a key slips past a check. Of equal keys the LAST wins,
 * as in JavaScript's JSON.parse: what is checked here is what GHL acts on.
 *
 * False, with raw empty and type JSON_NONE, when there is no such value or
 * the text that had to be read is not valid JSON. type may be NULL.
 */
bool json_get(struct slice doc, const char *path, struct slice *raw,
    enum json_type *type);
/* As json_get, but the value must be a string; text is what stands between
 * the quotes, still escaped (ids hold no escapes; else use json_string). */
bool json_get_text(struct slice doc, const char *path, struct slice *text);

/*
 * Walks the elements of an array or the members of an object.
 *
 *	struct json_iter it;
 *	if (json_iter_open(&it, raw, JSON_ARRAY))
 *		while (json_array_next(&it, &item, &type))
 *			...
 *	if (it.is_bad)
 *		the text was not valid JSON
 */
struct json_iter {
	struct slice doc; /* borrowed */
	size_t at; /* next byte to read */
	bool is_first;
	bool is_done;
	bool is_bad; /* ended because of a syntax error */
};

/* False when raw is not of that type (JSON_ARRAY or JSON_OBJECT). */
bool json_iter_open(
    struct json_iter *it, struct slice raw, enum json_type type);
/* False at the end, or with it->is_bad at an error. type may be NULL. */
bool json_array_next(
    struct json_iter *it, struct slice *raw, enum json_type *type);
/* key is raw: with quotes, still escaped; compare with json_equals. */
bool json_object_next(struct json_iter *it, struct slice *key,
    struct slice *raw, enum json_type *type);

/* raw is a string and, unescaped, equals text. */
bool json_equals(struct slice raw, struct slice text);

/*
 * Appends the unescaped bytes of a raw string. \u escapes become UTF-8, a lone
 * surrogate U+FFFD, \u0000 a NUL byte. False when raw is not a valid string
 * or the buffer failed (its cap).
 */
bool json_string(struct slice raw, struct buf *out);
/* An integer without fraction or exponent that fits; else false. */
bool json_i64(struct slice raw, int64_t *v);

/*
 * Appends doc without insignificant white space; strings and numbers keep
 * their exact spelling. False when doc is not valid JSON (out then holds a
 * part) or the buffer failed.
 */
bool json_minify(struct slice doc, struct buf *out);

#endif
