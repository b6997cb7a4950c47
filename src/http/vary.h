/*
 * Vary (RFC 9110 §12.5.5, RFC 9111 §4.1): which request fields an answer was
 * chosen by, and what a request says in them.
 *
 * Pure; any thread.
 */
#ifndef HTTP_VARY_H
#define HTTP_VARY_H

#include "base/buf.h"
#include "base/slice.h"

#include <stdbool.h>
#include <stddef.h>

/* Names in one list; an answer that names more is taken to vary by all. */
#define VARY_NAMES_MAX 32

enum vary_kind {
	VARY_NONE, /* no names */
	VARY_NAMES,
	VARY_ANY /* "*", or what cannot be read: no other request matches */
};

/*
 * Appends the names in the value of Vary, all lines joined: in lower case,
 * sorted, each once, separated by ",". Two values that mean the same give the
 * same text. Nothing is appended unless the kind is VARY_NAMES.
 */
enum vary_kind vary_normalise(struct slice vary, struct buf *out);
/*
 * Appends what a request says in those fields. names as vary_normalise gives
 * them, fields "Name: value" lines as they are sent. Two requests get the same
 * text exactly when §4.1 lets one have the other's answer: lines of one name
 * are one list, and white space that only lays out the value does not count;
 * an absent field is not an empty one.
 */
void vary_key(struct buf *key, struct slice names, const struct slice *fields,
    size_t fields_n);

#endif
