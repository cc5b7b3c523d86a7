#include "policy/limits.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/base64.h"
#include "lib/base/buffer.h"
#include "lib/base/ip.h"
#include "lib/crypto/digest.h"

static const struct {
	struct limit_info info;
	struct limit webpki;
} rows[LIMIT_COUNT] = {
#define LIMIT(id, limit_name, by, n, seconds, at_once, of) \
	[LIMIT_##id] = { { .name = (limit_name), .key = LIMIT_BY_##by, .what = (of) }, { (n), (seconds), (at_once) } },
#include "lib/base/limits.def"
#undef LIMIT
};

static const struct field use_field[] = {
	FIELD(struct limit_use, name),
	FIELD(struct limit_use, key),
	FIELD(struct limit_use, own_key),
	FIELD(struct limit_use, count),
	FIELD(struct limit_use, period_s),
	FIELD(struct limit_use, burst),
	FIELD(struct limit_use, spend),
};
static const struct fields use_fields = FIELDS(struct limit_use, use_field);

static const struct field ask_field[] = {
	FIELD(struct limit_ask, key),
	FIELD(struct limit_ask, set),
	FIELD(struct limit_ask, pausing),
	FIELD_STRUCTS(struct limit_ask, uses, &use_fields),
};
const struct fields limit_ask_fields = FIELDS(struct limit_ask, ask_field);

const struct limit_info *limit_info(enum limit_kind kind)
{
	return &rows[kind].info;
}

bool limit_find(const char *name, enum limit_kind *ret)
{
	for (size_t i = 0; i < LIMIT_COUNT; i++) {
		if (strcmp(rows[i].info.name, name) == 0) {
			*ret = (enum limit_kind) i;
			return true;
		}
	}
	return false;
}

/* Else anybody could have mails sent to people who never asked for any. */
static bool guards_mailboxes(enum limit_kind kind)
{
	return kind == LIMIT_RECOVERIES_PER_IP_ADDRESS || kind == LIMIT_RECOVERIES_PER_ACCOUNT ||
	       kind == LIMIT_RECOVERIES_PER_CONTACT;
}

struct limits limits_of_config(const struct config_policy *config)
{
	struct limits limits = { 0 };
	bool webpki = config_is_webpki(config);
	for (size_t i = 0; i < LIMIT_COUNT; i++) {
		if (webpki || guards_mailboxes((enum limit_kind) i)) {
			limits.v[i] = rows[i].webpki;
		}
	}
	for (size_t i = 0; i < config->limits.n; i++) {
		const struct config_limit *one = &config->limits.v[i];
		enum limit_kind kind = LIMIT_COUNT;
		if (limit_find(one->name, &kind)) {
			limits.v[kind] = (struct limit) { one->count, one->period_s, one->burst };
		}
	}
	for (size_t i = 0; i < LIMIT_COUNT; i++) {
		struct limit *one = &limits.v[i];
		one->burst = one->burst > 0 ? one->burst : one->count > 0 ? one->count : 1;
	}
	return limits;
}

static const char *network_of(struct arena *a, struct ip ip, size_t octets)
{
	memset(ip.b + octets, 0, sizeof(ip.b) - octets);
	return arena_printf(a, "%s/%zu", ip_encode(a, &ip), octets * 8);
}

const char *limits_network(struct arena *a, const char *address)
{
	struct ip ip;
	return ip_parse(address, &ip) == 0 ? network_of(a, ip, ip.v6 ? 8 : 4) : NULL;
}

const char *limits_domain(struct arena *a, const psl_ctx_t *psl, const struct identifier *identifier)
{
	if (strcmp(identifier->type, "ip") == 0) {
		const char *network = limits_network(a, identifier->value);
		return network == NULL ? identifier->value : network;
	}
	const char *name = identifier->value + (strncmp(identifier->value, "*.", 2) == 0 ? 2 : 0);
	const char *domain = psl_registrable_domain(psl, name);
	return domain == NULL ? name : domain; /* a public suffix itself, such as one of the private part */
}

const char *limits_range(struct arena *a, const char *address)
{
	struct ip ip;
	return ip_parse(address, &ip) == 0 && ip.v6 ? network_of(a, ip, 6) : NULL;
}

static int by_text(const void *a, const void *b)
{
	const char *const *x = a;
	const char *const *y = b;
	return strcmp(*x, *y);
}

const char *limits_set(struct arena *a, const struct identifier_list *identifiers)
{
	const char **sorted = ARENA_ARRAY(a, identifiers->n, const char *);
	struct buffer b;
	uint8_t digest[SHA256_SIZE];
	buffer_init(&b, a, 256);
	for (size_t i = 0; i < identifiers->n; i++) {
		sorted[i] = arena_printf(a, "%s %s\n", identifiers->v[i].type, identifiers->v[i].value);
	}
	qsort(sorted, identifiers->n, sizeof(*sorted), by_text);
	for (size_t i = 0; i < identifiers->n; i++) {
		if (i == 0 || strcmp(sorted[i], sorted[i - 1]) != 0) {
			buffer_add_text(&b, sorted[i]);
		}
	}
	sha256_of(buffer_bytes(&b), digest);
	return hex_encode(a, (struct bytes) { digest, sizeof(digest) });
}

static bool is_on(const struct limits *limits, enum limit_kind kind)
{
	return limits->v[kind].count > 0;
}

/* One more bucket, unless its limit is off or it stands there already. The list has room. */
static void add(struct limit_ask *ask, const struct limits *limits, enum limit_kind kind, struct limit_use use)
{
	const struct limit *limit = &limits->v[kind];
	use.name = rows[kind].info.name;
	for (size_t i = 0; i < ask->uses.n; i++) {
		if (strcmp(ask->uses.v[i].name, use.name) == 0 && strcmp(ask->uses.v[i].key, use.key) == 0) {
			return;
		}
	}
	if (is_on(limits, kind)) {
		use.count = limit->count;
		use.period_s = limit->period_s;
		use.burst = limit->burst;
		ask->uses.v[ask->uses.n++] = use;
	}
}

static const char *encode(struct arena *a, const struct limit_ask *ask)
{
	return (const char *) fields_to_json(a, &limit_ask_fields, ask).p;
}

bool limits_know_renewals(const struct limits *limits)
{
	return is_on(limits, LIMIT_NEW_ORDERS_PER_ACCOUNT) || is_on(limits, LIMIT_CERTIFICATES_PER_DOMAIN);
}

const char *limits_for_account(struct arena *a, const struct limits *limits, const char *address)
{
	struct limit_ask ask = { .uses = { ARENA_ARRAY(a, 2, struct limit_use), 0 } };
	if (!is_on(limits, LIMIT_NEW_REGISTRATIONS_PER_IP_ADDRESS) &&
	    !is_on(limits, LIMIT_NEW_REGISTRATIONS_PER_IPV6_RANGE)) {
		return NULL;
	}
	struct ip ip;
	if (address == NULL || ip_parse(address, &ip) != 0) {
		return NULL;
	}
	const char *range = limits_range(a, address);
	add(&ask, limits, LIMIT_NEW_REGISTRATIONS_PER_IP_ADDRESS, (struct limit_use) { .key = address, .spend = true });
	if (range != NULL) {
		add(&ask, limits, LIMIT_NEW_REGISTRATIONS_PER_IPV6_RANGE, (struct limit_use) { .key = range, .spend = true });
	}
	return encode(a, &ask);
}

static const char *account_text(struct arena *a, struct id id)
{
	char text[ID_TEXT_SIZE];
	id_encode(id, text);
	return arena_text(a, text);
}

const char *limits_for_binding(struct arena *a, const struct limits *limits, const char *address)
{
	struct limit_use use = { .key = address == NULL ? NULL : limits_network(a, address), .spend = true };
	struct limit_ask ask = { .uses = { ARENA_NEW(a, struct limit_use), 0 } };
	if (use.key == NULL || !is_on(limits, LIMIT_FAILED_BINDINGS_PER_IP_ADDRESS)) {
		return NULL;
	}
	add(&ask, limits, LIMIT_FAILED_BINDINGS_PER_IP_ADDRESS, use);
	return encode(a, &ask);
}

const char *limits_for_step(struct arena *a, const struct limits *limits, enum limit_kind kind, struct id account_id)
{
	struct limit_ask ask = { .uses = { ARENA_NEW(a, struct limit_use), 0 } };
	if (!is_on(limits, kind)) {
		return NULL;
	}
	add(&ask, limits, kind, (struct limit_use) { .key = account_text(a, account_id), .spend = true });
	return encode(a, &ask);
}

const char *limits_for_claim(struct arena *a, const struct limits *limits, const struct limit_claim *claim)
{
	struct limit_ask ask = { .uses = { ARENA_ARRAY(a, 3, struct limit_use), 0 } };
	const char *network = claim->address == NULL ? NULL : limits_network(a, claim->address);
	if (network != NULL) {
		add(&ask, limits, LIMIT_RECOVERIES_PER_IP_ADDRESS, (struct limit_use) { .key = network, .spend = true });
	}
	add(&ask, limits, LIMIT_RECOVERIES_PER_ACCOUNT,
	    (struct limit_use) { .key = account_text(a, claim->account_id), .spend = true });
	add(&ask, limits, LIMIT_RECOVERIES_PER_CONTACT, (struct limit_use) { .key = claim->contact_key, .spend = true });
	return ask.uses.n == 0 ? NULL : encode(a, &ask);
}

static const char *base_name(const struct identifier *identifier)
{
	return identifier->value + (strncmp(identifier->value, "*.", 2) == 0 ? 2 : 0);
}

/* What an issuance takes, and what newOrder looks at. */
static void add_certificate(struct arena *a, struct limit_ask *ask, const struct limits *limits, const psl_ctx_t *psl,
    const struct limit_names *names, bool spend)
{
	const char *account = account_text(a, names->account_id);
	for (size_t i = 0; i < names->identifiers->n && is_on(limits, LIMIT_CERTIFICATES_PER_DOMAIN); i++) {
		const char *domain = limits_domain(a, psl, &names->identifiers->v[i]);
		add(ask, limits, LIMIT_CERTIFICATES_PER_DOMAIN,
		    (struct limit_use) { .key = domain, .own_key = arena_printf(a, "%s/%s", account, domain), .spend = spend });
	}
	add(ask, limits, LIMIT_CERTIFICATES_PER_FQDN_SET, (struct limit_use) { .key = ask->set, .spend = spend });
}

/* Some of these are on. */
static bool any_on(const struct limits *limits, const enum limit_kind *kinds, size_t n)
{
	bool any = false;
	for (size_t i = 0; i < n; i++) {
		any = any || is_on(limits, kinds[i]);
	}
	return any;
}

/* A list for what begins with names: with room for `more` uses beside those that it has. */
static struct limit_ask ask_of_names(
    struct arena *a, const struct limits *limits, const struct limit_names *names, size_t more)
{
	size_t n = names->identifiers->n;
	const char *account = account_text(a, names->account_id);
	struct limit_ask ask = { .pausing = { ARENA_ARRAY(a, n, const char *), 0 },
		.uses = { ARENA_ARRAY(a, n + more, struct limit_use), 0 } };
	for (size_t i = 0; i < n && is_on(limits, LIMIT_FAILED_AUTHORIZATIONS_FOR_PAUSING); i++) {
		ask.pausing.v[ask.pausing.n++] = base_name(&names->identifiers->v[i]);
	}
	for (size_t i = 0; i < n; i++) {
		add(&ask, limits, LIMIT_FAILED_AUTHORIZATIONS,
		    (struct limit_use) { .key = arena_printf(a, "%s/%s", account, base_name(&names->identifiers->v[i])) });
	}
	return ask;
}

const char *limits_for_authorization(struct arena *a, const struct limits *limits, const struct limit_names *names)
{
	static const enum limit_kind kinds[] = { LIMIT_NEW_AUTHORIZATIONS_PER_ACCOUNT, LIMIT_FAILED_AUTHORIZATIONS,
		LIMIT_FAILED_AUTHORIZATIONS_FOR_PAUSING };
	if (!any_on(limits, kinds, COUNT_OF(kinds))) {
		return NULL;
	}
	struct limit_ask ask = ask_of_names(a, limits, names, 1);
	add(&ask, limits, LIMIT_NEW_AUTHORIZATIONS_PER_ACCOUNT,
	    (struct limit_use) { .key = account_text(a, names->account_id), .spend = true });
	return encode(a, &ask);
}

const char *limits_for_order(
    struct arena *a, const struct limits *limits, const psl_ctx_t *psl, const struct limit_names *names)
{
	static const enum limit_kind kinds[] = { LIMIT_NEW_ORDERS_PER_ACCOUNT, LIMIT_CERTIFICATES_PER_DOMAIN,
		LIMIT_CERTIFICATES_PER_FQDN_SET, LIMIT_FAILED_AUTHORIZATIONS, LIMIT_FAILED_AUTHORIZATIONS_FOR_PAUSING };
	if (!any_on(limits, kinds, COUNT_OF(kinds))) {
		return NULL;
	}
	struct limit_ask ask = ask_of_names(a, limits, names, names->identifiers->n + 2);
	ask.set = limits_set(a, names->identifiers);
	add(&ask, limits, LIMIT_NEW_ORDERS_PER_ACCOUNT,
	    (struct limit_use) { .key = account_text(a, names->account_id), .spend = true });
	add_certificate(a, &ask, limits, psl, names, false);
	return encode(a, &ask);
}

const char *limits_for_issue(
    struct arena *a, const struct limits *limits, const psl_ctx_t *psl, const struct limit_names *names)
{
	/* NewOrdersPerAccount: what is issued is known as a renewal when it is ordered again. */
	static const enum limit_kind kinds[] = { LIMIT_NEW_ORDERS_PER_ACCOUNT, LIMIT_CERTIFICATES_PER_DOMAIN,
		LIMIT_CERTIFICATES_PER_FQDN_SET };
	if (!any_on(limits, kinds, COUNT_OF(kinds))) {
		return NULL;
	}
	struct limit_ask ask = { .set = limits_set(a, names->identifiers),
		.uses = { ARENA_ARRAY(a, names->identifiers->n + 1, struct limit_use), 0 } };
	add_certificate(a, &ask, limits, psl, names, true);
	return encode(a, &ask);
}

const char *limits_for_name(
    struct arena *a, const struct limits *limits, const psl_ctx_t *psl, const struct identifier_list *identifiers)
{
	static const enum limit_kind kinds[] = { LIMIT_CERTIFICATES_PER_DOMAIN, LIMIT_CERTIFICATES_PER_FQDN_SET };
	const struct limit_names names = { .identifiers = identifiers };
	if (!any_on(limits, kinds, COUNT_OF(kinds))) {
		return NULL;
	}
	struct limit_ask ask = { .set = limits_set(a, identifiers),
		.uses = { ARENA_ARRAY(a, identifiers->n + 1, struct limit_use), 0 } };
	add_certificate(a, &ask, limits, psl, &names, false);
	return encode(a, &ask);
}

const char *limits_for_validation(
    struct arena *a, const struct limits *limits, struct id account_id, const struct identifier *identifier)
{
	static const enum limit_kind kinds[] = { LIMIT_FAILED_AUTHORIZATIONS, LIMIT_FAILED_AUTHORIZATIONS_FOR_PAUSING };
	if (!any_on(limits, kinds, COUNT_OF(kinds))) {
		return NULL;
	}
	const char *key = arena_printf(a, "%s/%s", account_text(a, account_id), base_name(identifier));
	struct limit_ask ask = { .key = key, .uses = { ARENA_ARRAY(a, COUNT_OF(kinds), struct limit_use), 0 } };
	for (size_t i = 0; i < COUNT_OF(kinds); i++) {
		add(&ask, limits, kinds[i], (struct limit_use) { .key = key, .spend = true });
	}
	return encode(a, &ask);
}
