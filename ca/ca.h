/* cairn-ca: what its parts share. One instance of it is set up by ca_open and, but for `stopping`, never changes after. */
#ifndef CAIRN_CA_CA_H
#define CAIRN_CA_CA_H

#include <stdatomic.h>

#include "ca/issuers.h"
#include "lib/db/db.h"
#include "policy/profiles.h"

/* Seconds that an instance has for signing before another one takes over. */
#define CA_LEASE_S 10

struct ca {
	const struct config *config;
	struct issuer_list issuers;
	enum policy_mode mode;
	const char *process;  /* in log.event: "cairn-ca@PLACE" */
	struct arena *arena;  /* of all this, kept for ever */
	const char *place;    /* this instance among those of all machines: "HOST/ADDRESS:PORT" */
	const char *instance; /* this run of it, the holder of leases: "PLACE/CHANCE" */
	atomic_bool stopping; /* the process ends: what goes on for long stops at its next step; of ca/duties.c */
};

extern struct ca ca;

/* All SQL of the process. */
extern const struct statement *const ca_statements[];
extern const size_t ca_n_statements;

/* Loads the issuers and starts the signer; before there are threads. config must live as long as the process. */
int ca_open(struct ctx *c, const struct config *config) MUST_CHECK;

/* Writes the issuers into the database. */
int ca_register_issuers(struct ctx *c) MUST_CHECK;

/* Completes issuances that were begun and that nobody works on any more, as their lease lapsed or their holder is an
 * earlier run of this instance, with the same bytes and the same serial: all of them, or as many as the time of c allows. */
int ca_complete_lapsed(struct ctx *c, size_t *ret_completed) MUST_CHECK;

/* One look at the CRL of each issuer: makes those that are due. */
int ca_make_crls(struct ctx *c) MUST_CHECK;

/* One look at the OCSP answers of each issuer that has OCSP: signs those that are due, some thousands at most. For one thread only. */
int ca_sign_ocsp(struct ctx *c) MUST_CHECK;

/* Which issuers have OCSP, into the database; when the signer has started. */
int ca_register_ocsp(struct ctx *c) MUST_CHECK;

/* Each issuer has a CRL that has not ended: nothing is issued before (E-23). */
bool ca_crls_stand(void);

#endif
