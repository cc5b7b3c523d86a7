/* Moments as RFC 3339 writes them, and the two clocks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "lib/base/clock.h"

#define DAY INT64_C(86400)

/* The days since 1970 by counting them: nothing of the C library. */
static int64_t days_of(int year, int month, int day)
{
	static const int lengths[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	int64_t days = day - 1;
	for (int y = 1970; y < year; y++) {
		days += (y % 4 == 0 && y % 100 != 0) || y % 400 == 0 ? 366 : 365;
	}
	for (int m = 1; m < month; m++) {
		bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
		days += lengths[m - 1] + (m == 2 && leap ? 1 : 0);
	}
	return days;
}

static void known_moments(void **state)
{
	static const struct {
		const char *text;
		int64_t us;
	} cases[] = {
		{ "1970-01-01T00:00:00Z", 0 },
		{ "1985-04-12T23:20:50.52Z", 482196050520000 }, /* RFC 3339 5.8 */
		{ "1996-12-19T16:39:57-08:00", 851042397000000 },
		{ "1937-01-01T12:00:27.87+00:20", -1 }, /* before our time */
		{ "2026-11-21t08:09:10z", 1795248550000000 },
		{ "2000-02-29T00:00:00+00:00", 951782400000000 },
		{ "2026-01-01T00:30:00+23:59", 1767141060000000 },
		{ "2026-11-21T08:09:10.123456789Z", 1795248550123456 }, /* finer than we keep */
		{ "2026-11-21T08:09:10.000001-00:00", 1795248550000001 },
		{ "9999-12-31T23:59:59Z", 253402300799000000 },
	};
	(void) state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct timestamp t = { 77 };
		int result = timestamp_parse(bytes_of_text(cases[i].text), &t);
		assert_int_equal(result, cases[i].us < 0 ? -1 : 0);
		assert_int_equal(t.us, cases[i].us < 0 ? 77 : cases[i].us);
	}
}

static void other_texts_are_refused(void **state)
{
	static const char *const broken[] = { "", "2026", "2026-11-21", "2026-11-21T08:09:10", "2026-11-21 08:09:10Z",
		"2026-11-21T08:09Z", "2026-11-21T08:09:10z ", " 2026-11-21T08:09:10Z", "2026-13-21T08:09:10Z",
		"2026-00-21T08:09:10Z", "2026-11-31T08:09:10Z", "2026-11-00T08:09:10Z", "2026-02-29T08:09:10Z",
		"2100-02-29T08:09:10Z", "2026-11-21T24:00:00Z", "2026-11-21T08:60:10Z", "2026-11-21T08:09:60Z",
		"2026-11-21T08:09:10.Z", "2026-11-21T08:09:10,5Z", "2026-11-21T08:09:10+1:00", "2026-11-21T08:09:10+0100",
		"2026-11-21T08:09:10+24:00", "2026-11-21T08:09:10+01:60", "2026-11-21T08:09:10+01:00Z", "+026-11-21T08:09:10Z",
		"-026-11-21T08:09:10Z", "2026-1 -21T08:09:10Z", "2026-11-21T08:09:1Z", "10000-01-01T00:00:00Z",
		"2026-11-21T08:09:10.00000000000000000000000000000Z" };
	struct timestamp t = { 77 };
	(void) state;
	for (size_t i = 0; i < COUNT_OF(broken); i++) {
		if (timestamp_parse(bytes_of_text(broken[i]), &t) == 0) {
			fail_msg("taken: %s", broken[i]);
		}
	}
	assert_int_equal(timestamp_parse((struct bytes) { (const uint8_t *) "2026-11-21T08:09:10Z\0", 21 }, &t), -1);
	assert_int_equal(timestamp_parse((struct bytes) { (const uint8_t *) "2026-11-21\0008:09:10Z", 20 }, &t), -1);
	assert_int_equal(t.us, 77);
}

/* Every day of 300 years, written and read, against a calendar that counts days. */
static void the_calendar_is_right(void **state)
{
	(void) state;
	int year = 1970;
	int month = 1;
	int day = 1;
	for (int64_t d = 0; year < 2270; d++) {
		char expected[RFC3339_SIZE * 2];
		char text[RFC3339_SIZE];
		struct timestamp back;
		int64_t of_day = d * 7919 % DAY;
		struct timestamp t = { (d * DAY + of_day) * 1000000 + d };
		(void) snprintf(expected, sizeof(expected), "%04d-%02d-%02dT%02d:%02d:%02d.%06dZ", year, month, day,
		    (int) (of_day / 3600), (int) (of_day / 60 % 60), (int) (of_day % 60), (int) d);
		timestamp_encode(t, true, text);
		assert_string_equal(text, expected);
		assert_int_equal(timestamp_parse(bytes_of_text(text), &back), 0);
		assert_int_equal(back.us, t.us);
		day++;
		if (day > 28 && days_of(year, month, day) == days_of(month == 12 ? year + 1 : year, month % 12 + 1, 1)) {
			day = 1;
			year += month == 12 ? 1 : 0;
			month = month % 12 + 1;
		}
		assert_int_equal(days_of(year, month, day), d + 1);
	}
}

/* Every day that a certificate can name, both ways, against the same counting. */
static void each_day_of_the_calendar(void **state)
{
	(void) state;
	struct utc day = { 1, 1, 1, 0, 0, 0 };
	for (int64_t d = -719162; day.year < 10000; d++) { /* of 1 January of the year 1 */
		struct timestamp t;
		struct utc back;
		day.hour = day.day % 24;
		day.minute = day.month;
		day.second = 59;
		assert_int_equal(timestamp_of_utc(&day, &t), 0);
		assert_int_equal(t.us, ((d * 24 + day.hour) * 60 + day.minute) * 60000000 + 59000000);
		assert_int_equal(timestamp_to_utc((struct timestamp) { t.us + 999999 }, &back), 0);
		assert_memory_equal(&back, &day, sizeof(day));
		static const int lengths[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
		bool leap = (day.year % 4 == 0 && day.year % 100 != 0) || day.year % 400 == 0;
		if (++day.day > lengths[day.month - 1] + (day.month == 2 && leap ? 1 : 0)) {
			struct utc none = day;
			assert_int_equal(timestamp_of_utc(&none, &t), -1);
			day = (struct utc) { day.month == 12 ? day.year + 1 : day.year, day.month % 12 + 1, 1, 0, 0, 0 };
		}
	}
	static const struct utc none[] = { { 0, 1, 1, 0, 0, 0 }, { 10000, 1, 1, 0, 0, 0 }, { 2026, 0, 1, 0, 0, 0 },
		{ 2026, 13, 1, 0, 0, 0 }, { 2026, 1, 0, 0, 0, 0 }, { 2026, 1, 1, 24, 0, 0 }, { 2026, 1, 1, -1, 0, 0 },
		{ 2026, 1, 1, 0, 60, 0 }, { 2026, 1, 1, 0, -1, 0 }, { 2026, 1, 1, 0, 0, 60 }, { 2026, 1, 1, 0, 0, -1 } };
	struct timestamp t = { 77 };
	for (size_t i = 0; i < COUNT_OF(none); i++) {
		assert_int_equal(timestamp_of_utc(&none[i], &t), -1);
	}
	assert_int_equal(t.us, 77);
	assert_int_equal(timestamp_to_utc((struct timestamp) { 253402300800000000 }, &day), -1);
	assert_int_equal(timestamp_to_utc((struct timestamp) { -62135596800000001 }, &day), -1);
	assert_int_equal(timestamp_to_utc((struct timestamp) { INT64_MIN }, &day), -1);
	assert_int_equal(timestamp_to_utc((struct timestamp) { INT64_MAX }, &day), -1);
}

static void moments_before_1970(void **state)
{
	(void) state;
	char text[RFC3339_SIZE];
	timestamp_encode((struct timestamp) { -1 }, true, text);
	assert_string_equal(text, "1969-12-31T23:59:59.999999Z");
	timestamp_encode((struct timestamp) { -1000000 }, false, text);
	assert_string_equal(text, "1969-12-31T23:59:59Z");
	timestamp_encode(timestamp_add_s((struct timestamp) { 1795248550000001 }, -DAY), false, text);
	assert_string_equal(text, "2026-11-20T08:09:10Z");
}

static void now_is_now(void **state)
{
	(void) state;
	time_t before = time(NULL);
	int64_t now = clock_now().us;
	assert_in_range(now / 1000000, before, time(NULL) + 1);
	assert_in_range(clock_now().us, now, now + 10 * 1000000);
}

static void the_other_clock_never_goes_back(void **state)
{
	(void) state;
	int64_t last = clock_monotonic_us();
	for (int i = 0; i < 10000; i++) {
		int64_t now = clock_monotonic_us();
		assert_true(now >= last);
		last = now;
	}
}

/* Fills exactly what it was given, and not twice the same; each bit is set about half of the time. */
static void randomness_fills(void **state)
{
	(void) state;
	uint8_t block[70000] = { 0 };
	random_bytes(block + 1, sizeof(block) - 2);
	assert_int_equal(block[0], 0);
	assert_int_equal(block[sizeof(block) - 1], 0);
	size_t ones[8] = { 0 };
	for (size_t i = 1; i < sizeof(block) - 1; i++) {
		for (size_t bit = 0; bit < 8; bit++) {
			ones[bit] += block[i] >> bit & 1;
		}
	}
	for (size_t bit = 0; bit < 8; bit++) {
		assert_in_range(ones[bit], 34000, 36000); /* seven standard deviations */
	}
	random_bytes(NULL, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(now_is_now),
		cmocka_unit_test(known_moments),
		cmocka_unit_test(other_texts_are_refused),
		cmocka_unit_test(the_calendar_is_right),
		cmocka_unit_test(each_day_of_the_calendar),
		cmocka_unit_test(moments_before_1970),
		cmocka_unit_test(the_other_clock_never_goes_back),
		cmocka_unit_test(randomness_fills),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
