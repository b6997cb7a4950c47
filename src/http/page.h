/*
 * meta.nextPageUrl, the one value in GHL's JSON that the proxy changes: it is
 * an absolute URL, and a client that follows it would walk around the proxy.
 * The stored body keeps upstream's bytes; at reply time scheme and authority
 * are replaced by those that the client used.
 *
 * Pure; any thread.
 */
#ifndef HTTP_PAGE_H
#define HTTP_PAGE_H

#include "base/buf.h"
#include "base/slice.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * Finds the value in a JSON body. url is what stands between the quotes,
 * inside body, still escaped; authority_n bytes of it, from the start, are
 * scheme and authority ("https://host:port", also as "https:\/\/host"). False
 * when there is none, it is no absolute http(s) URL, or scheme and authority
 * hold an escape other than "\/" (then nobody can say what to replace without
 * decoding, and GHL sends no such thing). Escapes behind the authority are
 * left as they are.
 */
bool page_find(struct slice body, struct slice *url, size_t *authority_n);

/*
 * Appends what replaces those bytes: scheme "://" host prefix, escaped for
 * JSON, slashes plain. prefix is a path the client's base URL has, without
 * trailing slash ("/-/as/crm"), or empty.
 */
void page_base(struct slice scheme, struct slice host, struct slice prefix,
    struct buf *out);

#endif
