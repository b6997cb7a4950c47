/*
 * The full key of a stored answer: everything that decides what the upstream
 * would say. Two requests have equal keys exactly when the upstream receives
 * equal bytes in all that matters, from the same credential.
 *
 * Pure; any thread.
 */
#ifndef API_KEY_H
#define API_KEY_H

#include "api/op.h"
#include "base/buf.h"
#include "base/digest.h"

/*
 * Is this request header part of the key? All that are forwarded are, but
 * Authorization (the scope stands for it) and X-SDK-Version (says who asks,
 * not what).
 */
bool api_key_has_field(struct slice name);

/*
 * Appends the key. fields are "Name: value" lines as they are sent, in the
 * order they are sent; names are lower-cased in the key. body: already
 * without insignificant white space, empty for all but read-posts.
 */
void api_key_build(struct buf *key, const struct digest128 *scope,
    const struct api_op *op, enum api_method method, struct slice target,
    const struct slice *fields, size_t fields_n, struct slice body);

#endif
