/* A YAML tree into a struct by its field table. Only config.c uses this. */
#ifndef CAIRN_BASE_CONFIG_READ_H
#define CAIRN_BASE_CONFIG_READ_H

#include "lib/base/fields.h"
#include "lib/base/yaml.h"

/* Reads the map (NULL: all defaults) into the zeroed struct at `to`; texts and lists live in `a`. Paths (FIELD_PATH)
 * become absolute, starting from `folder`. FIELD_REQUIRED counts in entries of lists only. FAIL: MALFORMED with
 * "FILE:LINE: key: reason". */
int config_read(struct ctx *c, struct arena *a, const char *folder, const struct fields *f, const struct node *map,
    void *to) MUST_CHECK;

#endif
