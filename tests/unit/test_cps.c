/* The extract for a practice statement says what the configuration says (C-35, C-43). */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/ip.h"
#include "policy/cps.h"

static struct ctx ctx;
static struct config config;
static struct config_profile profiles[] = {
	{ .name = "classic", .life_s = 7776000, .authorization_life_s = 2592000, .max_names = 100 },
	{ .name = "gone", .withdrawn = true, .life_s = 86400, .authorization_life_s = 86400, .max_names = 1 },
};

static int setup(void **state)
{
	(void) state;
	ctx_init(&ctx);
	memset(&config, 0, sizeof(config));
	config.acme.external_url = "https://ca.test";
	config.policy.mode = "webpki";
	config.policy.profiles = (struct config_profile_list) { profiles, COUNT_OF(profiles) };
	config.va.caa_lookup_failure = "refuse";
	config.ca.crl_period_s = 21600;
	config.ca.crl_life_s = 691200;
	return 0;
}

static int teardown(void **state)
{
	(void) state;
	ctx_done(&ctx);
	return 0;
}

static const char *text(void)
{
	struct bytes b = cps_write(ctx.arena, &config, NOTICE_MARKDOWN);
	return arena_text_n(ctx.arena, b.p, b.n);
}

static void assert_says(const char *part, bool says)
{
	if ((strstr(text(), part) != NULL) != says) {
		fail_msg("\"%s\" is %sin %s", part, says ? "not " : "", text());
	}
}

/* C-35 */
static void it_names_whom_caa_may_name(void **state)
{
	(void) state;
	const char *names[] = { "ca.test", "second.test" };
	assert_says("recognises no issuer domain name", true);
	config.acme.caa_identities = (struct text_list) { names, 2 };
	assert_says("- ca.test\n- second.test\n", true);
	assert_says("recognises no issuer domain name", false);
}

/* C-43 */
static void it_names_methods_and_how_they_are_compared(void **state)
{
	(void) state;
	const char *only[] = { "dns-01" };
	assert_says("validationmethods is a list", true);
	assert_says("| DNS names | http-01 | http-01, ca-tbr-19 | 3.2.2.4.19 |", true);
	assert_says("| IP addresses | http-01 | http-01, ca-tbr-19 | 3.2.2.5.6 |", true);
	assert_says("| wildcard names | http-01", false);
	assert_says("| wildcard names | dns-01 | dns-01, ca-tbr-7 | 3.2.2.4.7 |", true);
	config.policy.challenges = (struct text_list) { only, 1 };
	assert_says("| DNS names | dns-01 ", true);
	assert_says("http-01", false);
}

/* B-11 */
static void it_says_of_when_the_special_addresses_are(void **state)
{
	(void) state;
	assert_says("registries of the IANA of " IP_SPECIAL_AS_OF " reserve are not validated.", true);
}

static void it_says_what_the_configuration_says(void **state)
{
	(void) state;
	const char *anchors[] = { "39711 13 2 C8F9" };
	struct config_resolver resolvers[] = { { .zone = "corp.test", .dnssec = "off" },
		{ .zone = "lab.test", .dnssec = "require", .trust_anchors = { anchors, 1 } } };
	struct config_perspective place = { .name = "ams", .region = "eu" };
	assert_says("| classic | 90 d | 30 d | 100 |", true);
	assert_says("gone", false);
	assert_says("at least every 6 hours; each is valid for 192 hours", true);
	assert_says("from one place", true);
	assert_says("nothing is issued, unless", false);
	assert_says("does not follow", false);
	config.va.resolvers = (struct config_resolver_list) { resolvers, 2 };
	config.va.perspectives = (struct config_perspective_list) { &place, 1 };
	config.va.caa_lookup_failure = "unsigned-passes";
	config.policy.mode = "private";
	assert_says("DNSSEC is not verified below corp.test", true);
	assert_says("- Below lab.test it is verified up to keys of this CA's own configuration.", true);
	assert_says("| ams | eu | - |", true);
	assert_says("nothing is issued, unless", true);
	assert_says("does not follow the Baseline Requirements", true);
}

/* F-59: the sections stand in the order of RFC 3647, as those of a practice statement do. */
static void it_has_the_order_of_rfc_3647(void **state)
{
	(void) state;
	unsigned n = 0;
	unsigned long before[3] = { 0 };
	for (const char *p = text(); (p = strstr(p, "\n#")) != NULL;) {
		unsigned long section[3] = { 0 };
		p += strspn(p, "\n# ");
		const char *open = memchr(p, '(', strcspn(p, "\n"));
		for (size_t i = 0; open != NULL && i < COUNT_OF(section) && (*open == '(' || *open == '.'); i++) {
			char *end = NULL;
			section[i] = strtoul(open + 1, &end, 10);
			open = end;
		}
		if (section[0] == 0) {
			continue;
		}
		n++;
		bool behind = section[0] > before[0] ||
		              (section[0] == before[0] &&
		                  (section[1] > before[1] || (section[1] == before[1] && section[2] >= before[2])));
		if (!behind) {
			fail_msg("%.40s", p);
		}
		memcpy(before, section, sizeof(before));
	}
	assert_int_equal(n, 8);
}

/* E-43: what the rules want to be said, of a public CA only. */
static void it_says_what_root_programs_want(void **state)
{
	(void) state;
	assert_says("those Requirements take precedence over this document", true);
	assert_says("adheres to the current versions of the CCADB Policy and of the Chrome Root Program Policy", true);
	config.policy.mode = "private";
	assert_says("take precedence", false);
	assert_says("CCADB", false);
}

/* E-1, E-2, E-15: when certificates are revoked, how soon, and what proves a compromise. */
static void it_says_when_certificates_are_revoked(void **state)
{
	(void) state;
	assert_says("| somebody else has the private key | BR 4.9.1.1 (3) | 24 h | keyCompromise |\n", true);
	assert_says("| the practice statement asks for it | BR 4.9.1.1 (15) | 120 h | none |\n", true);
	assert_says("- a request revokeCert of ACME (RFC 8555 7.6) that the key of the certificate signed;\n", true);
	assert_says("whose common name is or begins with \"Proof of Key Compromise\";\n", true);
}

/* Lines of `now` that `before` does not have. */
static size_t new_lines(const char *before, const char *now)
{
	size_t n = 0;
	for (const char *line = now; *line != '\0';) {
		size_t length = strcspn(line, "\n");
		length += line[length] == '\n' ? 1 : 0;
		n += strstr(before, arena_text_n(ctx.arena, line, length)) == NULL ? 1 : 0;
		line += length;
	}
	return n;
}

/* E-43: versions can be compared line by line: the same configuration gives the same octets, and what is changed is a line of its own. */
static void its_versions_can_be_compared(void **state)
{
	(void) state;
	const char *before = text();
	assert_string_equal(text(), before);
	profiles[0].life_s = 3888000;
	const char *shorter = text();
	profiles[0].life_s = 7776000;
	assert_int_equal(new_lines(before, shorter), 1);
	assert_int_equal(new_lines(shorter, before), 1);
	config.ca.crl_life_s = 604800;
	assert_int_equal(new_lines(before, text()), 1);
}

/* G-58: the plan, what is private and what is not, and when it is disclosed */
static void it_says_what_is_private(void **state)
{
	(void) state;
	assert_says("Privacy of personal information (9.4)", true);
	assert_says("the notice at https://ca.test/privacy", true);
	assert_says("contacts by which an account is recovered, which are sealed and never made public", true);
	assert_says("Not private (9.4.3) are certificates and CRLs", true);
	assert_says("may be made public too", true);
	assert_says("with the subscriber's consent, or where it is believed in good faith that law demands it", true);
	assert_says("Those whom it is about are told before, unless that is forbidden or in vain.", true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(it_says_what_is_private, setup, teardown),
		cmocka_unit_test_setup_teardown(it_names_whom_caa_may_name, setup, teardown),
		cmocka_unit_test_setup_teardown(it_names_methods_and_how_they_are_compared, setup, teardown),
		cmocka_unit_test_setup_teardown(it_says_of_when_the_special_addresses_are, setup, teardown),
		cmocka_unit_test_setup_teardown(it_says_what_the_configuration_says, setup, teardown),
		cmocka_unit_test_setup_teardown(it_has_the_order_of_rfc_3647, setup, teardown),
		cmocka_unit_test_setup_teardown(it_says_what_root_programs_want, setup, teardown),
		cmocka_unit_test_setup_teardown(it_says_when_certificates_are_revoked, setup, teardown),
		cmocka_unit_test_setup_teardown(its_versions_can_be_compared, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
