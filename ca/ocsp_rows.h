/* What ca/ocsp.c reads and writes of OCSP; the steps stand in db/functions/ca_ocsp.sql. */
#ifndef CAIRN_CA_OCSP_ROWS_H
#define CAIRN_CA_OCSP_ROWS_H

#include "ca/issuers.h"

/* A certificate whose answer is due. */
struct ocsp_due {
	struct bytes serial;
	int64_t reason;     /* -1: good */
	int64_t revoked_at; /* seconds since 1970 */
};

struct ocsp_due_list {
	struct ocsp_due *v;
	size_t n;
};

/* Signed answers, list by list. */
struct ocsp_signed {
	struct bytes_list serials;
	struct int_list reasons;
	struct int_list revoked_at;
	struct bytes_list sha1;
	struct bytes_list sha256;
	struct timestamp this_update;
	struct timestamp next_update;
	struct timestamp due_at;
};

/* Of answers that are made now, in whole seconds, and are good for life_s, but no longer than their responder: a new one comes after half of
 * the life that they really have (E-35), which is 8 hours before the end at least where that has 16, and within four days. */
void ocsp_set_times(struct ocsp_signed *all, struct timestamp now, int64_t life_s, struct timestamp responder_ends);

struct ocsp_state {
	bool active;
	int64_t answers;
	int64_t due;
	int64_t ends_s;
};

/* By the configuration: the issuer has OCSP, or has it no more. */
int ocsp_register(struct ctx *c, const struct issuer *issuer) MUST_CHECK;

/* Takes the duty for the issuer, and so many answers that are due; none: another instance has it, or nothing is. */
int ocsp_take(struct ctx *c, const struct issuer *issuer, int64_t most, struct ocsp_due_list *ret) MUST_CHECK;
int ocsp_publish(struct ctx *c, const struct issuer *issuer, const struct ocsp_signed *answers) MUST_CHECK;

/* A responder's certificate before its signature, and after. */
int ocsp_begin_responder(
    struct ctx *c, const struct issuer *issuer, const struct cert_template *t, struct bytes tbs) MUST_CHECK;
int ocsp_complete_responder(struct ctx *c, struct bytes serial, struct bytes der) MUST_CHECK;

int ocsp_read_state(struct ctx *c, const struct issuer *issuer, struct ocsp_state *ret, bool *ret_found) MUST_CHECK;

#endif
