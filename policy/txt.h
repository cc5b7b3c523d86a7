/* RDATA of TXT records (RFC 1035 3.3.14): character-strings, one behind the other. Pure. */
#ifndef CAIRN_POLICY_TXT_H
#define CAIRN_POLICY_TXT_H

#include "lib/base/buffer.h"
#include "lib/base/ctx.h"

/* The strings of the record, joined (RFC 8555 8.4; A-110). -1 when there is none or the last is cut off. */
int txt_join(struct arena *a, struct bytes rdata, struct bytes *ret) MUST_CHECK;

/* Presentation form, as in a zone file: "one" "two". "malformed" for what is no TXT. */
const char *txt_encode(struct arena *a, struct bytes rdata);

/* Adds octets between quotes; those that are not printable become \DDD. */
void txt_quote(struct buffer *b, struct bytes octets);

#endif
