/* What the tables of lints are made of; for policy/lints*.c only. */
#ifndef CAIRN_POLICY_LINTS_ROWS_H
#define CAIRN_POLICY_LINTS_ROWS_H

#include <openssl/ocsp.h>
#include <openssl/types.h>

#include "policy/lints.h"

#define KIND(k) (1U << CERT_##k)
#define SUBSCRIBER_KINDS (KIND(LEAF) | KIND(PRECERTIFICATE))
#define END_KINDS (SUBSCRIBER_KINDS | KIND(RPC) | KIND(SITE))
#define SUBORDINATE_KINDS (KIND(INTERMEDIATE) | KIND(CROSS))
#define SELF_KINDS (KIND(ROOT) | KIND(RPC_CA))
#define CA_KINDS (SELF_KINDS | SUBORDINATE_KINDS)
#define PUBLIC_KINDS (SUBORDINATE_KINDS | SUBSCRIBER_KINDS)
#define ALL_KINDS (CA_KINDS | END_KINDS | KIND(OCSP))

/* The object as two readers see it: OpenSSL's and our own. The key is apart from both: OpenSSL's
 * has none (key_no_algorithms), so what computes with the whole X509 can't be asked, such as X509_get_key_usage. */
struct cert_input {
	const X509 *x509;
	const EVP_PKEY *key; /* NULL: it can't be read */
	const struct cert_info *info;
	enum cert_kind kind;
	const struct lint_options *o;
};

struct crl_input {
	X509_CRL *crl; /* all but its entries, which OpenSSL sees one by one: a million at once would fill a gigabyte */
	const struct crl_info *info;
	const struct lint_options *o;
};

struct cert_lint {
	const char *name;
	const char *source; /* rule id of the standards page, or RFC and section */
	unsigned kinds;
	bool (*broken)(const struct cert_input *in);
};

struct crl_lint {
	const char *name;
	const char *source;
	bool (*broken)(const struct crl_input *in);
};

struct crl_entry_input {
	const X509_REVOKED *revoked;
	const struct crl_entry *entry;
	struct bytes der;
	struct timestamp this_update;
};

struct crl_entry_lint {
	const char *name;
	const char *source;
	bool (*broken)(const struct crl_entry_input *in);
	bool of_form; /* says the same of all entries that differ in nothing but the digits of serial and time */
};

struct ocsp_input {
	OCSP_BASICRESP *basic;
	OCSP_SINGLERESP *single; /* the one in it */
	const struct ocsp_answer *answer;
	const struct cert_info *responder;
	const X509 *responder_x509;
	const struct ocsp_cert_id *wanted; /* of the issuer, without serial */
	struct bytes responder_key_hash;
	const struct lint_options *o;
};

struct ocsp_lint {
	const char *name;
	const char *source;
	bool (*broken)(const struct ocsp_input *in);
};

extern const struct cert_lint cert_lints[];
extern const size_t cert_lints_n;
extern const struct cert_lint issuer_lints[];
extern const size_t issuer_lints_n;
extern const struct cert_lint name_lints[];
extern const size_t name_lints_n;
extern const struct cert_lint public_lints[];
extern const size_t public_lints_n;
extern const struct crl_lint crl_lints[];
extern const size_t crl_lints_n;
extern const struct crl_entry_lint crl_entry_lints[];
extern const size_t crl_entry_lints_n;
extern const struct ocsp_lint ocsp_lints[];
extern const size_t ocsp_lints_n;

/* SERVER_INTERNAL; the cause names the row and its source. */
int lint_refuse(struct ctx *c, const char *name, const char *source) MUST_CHECK;

/* The algorithm by which the issuer signs; own_spki is the key of what has none. */
enum sigalg lint_sigalg(const struct lint_options *o, struct bytes own_spki);

bool lint_in_kinds(const struct cert_input *in, unsigned kinds);
bool lint_has_extension(const struct cert_input *in, int nid);
bool lint_is_critical(const struct cert_input *in, int nid);

/* Seconds, the second of notAfter among them (D-9). */
int64_t lint_life_s(const struct cert_input *in);

/* The bits KU_*, or all of them when there is no key usage that can be read. */
uint32_t lint_key_usage(const struct cert_input *in);

/* Plain http with a host that is a name; in private mode it may be an address too (D-15). */
bool lint_url_is_good(const char *url, enum policy_mode mode);

#endif
