/* Private keys that a client sends, by mistake or because it knows no better: Certbot promises that it never does, and this CA that
 * it keeps none (docs/privacy.md). Such a request is refused, its body, or its header, is not recorded, and the key is blocked as compromised. */
#ifndef CAIRN_WFE_LEAK_H
#define CAIRN_WFE_LEAK_H

#include "wfe/front.h"

/* Looks into the body, then into the fields of the header, then into the URL, and sets q->leak, q->leak_in_header and q->leak_in_url. */
void leak_find(struct acme *q);

/* Blocks the key if it can be told whose it is, and refuses; always -1. Spends the nonce of the request. */
int leak_refuse(struct acme *q) MUST_CHECK;

#endif
