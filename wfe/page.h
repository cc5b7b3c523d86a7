/* Pages for a person's browser behind a link that is a secret of an account's: plain HTML without a script, a cookie or
 * anything from elsewhere (G-16, G-62). To look changes nothing, as programs follow links too; a form's button does. */
#ifndef CAIRN_WFE_PAGE_H
#define CAIRN_WFE_PAGE_H

#include "lib/base/buffer.h"
#include "wfe/front.h"

/* Whether this request came by the form's button. */
bool page_acts(const struct acme *q);

void page_begin(struct buffer *b, struct arena *a, const char *title);
void page_add_escaped(struct buffer *b, const char *text);
void page_end(struct acme *q, struct buffer *b, unsigned status);

/* The error of the request as a page. */
void page_refuse(struct acme *q, const char *title);

/* What stands in records for the URL of a request: the path, and the digest of what is secret behind it, on a page, or may be a contact (G-5). */
const char *page_recorded_url(const struct acme *q);

/* Whether the answer holds the link of a page, which no record may have. */
bool page_is_told(const struct acme *q);

#endif
