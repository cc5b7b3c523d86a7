/* Which account may use which profile (B-25), and what is on record of profiles (F-40). */
#ifndef CAIRN_RA_PROFILES_H
#define CAIRN_RA_PROFILES_H

#include "policy/profiles.h"

/* UNAUTHORIZED unless the profile is for all, for this account, or for those of an external account key that made it. The
 * database is asked for the last only. */
int profiles_check_account(struct ctx *c, const struct config_profile *profile, struct id account) MUST_CHECK;

/* Profiles that came, changed or went since any registration authority recorded them last are events from then on. */
int profiles_record(struct ctx *c, const char *instance, const struct config_profile_list *profiles) MUST_CHECK;

#endif
