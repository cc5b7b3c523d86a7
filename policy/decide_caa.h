/* The CAA check of a name (RFC 8659 3; C-31) as a pure function of the lookups that were recorded: from the name towards the
 * root, until a set is found. It runs while the check does, to say what to look up next, and again when its record is audited. */
#ifndef CAIRN_POLICY_DECIDE_CAA_H
#define CAIRN_POLICY_DECIDE_CAA_H

#include "lib/rpc/messages.h"
#include "policy/decide.h"
#include "policy/dns_answer.h"

struct caa_decision {
	const char *next;         /* the name that has to be looked up; NULL: it is decided */
	enum lookup_type type;    /* CAA; DS, to see whether a zone is signed */
	bool again;               /* past what is remembered of earlier answers */
	struct verdict verdict;   /* when decided */
	struct caa_result result; /* the same for the record, but for the time */
};

struct caa_decision decide_caa(struct arena *a, const struct validate_request *request,
    const struct validation_basis *basis, const struct resolution_list *resolutions);

#endif
