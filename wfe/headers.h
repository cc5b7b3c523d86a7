/* What of the header of a request is recorded beside User-Agent and Accept-Language, which have places of their own. */
#ifndef CAIRN_WFE_HEADERS_H
#define CAIRN_WFE_HEADERS_H

#include "lib/http/server.h"

/* Each field as a line "Name: value", in the order in which they came, "\n" between them; in `a`. Of a field that is for secrets or for
 * somebody's address the value is withheld: "Name:(N octets withheld)". */
const char *headers_recorded(struct arena *a, const struct http_header *headers, size_t n);

#endif
