/* What must hold for values and between keys beyond what the field tables say. Only config.c uses this. */
#ifndef CAIRN_BASE_CONFIG_CHECK_H
#define CAIRN_BASE_CONFIG_CHECK_H

#include "lib/base/config.h"

/* Also fills in the members that are parsed from texts (`life_s`, `keep_s` ...). FAIL: MALFORMED with "key: reason". */
int config_check(struct ctx *c, struct config *config) MUST_CHECK;
/* Its part about cairn-va. */
int config_check_va(struct ctx *c, const struct config *config) MUST_CHECK;

/* Its part about cairn-ca, and what that process needs beyond its keys: where issuers' keys may lie in this mode. */
int config_check_ca(struct ctx *c, const struct config *config) MUST_CHECK;
int config_require_ca(struct ctx *c, const struct config *config) MUST_CHECK;

/* The same for recovery contacts; a part of config_check. */
int config_check_recovery(struct ctx *c, struct config *config) MUST_CHECK;
int config_check_alarm(struct ctx *c, const struct config *config) MUST_CHECK;

#endif
