/* A certificate after its issuance, read back and compared with everything that is on record of it (F-34): what was fixed before the
 * signature, the order, the serial taken, the record of the signature, the issuer; and linted once more. So is its precertificate, which counts
 * as a certificate, whether one came of it or not (D-55). Pure. */
#ifndef CAIRN_POLICY_ISSUED_H
#define CAIRN_POLICY_ISSUED_H

#include "lib/base/fields.h"
#include "policy/profiles.h"

/* A row of log.read_issued (db/functions/log_issued.sql); what is not on record is empty. */
struct issued {
	struct id id;
	struct bytes serial;
	struct bytes der;        /* empty: its signature is on record, and it is not; or it was promised only */
	struct bytes tbs_sha256; /* empty too: fixed by a version that did not keep it */
	struct bytes spki_sha256;
	struct text_list names;
	const char *profile;
	struct timestamp not_before;
	struct timestamp not_after;
	struct timestamp begun_at;
	struct id serial_of; /* the issuance that took the serial */
	struct text_list order_names;
	const char *order_profile; /* NULL: no order has this certificate */
	struct timestamp asked_from;
	struct timestamp asked_to;
	const char *signed_sha256;
	const char *issuer;
	struct bytes issuer_certificate;
	const char *issuer_chain;
	struct bytes precertificate; /* empty: none was signed, or it is not on record */
	const char *promised_sha256; /* by the record of its signature; NULL: there is none */
	const char *crl_url;         /* of the shard on record */
};
struct issued_list {
	struct issued *v;
	size_t n;
};
extern const struct fields issued_fields;

/* In what it differs from its records, as sentences in the arena; NULL: in nothing. Lints are those of the mode at the moment at which its octets
 * were fixed; the profile is compared by name, as its bounds may be others by now. */
const char *issued_differs(struct ctx *c, const struct issued *row, enum policy_mode mode);

#endif
