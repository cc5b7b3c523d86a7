/* What the certificates above a leaf let it be for (RFC 5280 4.2.1.10; D-31): an issuer that was imported may be limited to
 * some domains and networks. Pure. */
#ifndef CAIRN_POLICY_NAME_CONSTRAINTS_H
#define CAIRN_POLICY_NAME_CONSTRAINTS_H

#include "lib/base/ip.h"

struct name_subtrees {
	struct text_list dns; /* lower case; "a.test" is itself and all below, ".a.test" all below, "" every name */
	struct network_list ip;
};

/* Of one certificate. A kind of name of which no tree is permitted is free. */
struct name_constraints {
	struct name_subtrees permitted;
	struct name_subtrees excluded;
};

struct name_constraints_list {
	struct name_constraints *v;
	size_t n;
};

/* Those of the certificates (DER) that have any, in the arena a. MALFORMED when they are broken, or limit the names of
 * directories, to which this CA can't hold. */
int name_constraints_read(struct ctx *c, struct arena *a, const struct bytes_list *certificates,
    struct name_constraints_list *ret) MUST_CHECK;

/* All of them allow the name: lower case, perhaps with "*." before it. */
bool name_constraints_allow_name(const struct name_constraints_list *list, const char *name);
bool name_constraints_allow_address(const struct name_constraints_list *list, const struct ip *ip);

#endif
