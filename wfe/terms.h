/* Terms of service that changed after an account was made (RFC 8555 7.3.3, A-55). */
#ifndef CAIRN_WFE_TERMS_H
#define CAIRN_WFE_TERMS_H

#include "wfe/front.h"

#define TERMS_PATH "/terms/" /* and the token of the page */

/* USER_ACTION_REQUIRED with the page to agree on, unless the account that signed has agreed to what is in force. */
int terms_check(struct acme *q) MUST_CHECK;

#endif
