/* Reads the parts of a certificate that the load generator compares, as slices of its DER. OpenSSL 3.0 spends more time
 * on decoding a public key than some servers on issuing, so that whole parsing is left to samples (bench_check.h). */
#ifndef CAIRN_CLI_BENCH_LEAF_H
#define CAIRN_CLI_BENCH_LEAF_H

#include "lib/base/bytes.h"

struct bench_leaf {
	struct bytes serial;           /* content octets of the INTEGER */
	struct bytes issuer;           /* DER name */
	struct bytes subject;          /* DER name */
	struct bytes spki;             /* DER */
	struct bytes san;              /* the GeneralNames, content octets; empty: no such extension */
	struct bytes subject_key_id;   /* keyIdentifier, or empty */
	struct bytes authority_key_id; /* keyIdentifier, or empty */
};

/* -1 unless der is one whole certificate of version 3 as far as its structure goes. */
int bench_leaf_parse(struct bytes der, struct bench_leaf *ret) MUST_CHECK;

/* The next name of the SAN in *rest: its tag number (2: dNSName) and octets. -1 at the end or for what is no name. */
int bench_leaf_next_name(struct bytes *rest, int *ret_tag, struct bytes *ret_name) MUST_CHECK;

#endif
