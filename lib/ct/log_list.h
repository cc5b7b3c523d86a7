/* The list of Certificate Transparency logs in the form of Chrome's log_list.json, version 3. Pure. */
#ifndef CAIRN_CT_LOG_LIST_H
#define CAIRN_CT_LOG_LIST_H

#include <openssl/types.h>

#include "lib/base/ctx.h"

/* As in the list; the order means nothing. */
enum ct_state { CT_PENDING, CT_QUALIFIED, CT_USABLE, CT_READONLY, CT_RETIRED, CT_REJECTED };

struct ct_former_operator {
	const char *name;
	struct timestamp until;
};

struct ct_log {
	const char *description; /* its id in base64 where the list has none */
	const char *operator;
	const struct ct_former_operator *former; /* in the order of their ends */
	size_t n_former;
	struct bytes id; /* SHA-256 of the key */
	EVP_PKEY *key;
	const char *url;      /* ends in a slash; ct/v1/... follows */
	bool tiled;           /* a static-ct-api log */
	const char *read_url; /* where its entries are read; ends in a slash */
	int64_t merge_s;      /* within so long of an SCT its entry is in the tree (MMD) */
	enum ct_state state;
	struct timestamp state_since;
	struct timestamp from;  /* of the notAfter that it takes; 0: any */
	struct timestamp until; /* exclusive */
};

struct ct_log_list {
	struct ct_log *v;
	size_t n;
	struct timestamp made_at;
	const char
	    *left_out; /* descriptions of logs in no state or one that is not known, which are not among v; NULL: none */
};

/* Everything is copied into the arena of c. MALFORMED, naming the log: a member that is missing or of another type, an id that is
 * not that of the key, a key of a kind that RFC 6962 has not, a state without a time, an interval that is none, a URL that is not http(s), one log
 * twice. A description and a state may be missing. Members that this reader does not know are passed over, as the list grows. */
int ct_log_list_parse(struct ctx *c, struct bytes json, struct ct_log_list *ret) MUST_CHECK;

/* NULL: unknown. */
const struct ct_log *ct_log_find(const struct ct_log_list *list, struct bytes id);

/* Who ran the log at that time (H-8). */
const char *ct_log_operator_at(const struct ct_log *log, struct timestamp t);

/* Whether the log takes a certificate that ends then (H-9). */
bool ct_log_covers(const struct ct_log *log, struct timestamp not_after);

#endif
