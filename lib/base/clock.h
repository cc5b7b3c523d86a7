/* The two clocks and the randomness. */
#ifndef CAIRN_BASE_CLOCK_H
#define CAIRN_BASE_CLOCK_H

#include "lib/base/bytes.h"

#define RFC3339_SIZE 32

/* A moment: microseconds since 1970 in UTC. 0 is "none". */
struct timestamp {
	int64_t us;
};

struct timestamp clock_now(void);

/* Microseconds of a clock that never jumps; for deadlines and durations only. */
int64_t clock_monotonic_us(void);

struct timestamp timestamp_add_s(struct timestamp t, int64_t seconds);

/* "2026-11-21T08:09:10Z"; with microseconds when `fraction`. */
void timestamp_encode(struct timestamp t, bool fraction, char text[RFC3339_SIZE]);

/* RFC 3339 with any offset and any fraction; -1 for all else. */
int timestamp_parse(struct bytes text, struct timestamp *ret_t) MUST_CHECK;

/* A moment by the calendar, in UTC. */
struct utc {
	int year; /* 1 to 9999 */
	int month;
	int day;
	int hour;
	int minute;
	int second; /* to 59 */
};

/* Whole seconds; -1 for what no calendar has. Without the library's table of zones and its lock: a CRL has a million moments. */
int timestamp_of_utc(const struct utc *utc, struct timestamp *ret_t) MUST_CHECK;

/* Without the fraction; -1 for a moment beyond those years. */
int timestamp_to_utc(struct timestamp t, struct utc *ret_utc) MUST_CHECK;

/* n octets of the operating system's cryptographic generator. A failure ends the process. */
void random_bytes(void *p, size_t n);

#endif
