/* Messages of issuance: between cairn-ra and cairn-ca; part of lib/rpc/messages.h. */
#ifndef CAIRN_RPC_MESSAGES_ISSUE_H
#define CAIRN_RPC_MESSAGES_ISSUE_H

#include "lib/base/fields.h"

struct identifier {
	const char *type;  /* "dns" */
	const char *value; /* lower case A-labels; with "*." in an order, without in an authorization */
};

struct identifier_list {
	struct identifier *v;
	size_t n;
};

struct issue_certificate_request {
	struct id order_id;
	struct id account_id;
	const char *profile;
	struct identifier_list names; /* in the order of the CSR */
	const char *common_name;      /* one of the names, or NULL */
	struct bytes public_key;      /* SubjectPublicKeyInfo, DER */
	struct timestamp not_before;  /* as ordered, or none */
	struct timestamp not_after;
	struct bytes account_thumbprint; /* of the key that asks */
	/* The order was not read for this call: what only a look at it could tell is judged with the issuance, and every refusal
	 * is a CONFLICT, upon which the caller reads it and says what is wrong. */
	bool remembered;
	const char *limits; /* what the issuance takes of the rate limits (policy/limits.h), or NULL */
	const char *asker;  /* the instance that asks, and shows logs what comes of it; NULL: not told */
};

struct issue_certificate_response {
	struct id certificate_id;
	struct bytes serial;
	struct timestamp not_before;
	struct timestamp not_after;
	struct bytes certificate; /* DER; it is committed. Empty: only its precertificate is, which has to get SCTs */
	struct bytes precertificate;
	struct bytes issuer; /* the certificate that follows the precertificate */
	const char *chain;   /* PEM of what follows behind, without a root; may begin with the issuer */
};

/* What a log said to one submission (H-18). */
struct submission {
	const char *log; /* description */
	struct bytes log_id;
	struct timestamp at;
	int64_t took_ms;
	const char *outcome; /* "sct", or what went wrong */
	bool refused;        /* it answered what a log that is well never does (H-3) */
};

struct submission_list {
	struct submission *v;
	size_t n;
};

/* Repeated, the certificate that was recorded first is the answer. */
struct embed_scts_request {
	struct id certificate_id;
	struct bytes precertificate;
	struct bytes sct_list; /* SignedCertificateTimestampList, as it is embedded */
	struct submission_list submissions;
};

extern const struct fields issue_certificate_request_fields;
extern const struct fields issue_certificate_response_fields;
extern const struct fields submission_fields;
extern const struct fields embed_scts_request_fields;

#endif
