/* One value between a struct's member and PostgreSQL's binary format. Inside lib/db; tests of statements use
 * value_fits. */
#ifndef CAIRN_DB_VALUE_H
#define CAIRN_DB_VALUE_H

#include <libpq-fe.h>

#include "lib/base/fields.h"

/* The type that a parameter of this kind is declared with. */
Oid value_type(enum field_kind kind);

/* A column of this type can be read into a field of this kind. */
bool value_fits(enum field_kind kind, Oid type);

/* The member of f in the struct at `base` as octets of value_type, in the arena. SQL NULL (p NULL) for: a NULL text, bytes
 * with p NULL, no id, no time, NULL JSON; and, when the field has FIELD_OMIT_EMPTY, for every zero value. */
struct bytes value_encode(struct arena *a, const struct field *f, const void *base);

/* The reverse for a value of `type` that is not NULL. SERVER_INTERNAL when the octets are no such value. */
int value_decode(struct ctx *c, const struct field *f, Oid type, struct bytes in, void *base) MUST_CHECK;

#endif
