/*
 * Header fields: what a name and a value may hold, lists in values, blocks of
 * "Name: value\r\n" lines, and which fields a proxy may pass on.
 *
 * RFC 9110 §5, §7.6.1. Pure; any thread. All slices are borrowed.
 */
#ifndef HTTP_FIELD_H
#define HTTP_FIELD_H

#include "base/buf.h"
#include "base/slice.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct field {
	struct slice name;
	struct slice value; /* without surrounding white space */
};

/* RFC 9110 §5.6.2; here, because the framing machine asks for every byte of a
 * name: a bit each for the 128 ASCII characters. */
static inline bool field_is_tchar(unsigned char c)
{
	static const uint64_t bits[4] = {
	    UINT64_C(0x03ff6cfa00000000), /* ! #$%&' *+ -. 0-9 */
	    UINT64_C(0x57ffffffc7fffffe), /* A-Z ^_` a-z | ~ */
	};

	return bits[c >> 6] >> (c & 63) & 1;
}
/* One or more of them. */
bool field_is_token(struct slice s);
/* No CTL but HTAB (§5.5); bytes above 0x7f are allowed, empty is allowed. */
bool field_is_value(struct slice s);

/*
 * Next element of a comma list (§5.6.1); commas inside quoted strings do not
 * split, empty elements are passed over, white space around is cut. False at
 * the end. *rest moves on.
 */
bool field_list_next(struct slice *rest, struct slice *item);
/* The list has this element, case-insensitively: Connection tokens. */
bool field_list_has(struct slice list, struct slice token);
/*
 * Splits "name", "name=value" or "name=\"value\"" at the first "=". Quoted
 * values lose their quotes; backslash pairs inside stay as they are. False
 * when the name is no token or a quote is not closed at the end. value.p is
 * NULL when there is no "=".
 */
bool field_split_pair(
    struct slice item, struct slice *name, struct slice *value);

/*
 * Next line of a block of "Name: value\r\n" lines, as in struct answer and
 * struct upstream. False at the end or at a line that is not of this form.
 */
bool field_next(struct slice *block, struct field *f);
/* First field of this name (case-insensitive). value may be NULL. */
bool field_find(struct slice block, struct slice name, struct slice *value);
/* Appends all values of this name that are not empty, joined with ", ". Gives
 * the number of lines with this name. */
unsigned field_join(struct slice block, struct slice name, struct buf *out);
/* Appends "Name: value\r\n". Our bug when name or value is not valid. */
void field_add(struct buf *out, struct slice name, struct slice value);

/* Connection and the fields that end at the next hop (§7.6.1), whatever
 * Connection says. */
bool field_is_hop_by_hop(struct slice name);
/*
 * A field of this name may be in a request that we send: it does not end at
 * this hop, frames no message, and is not Host.
 */
bool field_may_be_sent(struct slice name);
/* And forward_headers may name it: it is neither Via, which grows, nor a
 * condition, which is answered here, nor one that we write for ourselves, as
 * User-Agent. */
bool field_may_be_forwarded(struct slice name);
/* Belongs to one exchange or one origin, never to a stored answer: cookies,
 * request ids, rate limits, the CDN's own fields, transport and cross-origin
 * policy of the upstream. */
bool field_is_never_replayed(struct slice name);
/* Written anew for each reply: Content-Length and Age. What grows on its way,
 * Via and Cache-Status, gets a line of ours behind what is stored. */
bool field_is_rewritten(struct slice name);

#endif
