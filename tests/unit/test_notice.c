/* The privacy notice: it says what configuration and rules of retention say, has each class of the database, and is plain (G-8, G-58). */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "policy/notice.h"
#include "tests/unit/pg.h"

static struct {
	struct ctx c;
	struct config config;
	struct notice_rule rules[10];
} t;

static int setup(void **state)
{
	static const char *const names[] = { "SUB-REQ", "SUB-VAL", "SUB-SW", "SUB-CERT", "RECOVERY", "RP-OCSP", "RP-HOLD",
		"WEB", "OPS", "AGG" };
	(void) state;
	memset(&t, 0, sizeof(t));
	ctx_init(&t.c);
	t.config.acme.external_url = "https://ca.test";
	t.config.policy.mode = "private";
	t.config.recovery.account_contacts = "drop";
	t.config.recovery.ended_accounts = "delete";
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		bool week = strcmp(names[i], "WEB") == 0 || strcmp(names[i], "RP-OCSP") == 0;
		t.rules[i] = (struct notice_rule) { names[i], week ? 518400 : 0, week ? 518400 : 0 };
	}
	return 0;
}

static int teardown(void **state)
{
	(void) state;
	ctx_done(&t.c);
	return 0;
}

static const char *text(enum notice_form form)
{
	const struct notice_rule_list rules = { t.rules, COUNT_OF(t.rules) };
	struct bytes b = notice_write(t.c.arena, &t.config, &rules, form);
	return arena_text_n(t.c.arena, b.p, b.n);
}

static void assert_says(const char *part)
{
	if (strstr(text(NOTICE_MARKDOWN), part) == NULL) {
		fail_msg("\"%s\" is not in %s", part, text(NOTICE_MARKDOWN));
	}
}

static void assert_silent(const char *part)
{
	if (strstr(text(NOTICE_MARKDOWN), part) != NULL) {
		fail_msg("\"%s\" is in %s", part, text(NOTICE_MARKDOWN));
	}
}

/* G-8, G-58 */
static void it_says_how_long(void **state)
{
	(void) state;
	assert_says("| without end | without end | SUB-VAL |");
	assert_says("All of this may be made public");
	assert_says("recovery contacts never are");
	assert_says("with your consent, or where it is believed in good faith that law demands it");
	assert_says("You are told before, unless that is forbidden or in vain.");
	assert_says("| 6 days | 6 days | WEB |");
	t.rules[1] = (struct notice_rule) { "SUB-VAL", INT64_C(400) * 86400, INT64_C(1500) * 86400 };
	assert_says("| 400 days | 1500 days | SUB-VAL |");
	/* one salt serves all of a request's fields */
	t.rules[2] = (struct notice_rule) { "SUB-SW", 0, 86400 };
	assert_says("| 1 day | 1 day | SUB-SW |");
	assert_says("| 1 day | without end | SUB-REQ |");
	assert_silent("two years");
	struct config_profile profile = {
		.life_s = INT64_C(47) * 86400, .authorization_life_s = 86400, .order_life_s = 86400
	};
	t.config.policy.mode = "webpki";
	t.config.policy.profiles = (struct config_profile_list) { &profile, 1 };
	assert_says("which is 780 days here"); /* F-50 */
}

static void it_says_what_becomes_of_contacts(void **state)
{
	(void) state;
	assert_says("This CA keeps no recovery contacts.");
	assert_says("checked for their form and dropped");
	t.config.recovery.custodian_dir = "/c";
	assert_says("two groups of custodians");
	assert_says("until you delete them or your account ends.");
	assert_silent("no recovery contacts");
	assert_silent("keyed digests");
	t.config.recovery.former_contacts_s = INT64_C(14) * 86400;
	assert_says("keyed digests stay for 14 days");
	t.config.recovery.account_contacts = "keep";
	t.config.recovery.ended_accounts = "freeze";
	assert_says("sends with its account become recovery contacts.");
	assert_says("and they are kept without end.");
	t.rules[4].keep_s = INT64_C(90) * 86400;
	assert_says("and they are kept for 90 days.");
	assert_silent("by way of");
	t.config.smtp.url = "smtp://mail.test:587";
	assert_says("by way of mail.test:587.");
	t.config.smtp.url = "smtps://user:p@ss@mail.test:465/x";
	assert_says("by way of mail.test:465."); /* whatever else stands in it */
	assert_silent("ss@");
}

/* G-8, G-56: what is deleted is deleted but for what a hold keeps, and the notice says so of all that a hold can keep. */
static void it_says_what_holds_keep(void **state)
{
	(void) state;
	assert_says("only while a legal order or an investigation holds them");
	assert_says("only while a legal hold keeps them");
	assert_silent("your contacts are kept longer");
	t.config.recovery.custodian_dir = "/c";
	assert_says("your contacts are kept longer, also when they were replaced or deleted or your account has ended");
	assert_says("to tell you of one before");
	assert_says("recovery contacts, which stay sealed");
}

static void it_says_who_sees_it(void **state)
{
	struct config_resolver resolvers[] = { { ".", "192.0.2.53@53", "require", { NULL, 0 } },
		{ "corp.test", "192.0.2.54@53", "off", { NULL, 0 } } };
	struct config_perspective perspectives[] = { { .name = "ams", .region = "eu" }, { .name = "gru", .region = "" } };
	const char *networks[] = { "192.0.2.0/29" };
	struct config_witness witnesses[] = { { .name = "w1.test", .kind = "witness" } };
	struct config_alarm_channel channels[] = {
		{ .name = "duty", .kind = "hook", .to = "https://events.test/?token=secret" }
	};
	struct config_ct_log logs[] = { { "Log *One*", "https://log.test/", "k" } };
	(void) state;
	assert_says("Servers of the DNS see the names that you order: they are asked directly");
	assert_says("have named no address for them here");
	assert_says("only digests are public");
	assert_says("- Its officers, who decide about disclosures (below): all records of an account");
	assert_says("how a rate limit stands for an account or an address");
	assert_silent("Transparency");
	assert_silent("linter");
	assert_silent("Proxies");
	assert_silent("told of faults");
	t.config.ct.logs = (struct config_ct_log_list) { logs, 1 };
	assert_silent("Transparency"); /* without the list no log is ever asked */
	t.config.ct = (struct config_ct) { .log_list_file = "/l" };
	assert_says("are sent to public logs, from which nothing can be taken back. It may choose any of those");
	t.config.va.resolvers = (struct config_resolver_list) { resolvers, 2 };
	t.config.va.perspectives = (struct config_perspective_list) { perspectives, 2 };
	t.config.wfe.trusted_proxies = (struct text_list) { networks, 1 };
	t.config.subscriber.witnesses = (struct config_witness_list) { witnesses, 1 };
	t.config.alarm.channels = (struct config_alarm_channel_list) { channels, 1 };
	t.config.subscriber.publish_entries = true;
	t.config.ct.logs = (struct config_ct_log_list) { logs, 1 };
	t.config.ca.linter_url = "http://user:secret@lint.test:8080/api";
	t.config.acme.privacy_contact = "privacy@ca.test";
	assert_says("192.0.2.53@53 sees the names that you order");
	assert_silent("asked directly");
	assert_says("192.0.2.54@53 sees those names below corp.test that you order");
	assert_says("another network, ams (eu): it sees");
	assert_says("another network, gru: it sees");
	assert_says("Proxies, through which your requests may come");
	assert_says("w1.test, a witness of the sealed log");
	assert_says("Everybody: the facts in the sealed log");
	assert_says("Log \\*One\\* (https://log.test/)");
	assert_says("nothing can be taken back:");
	assert_says("An outside linter, lint.test:8080, sees each certificate");
	assert_says("- duty, over which the people who run this CA are told of faults");
	assert_silent("secret");
	assert_says("complaints: privacy@ca.test");
	t.config.va.resolvers =
	    (struct config_resolver_list) { resolvers + 1, 1 }; /* of a zone: all else goes the public way */
	assert_says("192.0.2.54@53 sees those names below corp.test that you order");
	assert_says("Servers of the DNS see the other names that you order: they are asked directly");
}

/* G-62: what the operator writes is text, and both forms say the same. */
static void html_is_plain(void **state)
{
	(void) state;
	t.config.acme.website = "https://ca.test/?a=1&b=<script>";
	const char *html = text(NOTICE_HTML);
	assert_non_null(strstr(html, "?a=1&#38;b=&#60;script&#62;"));
	assert_null(strstr(html, "<script"));
	assert_null(strstr(html, " src="));
	assert_null(strstr(html, " href="));
	size_t points[2] = { 0, 0 };
	for (const char *p = html; (p = strstr(p, "<li>")) != NULL; p++) {
		points[0]++;
	}
	for (const char *p = text(NOTICE_MARKDOWN); (p = strstr(p, "\n- ")) != NULL; p++) {
		points[1]++;
	}
	assert_int_equal(points[0], points[1]);
	assert_non_null(strstr(html, "<ul>\n<li>"));
	assert_non_null(strstr(html, "</li>\n</ul>"));
}

/* G-1, G-8: a class that a column or a rule has is one that the notice speaks of. */
static void every_class_is_spoken_of(void **state)
{
	(void) state;
	pg_start();
	char *names = pg_value(
	    "SELECT string_agg(DISTINCT c, ' ') FROM (SELECT split_part(d.description, ':', 1) AS c FROM pg_description d"
	    " JOIN pg_class k ON k.oid = d.objoid AND d.objsubid > 0 JOIN pg_namespace n ON n.oid = k.relnamespace"
	    " WHERE n.nspname IN ('acme', 'ca', 'log', 'vault', 'cairn', 'audit', 'front')"
	    " UNION SELECT class FROM cairn.retention) x");
	assert_non_null(strstr(names, "SUB-VAL"));
	char *rest = NULL;
	for (char *one = strtok_r(names, " ", &rest); one != NULL; one = strtok_r(NULL, " ", &rest)) {
		if (notice_class(one) == NULL) {
			fail_msg("the notice is silent about %s", one);
		}
	}
	free(names);
	pg_stop();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(it_says_how_long, setup, teardown),
		cmocka_unit_test_setup_teardown(it_says_what_becomes_of_contacts, setup, teardown),
		cmocka_unit_test_setup_teardown(it_says_what_holds_keep, setup, teardown),
		cmocka_unit_test_setup_teardown(it_says_who_sees_it, setup, teardown),
		cmocka_unit_test_setup_teardown(html_is_plain, setup, teardown),
		cmocka_unit_test(every_class_is_spoken_of),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
