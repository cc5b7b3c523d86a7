/* The SCTs in a certificate, as `cairn cert show` tells of them: of which logs they are, and whether they hold. */
#ifndef CAIRN_CLI_CERT_SCTS_H
#define CAIRN_CLI_CERT_SCTS_H

#include "lib/base/config.h"
#include "lib/base/fields.h"
#include "lib/crypto/cert.h"

struct cert_sct {
	const char *log_id;
	const char *log;      /* its description in the list; NULL: it is not there */
	const char *operator; /* who ran it at the time of the SCT */
	struct timestamp at;
	const char *state; /* a sentence */
};
extern const struct fields cert_sct_fields;

struct cert_sct_list {
	struct cert_sct *v;
	size_t n;
};

/* Those of the certificate, each verified once more (H-3). config: where the list of logs is; it may name none, or one that can't be read: then each says
 * that it could not be verified, and why. MALFORMED: the certificate's own list is none. */
int cert_scts(struct ctx *c, const struct config_ct *config, const struct cert_info *cert, struct bytes issuer,
    struct cert_sct_list *ret) MUST_CHECK;

#endif
