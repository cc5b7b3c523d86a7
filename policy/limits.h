/* Rate limits: which are on, and the buckets that a step takes from, as acme.take_limits in
 * db/migrations/0014_limits.sql wants them. The rows are in lib/base/limits.def. Pure. */
#ifndef CAIRN_POLICY_LIMITS_H
#define CAIRN_POLICY_LIMITS_H

#include "policy/policy.h"

enum limit_kind {
#define LIMIT(id, name, key, count, period_s, burst, what) LIMIT_##id,
#include "lib/base/limits.def"
#undef LIMIT
	LIMIT_COUNT
};

/* What a limit counts by, and how that is written:
 *     ADDRESS         192.0.2.1, 2001:db8::1; an override may name a network
 *     RANGE           2001:db8::/48
 *     NETWORK         192.0.2.1/32, 2001:db8:0:1::/64; an override may name another network
 *     ACCOUNT         the 22 characters at the end of an account's URL
 *     DOMAIN          example.com, 192.0.2.1/32, 2001:db8::/64
 *     ACCOUNT_DOMAIN  ACCOUNT/DOMAIN; an override may name the account alone
 *     ACCOUNT_NAME    ACCOUNT/www.example.com, without the wildcard label; an override may name the account alone
 *     CONTACT         keyed hash of a recovery contact, which only cairn-subscriber can make
 *     SET             SHA-256 of the names, sorted, in hexadecimal digits */
enum limit_key {
	LIMIT_BY_ADDRESS,
	LIMIT_BY_RANGE,
	LIMIT_BY_NETWORK,
	LIMIT_BY_ACCOUNT,
	LIMIT_BY_DOMAIN,
	LIMIT_BY_ACCOUNT_DOMAIN,
	LIMIT_BY_ACCOUNT_NAME,
	LIMIT_BY_SET,
	LIMIT_BY_CONTACT
};

struct limit_info {
	const char *name;
	enum limit_key key;
	const char *what;
};
const struct limit_info *limit_info(enum limit_kind kind);

/* False when there is no limit of that name. */
bool limit_find(const char *name, enum limit_kind *ret);

/* What the configuration has; count 0: off. */
struct limit {
	int64_t count;
	int64_t period_s;
	int64_t burst; /* never 0 */
};

struct limits {
	struct limit v[LIMIT_COUNT];
};

/* Mode webpki starts from the table, private mode from nothing but what guards other people's mailboxes; policy.limits says the
 * rest. */
struct limits limits_of_config(const struct config_policy *config);

/* One bucket, as it crosses to SQL and to `cairn limits`. */
struct limit_use {
	const char *name;
	const char *key;
	const char *own_key; /* of CertificatesPerDomainPerAccount */
	int64_t count;
	int64_t period_s;
	int64_t burst;
	bool spend; /* false: looked at only */
};
struct limit_use_list {
	struct limit_use *v;
	size_t n;
};

/* What a step asks for; the members that it has depend on the step. */
struct limit_ask {
	const char *key;
	const char *set;
	struct text_list pausing;
	struct limit_use_list uses;
};
extern const struct fields limit_ask_fields;

/* Whether some limit that is on wants to know which sets of names were issued for. */
bool limits_know_renewals(const struct limits *limits);

/* What an account orders. */
struct limit_names {
	struct id account_id;
	const struct identifier_list *identifiers; /* dns in lower case */
};

/* JSON text for each step, or NULL when none of its limits is on. */
const char *limits_for_account(struct arena *a, const struct limits *limits, const char *address);
/* An external account binding is looked at. */
const char *limits_for_binding(struct arena *a, const struct limits *limits, const char *address);
/* A step that has a limit of its own, which counts by account. */
const char *limits_for_step(struct arena *a, const struct limits *limits, enum limit_kind kind, struct id account_id);
/* A claim of an account by a contact. Some are on whatever the mode. */
struct limit_claim {
	const char *address;
	struct id account_id;
	const char *contact_key;
};
const char *limits_for_claim(struct arena *a, const struct limits *limits, const struct limit_claim *claim);
const char *limits_for_order(
    struct arena *a, const struct limits *limits, const psl_ctx_t *psl, const struct limit_names *names);
/* newAuthz, whose name is the only one. */
const char *limits_for_authorization(struct arena *a, const struct limits *limits, const struct limit_names *names);
const char *limits_for_issue(
    struct arena *a, const struct limits *limits, const psl_ctx_t *psl, const struct limit_names *names);
/* What is the same for all accounts, to be looked at only. */
const char *limits_for_name(
    struct arena *a, const struct limits *limits, const psl_ctx_t *psl, const struct identifier_list *identifiers);
const char *limits_for_validation(
    struct arena *a, const struct limits *limits, struct id account_id, const struct identifier *identifier);

/* The key of CertificatesPerDomain: the registered domain by the whole public suffix list, whose private part is of many
 * owners here, or a network. */
const char *limits_domain(struct arena *a, const psl_ctx_t *psl, const struct identifier *identifier);
/* The key of CertificatesPerFQDNSet, whatever the order of the names. */
const char *limits_set(struct arena *a, const struct identifier_list *identifiers);
/* The key of NewRegistrationsPerIPv6Range, or NULL for IPv4. */
const char *limits_range(struct arena *a, const char *address);
/* The key of FailedBindingsPerIPAddress, or NULL when it is no address. */
const char *limits_network(struct arena *a, const char *address);

#endif
