/* The JSON objects of RFC 8555 7.1 and RFC 7807 as structs with field tables, and how they are made from our own. */
#ifndef CAIRN_WFE_OBJECTS_H
#define CAIRN_WFE_OBJECTS_H

#include "wfe/front.h"

struct acme_subproblem {
	const char *type;
	const char *detail;
	struct identifier identifier;
};

struct acme_subproblem_list {
	struct acme_subproblem *v;
	size_t n;
};

struct acme_problem {
	const char *type;
	const char *detail;
	int64_t status;
	const char *instance;
	struct text_list algorithms; /* of badSignatureAlgorithm */
	struct acme_subproblem_list subproblems;
};
extern const struct fields acme_problem_fields;

/* Only registered types in the ACME name space; `cause` stays here. */
struct acme_problem object_of_error(struct arena *a, const struct err *err);
struct acme_problem object_of_record(struct arena *a, const struct problem_record *record);

struct acme_account {
	const char *status;
	bool terms_agreed;
	const char *orders;
	const char *subject_data; /* docs/privacy.md */
	json_t *external_account_binding;
};
extern const struct fields acme_account_fields;

struct acme_order {
	const char *status;
	struct timestamp expires;
	struct identifier_list identifiers;
	struct timestamp not_before;
	struct timestamp not_after;
	const char *profile;
	const char *replaces;
	struct text_list authorizations;
	const char *finalize;
	const char *certificate;
	struct acme_problem error;
};
extern const struct fields acme_order_fields;
struct acme_order object_of_order(const struct acme *q, const struct order *order);

struct acme_challenge {
	const char *type;
	const char *url;
	const char *status;
	const char *token;
	const char *nonce;       /* of onion-csr-01, in place of the token (B-37) */
	const char *account_uri; /* of dns-persist-01, in place of the token (B-28) */
	struct text_list issuer_domain_names;
	struct timestamp validated;
	struct acme_problem error;
};
extern const struct fields acme_challenge_fields;
struct acme_challenge object_of_challenge(const struct acme *q, const struct challenge *challenge);

struct acme_challenge_list {
	struct acme_challenge *v;
	size_t n;
};

/* */
struct acme_authz {
	struct identifier identifier;
	const char *status;
	struct timestamp expires;
	bool wildcard;
	struct acme_challenge_list challenges;
};
extern const struct fields acme_authz_fields;
struct acme_authz object_of_authz(const struct acme *q, const struct authorization *authz);

#endif
