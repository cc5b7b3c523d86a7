/* All that is held about an account, for who has its key (docs/privacy.md; G-23). */
#ifndef CAIRN_WFE_SUBJECT_H
#define CAIRN_WFE_SUBJECT_H

#include "wfe/front.h"

/* The URL of the resource. */
const char *subject_url(const struct acme *q, struct id account);

#endif
