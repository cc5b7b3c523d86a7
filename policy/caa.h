/* CAA (RFC 8659, RFC 8657; C-30..C-34, C-41..C-44): records and what they permit, without the exceptions that the rules allow
 * (C-40). Pure; the lookups are made by va/climb.c, and the verdict can be drawn again from the kept records. */
#ifndef CAIRN_POLICY_CAA_H
#define CAIRN_POLICY_CAA_H

#include "lib/base/ctx.h"

struct caa_record {
	uint8_t flags;
	struct bytes tag;
	struct bytes value;
};

/* For whom the verdict is asked. */
struct caa_query {
	bool wildcard;
	const struct text_list *identities; /* issuer domain names of this CA */
	const char *account_url;
	const struct text_list *former_account_urls; /* that it had before the CA's name changed, or NULL */
	const char *method; /* the one that was really relied on (C-44), or NULL: then no validationmethods is met */
};

struct caa_verdict {
	bool permitted;
	const char *reason; /* why not, as a sentence; NULL when permitted */
};

/* RDATA of type 257; the record borrows from it. -1 when it is cut off or has an empty or wrong tag. */
int caa_record_parse(struct bytes rdata, struct caa_record *ret) MUST_CHECK;

/* Presentation form: 0 issue "ca.example". Octets that are not printable become \DDD. */
const char *caa_record_encode(struct arena *a, const struct caa_record *r);

/* The verdict on one non-empty set. A record that can't be parsed forbids. */
struct caa_verdict caa_decide(struct arena *a, const struct bytes_list *rdata, const struct caa_query *query);

/* The values of iodef (RFC 8659 4.4): printable octets only. */
struct text_list caa_iodef(struct arena *a, const struct bytes_list *rdata);

/* The name to ask next, or NULL when `name` was the last below the root (RFC 8659 3; C-31). Borrows from name. */
const char *caa_climb(const char *name);

#endif
