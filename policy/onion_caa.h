/* CAA of onion services as clients bring it along (RFC 9799 6.4; B-38): a set of records that the service's key signed for some hours.
 * All names below a service share its set. Pure. */
#ifndef CAIRN_POLICY_ONION_CAA_H
#define CAIRN_POLICY_ONION_CAA_H

#include "policy/decide_caa.h"

#define ONION_CAA_LIFE_S 28800
/* What a client's clock may be ahead. */
#define ONION_CAA_SKEW_S 300
#define ONION_CAA_RECORDS_MAX 100

/* "onion-caa|EXPIRY|RECORDS": what is signed. */
struct bytes onion_caa_signed(struct arena *a, const struct onion_caa *set);

/* The records of a set, `caa FLAGS TAG VALUE` in lines as in a service's descriptor, as RDATA; NULL text: none. NULL, or what is
 * wrong, as the end of a sentence. */
const char *onion_caa_parse(struct arena *a, const char *text, struct bytes_list *ret_rdata) MUST_CHECK;

/* The verdict at this time on the set of the request. MALFORMED: it can't be relied on; CAA: it forbids. */
struct caa_decision onion_caa_decide(struct arena *a, const struct validate_request *request, struct timestamp now);

#endif
