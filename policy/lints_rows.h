/* What the tables of lints are made of; for policy/lints*.c only. */
#ifndef CAIRN_POLICY_LINTS_ROWS_H
#define CAIRN_POLICY_LINTS_ROWS_H

#include <openssl/types.h>

#include "policy/lints.h"

#define KIND(k) (1U << CERT_##k)
#define ALL_KINDS (KIND(ROOT) | KIND(INTERMEDIATE) | KIND(LEAF) | KIND(RPC_CA) | KIND(RPC) | KIND(SITE))
#define CA_KINDS (KIND(ROOT) | KIND(INTERMEDIATE) | KIND(RPC_CA))
#define SELF_KINDS (KIND(ROOT) | KIND(RPC_CA))
#define END_KINDS (KIND(LEAF) | KIND(RPC) | KIND(SITE))
#define PUBLIC_KINDS (KIND(INTERMEDIATE) | KIND(LEAF))

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
	X509_CRL *crl;
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

extern const struct cert_lint cert_lints[];
extern const size_t cert_lints_n;
extern const struct cert_lint name_lints[];
extern const size_t name_lints_n;
extern const struct crl_lint crl_lints[];
extern const size_t crl_lints_n;

/* The bits KU_*, or all of them when there is no key usage that can be read. */
uint32_t lint_key_usage(const struct cert_input *in);

/* Plain http with a host that is a name; in private mode it may be an address too (D-15). */
bool lint_url_is_good(const char *url, enum policy_mode mode);

#endif
