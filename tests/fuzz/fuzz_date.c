/*
 * Dates against the C library: sscanf takes one apart, printing it again must
 * give the very bytes, and timegm must agree. The first four bytes of the
 * input say when now is.
 */
#include "http/date.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define TEXT_MAX 64

static const char *const days[] = {"Sunday", "Monday", "Tuesday", "Wednesday",
    "Thursday", "Friday", "Saturday"};
static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
    "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

/* What may come of printing what sscanf read: any int in each place. */
#define PRINT_MAX 256

static bool has_day(const char *day, bool is_long)
{
	for (size_t i = 0; i < 7; i++)
		if (is_long ? strcmp(day, days[i]) == 0
			    : strlen(day) == 3 && strncmp(day, days[i], 3) == 0)
			return true;
	return false;
}

/* The time of these parts; -1 when there is no such. */
static int64_t time_of(
    int year, const char *month, int day, int hour, int minute, int second)
{
	struct tm tm = {.tm_year = year - 1900,
	    .tm_mon = -1,
	    .tm_mday = day,
	    .tm_hour = hour,
	    .tm_min = minute,
	    .tm_sec = second == 60 ? 59 : second};
	struct tm wanted;
	int64_t t;

	for (int i = 0; i < 12; i++)
		if (strcmp(month, months[i]) == 0)
			tm.tm_mon = i;
	/* What has a sign is printed with it again. */
	if (tm.tm_mon < 0 || year < 1970 || second > 60 || day < 0 ||
	    hour < 0 || minute < 0 || second < 0)
		return -1;
	wanted = tm;
	t = timegm(&tm);
	/* timegm turns the 31st of April into the first of May. */
	if (tm.tm_mday != wanted.tm_mday || tm.tm_mon != wanted.tm_mon ||
	    tm.tm_hour != wanted.tm_hour || tm.tm_min != wanted.tm_min ||
	    tm.tm_sec != wanted.tm_sec)
		return -1;
	return t;
}

static int64_t fixdate(const char *text)
{
	char day[12], month[12], again[PRINT_MAX];
	int d, y, h, m, s;

	if (sscanf(text, "%9[A-Za-z], %d %9[A-Za-z] %d %d:%d:%d GMT", day, &d,
		month, &y, &h, &m, &s) != 7)
		return -1;
	snprintf(again, sizeof(again), "%s, %02d %s %04d %02d:%02d:%02d GMT",
	    day, d, month, y, h, m, s);
	if (strcmp(again, text) != 0 || !has_day(day, false) || y > 9999)
		return -1;
	return time_of(y, month, d, h, m, s);
}

static int64_t asctime_date(const char *text)
{
	char day[12], month[12], again[PRINT_MAX], padded[PRINT_MAX];
	int d, y, h, m, s;

	if (sscanf(text, "%9[A-Za-z] %9[A-Za-z] %d %d:%d:%d %d", day, month, &d,
		&h, &m, &s, &y) != 7)
		return -1;
	snprintf(again, sizeof(again), "%s %s %2d %02d:%02d:%02d %04d", day,
	    month, d, h, m, s, y);
	/* "06" for " 6" is let pass */
	snprintf(padded, sizeof(padded), "%s %s %02d %02d:%02d:%02d %04d", day,
	    month, d, h, m, s, y);
	if (strcmp(again, text) != 0 && strcmp(padded, text) != 0)
		return -1;
	return has_day(day, false) && y <= 9999 ? time_of(y, month, d, h, m, s)
						: -1;
}

static int64_t rfc850(const char *text, int64_t now_s)
{
	char day[12], month[12], again[PRINT_MAX];
	int d, y, h, m, s;
	int64_t t;

	if (sscanf(text, "%9[A-Za-z], %d-%9[A-Za-z]-%d %d:%d:%d GMT", day, &d,
		month, &y, &h, &m, &s) != 7)
		return -1;
	snprintf(again, sizeof(again), "%s, %02d-%s-%02d %02d:%02d:%02d GMT",
	    day, d, month, y, h, m, s);
	if (strcmp(again, text) != 0 || !has_day(day, true) || y < 0 || y > 99)
		return -1;
	t = time_of(2000 + y, month, d, h, m, s);
	/* 50 years, with all their leap days */
	if (t >= 0 && t - now_s > INT64_C(18262) * 86400)
		t = time_of(1900 + y, month, d, h, m, s);
	return t;
}

static void check(const char *text, size_t n, int64_t now_s)
{
	int64_t want = -1, got = -1, back;
	char again[HTTP_DATE_SIZE];

	if (memchr(text, 0, n) == NULL) {
		want = fixdate(text);
		if (want < 0)
			want = asctime_date(text);
		if (want < 0)
			want = rfc850(text, now_s);
	}
	if (!http_date_parse(slice_of(text, n), now_s, &got))
		got = -1;
	assert(got == want);
	if (got < 0)
		return;
	http_date_format(again, got);
	assert(http_date_parse(slice_of_str(again), now_s, &back));
	assert(back == got && fixdate(again) == got);
}

/* Any number is a time that comes back. */
static void check_format(int64_t t)
{
	char text[HTTP_DATE_SIZE], want[HTTP_DATE_SIZE];
	time_t seconds = (time_t)(t < 0 ? 0 : t % INT64_C(253402300800));
	struct tm tm;

	gmtime_r(&seconds, &tm);
	strftime(want, sizeof(want), "%a, %d %b %Y %H:%M:%S GMT", &tm);
	http_date_format(text, seconds);
	assert(strcmp(text, want) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char text[TEXT_MAX + 1];
	uint32_t now;
	uint64_t t = 0;

	if (n < sizeof(now) || n - sizeof(now) > TEXT_MAX)
		return 0;
	memcpy(&now, data, sizeof(now));
	memcpy(text, data + sizeof(now), n - sizeof(now));
	text[n - sizeof(now)] = '\0';
	check(text, n - sizeof(now), now);
	memcpy(&t, data, n < sizeof(t) ? n : sizeof(t));
	check_format((int64_t)(t >> 1));
	return 0;
}
