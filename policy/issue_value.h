/* The grammar of an issue value (RFC 8659 4.2), as CAA records and those of dns-persist-01 have it: an issuer's domain name and
 * parameters, all of which may be missing. Pure; what is taken borrows from the value. */
#ifndef CAIRN_POLICY_ISSUE_VALUE_H
#define CAIRN_POLICY_ISSUE_VALUE_H

#include "lib/base/bytes.h"

struct issue_parameter {
	struct bytes tag;
	struct bytes value;
};

/* Takes the issuer and what parts it from the parameters. The issuer is empty where the value names nobody. -1: not the grammar;
 * the issuer is then what could be read of it. */
int issue_value_begin(struct bytes *in, struct bytes *ret_issuer) MUST_CHECK;

/* Takes the next parameter. 1: there was one; 0: there is no more; -1: not the grammar. */
int issue_value_next(struct bytes *in, struct issue_parameter *ret) MUST_CHECK;

/* ASCII letters and digits. */
bool issue_value_is_alnum(uint8_t o);
/* Letters compared without case. */
bool issue_value_same(struct bytes b, const char *text);
/* The issuer is one of these domain names. */
bool issue_value_names(struct bytes issuer, const struct text_list *identities);

#endif
