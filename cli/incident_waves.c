#include "cli/incident_waves.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/operator.h"

#define WAVES_MAX 1000
#define PAST_FROM_S (-3600) /* without --window it is over: clients renew when they next ask (RFC 9773 4.2) */
#define PAST_TO_S (-1800)

static const struct field wave_field[] = {
	FIELD(struct wave, wave),
	FIELD(struct wave, opens),
	FIELD(struct wave, closes),
	FIELD(struct wave, certificates),
};
const struct fields wave_fields = FIELDS(struct wave, wave_field);

struct wave_list waves_spread(struct arena *a, const struct incident_wish *wish, size_t certificates)
{
	size_t n = (size_t) wish->waves;
	int64_t span_us = wish->closes.us - wish->opens.us;
	struct wave_list list = { ARENA_ARRAY(a, n, struct wave), n };
	for (size_t i = 0; i < n; i++) {
		list.v[i] = (struct wave) {
			.wave = (int64_t) i + 1,
			.opens = { wish->opens.us + span_us / wish->waves * (int64_t) i },
			.closes = { wish->opens.us + span_us / wish->waves * ((int64_t) i + 1) },
			.certificates = (int64_t) (certificates / n + (i < certificates % n ? 1 : 0)),
		};
	}
	return list;
}

static bool read_window(const char *text, struct incident_wish *wish)
{
	struct timestamp now = clock_now();
	now.us -= now.us % 1000000;
	if (text == NULL && wish->closes.us != 0) {
		return true;
	}
	if (text == NULL) {
		wish->opens = timestamp_add_s(now, PAST_FROM_S);
		wish->closes = timestamp_add_s(now, PAST_TO_S);
		return true;
	}
	const char *slash = strchr(text, '/');
	char from[32] = "";
	if (slash == NULL || (size_t) (slash - text) >= sizeof(from)) {
		return false;
	}
	memcpy(from, text, (size_t) (slash - text));
	return operator_moment(from, true, &wish->opens) == 0 && operator_moment(slash + 1, true, &wish->closes) == 0;
}

const char *waves_read(const char *window, const char *waves, struct incident_wish *wish)
{
	char *end = NULL;
	wish->waves = waves == NULL ? 1 : strtol(waves, &end, 10);
	if (wish->url == NULL || (strncmp(wish->url, "https://", 8) != 0 && strncmp(wish->url, "http://", 7) != 0)) {
		return "--url wants the URL of a page";
	}
	if ((end != NULL && *end != '\0') || wish->waves < 1 || wish->waves > WAVES_MAX) {
		return "--waves wants a number from 1 to 1000";
	}
	if (!read_window(window, wish) || wish->closes.us - wish->opens.us < wish->waves * 1000000) {
		return "--window wants two times with a / between them, the second later by a second for each wave at least";
	}
	return NULL;
}

void waves_print(struct arena *a, const struct wave_list *waves)
{
	for (size_t i = 0; i < waves->n; i++) {
		const struct wave *w = &waves->v[i];
		printf("wave %lld  %s to %s  %lld certificate(s)\n", (long long) w->wave, operator_time(a, w->opens, "?"),
		    operator_time(a, w->closes, "?"), (long long) w->certificates);
	}
}
