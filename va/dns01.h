/* Proof of control by a TXT record (RFC 8555 8.4; A-110): one lookup, in which aliases are followed. The verdict is drawn
 * from its record by policy/decide.h. */
#ifndef CAIRN_VA_DNS01_H
#define CAIRN_VA_DNS01_H

#include "va/dcv.h"
#include "va/resolve.h"

struct dns01 {
	struct dcv dcv;
	const char *name; /* asked for */
	struct lookup *lookup;
};

/* Its row of va/dcv.c. */
void dns01_start(struct dcv *dcv);
void dns01_abandon(struct dcv *dcv);

#endif
