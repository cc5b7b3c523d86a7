/* Where perspectives may stand, and how many there have to be. C-50, C-52, C-53, C-54. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/ctx.h"
#include "policy/perspectives.h"

#define N 5
#define BEFORE "2026-12-14T23:59:59Z"
#define AFTER "2026-12-15T00:00:00Z"

/* The first one in New York. */
static const struct config_perspective good[N] = {
	{ .name = "ams", .address = "192.0.2.1:1", .region = "RIPE", .place = "52.37 4.90" },
	{ .name = "sin", .address = "192.0.2.2:1", .region = "APNIC", .place = "1.35 103.82" },
	{ .name = "gru", .address = "192.0.2.3:1", .region = "LACNIC", .place = "-23.55 -46.63" },
	{ .name = "jnb", .address = "192.0.2.4:1", .region = "AFRINIC", .place = "-26.20 28.05" },
	{ .name = "sea", .address = "192.0.2.5:1", .region = "ARIN", .place = "47.61 -122.33" },
};
static struct config_perspective list[N];
static struct config_resolver root = { ".", "192.0.2.53@53", "require", { NULL, 0 } };
static struct config config;

static void reset(const char *mode)
{
	memcpy(list, good, sizeof(list));
	config = (struct config) {
		.policy = { .mode = mode },
		.va = { .perspective = "nyc",
		    .region = "ARIN",
		    .place = "40.71 -74.01",
		    .resolvers = { &root, 1 },
		    .perspectives = { list, N } },
	};
}

/* NULL: it is in order. */
static void check(const char *date, const char *refusal)
{
	struct ctx c;
	struct timestamp now;
	ctx_init(&c);
	assert_int_equal(timestamp_parse(bytes_of_text(date), &now), 0);
	int result = perspectives_check(&c, &config, now);
	if (refusal == NULL ? result != 0 : result == 0 || strstr(c.err.detail, refusal) == NULL) {
		fail_msg("wanted \"%s\", got \"%s\"", refusal, c.err.detail);
	}
	ctx_done(&c);
}

static void places(void **state)
{
	(void) state;
	struct place nyc;
	struct place ams;
	assert_int_equal(place_parse("40.71 -74.01", &nyc), 0);
	assert_int_equal(place_parse("52.37 4.90", &ams), 0);
	assert_true(place_distance_km(&nyc, &ams) > 5840 && place_distance_km(&nyc, &ams) < 5890);
	assert_true(place_distance_km(&ams, &ams) < 0.001);
	struct place poles[2];
	assert_int_equal(place_parse("90 0", &poles[0]), 0);
	assert_int_equal(place_parse("-90 0", &poles[1]), 0);
	assert_true(place_distance_km(&poles[0], &poles[1]) > 20000);
	static const char *const bad[] = { NULL, "", "52", "52,4", "91 0", "0 181", "1 2 3", "52.37 4.90 E", " 1 2",
		"1e1 2", "nan nan", "- 1", "1 -", "1  2x", "0x10 2" };
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		if (place_parse(bad[i], &nyc) == 0) {
			fail_msg("\"%s\" was taken for a place", bad[i]);
		}
	}
}

static void number_by_date(void **state) /* C-50 */
{
	(void) state;
	reset("webpki");
	check(AFTER, NULL);
	config.va.perspectives.n = 4;
	check(BEFORE, NULL);
	check(AFTER, "mode webpki needs 5 remote perspectives on 2026-12-15; there are 4");
	config.va.perspectives.n = 3;
	check(BEFORE, "needs 4 remote perspectives on 2026-12-14; there are 3");
	config.va.perspectives.n = 0;
	check(BEFORE, "there are 0");
	reset("private");
	config.va.perspectives.n = 0;
	check(AFTER, NULL);
	config.va.perspectives.n = 1;
	check(AFTER, NULL);
	config.va.remote = true;
	check(AFTER, "has none of its own");
	reset("webpki");
	config.va.remote = true; /* it is judged by the one that asks it */
	config.va.perspectives.n = 0;
	check(AFTER, NULL);
}

static void regions(void **state) /* C-52 */
{
	(void) state;
	reset("webpki");
	for (size_t i = 0; i < N; i++) {
		list[i].region = "RIPE";
	}
	check(AFTER, "needs remote perspectives in 2 regions of registries; there are 1");
	reset("webpki");
	list[2].region = "";
	check(AFTER, "needs the region of \"gru\"");
}

static void distances(void **state) /* C-53 */
{
	(void) state;
	reset("webpki");
	list[0].place = "50.85 4.35"; /* Brussels */
	list[1].place = "48.86 2.35"; /* Paris */
	check(AFTER, "ams and sin are 264 km apart; mode webpki needs 500 km");
	reset("webpki");
	list[4].place = "42.36 -71.06"; /* Boston is too near to the first one */
	check(AFTER, "nyc and sea are 306 km apart");
	reset("webpki");
	list[3].place = "";
	check(AFTER, "the place of \"jnb\" must be its degrees north and east");
	reset("webpki");
	list[0].resolver_place = "40.71 -74.01"; /* its queries leave where those of the first one do */
	check(AFTER, "the resolvers of nyc and ams are 0 km apart");
	reset("webpki");
	list[0].resolver_region = "ARIN";
	check(AFTER, "ams is in the region of RIPE, its resolver in that of ARIN");
	reset("private"); /* its perspectives may stand where they like */
	list[0].place = list[1].place;
	list[0].region = "";
	check(AFTER, NULL);
}

static void no_common_resolver(void **state) /* C-54 */
{
	(void) state;
	reset("private");
	list[1].resolver = "198.51.100.1@53";
	list[3].resolver = "198.51.100.2@53";
	check(AFTER, NULL);
	list[3].resolver = "198.51.100.1@53";
	check(AFTER, "sin and jnb ask the same resolver 198.51.100.1@53");
	list[3].resolver = "192.0.2.53@53";
	check(AFTER, "nyc and jnb ask the same resolver");
	list[1].resolver = "127.0.0.1@53"; /* each its own */
	list[3].resolver = "127.0.0.1@53";
	check(AFTER, NULL);
}

static void names_and_addresses(void **state)
{
	(void) state;
	reset("private");
	list[2].name = "ams";
	check(AFTER, "two perspectives of the name \"ams\"");
	reset("private");
	list[2].name = "nyc";
	check(AFTER, "two perspectives of the name \"nyc\"");
	reset("private");
	list[2].address = list[0].address;
	check(AFTER, "ams and gru have the same address");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(places),
		cmocka_unit_test(number_by_date),
		cmocka_unit_test(regions),
		cmocka_unit_test(distances),
		cmocka_unit_test(no_common_resolver),
		cmocka_unit_test(names_and_addresses),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
