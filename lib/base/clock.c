#include "lib/base/clock.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "lib/base/die.h"

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
	int year = 0;
	int month = 0;
	struct tm tm = { 0 };
	int64_t us = 0;
	int offset = 0;
	if (take_number(&p, 4, 1970, 9999, &year) != 0 || take_char(&p, "-") != 0 ||
	    take_number(&p, 2, 1, 12, &month) != 0 || take_char(&p, "-") != 0 ||
	    take_number(&p, 2, 1, 31, &tm.tm_mday) != 0 || take_char(&p, "Tt") != 0 ||
	    take_number(&p, 2, 0, 23, &tm.tm_hour) != 0 || take_char(&p, ":") != 0 ||
	    take_number(&p, 2, 0, 59, &tm.tm_min) != 0 || take_char(&p, ":") != 0 ||
	    take_number(&p, 2, 0, 59, &tm.tm_sec) != 0 || take_fraction_us(&p, &us) != 0 ||
	    take_offset_s(&p, &offset) != 0 || *p != '\0') {
		return -1;
	}
	int day = tm.tm_mday;
	tm.tm_year = year - 1900;
	tm.tm_mon = month - 1;
	time_t s = timegm(&tm);
	if (tm.tm_mday != day) {
		return -1; /* 30 February */
	}
	*ret_t = (struct timestamp) { ((int64_t) s - offset) * 1000000 + us };
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
