#include "lib/base/config_check.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define DURATION_MAX_S ((int64_t) 100 * 366 * 86400)

/* Up to 9 decimal digits, the whole text. */
static int number_parse(const char *text, int64_t max, int64_t *ret)
{
	size_t n = strlen(text);
	if (n == 0 || n > 9 || strspn(text, "0123456789") != n || strtoll(text, NULL, 10) > max) {
		return -1;
	}
	*ret = strtoll(text, NULL, 10);
	return 0;
}

int address_parse(struct arena *a, const char *text, struct address *ret)
{
	const char *colon = strrchr(text, ':');
	int64_t port = 0;
	if (colon == NULL || colon == text || number_parse(colon + 1, 65535, &port) != 0) {
		return -1;
	}
	bool brackets = text[0] == '[' && colon[-1] == ']';
	size_t skip = brackets ? 1 : 0;
	const char *host = arena_text_n(a, text + skip, (size_t) (colon - text) - 2 * skip);
	struct in6_addr v6;
	if (brackets ? inet_pton(AF_INET6, host, &v6) != 1 : strpbrk(host, ":[]/@ ") != NULL) {
		return -1;
	}
	*ret = (struct address) { host, (uint16_t) port };
	return 0;
}

int duration_parse(const char *text, int64_t *ret_s)
{
	static const struct {
		char letter;
		int64_t seconds;
	} units[] = { { 'd', 86400 }, { 'h', 3600 }, { 'm', 60 }, { 's', 1 } };
	size_t digits = strspn(text, "0123456789");
	if (digits == 0 || digits > 9 || text[digits] == '\0' || text[digits + 1] != '\0') {
		return -1;
	}
	for (size_t i = 0; i < COUNT_OF(units); i++) {
		int64_t s = strtoll(text, NULL, 10) * units[i].seconds;
		if (units[i].letter == text[digits] && s > 0 && s <= DURATION_MAX_S) {
			*ret_s = s;
			return 0;
		}
	}
	return -1;
}

/* Each returns what the value must be, or NULL when it is that. */
typedef const char *refusal(struct arena *a, const char *value);

static const char *not_https(struct arena *a, const char *value)
{
	static const char scheme[] = "https://";
	static const char must[] = "must be https://host or https://host:port without a path";
	struct address address;
	if (strncmp(value, scheme, strlen(scheme)) != 0 || value[strlen(scheme)] == '\0') {
		return must;
	}
	const char *host = value + strlen(scheme);
	const char *behind = strrchr(host, ']') == NULL ? host : strrchr(host, ']');
	const char *full = strchr(behind, ':') != NULL ? host : arena_printf(a, "%s:443", host);
	return address_parse(a, full, &address) == 0 && strpbrk(address.host, "?#\\") == NULL ? NULL : must;
}

static const char *not_url(struct arena *a, const char *value)
{
	(void) a;
	bool known = strncmp(value, "https://", 8) == 0 || strncmp(value, "http://", 7) == 0;
	return known && strpbrk(value, " \"<>\\\r\n\t") == NULL ? NULL : "must be an http or https URL";
}

/* D-15: what is written into certificates is plain HTTP. */
static const char *not_http(struct arena *a, const char *value)
{
	return strncmp(value, "http://", 7) == 0 && not_url(a, value) == NULL ? NULL : "must be an http URL";
}

static const char *not_address(struct arena *a, const char *value)
{
	struct address address;
	return address_parse(a, value, &address) == 0 ? NULL : "must be host:port";
}

static const char *not_ip(struct arena *a, const char *value)
{
	(void) a;
	uint8_t ip[16];
	return inet_pton(AF_INET, value, ip) == 1 || inet_pton(AF_INET6, value, ip) == 1 ? NULL : "must be an IP address";
}

static const char *not_network(struct arena *a, const char *value)
{
	static const char must[] = "must be a network such as 10.0.0.0/8 or fd00::/8";
	const char *slash = strchr(value, '/');
	int64_t bits = 0;
	if (slash == NULL || not_ip(a, arena_text_n(a, value, (size_t) (slash - value))) != NULL) {
		return must;
	}
	return number_parse(slash + 1, strchr(value, ':') == NULL ? 32 : 128, &bits) == 0 ? NULL : must;
}

static const char *not_forward(struct arena *a, const char *value)
{
	static const char must[] = "must be ADDRESS@PORT";
	const char *at = strchr(value, '@');
	int64_t port = 0;
	if (at == NULL || not_ip(a, arena_text_n(a, value, (size_t) (at - value))) != NULL) {
		return must;
	}
	return number_parse(at + 1, 65535, &port) == 0 && port > 0 ? NULL : must;
}

#define TEXT(m, check) \
	{ \
#m, offsetof(struct config, m), false, check \
	}
#define LIST(m, check) \
	{ \
#m, offsetof(struct config, m), true, check \
	}
#define PROCESS(section) \
	{ #section ".rpc_listen", offsetof(struct config, section.process.rpc_listen), true, not_address }, \
	{ \
#section ".metrics_listen", offsetof(struct config, section.process.metrics_listen), false, not_address \
	}

static const struct {
	const char *key;
	size_t offset;
	bool list;
	refusal *refused;
} checks[] = {
	TEXT(acme.external_url, not_https),
	LIST(acme.former_external_urls, not_https),
	TEXT(acme.terms_of_service, not_url),
	TEXT(acme.website, not_url),
	TEXT(acme.rate_limits_url, not_url),
	LIST(rpc.wfe, not_address),
	LIST(rpc.ra, not_address),
	LIST(rpc.va, not_address),
	LIST(rpc.ca, not_address),
	LIST(rpc.subscriber, not_address),
	PROCESS(wfe),
	PROCESS(ra),
	PROCESS(va),
	PROCESS(ca),
	PROCESS(subscriber),
	TEXT(wfe.rpc_address, not_address),
	LIST(wfe.listen, not_address),
	LIST(wfe.http_listen, not_address),
	LIST(wfe.trusted_proxies, not_network),
	LIST(va.allow_networks, not_network),
	LIST(va.deny_networks, not_network),
	LIST(policy.permitted_networks, not_network),
};

static int refuse(struct ctx *c, const char *key, const char *value, const char *why)
{
	return FAIL(c, MALFORMED, "%s: \"%s\" %s", key, value, why);
}

static int check_value(struct ctx *c, const char *key, const char *value, refusal *refused)
{
	const char *why = value == NULL ? NULL : refused(c->arena, value);
	return why == NULL ? 0 : refuse(c, key, value, why);
}

static int check_texts(struct ctx *c, const struct config *config)
{
	for (size_t i = 0; i < COUNT_OF(checks); i++) {
		const void *member = (const char *) config + checks[i].offset;
		const char *const *text = member;
		const struct text_list *list = member;
		if (!checks[i].list) {
			TRY(check_value(c, checks[i].key, *text, checks[i].refused));
			continue;
		}
		for (size_t k = 0; k < list->n; k++) {
			TRY(check_value(c, checks[i].key, list->v[k], checks[i].refused));
		}
	}
	return 0;
}

static int check_duration(struct ctx *c, const char *key, const char *text, int64_t *ret_s)
{
	return duration_parse(text, ret_s) == 0 ? 0 : refuse(c, key, text, "must be a time such as 90d, 12h, 30m or 45s");
}

static const char *not_identifier_type(struct arena *a, const char *value)
{
	(void) a;
	return strcmp(value, "dns") == 0 || strcmp(value, "ip") == 0 ? NULL : "must be dns or ip";
}

static const char *not_key_type(struct arena *a, const char *value)
{
	(void) a;
	return strcmp(value, "rsa") == 0 || strcmp(value, "ecdsa") == 0 ? NULL : "must be rsa or ecdsa";
}

static const char *not_id(struct arena *a, const char *value)
{
	struct id id;
	(void) a;
	return id_parse(bytes_of_text(value), &id) == 0 ? NULL : "must be the 22 characters of an id";
}

static int check_profile_lists(struct ctx *c, const struct config_profile *p)
{
	const struct {
		const char *key;
		const struct text_list *list;
		refusal *refused;
	} lists[] = {
		{ "policy.profiles.identifier_types", &p->identifier_types, not_identifier_type },
		{ "policy.profiles.key_types", &p->key_types, not_key_type },
		{ "policy.profiles.accounts", &p->accounts, not_id },
		{ "policy.profiles.eab_keys", &p->eab_keys, not_id },
	};
	for (size_t i = 0; i < COUNT_OF(lists); i++) {
		for (size_t k = 0; k < lists[i].list->n; k++) {
			TRY(check_value(c, lists[i].key, lists[i].list->v[k], lists[i].refused));
		}
	}
	return 0;
}

#define LIFE_MIN_S 60
#define VISITS_PER_MINUTE 1200
#define TOKEN_LIFE_MAX_S 2592000

static int check_profile_times(struct ctx *c, struct config_profile *p, int64_t backdate_s)
{
	TRY(check_duration(c, "policy.profiles.life", p->life, &p->life_s));
	if (p->life_s < LIFE_MIN_S) {
		return refuse(c, "policy.profiles.life", p->life, "must not be less than a minute");
	}
	TRY(check_duration(c, "policy.profiles.order_life", p->order_life, &p->order_life_s));
	TRY(check_duration(c, "policy.profiles.authorization_life", p->authorization_life, &p->authorization_life_s));
	if (p->authorization_life_s < p->order_life_s) { /* a ready order never outlives what made it ready */
		return refuse(
		    c, "policy.profiles.authorization_life", p->authorization_life, "must not be less than order_life");
	}
	if (p->order_life_s > TOKEN_LIFE_MAX_S) { /* B-5, C-9: nor does a token outlive its order */
		return refuse(c, "policy.profiles.order_life", p->order_life, "must not be more than 30d");
	}
	if (p->backdate_s < 0) {
		p->backdate_s = backdate_s < p->life_s / 2 ? backdate_s : p->life_s / 2;
	}
	if (p->backdate_s > p->life_s / 2) { /* B-24 */
		return refuse(c, "policy.profiles.backdate_s", arena_printf(c->arena, "%lld", (long long) p->backdate_s),
		    arena_printf(c->arena, "must not be more than half of the life of the profile %s", p->name));
	}
	return 0;
}

static int check_profiles(struct ctx *c, struct config_profile_list *list, int64_t backdate_s)
{
	size_t offered = 0;
	for (size_t i = 0; i < list->n; i++) {
		struct config_profile *p = &list->v[i];
		offered += p->withdrawn ? 0 : 1;
		TRY(check_profile_lists(c, p));
		TRY(check_profile_times(c, p, backdate_s));
		for (size_t k = 0; k < i; k++) {
			if (strcmp(list->v[k].name, p->name) == 0) {
				return refuse(c, "policy.profiles.name", p->name, "stands twice");
			}
		}
	}
	return offered > 0 ? 0 : FAIL(c, MALFORMED, "policy.profiles: one at least must not be withdrawn");
}

static int check_limits(struct ctx *c, const struct config_limit_list *list)
{
	for (size_t i = 0; i < list->n; i++) {
		if (strcmp(list->v[i].name, "CertificatesPerDomainPerAccount") == 0) {
			return refuse(c, "policy.limits.name", list->v[i].name, "is for overrides only: cairn limits set");
		}
		for (size_t k = 0; k < i; k++) {
			if (strcmp(list->v[k].name, list->v[i].name) == 0) {
				return refuse(c, "policy.limits.name", list->v[i].name, "stands twice");
			}
		}
	}
	return 0;
}

static int check_issuers(struct ctx *c, const struct config_issuer_list *list)
{
	for (size_t i = 0; i < list->n; i++) {
		TRY(check_value(c, "ca.issuers.crl_url", list->v[i].crl_url, not_http));
		TRY(check_value(c, "ca.issuers.aia_url", list->v[i].aia_url, not_http));
		TRY(check_value(c, "ca.issuers.ocsp_url", list->v[i].ocsp_url, not_http));
	}
	return 0;
}

static const char *not_plain_name(struct arena *a, const char *value)
{
	(void) a;
	bool plain = strspn(value, "abcdefghijklmnopqrstuvwxyz0123456789-") == strlen(value);
	return plain ? NULL : "must be of small letters, digits and -";
}

static int check_perspectives(struct ctx *c, const struct config_perspective_list *list)
{
	for (size_t i = 0; i < list->n; i++) {
		const struct config_perspective *p = &list->v[i];
		TRY(check_value(c, "va.perspectives.name", p->name, not_plain_name));
		TRY(check_value(c, "va.perspectives.address", p->address, not_address));
		TRY(check_value(c, "va.perspectives.resolver", p->resolver[0] == '\0' ? NULL : p->resolver, not_forward));
	}
	return 0;
}

static int check_va(struct ctx *c, const struct config_va *va)
{
	for (size_t i = 0; i < va->resolvers.n; i++) {
		TRY(check_value(c, "va.resolvers.forward", va->resolvers.v[i].forward, not_forward));
	}
	for (size_t i = 0; i < va->root_servers.n; i++) {
		TRY(check_value(c, "va.root_servers", va->root_servers.v[i], not_forward));
	}
	TRY(check_perspectives(c, &va->perspectives));
	for (size_t i = 0; i < va->local_zones.n; i++) {
		TRY(check_value(c, "va.local_zones.address", va->local_zones.v[i].address, not_ip));
	}
	return 0;
}

static int check_retention(struct ctx *c, struct config_retention_list *list)
{
	for (size_t i = 0; i < list->n; i++) {
		struct config_retention *r = &list->v[i];
		if (strcmp(r->keep, "forever") == 0) {
			r->keep_s = INT64_MAX;
		} else {
			TRY(check_duration(c, "retention.keep", r->keep, &r->keep_s));
		}
	}
	return 0;
}

#define SWITCH(member) \
	{ \
#member, offsetof(struct config, member) \
	}

static const struct {
	const char *key;
	size_t offset;
} test_switches[] = {
	SWITCH(acme.nonce_reject_percent),
	SWITCH(test.busy_percent),
	SWITCH(test.rate_limited_percent),
	SWITCH(test.hold_authorizations_s),
};

const char *config_test_switches(struct arena *a, const struct config *config)
{
	const char *all = NULL;
	for (size_t i = 0; i < COUNT_OF(test_switches); i++) {
		const int64_t *value = (const void *) ((const char *) config + test_switches[i].offset);
		if (*value != 0) {
			all = arena_printf(a, "%s%s%s=%lld", all == NULL ? "" : all, all == NULL ? "" : ", ", test_switches[i].key,
			    (long long) *value);
		}
	}
	return all;
}

/* nobody's real certificate may wait for the dice. */
static int check_test(struct ctx *c, const struct config *config)
{
	const char *on = config_test_switches(c->arena, config);
	bool allowed = on == NULL || strcmp(config->policy.mode, "private") == 0;
	return allowed ? 0 : FAIL(c, MALFORMED, "%s: only for policy.mode private", on);
}

/* H-8; H-20: logs publish what they are shown. */
static int check_ct(struct ctx *c, const struct config *config)
{
	const char *key = config->ct.log_list_key_file;
	const char *signature = config->ct.log_list_signature_file;
	if ((key == NULL) != (signature == NULL) || (key != NULL && config->ct.log_list_file == NULL)) {
		return FAIL(c, MALFORMED,
		    "ct.log_list_key_file and ct.log_list_signature_file: both, with ct.log_list_file, or neither");
	}
	bool asks = config->ct.log_list_file != NULL && !config_is_webpki(&config->policy) && !config->ct.private_names;
	return asks ? FAIL(c, MALFORMED,
	                  "ct.log_list_file: in mode private this shows all names to logs, which publish them; say so with "
	                  "ct.private_names: true, or leave it out")
	            : 0;
}

/* H-12, D-57 */
static int check_logged(struct ctx *c, const struct config *config)
{
	bool lists = config->ct.log_list_file != NULL;
	if (lists && config->ct.not_logged) {
		return FAIL(c, MALFORMED, "ct.not_logged: is not for a CA that has ct.log_list_file");
	}
	return lists || !config_promises(config)
	           ? 0
	           : FAIL(c, MALFORMED,
	                 "ct.log_list_file: policy.mode webpki needs one, as browsers refuse certificates that no "
	                 "transparency log has; if none is to be logged, say so with ct.not_logged: true");
}

int config_check(struct ctx *c, struct config *config)
{
	TRY(check_texts(c, config));
	TRY(check_profiles(c, &config->policy.profiles, config->ca.backdate_s));
	TRY(check_limits(c, &config->policy.limits));
	TRY(check_issuers(c, &config->ca.issuers));
	TRY(config_check_ca(c, config));
	TRY(check_va(c, &config->va));
	TRY(check_test(c, config));
	TRY(check_ct(c, config));
	TRY(config_check_va(c, config));
	TRY(check_logged(c, config));
	bool webpki = config_is_webpki(&config->policy);
	if (config->wfe.visits_per_minute < 0) { /* B-18 */
		config->wfe.visits_per_minute = webpki ? VISITS_PER_MINUTE : 0;
	}
	TRY(config_check_recovery(c, config));
	TRY(config_check_alarm(c, config));
	return check_retention(c, &config->retention);
}
