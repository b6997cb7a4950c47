/*
 * HTTP dates, RFC 9110 §5.6.7. Locale and time zone of the process play no
 * part.
 *
 * Pure; any thread.
 */
#ifndef HTTP_DATE_H
#define HTTP_DATE_H

#include "base/slice.h"

#include <stdbool.h>
#include <stdint.h>

/* "Sun, 06 Nov 1994 08:49:37 GMT" and the terminator. */
#define HTTP_DATE_SIZE 30

/*
 * All three forms (IMF-fixdate, RFC 850, asctime), case-sensitive and exact.
 * now_s places a two-digit year: more than 50 years ahead means the past
 * century. The weekday must be a name of a day but need not fit the date.
 * False for anything else, for years before 1970 and for a day that its month
 * has not; a leap second counts as the second before.
 */
bool http_date_parse(struct slice s, int64_t now_s, int64_t *time_s);

/* IMF-fixdate into out, terminated. time_s is clamped to 1970..9999. */
void http_date_format(char out[HTTP_DATE_SIZE], int64_t time_s);

#endif
