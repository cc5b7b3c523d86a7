/* Which account may use which profile (B-25). */
#ifndef CAIRN_RA_PROFILES_H
#define CAIRN_RA_PROFILES_H

#include "policy/profiles.h"

/* UNAUTHORIZED unless the profile is for all, for this account, or for those of an external account key that made it. The
 * database is asked for the last only. */
int profiles_check_account(struct ctx *c, const struct config_profile *profile, struct id account) MUST_CHECK;

#endif
