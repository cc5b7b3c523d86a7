/* Files with serials of certificates, in hexadecimal digits, one a line; # begins a comment. */
#ifndef CAIRN_CLI_SERIALS_H
#define CAIRN_CLI_SERIALS_H

#include "lib/base/ctx.h"
#include "lib/base/fields.h"

/* In lower case and without colons. MALFORMED with the line that is none. */
int serials_read(struct ctx *c, const char *path, struct text_list *ret) MUST_CHECK;

#endif
