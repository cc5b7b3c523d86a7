/* Identifiers that may be ordered, a row for each rule: ..A-77, B-7, B-10, B-11, B-12, B-47, C-13, C-14, C-74. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "policy/dns_name.h"
#include "policy/names.h"
#include "tests/unit/constrained.h"

#define A63 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define OK RULE_NONE
#define ONION "bbcweb3hytmzhn5d532owbu6oqadra5z3ar726vq5kgwwn6aucdccrad.onion"

static struct config_profile profile = { .name = "classic", .life_s = 7776000, .max_names = 100 };
static struct config config;
static bool seen[RULE_COUNT];

/* What the configuration of a test says. */
struct says {
	const char *mode;
	const char *permitted;
	const char *internal;
	const char *network;
	const char *blocked;
	const char *list;   /* content of a file of blocked names */
	const char *issuer; /* name constraints of the CA's own certificate */
	bool onion;         /* onion services can be validated */
	bool as_table;      /* as the table of challenges says, instead of all kinds */
};

static void set_one(struct text_list *list, const char **value)
{
	*list = (struct text_list) { value, *value == NULL ? 0 : 1 };
}

static struct policy *make(struct ctx *c, struct says *says)
{
	struct policy *policy = NULL;
	struct file file = { "own.names", "/lists/own.names", bytes_of_text(says->list) };
	config.policy.mode = says->mode == NULL ? "private" : says->mode;
	set_one(&config.policy.permitted_suffixes, &says->permitted);
	set_one(&config.policy.internal_names, &says->internal);
	set_one(&config.policy.permitted_networks, &says->network);
	set_one(&config.policy.blocked_names, &says->blocked);
	struct bytes issuer = constrained_cert(c->arena, says->issuer);
	const struct policy_sources sources = {
		.config = &config, .files = { .lists = { &file, says->list == NULL ? 0 : 1 } }, .issuers = { &issuer, 1 }
	};
	if (policy_parse(c, &sources, &policy) != 0) {
		fail_msg("%s", c->err.detail);
	}
	for (size_t i = 0; i < IDENTIFIER_KINDS && !says->as_table; i++) {
		policy->offered[i] = i != IDENTIFIER_ONION || says->onion;
	}
	return policy;
}

struct row {
	const char *name;
	enum rule rule;
};

static const char *id_of(enum rule rule)
{
	return rule == RULE_NONE ? "acceptance" : rule_info(rule)->id;
}

static void assert_row(struct ctx *c, const struct policy *policy, const char *type, const struct row *row)
{
	const struct identifier one = { type, row->name };
	struct ruling verdict = names_decide(c->arena, policy, &profile, &one);
	if (verdict.rule != row->rule) {
		fail_msg("%s \"%s\": expected %s, found %s (%s)", type, row->name, id_of(row->rule), id_of(verdict.rule),
		    verdict.why);
	}
	seen[row->rule] = true;
}

static void assert_rows(struct says says, const char *type, const struct row *rows, size_t n)
{
	struct ctx c;
	ctx_init(&c);
	struct policy *policy = make(&c, &says);
	for (size_t i = 0; i < n; i++) {
		assert_row(&c, policy, type, &rows[i]);
	}
	policy_free(policy);
	ctx_done(&c);
}
#define ASSERT_ROWS(type, rows, ...) assert_rows((struct says) { __VA_ARGS__ }, type, rows, COUNT_OF(rows))

/* C-14 */
static const struct row form_rows[] = {
	{ "example.com", OK },
	{ "a.b", OK },
	{ "intranet", OK },
	{ "1.example", OK },
	{ "3com.example", OK },
	{ "a-b.example", OK },
	{ "a--b.example", OK },
	{ "a.b.c.d.e.f.g.h.i.j.k.l.example", OK },
	{ "*.example.com", OK },
	{ "*.sub.test", OK },
	{ A63 ".com", OK },
	{ "xn--mnchen-3ya.example", OK },
	{ "xn--fa-hia.de", OK }, /* a sharp s of its own in IDNA2008 */
	{ "xn--p1ai", OK },
	{ "www.xn--fiqs8s", OK },
	{ "", RULE_NAME_EMPTY },
	{ "1.2.3.4", RULE_NAME_ADDRESS },
	{ "::1", RULE_NAME_ADDRESS },
	{ "2001:db8::1", RULE_NAME_ADDRESS },
	{ "[::1]", RULE_NAME_ADDRESS },
	{ "*", RULE_NAME_WILDCARD_FORM },
	{ "*.", RULE_NAME_WILDCARD_FORM },
	{ "*.*.a.com", RULE_NAME_WILDCARD_FORM },
	{ "a.*.com", RULE_NAME_WILDCARD_FORM },
	{ "*a.com", RULE_NAME_WILDCARD_FORM },
	{ "a*.com", RULE_NAME_WILDCARD_FORM },
	{ "a.com*", RULE_NAME_WILDCARD_FORM },
	{ "m\xc3\xbcnchen.de", RULE_NAME_UNICODE },
	{ "*.m\xc3\xbcnchen.de", RULE_NAME_UNICODE },
	{ "\xe3\x80\x82.com", RULE_NAME_UNICODE },
	{ "\xff\xfe.com", RULE_NAME_UNICODE },
	{ "a b.com", RULE_NAME_CHARACTER },
	{ "a\tb.com", RULE_NAME_CHARACTER },
	{ "a.com:80", RULE_NAME_CHARACTER },
	{ "https://a.com/", RULE_NAME_CHARACTER },
	{ "user@a.com", RULE_NAME_CHARACTER },
	{ "a,b.com", RULE_NAME_CHARACTER },
	{ "a\x7f.com", RULE_NAME_CHARACTER },
	{ "A.com", RULE_NAME_CHARACTER }, /* names_check lowers it before */
	{ "a_b.com", RULE_NAME_UNDERSCORE },
	{ "_acme-challenge.a.com", RULE_NAME_UNDERSCORE },
	{ "example.com.", RULE_NAME_TRAILING_DOT },
	{ ".", RULE_NAME_TRAILING_DOT },
	{ ".example.com", RULE_NAME_EMPTY_LABEL },
	{ "a..b", RULE_NAME_EMPTY_LABEL },
	{ "*..a.com", RULE_NAME_EMPTY_LABEL },
	{ A63 "a.com", RULE_NAME_LABEL_LENGTH },
	{ "com." A63 "a", RULE_NAME_LABEL_LENGTH },
	{ "-a.com", RULE_NAME_HYPHEN },
	{ "a-.com", RULE_NAME_HYPHEN },
	{ "-", RULE_NAME_HYPHEN },
	{ "a.b-", RULE_NAME_HYPHEN },
	{ "xn--.com", RULE_NAME_HYPHEN },
	{ "xn---.com", RULE_NAME_HYPHEN },
	{ "ab--cd.example", RULE_NAME_RESERVED_LDH },
	{ "bq--abc.example", RULE_NAME_RESERVED_LDH },
	{ "xn--99zz.example", RULE_NAME_FAKE_A_LABEL },
	{ "a.xn--0.example", RULE_NAME_FAKE_A_LABEL },
	{ "xn--a.example", RULE_NAME_IDNA },      /* a control character */
	{ "xn--n3h.example", RULE_NAME_IDNA },    /* a snowman */
	{ "xn--a-ecp.example", RULE_NAME_IDNA },  /* "1." in one character */
	{ "xn--0ca24w.example", RULE_NAME_IDNA }, /* two directions of writing */
	{ "xn--tda.example", OK },                /* u with diaeresis */
	{ "xn--u-ccb.example", RULE_NAME_IDNA },  /* the same letter from two characters */
	{ "a.123", RULE_NAME_NUMERIC_TLD },
	{ "1.2.3", RULE_NAME_NUMERIC_TLD },
	{ "1.2.3.4.5", RULE_NAME_NUMERIC_TLD },
	{ "256.1.1.1", RULE_NAME_NUMERIC_TLD },
};

static void forms(void **state)
{
	(void) state;
	ASSERT_ROWS("dns", form_rows, .internal = ".");
}

/* 253 characters are the most. */
static void length(void **state)
{
	(void) state;
	struct ctx c;
	ctx_init(&c);
	char name[300] = { 0 };
	for (size_t i = 0; i < 254; i++) {
		name[i] = i % 2 == 0 ? 'a' : '.';
	}
	name[253] = '\0';
	assert_int_equal(dns_name_form(c.arena, name).rule, RULE_NONE);
	memcpy(name + 251, "aaa", 4);
	assert_int_equal(dns_name_form(c.arena, name).rule, RULE_NAME_LENGTH);
	/* The star and the dot of a wildcard are of the name that has to stand in a certificate. */
	struct says says = { .internal = "." };
	struct policy *policy = make(&c, &says);
	char wildcard[300] = "*.";
	for (size_t i = 2; i < 254; i++) {
		wildcard[i] = i % 2 == 0 ? 'a' : '.';
	}
	wildcard[253] = '\0';
	const struct identifier fits = { "dns", wildcard };
	assert_int_equal(names_decide(c.arena, policy, &profile, &fits).rule, RULE_NONE);
	memcpy(wildcard + 251, "aaa", 4);
	assert_int_equal(names_decide(c.arena, policy, &profile, &fits).rule, RULE_NAME_LENGTH);
	seen[RULE_NAME_LENGTH] = true;
	policy_free(policy);
	ctx_done(&c);
}

/* The sentence helps. */
static void sentences(void **state)
{
	(void) state;
	struct ctx c;
	ctx_init(&c);
	assert_non_null(strstr(dns_name_form(c.arena, "m\xc3\xbcnchen.de").why, "order \"xn--mnchen-3ya.de\""));
	assert_non_null(strstr(dns_name_form(c.arena, "a.com:80").why, "\":\""));
	assert_non_null(strstr(dns_name_form(c.arena, "1.2.3.4").why, "type \"ip\""));
	struct says says = { .network = "2001:db8::/32" };
	struct policy *policy = make(&c, &says);
	const struct identifier ip = { "ip", "2001:DB8:0::1" };
	assert_non_null(strstr(names_decide(c.arena, policy, &profile, &ip).why, "2001:db8::1"));
	const struct identifier internal = { "dns", "printer.corp" };
	assert_non_null(strstr(names_decide(c.arena, policy, &profile, &internal).why, "policy.internal_names"));
	policy_free(policy);
	ctx_done(&c);
}

/* C-7, C-13, C-14, B-36 */
static void webpki(void **state)
{
	(void) state;
	static const struct row rows[] = {
		{ "example.com", OK },
		{ "www.example.co.uk", OK },
		{ "*.example.com", OK },
		{ "www.xn--fiqs8s", OK },
		{ "x.github.io", OK },
		{ "*.github.io", OK }, /* BR 3.2.2.6: the section of private domains should not count */
		{ "github.io", OK },
		{ "www.ck", OK }, /* an exception of the list */
		{ "a.b.c.d.e.f.g.h.example.com", OK },
		{ "com", RULE_NAME_PUBLIC_SUFFIX },
		{ "co.uk", RULE_NAME_PUBLIC_SUFFIX },
		{ "foo.ck", RULE_NAME_PUBLIC_SUFFIX },
		{ "xn--fiqs8s", RULE_NAME_PUBLIC_SUFFIX },
		{ "*.com", RULE_NAME_WILDCARD_SUFFIX },
		{ "*.co.uk", RULE_NAME_WILDCARD_SUFFIX },
		{ "*.foo.ck", RULE_NAME_WILDCARD_SUFFIX },
		{ "intranet", RULE_NAME_INTERNAL },
		{ "a.b.invalidtld", RULE_NAME_INTERNAL },
		{ "*.corp", RULE_NAME_INTERNAL },
		{ "a.test", RULE_NAME_RESERVED },
		{ "test", RULE_NAME_RESERVED },
		{ "printer.local", RULE_NAME_RESERVED },
		{ "localhost", RULE_NAME_RESERVED },
		{ "a.localhost", RULE_NAME_RESERVED },
		{ "a.example", RULE_NAME_RESERVED },
		{ "db.internal", RULE_NAME_RESERVED },
		{ "nas.home.arpa", RULE_NAME_RESERVED },
		{ "4.3.2.1.in-addr.arpa", RULE_NAME_REVERSE_ZONE },
		{ "1.0.0.ip6.arpa", RULE_NAME_REVERSE_ZONE },
		{ "e164.arpa", RULE_NAME_REVERSE_ZONE },
		{ "a.invalid", RULE_NAME_NOWHERE },
		{ "a.alt", RULE_NAME_NOWHERE },
		{ "facebookcorewwwi.onion", RULE_NAME_ONION }, /* B-36 */
		{ ONION, RULE_NAME_ONION },
		{ "xtest.com", OK }, /* labels, not letters */
		{ "a.b.c.d.e.f.g.h.i.example.com", RULE_NAME_LABELS },
	};
	ASSERT_ROWS("dns", rows, .mode = "webpki");
}

/* C-14: a private CA names the zones that are not in the public DNS. */
static void internal_names(void **state)
{
	(void) state;
	static const struct row none[] = {
		{ "example.com", OK },
		{ "com", OK },
		{ "a.test", RULE_NAME_RESERVED },
		{ "printer.local", RULE_NAME_RESERVED },
		{ "1.in-addr.arpa", RULE_NAME_REVERSE_ZONE },
		{ "intranet", RULE_NAME_INTERNAL },
		{ "db.corp", RULE_NAME_INTERNAL },
		{ "*.com", RULE_NAME_WILDCARD_SUFFIX },
	};
	ASSERT_ROWS("dns", none, .mode = "private");
	static const struct row corp[] = {
		{ "db.corp", OK },
		{ "corp", OK },
		{ "*.corp", OK },
		{ "example.com", OK },
		{ "a.test", RULE_NAME_RESERVED },
	};
	ASSERT_ROWS("dns", corp, .internal = "Corp");
	static const struct row all[] = {
		{ "a.test", OK },
		{ "intranet", OK },
		{ "printer.local", OK },
		{ "localhost", OK },
		{ "1.in-addr.arpa", OK },
		{ "a.invalid", RULE_NAME_NOWHERE },
		{ "a.onion", RULE_NAME_ONION },
	};
	ASSERT_ROWS("dns", all, .internal = ".");
	static const struct row permitted[] = {
		{ "db.corp", OK },
		{ "example.com", RULE_NAME_NOT_PERMITTED },
		{ "xcorp", RULE_NAME_NOT_PERMITTED },
		{ "a.test", RULE_NAME_NOT_PERMITTED },
	};
	ASSERT_ROWS("dns", permitted, .permitted = "corp");
}

/* B-35, B-36: where they can be validated, whatever the mode; the name itself says whether it is one. */
static void onion_services(void **state)
{
	(void) state;
	static const struct row rows[] = {
		{ ONION, OK },
		{ "www." ONION, OK },
		{ "*." ONION, OK },
		{ "*.www." ONION, OK },
		{ "facebookcorewwwi.onion", RULE_NAME_ONION_FORM },
		{ "c" ONION, RULE_NAME_ONION_FORM },
		{ "cbcweb3hytmzhn5d532owbu6oqadra5z3ar726vq5kgwwn6aucdccrad.onion", RULE_NAME_ONION_FORM },
		{ "a.onion", RULE_NAME_ONION_FORM },
		{ "*.onion", RULE_NAME_ONION_FORM },
		{ "onion", RULE_NAME_ONION_FORM },
		{ "w*." ONION, RULE_NAME_WILDCARD_FORM },
		{ ONION ".com", OK },
	};
	ASSERT_ROWS("dns", rows, .mode = "private", .onion = true);
	ASSERT_ROWS("dns", rows, .mode = "webpki", .onion = true);
	static const struct row permitted[] = { { ONION, OK }, { "a.com", RULE_NAME_NOT_PERMITTED } };
	ASSERT_ROWS("dns", permitted, .permitted = "onion", .onion = true);
	static const struct row others[] = { { ONION, RULE_NAME_NOT_PERMITTED } };
	ASSERT_ROWS("dns", others, .permitted = "a.com", .onion = true);
	static const struct row blocked_one[] = { { ONION, RULE_NAME_BLOCKED_CONFIG },
		{ "*." ONION, RULE_NAME_BLOCKED_CONFIG } };
	ASSERT_ROWS("dns", blocked_one, .blocked = ONION, .onion = true);
	static const struct row off[] = { { ONION, RULE_NAME_ONION }, { "*." ONION, RULE_NAME_ONION } };
	ASSERT_ROWS("dns", off, .internal = ".");
	assert_int_equal(identifier_kind(&(struct identifier) { "dns", "*." ONION }), IDENTIFIER_ONION);
	assert_int_equal(identifier_kind(&(struct identifier) { "dns", "www." ONION }), IDENTIFIER_ONION);
}

/* The zones of the validation authority's configuration are the operator's word, too. */
static void zones_of_validation(void **state)
{
	(void) state;
	static struct config_local_zone local = { "Dev.test.", "127.0.0.1" };
	static struct config_resolver resolver = { "corp.internal", "192.0.2.53@53", "off", { NULL, 0 } };
	static const struct row rows[] = {
		{ "a.dev.test", OK },
		{ "db.corp.internal", OK },
		{ "a.test", RULE_NAME_RESERVED },
	};
	config.va = (struct config_va) { .local_zones = { &local, 1 }, .resolvers = { &resolver, 1 } };
	ASSERT_ROWS("dns", rows, .mode = "private");
	static const struct row any[] = { { "a.test", OK }, { "intranet", OK } };
	resolver.zone = ".";
	ASSERT_ROWS("dns", any, .mode = "private");
	static const struct row strict[] = { { "a.dev.test", RULE_NAME_RESERVED } };
	ASSERT_ROWS("dns", strict, .mode = "webpki");
	config.va = (struct config_va) { .http01_port = 80 };
}

/* C-74 */
static void blocked(void **state)
{
	(void) state;
	static const char list[] =
	    "# test\n[domains]\n evil.example.com \nXN--mnchen-3ya.de\n\n[exact]\nwww.bank.com # one\n"
	    "[labels]\r\nautodiscover\nPayPal*\n[networks]\n9.9.9.0/24\n2620:fe::/48";
	static const struct row rows[] = {
		{ "example.com", OK },
		{ "evil.example.com", RULE_NAME_BLOCKED },
		{ "a.b.evil.example.com", RULE_NAME_BLOCKED },
		{ "*.evil.example.com", RULE_NAME_BLOCKED },
		{ "xevil.example.com", OK },
		{ "*.example.com", OK },
		{ "www.xn--mnchen-3ya.de", RULE_NAME_BLOCKED },
		{ "www.bank.com", RULE_NAME_BLOCKED_EXACT },
		{ "a.www.bank.com", OK },
		{ "bank.com", OK },
		{ "*.bank.com", RULE_NAME_BLOCKED_COVER },
		{ "*.www.bank.com", OK },
		{ "autodiscover.a.com", RULE_NAME_BLOCKED_LABEL },
		{ "*.autodiscover.a.com", RULE_NAME_BLOCKED_LABEL },
		{ "autodiscovery.a.com", OK },
		{ "a.autodiscover.com", OK },
		{ "paypal.a.com", RULE_NAME_BLOCKED_LABEL },
		{ "paypal-login.a.com", RULE_NAME_BLOCKED_LABEL },
		{ "paypa.a.com", OK },
		{ "by.configuration.com", RULE_NAME_BLOCKED_CONFIG },
		{ "configuration.com", RULE_NAME_BLOCKED_CONFIG },
		{ "*.configuration.com", RULE_NAME_BLOCKED_CONFIG },
	};
	ASSERT_ROWS("dns", rows, .list = list, .blocked = "Configuration.com");
	ASSERT_ROWS("dns", rows, .list = list, .blocked = "Configuration.com", .mode = "webpki");
	static const struct row rows_of_ip[] = {
		{ "9.9.9.1", RULE_IP_BLOCKED },
		{ "2620:fe::1", RULE_IP_BLOCKED },
	};
	ASSERT_ROWS("ip", rows_of_ip, .list = list);
}

/* B-7, B-11, B-12 */
static void addresses(void **state)
{
	(void) state;
	static const struct row rows[] = {
		{ "9.9.9.9", OK },
		{ "2620:fe::fe", OK },
		{ "2001:4860:4860::8888", OK },
		{ "2600:0:1:1:1:1:1:1", OK }, /* RFC 5952 4.2.2: one group of zeros is not shortened */
		{ "", RULE_IP_FORM },
		{ "010.0.0.1", RULE_IP_FORM },
		{ "1.2.3", RULE_IP_FORM },
		{ "9.9.9.9/32", RULE_IP_FORM },
		{ "[2620:fe::fe]", RULE_IP_FORM },
		{ "fe80::1%eth0", RULE_IP_FORM },
		{ "0x9.9.9.9", RULE_IP_FORM },
		{ "9.9.9.9 ", RULE_IP_FORM },
		{ "a.com", RULE_IP_FORM },
		{ "2620:FE::FE", RULE_IP_CANONICAL },
		{ "2620:fe:0:0:0:0:0:fe", RULE_IP_CANONICAL },
		{ "2620:00fe::fe", RULE_IP_CANONICAL },
		{ "::FFFF:1.2.3.4", RULE_IP_CANONICAL },
		{ "2600::1:1:1:1:1:1", RULE_IP_CANONICAL },
		{ "10.0.0.1", RULE_IP_SPECIAL },
		{ "127.0.0.1", RULE_IP_SPECIAL },
		{ "100.64.0.1", RULE_IP_SPECIAL },
		{ "192.0.2.1", RULE_IP_SPECIAL },
		{ "::1", RULE_IP_SPECIAL },
		{ "2001:db8::1", RULE_IP_SPECIAL },
		{ "fc00::1", RULE_IP_SPECIAL },
		{ "::ffff:1.2.3.4", RULE_IP_SPECIAL },
		{ "4000::1", RULE_IP_SPECIAL },
	};
	profile.life_s = INT64_C(604800);
	ASSERT_ROWS("ip", rows, .mode = "webpki");
	profile.life_s = INT64_C(604801);
	static const struct row too_long[] = { { "9.9.9.9", RULE_IP_LIFE }, { "10.0.0.1", RULE_IP_SPECIAL } };
	ASSERT_ROWS("ip", too_long, .mode = "webpki");
	profile.life_s = 7776000;
	ASSERT_ROWS("ip", rows, .mode = "private");
	static const struct row private_network[] = {
		{ "10.1.2.3", OK },
		{ "11.1.2.3", RULE_IP_NOT_PERMITTED },
		{ "192.168.0.1", RULE_IP_SPECIAL },
	};
	ASSERT_ROWS("ip", private_network, .network = "10.0.0.0/8");
	static const struct row only_names[] = { { "9.9.9.9", RULE_IP_NOT_PERMITTED } };
	ASSERT_ROWS("ip", only_names, .permitted = "corp");
	static const struct row still_special[] = { { "10.1.2.3", RULE_IP_SPECIAL } };
	ASSERT_ROWS("ip", still_special, .network = "10.0.0.0/8", .mode = "webpki");
}

/* D-31: an issuer that may sign for some names only */
static void issuers(void **state)
{
	(void) state;
	static const char *limits =
	    "permitted;DNS:corp.example,excluded;DNS:lab.corp.example,permitted;IP:9.9.9.0/255.255.255.0";
	static const struct row names[] = {
		{ "www.corp.example", OK },
		{ "www.elsewhere.example", RULE_NAME_ISSUER },
		{ "*.corp.example", RULE_NAME_ISSUER },
		{ "*.www.corp.example", OK },
		{ "lab.corp.example", RULE_NAME_ISSUER },
	};
	static const struct row addresses[] = { { "9.9.9.9", OK }, { "9.9.8.9", RULE_IP_ISSUER } };
	ASSERT_ROWS("dns", names, .internal = ".", .issuer = limits);
	ASSERT_ROWS("ip", addresses, .issuer = limits);
}

/* B-47: what no challenge can validate is refused, by the table of challenges. */
static void validatable(void **state)
{
	(void) state;
	assert_int_equal(identifier_kind(&(struct identifier) { "dns", "*.a.com" }), IDENTIFIER_WILDCARD);
	assert_int_equal(identifier_kind(&(struct identifier) { "dns", "a.com" }), IDENTIFIER_DNS);
	assert_int_equal(identifier_kind(&(struct identifier) { "ip", "9.9.9.9" }), IDENTIFIER_IP);
	struct ctx c;
	ctx_init(&c);
	struct says says = { .internal = "." };
	struct policy *policy = make(&c, &says);
	for (size_t i = 0; i < IDENTIFIER_KINDS; i++) {
		policy->offered[i] = false;
	}
	assert_row(&c, policy, "dns", &(struct row) { "a.com", RULE_NAME_UNVALIDATABLE });
	assert_row(&c, policy, "dns", &(struct row) { "*.a.com", RULE_NAME_WILDCARD_UNVALIDATABLE });
	assert_row(&c, policy, "dns", &(struct row) { "*.com", RULE_NAME_WILDCARD_SUFFIX });
	assert_row(&c, policy, "ip", &(struct row) { "9.9.9.9", RULE_IP_UNVALIDATABLE });
	assert_row(&c, policy, "ip", &(struct row) { "nonsense", RULE_IP_UNVALIDATABLE });
	assert_row(&c, policy, "email", &(struct row) { "a@b.com", RULE_TYPE_UNKNOWN });
	policy_free(policy);
	says.as_table = true;
	policy = make(&c, &says);
	static const struct text_list all = { NULL, 0 };
	for (size_t i = 0; i < IDENTIFIER_KINDS; i++) {
		assert_int_equal(policy->offered[i], challenge_offered_for(&all, (enum identifier_kind) i));
	}
	assert_true(policy->offered[IDENTIFIER_DNS]);
	policy_free(policy);
	ctx_done(&c);
}

/* B-47: what the configuration names and nothing else; drafts only where it names them */
static void switched_on(void **state)
{
	(void) state;
	static const char *http[] = { "http-01" };
	static const char *other[] = { "sms-01" };
	static const struct text_list all = { NULL, 0 };
	const struct text_list only_http = { http, 1 };
	const struct text_list only_other = { other, 1 };
	for (size_t i = 0; i < challenge_kinds_n; i++) {
		for (size_t k = 0; k < IDENTIFIER_KINDS; k++) {
			const struct challenge_kind *challenge = &challenge_kinds[i];
			enum identifier_kind kind = (enum identifier_kind) k;
			bool is_http = strcmp(challenge->type, "http-01") == 0;
			assert_int_equal(
			    challenge_is_offered(&all, challenge, kind), challenge->validates[kind] && !challenge->on_request);
			assert_int_equal(challenge_is_offered(&only_http, challenge, kind), challenge->validates[kind] && is_http);
		}
	}
	assert_false(challenge_offered_for(&only_http, IDENTIFIER_WILDCARD));
	assert_null(challenge_kind_find("sms-01")); /* C-1 */
	assert_null(challenge_kind_find(NULL));
	struct ctx c;
	ctx_init(&c);
	config.policy.challenges = only_other;
	struct policy_sources sources = { .config = &config };
	struct policy *policy = NULL;
	assert_int_equal(policy_parse(&c, &sources, &policy), -1);
	assert_non_null(strstr(c.err.detail, "policy.challenges: this server has no challenge \"sms-01\"; it has http-01"));
	config.policy.challenges = all;
	ctx_done(&c);
}

static void check_standing(const struct policy_sources *sources, const char *refusal)
{
	struct ctx c;
	struct policy *policy = NULL;
	ctx_init(&c);
	bool refused = policy_parse(&c, sources, &policy) != 0;
	if (refused != (refusal != NULL) || (refused && strstr(c.err.detail, refusal) == NULL)) {
		fail_msg("%s: %s", refusal, c.err.detail);
	}
	policy_free(policy);
	ctx_done(&c);
}

/* B-28, B-32, A-81: what a challenge object of dns-persist-01 can't say, or an order can't rely on, is refused at the start. */
static void standing(void **state)
{
	static const char *types[] = { "dns-01", "dns-persist-01" };
	static const char *good[] = { "ca.test", "localhost", "xn--bcher-kva.example", "d.test", "e.test", "f.test",
		"g.test", "h.test", "i.test", "j.test", "k.test" };
	static const char *bad[] = { "CA.test", "ca.test.", "b\303\274cher.example", "ca..test", "" };
	struct config_profile profiles[] = { { .name = "short", .order_life_s = 864000 },
		{ .name = "long", .order_life_s = 864000 } };
	struct config tried = { .policy = { .mode = "private", .challenges = { types, 2 }, .profiles = { profiles, 2 } } };
	const struct policy_sources sources = { .config = &tried };
	(void) state;
	for (size_t n = 0; n <= COUNT_OF(good); n++) {
		tried.acme.caa_identities = (struct text_list) { good, n };
		check_standing(&sources, n == 0 || n > 10 ? "dns-persist-01 needs 1 to 10 acme.caa_identities" : NULL);
	}
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		tried.acme.caa_identities = (struct text_list) { bad + i, 1 };
		check_standing(&sources, "domain names in lower case");
	}
	tried.acme.caa_identities = (struct text_list) { good, 1 };
	profiles[1].order_life_s++;
	check_standing(&sources, "the order_life of profile long may be 10d at most");
	tried.policy.challenges.n = 1;
	check_standing(&sources, NULL);
}

/* B-37: no nonce may be answered after 30 days. */
static void nonces_end(void **state)
{
	static const char *types[] = { "dns-01", "onion-csr-01" };
	struct config_profile one = { .name = "long", .order_life_s = 30 * 86400 };
	struct config tried = { .policy = { .mode = "private", .challenges = { types, 2 }, .profiles = { &one, 1 } } };
	const struct policy_sources sources = { .config = &tried };
	(void) state;
	check_standing(&sources, NULL);
	one.order_life_s++;
	check_standing(&sources, "policy.profiles.order_life: onion-csr-01 allows 30d at most, and long has more");
	tried.policy.challenges.n = 1;
	check_standing(&sources, NULL);
}

static int check(
    struct ctx *c, const struct policy *policy, struct identifier *v, size_t n, struct identifier_list *ret)
{
	return names_check(c, policy, &profile, &(struct identifier_list) { v, n }, ret);
}

/* */
static void lists(void **state)
{
	(void) state;
	struct ctx c;
	ctx_init(&c);
	struct says says = { .internal = "." };
	struct policy *policy = make(&c, &says);
	struct identifier in[] = { { "dns", "B.test" }, { "dns", "a.test" }, { "dns", "b.TEST" } };
	struct identifier_list list = { NULL, 0 };
	profile.max_names = 2; /* merged, then counted */
	assert_int_equal(check(&c, policy, in, 3, &list), 0);
	assert_int_equal(list.n, 2);
	assert_string_equal(list.v[0].value, "b.test");
	assert_string_equal(list.v[1].value, "a.test");
	profile.max_names = 1;
	assert_int_equal(check(&c, policy, in, 3, &list), -1);
	assert_int_equal(c.err.type, PROBLEM_INVALID_PROFILE); /* B-21 */
	profile.max_names = 100;
	ctx_forgive(&c);
	assert_int_equal(check(&c, policy, in, 0, &list), -1);
	assert_int_equal(c.err.type, PROBLEM_MALFORMED);
	policy_free(policy);
	ctx_done(&c);
}

/* each refused identifier with its rule */
static void problems(void **state)
{
	(void) state;
	struct ctx c;
	ctx_init(&c);
	struct says says = { .internal = "." };
	struct policy *policy = make(&c, &says);
	struct identifier_list list = { NULL, 0 };
	struct identifier one[] = { { "dns", "fine.test" }, { "dns", "A_b.test" } };
	assert_int_equal(check(&c, policy, one, 2, &list), -1);
	assert_int_equal(c.err.type, PROBLEM_REJECTED_IDENTIFIER);
	assert_string_equal(c.err.rule, "name.underscore");
	assert_string_equal(c.err.detail, "a_b.test: The name can't be ordered: host names have no underscores");
	ctx_forgive(&c);
	struct identifier bad[] = { { "dns", "a_b.test" }, { "dns", "fine.test" }, { "dns", "1.1.1.1" }, { "email", "x@y" },
		{ "dns", "c_d.test" } };
	assert_int_equal(check(&c, policy, bad, COUNT_OF(bad), &list), -1);
	assert_int_equal(c.err.type, PROBLEM_REJECTED_IDENTIFIER);
	assert_int_equal(c.err.subproblems.n, 4);
	assert_string_equal(c.err.rule, "name.underscore,name.address,type.unknown");
	assert_string_equal(c.err.subproblems.v[1].identifier_value, "1.1.1.1");
	assert_string_equal(c.err.subproblems.v[1].rule, "name.address");
	assert_int_equal(c.err.subproblems.v[2].type, PROBLEM_UNSUPPORTED_IDENTIFIER);
	ctx_forgive(&c);
	struct identifier email[] = { { "email", "b@test" } };
	assert_int_equal(check(&c, policy, email, 1, &list), -1);
	assert_int_equal(c.err.type, PROBLEM_UNSUPPORTED_IDENTIFIER);
	ctx_forgive(&c);
	struct identifier ip[] = { { "ip", "9.9.9.9" } };
	assert_int_equal(check(&c, policy, ip, 1, &list), 0);
	policy->webpki = true;
	assert_int_equal(check(&c, policy, ip, 1, &list), -1);
	assert_int_equal(c.err.type, PROBLEM_INVALID_PROFILE); /* B-12 */
	ctx_forgive(&c);
	policy->offered[IDENTIFIER_IP] = false;
	assert_int_equal(check(&c, policy, ip, 1, &list), -1);
	assert_int_equal(c.err.type, PROBLEM_UNSUPPORTED_IDENTIFIER);
	policy_free(policy);
	ctx_done(&c);
}

/* Runs last: no rule about identifiers without a row above. */
static void every_rule_was_seen(void **state)
{
	(void) state;
	for (enum rule rule = RULE_NONE + 1; rule < RULE_COUNT; rule++) {
		const char *id = rule_info(rule)->id; /* test_keys.c, test_profiles.c, test_policy_rows.c show the others */
		bool elsewhere =
		    strncmp(id, "key.", 4) == 0 || strncmp(id, "profile.", 8) == 0 || rule == RULE_NAME_NOT_GRANTED;
		if (!seen[rule] && !elsewhere) {
			fail_msg("no row shows %s", id);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(forms),
		cmocka_unit_test(length),
		cmocka_unit_test(sentences),
		cmocka_unit_test(webpki),
		cmocka_unit_test(internal_names),
		cmocka_unit_test(zones_of_validation),
		cmocka_unit_test(blocked),
		cmocka_unit_test(addresses),
		cmocka_unit_test(issuers),
		cmocka_unit_test(validatable),
		cmocka_unit_test(switched_on),
		cmocka_unit_test(standing),
		cmocka_unit_test(nonces_end),
		cmocka_unit_test(onion_services),
		cmocka_unit_test(lists),
		cmocka_unit_test(problems),
		cmocka_unit_test(every_rule_was_seen),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
