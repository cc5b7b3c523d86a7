/* How a deployment stands, as far as it can be seen from this machine: database, clock, certificates, processes, resolvers, disk. */
#ifndef CAIRN_CLI_DOCTOR_STATE_H
#define CAIRN_CLI_DOCTOR_STATE_H

#include "lib/base/config.h"
#include "lib/rpc/messages.h"

/* Adds what was found; a look that fails is a problem among them. */
void doctor_look(struct ctx *c, const struct config *config, struct finding_list *findings);

/* What is to be said of a certificate that lasts from..until. */
struct finding doctor_lifetime(
    struct arena *a, const char *file, struct timestamp from, struct timestamp until, struct timestamp now);

/* A shard's newest CRL: how long it lasts, 0: there is none. */
struct doctor_crl {
	const char *issuer;
	const char *shard;
	int64_t left_s;
	int64_t octets;
};

/* What is to be said of a CRL, by the period and life that the configuration gives (E-22, E-28). */
struct finding doctor_crl(struct arena *a, const struct doctor_crl *crl, const struct config_ca *config);

/* What is to be said of so many blocked keys, of which so many may be in certificates that are not revoked, since then (E-13). */
struct finding doctor_blocked(struct arena *a, const char *keys, const char *due, const char *since);

/* What is to be said of so many revocations in waves, of which so many certificates are left of waves that have ended, so long ago (E-7). */
struct finding doctor_waves(struct arena *a, const char *open, const char *due, int64_t late_s);

#endif
