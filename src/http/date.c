#include "http/date.h"

#include <assert.h>
#include <stddef.h>

static const char day_names[] = "SunMonTueWedThuFriSat";
static const char month_names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

#define DAY_S INT64_C(86400)
/* 9999-12-31T23:59:59Z: four digits hold no more. */
#define TIME_MAX_S INT64_C(253402300799)

struct parts {
	int year, month /* 1-12 */, day, hour, minute, second;
};

/* Days from 1970-01-01 to a date of the Gregorian calendar, y >= 1970. */
static int64_t days_to(int y, int m, int d)
{
	/* March first, so that the leap day ends the year. */
	int64_t year = m > 2 ? y : y - 1;
	int64_t month = m > 2 ? m - 3 : m + 9;
	int64_t in_year = (153 * month + 2) / 5 + d - 1;

	return year * 365 + year / 4 - year / 100 + year / 400 + in_year -
	       719468;
}

static bool is_leap(int year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int days_in_month(int year, int month)
{
	static const char days[] = {
	    31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

	return month == 2 && is_leap(year) ? 29 : days[month - 1];
}

/* Takes n digits off the front of s. */
static bool take_number(struct slice *s, size_t n, int *v)
{
	if (s->n < n)
		return false;
	*v = 0;
	for (size_t i = 0; i < n; i++) {
		if (s->p[i] < '0' || s->p[i] > '9')
			return false;
		*v = *v * 10 + (s->p[i] - '0');
	}
	*s = slice_sub(*s, n, s->n);
	return true;
}

static bool take_text(struct slice *s, struct slice text)
{
	if (!slice_starts(*s, text))
		return false;
	*s = slice_sub(*s, text.n, s->n);
	return true;
}

/* Takes one of the three-letter names; *v is its place, from 0. */
static bool take_name(struct slice *s, const char *names, int *v)
{
	for (int i = 0; names[i * 3]; i++) {
		if (take_text(s, slice_of(names + (size_t)i * 3, 3))) {
			*v = i;
			return true;
		}
	}
	return false;
}

static bool take_month(struct slice *s, struct parts *t)
{
	if (!take_name(s, month_names, &t->month))
		return false;
	t->month++;
	return true;
}

/* "08:49:37" */
static bool take_time(struct slice *s, struct parts *t)
{
	return take_number(s, 2, &t->hour) && take_text(s, SLICE(":")) &&
	       take_number(s, 2, &t->minute) && take_text(s, SLICE(":")) &&
	       take_number(s, 2, &t->second);
}

/* "06 Nov 1994 08:49:37 GMT", behind "Sun, " */
static bool take_fixdate(struct slice s, struct parts *t)
{
	return take_number(&s, 2, &t->day) && take_text(&s, SLICE(" ")) &&
	       take_month(&s, t) && take_text(&s, SLICE(" ")) &&
	       take_number(&s, 4, &t->year) && take_text(&s, SLICE(" ")) &&
	       take_time(&s, t) && take_text(&s, SLICE(" GMT")) && s.n == 0;
}

/* "Nov  6 08:49:37 1994", behind "Sun " (asctime) */
static bool take_asctime(struct slice s, struct parts *t)
{
	if (!take_month(&s, t) || !take_text(&s, SLICE(" ")))
		return false;
	if (!take_number(&s, take_text(&s, SLICE(" ")) ? 1 : 2, &t->day))
		return false;
	return take_text(&s, SLICE(" ")) && take_time(&s, t) &&
	       take_text(&s, SLICE(" ")) && take_number(&s, 4, &t->year) &&
	       s.n == 0;
}

/* The rest of a long day name: "Sun" was taken, "day, " is here. */
static bool take_day_rest(struct slice *s, int day)
{
	static const char *const rests[] = {"day, ", "day, ", "sday, ",
	    "nesday, ", "rsday, ", "day, ", "urday, "};

	return take_text(s, slice_of_str(rests[day]));
}

static int64_t seconds_of(const struct parts *t)
{
	int second = t->second == 60 ? 59 : t->second;

	return days_to(t->year, t->month, t->day) * DAY_S + t->hour * 3600 +
	       t->minute * 60 + second;
}

static bool is_sane(const struct parts *t)
{
	return t->year >= 1970 && t->day >= 1 &&
	       t->day <= days_in_month(t->year, t->month) && t->hour <= 23 &&
	       t->minute <= 59 && t->second <= 60;
}

/* RFC 9110 §5.6.7: more than 50 years ahead of now means the past. */
static bool place_year(struct parts *t, int64_t now_s)
{
	int century = 2000;

	t->year += century;
	if (!is_sane(t))
		return false;
	if (seconds_of(t) - now_s > 50 * 365 * DAY_S + 12 * DAY_S)
		t->year -= 100;
	return true;
}

/* "06-Nov-94 08:49:37 GMT", behind "Sunday, " */
static bool take_rfc850(struct slice s, struct parts *t, int64_t now_s)
{
	return take_number(&s, 2, &t->day) && take_text(&s, SLICE("-")) &&
	       take_month(&s, t) && take_text(&s, SLICE("-")) &&
	       take_number(&s, 2, &t->year) && take_text(&s, SLICE(" ")) &&
	       take_time(&s, t) && take_text(&s, SLICE(" GMT")) && s.n == 0 &&
	       place_year(t, now_s);
}

bool http_date_parse(struct slice s, int64_t now_s, int64_t *time_s)
{
	struct parts t = {0};
	bool is_form;
	int day;

	if (!take_name(&s, day_names, &day))
		return false;
	if (take_text(&s, SLICE(", ")))
		is_form = take_fixdate(s, &t);
	else if (take_text(&s, SLICE(" ")))
		is_form = take_asctime(s, &t);
	else
		is_form = take_day_rest(&s, day) && take_rfc850(s, &t, now_s);
	if (!is_form || !is_sane(&t))
		return false;
	*time_s = seconds_of(&t);
	return true;
}

/* days since 1970-01-01, not negative. */
static void date_of(int64_t days, struct parts *t)
{
	/* A guess that is never too late, then at most a step or two. */
	t->year = 1970 + (int)(days / 366);
	while (days_to(t->year + 1, 1, 1) <= days)
		t->year++;
	days -= days_to(t->year, 1, 1);
	t->month = 1;
	while (days >= days_in_month(t->year, t->month))
		days -= days_in_month(t->year, t->month++);
	t->day = (int)days + 1;
}

static char *put_number(char *p, int v, int digits)
{
	for (int i = digits - 1; i >= 0; i--) {
		p[i] = (char)('0' + v % 10);
		v /= 10;
	}
	return p + digits;
}

static char *put_text(char *p, const char *text, size_t n)
{
	memcpy(p, text, n);
	return p + n;
}

void http_date_format(char out[HTTP_DATE_SIZE], int64_t time_s)
{
	struct parts t;
	char *p = out;
	int64_t days;
	int in_day;

	if (time_s < 0)
		time_s = 0;
	if (time_s > TIME_MAX_S)
		time_s = TIME_MAX_S;
	days = time_s / DAY_S;
	in_day = (int)(time_s % DAY_S);
	date_of(days, &t);
	/* 1970-01-01 was a Thursday. */
	p = put_text(p, day_names + (days + 4) % 7 * 3, 3);
	p = put_text(p, ", ", 2);
	p = put_number(p, t.day, 2);
	*p++ = ' ';
	p = put_text(p, month_names + (t.month - 1) * 3, 3);
	*p++ = ' ';
	p = put_number(p, t.year, 4);
	*p++ = ' ';
	p = put_number(p, in_day / 3600, 2);
	*p++ = ':';
	p = put_number(p, in_day / 60 % 60, 2);
	*p++ = ':';
	p = put_number(p, in_day % 60, 2);
	p = put_text(p, " GMT", 5);
	assert(p == out + HTTP_DATE_SIZE);
}
