/* IP addresses and networks, and which of them are special (IANA's registries): validation enters none of these
 * and no certificate holds one (B-11), save what the operator allows. Pure. */
#ifndef CAIRN_BASE_IP_H
#define CAIRN_BASE_IP_H

#include <sys/socket.h>

#include "lib/base/ctx.h"

struct ip {
	bool v6;
	uint8_t b[16]; /* the first 4 for IPv4 */
};

/* A block of one family: an IPv4-mapped IPv6 address lies in no IPv4 block. */
struct network {
	struct ip first;
	unsigned bits;
};

struct network_list {
	struct network *v;
	size_t n;
};

/* "192.0.2.1" or "2001:db8::1", nothing else: no brackets, no zone, no octal, no short forms. */
int ip_parse(const char *text, struct ip *ret) MUST_CHECK;
const char *ip_encode(struct arena *a, const struct ip *ip);
/* "1.2.0.192.in-addr.arpa", or its like below ip6.arpa (RFC 1035 3.5, RFC 3596 2.5). */
const char *ip_reverse_name(struct arena *a, const struct ip *ip);
bool ip_equal(const struct ip *a, const struct ip *b);
/* The DNS form: 4 or 16 octets; -1 for another length. */
int ip_of_bytes(struct bytes b, struct ip *ret) MUST_CHECK;
/* -1 for a family that is neither IPv4 nor IPv6. */
int ip_of_sockaddr(const struct sockaddr *sa, struct ip *ret_ip, uint16_t *ret_port) MUST_CHECK;

/* Texts like "10.0.0.0/8" or "fd00::/8". FAIL: MALFORMED, naming the text; also when host bits are set. */
int networks_parse(struct ctx *c, const struct text_list *texts, struct network_list *ret) MUST_CHECK;

/* The address lies in one of the networks. */
bool networks_have(const struct network_list *networks, const struct ip *ip);

/* a holds all of b. */
bool network_covers(const struct network *a, const struct network *b);

/* The state of the table of special-purpose blocks. */
#define IP_SPECIAL_AS_OF "2025-05"

/* The blocks of the table, and all of IPv6 that nobody was given. */
struct network_list ip_special_blocks(struct arena *a);

/* What is special about the address ("a loopback address"), or NULL for a global unicast address. */
const char *ip_special(const struct ip *ip);

/* What beside that table decides where validation goes: what the operator opens, and what it never enters, which comes first. */
struct ip_reach {
	struct network_list allowed;
	struct network_list denied;
};

/* FAIL: MALFORMED, as by networks_parse. */
int ip_reach_parse(
    struct ctx *c, const struct text_list *allowed, const struct text_list *denied, struct ip_reach *ret) MUST_CHECK;

/* The blocks of IPv6 through which the addresses of an IPv4 network may be reached (NAT64, 6to4, mapped addresses); none for one of IPv6. */
struct network_list network_guises(struct arena *a, const struct network *net);

/* Why validation may not go to the address ("a private address"), or NULL. One of IPv6 that leads to one of IPv4 has to be permitted as both. */
const char *ip_refusal(const struct ip *ip, const struct ip_reach *reach);

/* The blocks that ip_refusal refuses, but for ISATAP, which is no block; without `open`, which may be entered all the same. In the arena. */
struct network_list ip_closed(struct arena *a, const struct ip_reach *reach, const struct network_list *open);

#endif
