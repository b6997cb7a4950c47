/*
 * One hour of usage as it lies in the vault: the rows of a table, checked by a
 * checksum. A record may have fewer counts than this program knows (they are
 * then 0) or more (they are passed over), so that counts can be added without
 * a migration.
 *
 * Pure; any thread.
 */
#ifndef STORE_USAGE_RECORD_H
#define STORE_USAGE_RECORD_H

#include "base/buf.h"
#include "store/usage_table.h"

/* Appends the rows of t that are of that hour. out fails at its cap. */
void usage_record_encode(
    const struct usage_table *t, int64_t hour, struct buf *out);
/*
 * Adds its rows to t. False, and t as it was, when it is damaged, of another
 * hour, or of a version that this program does not know.
 */
bool usage_record_decode(
    struct slice record, int64_t hour, struct usage_table *t);

#endif
