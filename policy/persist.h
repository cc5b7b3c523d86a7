/* The records of dns-persist-01 (draft-ietf-acme-dns-persist-01 4.1; B-29..B-31): an issue value that names a CA and one of its
 * accounts, for good or until a day. Pure. */
#ifndef CAIRN_POLICY_PERSIST_H
#define CAIRN_POLICY_PERSIST_H

#include "lib/base/ctx.h"

struct persist_record {
	struct bytes issuer; /* empty: nobody */
	struct bytes account_uri;
	bool wildcard; /* counts for wildcards too */
	bool has_until;
	int64_t until_s; /* the last second in which it counts, since 1970 */
};

/* NULL, or why the record is malformed, as the end of a sentence. The issuer is in ret even so, as far as it could be read: the
 * records of other CAs are nobody's mistake. The record borrows from the value. */
const char *persist_record_parse(struct bytes value, struct persist_record *ret) MUST_CHECK;

#endif
