/* Checks of what a server issued. */
#ifndef CAIRN_CLI_BENCH_CHECK_H
#define CAIRN_CLI_BENCH_CHECK_H

#include "cli/bench_keys.h"

/* What is read from a good certificate. */
struct bench_certificate {
	const char *der;    /* base64url, as revokeCert takes it */
	const char *certid; /* of renewal information (RFC 9773 4.1), or NULL when it has no authority key identifier */
};

/* The issuers that were parsed last; one for each worker. */
struct bench_issuers {
	char *pem; /* all that stood behind the leaf */
	size_t n;
	X509 *first;      /* issuer of the leaf */
	uint64_t checked; /* certificates so far */
};

void bench_issuers_done(struct bench_issuers *i);

/* pem must be a chain of certificates with at least one issuer, the first of which holds the ordered key and exactly
 * the ordered names and whose issuer, by name and key identifier, is the second one. One of BENCH_CHECK_SAMPLE, the
 * first one included, is also parsed whole by OpenSSL and its signature verified. -1 with a sentence in *ret_problem.
 * Issuers that were seen in the call before are not parsed again. */
#define BENCH_CHECK_SAMPLE 32
int bench_check_chain(struct arena *a, struct bench_issuers *issuers, struct bytes pem, const struct bench_item *item,
    struct bench_certificate *ret, const char **ret_problem) MUST_CHECK;

#endif
