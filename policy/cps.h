/* What a certification practice statement (CPS, RFC 3647) says and the configuration decides: whom CAA may name, how CAA is read, which methods
 * validate what, from where, and for how long all of it counts (C-35, C-43). Pure. */
#ifndef CAIRN_POLICY_CPS_H
#define CAIRN_POLICY_CPS_H

#include "policy/notice.h"

/* UTF-8. */
struct bytes cps_write(struct arena *a, const struct config *config, enum notice_form form);

#endif
