/* The structs that cross RPC, each with its field table <name>_fields (messages.c). JSON members have the members' names;
 * binary is base64url, ids are 22 characters, times are RFC 3339. A reader ignores members that it does not know. */
#ifndef CAIRN_RPC_MESSAGES_H
#define CAIRN_RPC_MESSAGES_H

#include "lib/base/fields.h"
#include "lib/rpc/messages_issue.h"
#include "lib/rpc/messages_recovery.h"
#include "lib/rpc/messages_rights.h"

/* A problem as it is kept in rows and crosses RPC; type is a name of problem.def. type NULL: no problem. */
struct problem_subrecord {
	const char *type;
	const char *detail;
	struct identifier identifier;
	const char *rule;
};

struct problem_subrecord_list {
	struct problem_subrecord *v;
	size_t n;
};

struct problem_record {
	const char *type;
	const char *detail;
	int64_t retry_after_s;
	const char *instance;
	const char *location;
	const char *rule; /* of the policy, for log and record */
	struct problem_subrecord_list subproblems;
};

struct account {
	struct id id;
	const char *status; /* valid, deactivated, revoked */
	const char *key;    /* canonical public JWK as JSON text */
	struct bytes thumbprint;
	bool terms_agreed;
	struct timestamp created_at;
};

struct new_account_request {
	const char *key; /* canonical public JWK as JSON text, checked by the caller and again by the RA */
	bool terms_agreed;
	bool only_return_existing;
	json_t *external_account_binding; /* as sent, not verified; or NULL */
	const char *remote_address;
	const char *user_agent;
};

struct new_account_response {
	struct account account;
	bool created;
};

struct update_account_request {
	struct id account_id;
	struct bytes thumbprint; /* of the key that signed; checked again in the statement that acts */
	bool deactivate;
};

/* A nonce that another front end made, to that one. */
struct redeem_nonce_request {
	const char *nonce;
};

struct redeem_nonce_response {
	const char *verdict; /* good (redeemed now, by this call), used, expired, foreign, unknown */
};

struct change_key_request {
	struct id account_id;
	struct bytes thumbprint; /* of the key that signed, which is to be replaced */
	const char *key;         /* canonical JWK of the new one, which signed the inner JWS */
};

/* Whether an account may have the key. */
struct check_key_request {
	const char *key;
};

struct check_key_response {
	struct bytes thumbprint;
};

struct ask_terms_request {
	struct id account_id;
};

/* What is in the URL of the page on which a person agrees to the terms for an account. */
struct terms_token {
	const char *token;
};

struct terms_agreed {
	struct id account_id;
};

struct challenge {
	struct id id;
	const char *type;   /* http-01 */
	const char *status; /* pending, processing, valid, invalid */
	const char *token;
	struct timestamp validated_at;
	struct problem_record error;
};

struct challenge_list {
	struct challenge *v;
	size_t n;
};

struct authorization {
	struct id id;
	struct id account_id;
	struct identifier identifier;
	bool wildcard;
	const char *status; /* pending, valid, invalid, deactivated, expired, revoked */
	struct timestamp expires_at;
	struct challenge_list challenges;
};

struct authorization_list {
	struct authorization *v;
	size_t n;
};

struct order {
	struct id id;
	struct id account_id;
	const char *status;                 /* pending, ready, processing, valid, invalid */
	struct identifier_list identifiers; /* in the order of the request */
	struct id_list authorizations;
	struct timestamp expires_at;
	struct timestamp not_before; /* as asked, or none */
	struct timestamp not_after;
	const char *profile;
	const char *replaces;     /* certificate, as RFC 9773 4.1 names it; or NULL */
	struct id certificate_id; /* none until valid */
	struct bytes certificate; /* DER, in the answer of the FinalizeOrder that had it issued; empty elsewhere */
	struct problem_record error;
	struct authorization_list fresh; /* in the answer of NewOrder: some of those that it made; empty elsewhere */
};

struct new_order_request {
	struct id account_id;
	struct bytes thumbprint;
	struct identifier_list identifiers; /* as sent; the RA normalises and judges them */
	struct timestamp not_before;
	struct timestamp not_after;
	const char *profile; /* NULL: the default */
	const char *replaces;
	const char *remote_address;
};

struct new_authorization_request {
	struct id account_id;
	struct bytes thumbprint;
	struct identifier identifier; /* as sent */
};

struct start_challenge_request {
	struct id account_id;
	struct bytes thumbprint;
	struct id challenge_id;
	struct bytes response; /* what the client sent along: the CSR of onion-csr-01; empty for others */
	int64_t hold_ms;       /* how long the answer may be held back for the outcome */
};

struct deactivate_authorization_request {
	struct id account_id;
	struct bytes thumbprint;
	struct id authorization_id;
};

struct finalize_order_request {
	struct id account_id;
	struct bytes thumbprint;
	struct id order_id;
	struct bytes csr;  /* DER */
	json_t *onion_caa; /* as sent (RFC 9799 6.4), or NULL */
};

struct revoke_certificate_request {
	struct bytes certificate; /* DER */
	bool has_reason;
	int64_t reason;
	struct id account_id;        /* none when signed by the certificate's key */
	struct bytes thumbprint;     /* of the account key that signed */
	const char *certificate_key; /* canonical JWK that signed, when it is to be the certificate's own; else NULL */
	const char *remote_address;
};

struct revoke_certificate_response {
	struct timestamp revoked_at;
};

/* One name resolution that a validation made, with all that it gave (G-3, F-43). */
struct resolution {
	const char *name;
	const char *type;     /* A, AAAA, TXT, CAA, DS */
	const char *resolver; /* "local" or ADDRESS@PORT */
	const char *dnssec;   /* secure, insecure, bogus, off */
	int64_t rcode;
	const char *canonical_name;
	struct text_list answers; /* presentation form */
	struct bytes raw;         /* the answer packet */
	const char *error;        /* sentence, or NULL */
	const char *ede;          /* of an error: its extended code (RFC 8914), such as "7 Signature Expired", or NULL */
	const char *reason;       /* of an error: what the resolver says of it, or NULL */
	struct timestamp started_at;
	int64_t duration_us;
};

struct resolution_list {
	struct resolution *v;
	size_t n;
};

/* One connection that a validation tried: http-01 has one for each address and each redirect. */
struct connection_attempt {
	const char *url;
	const char *host;
	int64_t port;
	struct text_list addresses_resolved;
	const char *address_used;
	int64_t http_status;          /* 0: no answer */
	const char *location;         /* of a redirect */
	const char *headers;          /* as received, bounded to 4096 octets, with ? for what is not printable */
	struct bytes body;            /* first 512 octets at most */
	struct bytes body_sha256;     /* of the octets read */
	int64_t body_octets;          /* how many were read */
	struct bytes tls_certificate; /* of an https hop or tls-alpn-01: DER of the leaf */
	const char
	    *server_name; /* tls-alpn-01: the name sent (SNI), what was agreed on, and as body the certificate's digest */
	const char *alpn;
	const char *tls_version;
	const char *error;
	struct timestamp started_at;
	int64_t duration_us;
};

struct connection_attempt_list {
	struct connection_attempt *v;
	size_t n;
};

struct caa_result {
	bool checked;
	bool permitted;
	const char *found_at;     /* the name whose set decided, or NULL for none */
	struct text_list records; /* presentation form of the set */
	struct text_list iodef;   /* whom the set's owner wants to be told of a refusal */
	const char *reason;       /* why not permitted, or why permitted although a lookup failed; else NULL */
	struct timestamp checked_at;
};

/* A CAA set that an onion service signed (RFC 9799 6.4). */
struct onion_caa {
	const char *caa;        /* lines; NULL: no records */
	int64_t expiry;         /* seconds since 1970 */
	struct bytes signature; /* empty: there is no set */
};

struct validate_request {
	struct id validation_id;
	struct identifier identifier; /* without "*." */
	bool wildcard;
	const char *method; /* http-01; NULL: CAA only */
	const char *token;
	const char *key_authorization;
	const char *account_url;
	struct text_list former_account_urls; /* of the same account, under names that the CA had before */
	struct text_list caa_identities;
	bool check_caa;
	bool trial;                 /* of `cairn doctor`: nothing about it is recorded */
	struct bytes response;      /* what the client sent along, for methods that have such */
	struct onion_caa onion_caa; /* what CAA is checked by for an onion service, which the DNS does not know */
};

/* By what a perspective decided, beside what it was asked and what it found: its rules, and where a fault of its own left
 * nothing to be concluded. */
struct validation_basis {
	int64_t http01_port;
	int64_t tlsalpn01_port;
	struct text_list allow_networks;
	struct text_list deny_networks;
	bool control_fault; /* in the proof of control */
	bool caa_fault;
	bool cut_short; /* its process had to end */
	bool cut_off;   /* nobody answered, and nobody answers its own resolver either: the faults come from that */
	const char *trust_anchor; /* the closest zone above the name whose key it knows; NULL: the root */
	bool caa_strict;          /* a CAA lookup that failed is never passed over */
	bool caa_late;            /* the time was up before all lookups about CAA were made */
	bool webpki;              /* the quorum was counted by the rules of mode webpki */
};

struct validation_result;

struct validation_result_list {
	struct validation_result *v;
	size_t n;
};

/* What one perspective found: the evidence (F-41..F-43, G-3). */
struct validator_run {
	const char *listen; /* where it serves: "HOST/127.0.0.1:14102" */
	const char *version;
	const char *config_sha256; /* of its files, hex */
	struct timestamp started_at;
};

struct validation_result {
	struct id validation_id;
	const char *perspective;
	const char *address; /* of a remote one: where it was asked; and its registry's region */
	const char *region;
	const char *method;
	bool dcv;                      /* control was shown to this perspective */
	bool passed;                   /* DCV and CAA, whichever were asked */
	struct problem_record problem; /* when not passed */
	bool fault;                    /* ours, not the client's: nothing may be concluded, try again (design 4.2) */
	struct resolution_list resolutions;
	struct connection_attempt_list attempts;
	struct caa_result caa;
	struct validation_basis basis;
	struct timestamp started_at;
	struct timestamp ended_at;
	/* Of the first perspective, when it asked others (C-59). The verdict above is then that of all together. */
	struct validation_result_list remotes; /* those that had answered when it was decided */
	struct id_list round;                  /* the records of all that were asked, also of those that come late */
	const char *quorum;                    /* agreeing/asked, such as "3/4" */
	struct validator_run run;              /* of the process that decided it */
};

/* What a remote perspective said when the quorum was decided already; changes nothing, but is recorded (C-59). */
struct record_late_request {
	struct id validation_id;       /* of the first perspective's record */
	struct validate_request asked; /* of this one */
	struct validation_result remote;
};

struct record_late_response {
	bool recorded;
};

/* What an order for a name would meet. */
struct diagnose_request {
	const char *name; /* as typed: a name, maybe with "*.", or an address */
	bool inside;      /* for an operator, who may see what is inside; else as the world sees it */
};

struct finding {
	const char *about; /* policy, limits, caa, or a method */
	const char *level; /* ok, note, problem */
	const char *text;
};

struct finding_list {
	struct finding *v;
	size_t n;
};

struct diagnosis {
	struct identifier identifier; /* as an order would have it */
	bool ready;                   /* nothing known would stop an order, by one of the methods */
	struct text_list methods;     /* those */
	struct finding_list findings;
};

/* A link by which an account frees its paused names. */
struct unpause_request {
	const char *ticket;
	bool act; /* false: only tell what the link is for */
};

struct unpause_response {
	struct id account_id;
	struct text_list names; /* paused, or freed by it */
};

/* C2SP tlog-witness: the body of add-checkpoint, and what is answered. */
struct add_checkpoint_request {
	struct bytes body;
};
struct add_checkpoint_response {
	int64_t status; /* of HTTP */
	const char *text;
};

/* A bundle of entries of the sealed log (C2SP tlog-tiles). */
struct get_log_entries_request {
	int64_t n;
	int64_t width;
};

struct get_log_entries_response {
	struct bytes entries;
	bool gone; /* rows of it have been erased; entries is empty */
};

struct get_log_status_request {
	bool detail;
};

struct log_status {
	struct timestamp newest_request_at;
	int64_t requests_last_minute;
	int64_t requests_without_outcome;
	int64_t validations_last_minute;
	struct timestamp partitions_until; /* rows have a place until then */
};

#define MESSAGE(name) extern const struct fields name##_fields;
MESSAGE(identifier)
MESSAGE(problem_record)
MESSAGE(account)
MESSAGE(new_account_request)
MESSAGE(new_account_response)
MESSAGE(update_account_request)
MESSAGE(redeem_nonce_request)
MESSAGE(redeem_nonce_response)
MESSAGE(change_key_request)
MESSAGE(check_key_request)
MESSAGE(check_key_response)
MESSAGE(ask_terms_request)
MESSAGE(terms_token)
MESSAGE(terms_agreed)
MESSAGE(challenge)
MESSAGE(authorization)
MESSAGE(order)
MESSAGE(new_order_request)
MESSAGE(new_authorization_request)
MESSAGE(start_challenge_request)
MESSAGE(deactivate_authorization_request)
MESSAGE(finalize_order_request)
MESSAGE(revoke_certificate_request)
MESSAGE(revoke_certificate_response)
MESSAGE(resolution)
MESSAGE(connection_attempt)
MESSAGE(caa_result)
MESSAGE(validate_request)
MESSAGE(validation_basis)
MESSAGE(validation_result)
MESSAGE(diagnose_request)
MESSAGE(finding)
MESSAGE(diagnosis)
MESSAGE(record_late_request)
MESSAGE(record_late_response)
MESSAGE(unpause_request)
MESSAGE(unpause_response)
MESSAGE(add_checkpoint_request)
MESSAGE(add_checkpoint_response)
MESSAGE(get_log_entries_request)
MESSAGE(get_log_entries_response)
MESSAGE(get_log_status_request)
MESSAGE(log_status)
#undef MESSAGE

/* The one error of c as a record (cause left out), and back. */
struct problem_record problem_record_of(const struct ctx *c);
int problem_record_fail(struct ctx *c, const struct problem_record *record);

#endif
