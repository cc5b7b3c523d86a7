/* Reads a DNS message as libunbound hands it over (RFC 1035 4.1): the records that answer its own question, aliases
 * followed. Pure. */
#ifndef CAIRN_POLICY_DNS_ANSWER_H
#define CAIRN_POLICY_DNS_ANSWER_H

#include "lib/base/ctx.h"

#define DNS_RCODE_SERVFAIL 2
#define DNS_RCODE_NXDOMAIN 3
#define LOOKUP_ANSWERS_MAX 100
#define LOOKUP_ALIASES_MAX 16

enum lookup_type { LOOKUP_A = 1, LOOKUP_SOA = 6, LOOKUP_TXT = 16, LOOKUP_AAAA = 28, LOOKUP_DS = 43, LOOKUP_CAA = 257 };

struct dns_answer {
	int rcode;
	const char *asked;          /* the name in question, with a dot at its end */
	const char *canonical_name; /* where the aliases led, with a dot at its end; NULL without alias */
	size_t aliases;             /* how many stand between the two */
	struct bytes_list rdata;    /* of all records of the question's name and type; borrows from the packet */
};

/* Takes up to `most` records and no more. -1 for a message that is cut off, has a name that is none, or does not hold
 * one question of this type in class IN. */
int dns_answer_parse(
    struct arena *a, struct bytes packet, uint16_t type, size_t most, struct dns_answer *ret) MUST_CHECK;

#endif
