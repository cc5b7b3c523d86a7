#include "lib/base/clock.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "lib/base/die.h"

#define SECOND_US INT64_C(1000000)
#define DAY_S INT64_C(86400)
#define DAYS_OF_400_YEARS 146097

static int64_t read_us(clockid_t which)
{
	struct timespec t;
	if (clock_gettime(which, &t) != 0) {
		die("the clock can't be read: %s", strerror(errno));
	}
	return (int64_t) t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

struct timestamp clock_now(void)
{
	return (struct timestamp) { read_us(CLOCK_REALTIME) };
}

int64_t clock_monotonic_us(void)
{
	return read_us(CLOCK_MONOTONIC);
}

struct timestamp timestamp_add_s(struct timestamp t, int64_t seconds)
{
	return (struct timestamp) { t.us + seconds * 1000000 };
}

void timestamp_encode(struct timestamp t, bool fraction, char text[RFC3339_SIZE])
{
	time_t s = (time_t) (t.us / 1000000);
	int64_t us = t.us % 1000000;
	if (us < 0) {
		us += 1000000;
		s--;
	}
	struct tm tm;
	if (gmtime_r(&s, &tm) == NULL) {
		die("a moment out of range: %lld s", (long long) s);
	}
	size_t n = strftime(text, RFC3339_SIZE, "%Y-%m-%dT%H:%M:%S", &tm);
	if (fraction) {
		n += (size_t) snprintf(text + n, RFC3339_SIZE - n, ".%06lld", (long long) us);
	}
	snprintf(text + n, RFC3339_SIZE - n, "Z");
}

static bool is_leap(int year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

/* From the first day of the year 1 to the first of this one. */
static int64_t days_before_year(int year)
{
	int64_t whole = year - 1;
	return whole * 365 + whole / 4 - whole / 100 + whole / 400;
}

/* From the first day of the year to the first of its month; 13: its length. */
static int days_before_month(int year, int month)
{
	static const int days[] = { 0, 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365 };
	return days[month] + (month > 2 && is_leap(year) ? 1 : 0);
}

int timestamp_of_utc(const struct utc *utc, struct timestamp *ret_t)
{
	if (utc->year < 1 || utc->year > 9999 || utc->month < 1 || utc->month > 12 || utc->day < 1 ||
	    utc->day > days_before_month(utc->year, utc->month + 1) - days_before_month(utc->year, utc->month) ||
	    utc->hour < 0 || utc->hour > 23 || utc->minute < 0 || utc->minute > 59 || utc->second < 0 || utc->second > 59) {
		return -1;
	}
	int64_t days =
	    days_before_year(utc->year) - days_before_year(1970) + days_before_month(utc->year, utc->month) + utc->day - 1;
	ret_t->us = (days * DAY_S + utc->hour * 3600 + utc->minute * 60 + utc->second) * SECOND_US;
	return 0;
}

int timestamp_to_utc(struct timestamp t, struct utc *ret_utc)
{
	int64_t seconds = t.us / SECOND_US - (t.us % SECOND_US < 0 ? 1 : 0);
	int64_t day = seconds / DAY_S - (seconds % DAY_S < 0 ? 1 : 0);
	int64_t rest = seconds - day * DAY_S;
	day += days_before_year(1970);
	if (day < 0 || day >= days_before_year(10000)) {
		return -1;
	}
	int year = (int) (day * 400 / DAYS_OF_400_YEARS) + 1; /* or one beside it */
	year += day < days_before_year(year) ? -1 : day >= days_before_year(year + 1) ? 1 : 0;
	int of_year = (int) (day - days_before_year(year));
	int month = of_year / 32 + 1; /* or the one behind it */
	month += of_year >= days_before_month(year, month + 1) ? 1 : 0;
	*ret_utc = (struct utc) { year, month, of_year - days_before_month(year, month) + 1, (int) (rest / 3600),
		(int) (rest / 60 % 60), (int) (rest % 60) };
	return 0;
}

/* `count` decimal digits at *p as a number in [min, max]; moves *p behind them. */
static int take_number(const char **p, int count, int min, int max, int *ret)
{
	int value = 0;
	for (int i = 0; i < count; i++, (*p)++) {
		if (**p < '0' || **p > '9') {
			return -1;
		}
		value = value * 10 + (**p - '0');
	}
	if (value < min || value > max) {
		return -1;
	}
	*ret = value;
	return 0;
}

static int take_char(const char **p, const char *one_of)
{
	if (**p == '\0' || strchr(one_of, **p) == NULL) {
		return -1;
	}
	(*p)++;
	return 0;
}

static int take_fraction_us(const char **p, int64_t *ret_us)
{
	*ret_us = 0;
	if (**p != '.') {
		return 0;
	}
	(*p)++;
	int64_t unit = 100000;
	int digits = 0;
	for (; **p >= '0' && **p <= '9'; (*p)++, digits++) {
		*ret_us += (**p - '0') * unit;
		unit /= 10;
	}
	return digits > 0 ? 0 : -1;
}

static int take_offset_s(const char **p, int *ret_s)
{
	char sign = **p;
	*ret_s = 0;
	if (take_char(p, "Zz") == 0) {
		return 0;
	}
	int hours = 0;
	int minutes = 0;
	if (take_char(p, "+-") != 0 || take_number(p, 2, 0, 23, &hours) != 0 || take_char(p, ":") != 0 ||
	    take_number(p, 2, 0, 59, &minutes) != 0) {
		return -1;
	}
	*ret_s = (hours * 60 + minutes) * 60 * (sign == '-' ? -1 : 1);
	return 0;
}

int timestamp_parse(struct bytes in, struct timestamp *ret_t)
{
	char text[RFC3339_SIZE + 16] = { 0 };
	if (in.n == 0 || in.n >= sizeof(text) || memchr(in.p, '\0', in.n) != NULL) {
		return -1;
	}
	memcpy(text, in.p, in.n);
	const char *p = text;
	struct utc utc = { 0 };
	struct timestamp t = { 0 };
	int64_t us = 0;
	int offset = 0;
	if (take_number(&p, 4, 1970, 9999, &utc.year) != 0 || take_char(&p, "-") != 0 ||
	    take_number(&p, 2, 1, 12, &utc.month) != 0 || take_char(&p, "-") != 0 ||
	    take_number(&p, 2, 1, 31, &utc.day) != 0 || take_char(&p, "Tt") != 0 ||
	    take_number(&p, 2, 0, 23, &utc.hour) != 0 || take_char(&p, ":") != 0 ||
	    take_number(&p, 2, 0, 59, &utc.minute) != 0 || take_char(&p, ":") != 0 ||
	    take_number(&p, 2, 0, 59, &utc.second) != 0 || take_fraction_us(&p, &us) != 0 ||
	    take_offset_s(&p, &offset) != 0 || *p != '\0' || timestamp_of_utc(&utc, &t) != 0) {
		return -1;
	}
	*ret_t = (struct timestamp) { t.us - offset * SECOND_US + us };
	return 0;
}

void random_bytes(void *p, size_t n)
{
	uint8_t *at = p;
	while (n > 0) {
		ssize_t got = getrandom(at, n, 0);
		if (got < 0 && errno == EINTR) {
			continue;
		}
		if (got <= 0) {
			die("no randomness: %s", strerror(errno));
		}
		at += got;
		n -= (size_t) got;
	}
}
