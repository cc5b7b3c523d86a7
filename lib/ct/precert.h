/* Precertificates (RFC 6962 3.1, BR 7.1.2.9): a certificate, its precertificate and what a log signs are one TBSCertificate
 * that differs in its last extension only: none, the poison, or the list of SCTs. Pure. */
#ifndef CAIRN_CT_PRECERT_H
#define CAIRN_CT_PRECERT_H

#include "lib/base/ctx.h"

struct precert_parts {
	struct bytes plain;    /* the TBSCertificate without poison and SCT list: what logs sign (H-2) */
	bool poisoned;         /* it is of a precertificate */
	struct bytes sct_list; /* TLS-encoded SignedCertificateTimestampList; empty: none */
};

/* Takes a TBSCertificate apart; plain lies in the arena of c, or is tbs itself. MALFORMED: not a TBSCertificate with extensions, or
 * a poison or list of SCTs that is not the last extension in its exact form, or both (D-52, H-10). */
int precert_split(struct ctx *c, struct bytes tbs, struct precert_parts *ret) MUST_CHECK;

/* The same with the poison, or with the list of SCTs (D-47), as its last extension. MALFORMED when there is one already. */
int precert_poison(struct ctx *c, struct bytes plain, struct bytes *ret_tbs) MUST_CHECK;
int precert_embed(struct ctx *c, struct bytes plain, struct bytes sct_list, struct bytes *ret_tbs) MUST_CHECK;

/* SERVER_INTERNAL unless the second TBSCertificate is that of the certificate for the first's precertificate: octet for octet the
 * same but for poison against SCT list (D-52, D-56). */
int precert_check_same(struct ctx *c, struct bytes precertificate_tbs, struct bytes certificate_tbs) MUST_CHECK;

#endif
