/* Reads a DNS message as libunbound hands it over (RFC 1035 4.1): the records that answer its own question, aliases
 * followed. Pure. */
#ifndef CAIRN_VA_DNS_ANSWER_H
#define CAIRN_VA_DNS_ANSWER_H

#include "lib/base/ctx.h"

#define DNS_RCODE_SERVFAIL 2
#define DNS_RCODE_NXDOMAIN 3

struct dns_answer {
	int rcode;
	const char *asked;          /* the name in question, with a dot at its end */
	const char *canonical_name; /* where the aliases led, with a dot at its end; NULL without alias */
	struct bytes_list rdata;    /* of all records of the question's name and type; borrows from the packet */
};

/* Takes up to `most` records and no more. -1 for a message that is cut off, has a name that is none, or does not hold
 * one question of this type in class IN. */
int dns_answer_parse(
    struct arena *a, struct bytes packet, uint16_t type, size_t most, struct dns_answer *ret) MUST_CHECK;

#endif
