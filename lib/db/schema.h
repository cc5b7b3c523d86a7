/* Whether the database has the schema that this program was built for (db/migrations). */
#ifndef CAIRN_DB_SCHEMA_H
#define CAIRN_DB_SCHEMA_H

#include "lib/base/ctx.h"

/* The migrations that this program was built with: file names in order, a blank between two. */
extern const char schema_migrations[];

/* The first of `wanted` (as above) that is not among the n names; NULL: all are there. */
const char *schema_lacking(struct arena *a, const char *wanted, const char *const *names, size_t n);

/* Looks with a connection of its own. ret_lacking: the first migration that was not run, or NULL. UNAVAILABLE: the database
 * can't be reached, so it is not known. */
int schema_find(struct ctx *c, const char *conninfo, const char **ret_lacking) MUST_CHECK;

#endif
