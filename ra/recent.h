/* What this process itself wrote moments ago of orders and authorizations, and what of it can't change: so that finalize need
 * not read it again. How an order stands now is not known here: whoever acts by this leaves that to the statement that acts
 * (ca.begin_issuance), and reads the order where anything is not here or not as it was. All functions are safe from all
 * threads. */
#ifndef CAIRN_RA_RECENT_H
#define CAIRN_RA_RECENT_H

#include "lib/rpc/messages.h"

/* An order as it was made, each of whose authorizations was made valid by a validation that this process recorded. */
struct recent_order {
	struct id account_id;
	struct bytes thumbprint; /* of the key that ordered */
	const char *profile;
	const char *replaces;   /* or NULL */
	struct text_list types; /* of the identifiers */
	struct text_list values;
	struct id_list authorizations;
	struct timestamp not_before;
	struct timestamp not_after;
	struct timestamp expires_at;
	struct timestamp oldest_validation; /* of those of its authorizations */
};

/* An order that is committed, asked for by the key with this thumbprint. Those with many names are not kept. */
void recent_keep_order(const struct order *order, struct bytes thumbprint);

/* The authorization became valid by a validation of this time, which is committed. */
void recent_keep_validation(struct id authz_id, struct timestamp validated_at);

/* The order, in the arena of c, if all of it is here; it is then here no more: one call has it, and those beside or after
 * that one read what became of it. */
bool recent_take_order(struct ctx *c, struct id id, struct recent_order *ret);

#endif
