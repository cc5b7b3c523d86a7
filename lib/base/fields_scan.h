/* The plain way to read JSON into structs, for fields_read.c: without a tree, which takes most of the time. It takes what our
 * own writers and PostgreSQL mostly produce and leaves all else, refusals included, to the general way. */
#ifndef CAIRN_BASE_FIELDS_SCAN_H
#define CAIRN_BASE_FIELDS_SCAN_H

#include "lib/base/fields.h"

/* True: the struct at `to` is as fields_from_json would have made it. False, with `to` in any state, for all that is not an
 * object of known members, each once, in printable ASCII with no escapes but \" \\ \/ \n \r \t, whole numbers of at most
 * 18 digits, no null, no FIELD_JSON, and every value as its field wants it. */
bool fields_scan(struct arena *a, const struct fields *f, struct bytes text, void *to) MUST_CHECK;

#endif
