/* What must hold for values and between keys beyond what the field tables say. Only config.c uses this. */
#ifndef CAIRN_BASE_CONFIG_CHECK_H
#define CAIRN_BASE_CONFIG_CHECK_H

#include "lib/base/config.h"

/* Also fills in the members that are parsed from texts (`life_s`, `keep_s` ...). FAIL: MALFORMED with "key: reason". */
int config_check(struct ctx *c, struct config *config) MUST_CHECK;

#endif
