/* Precertificates (standards H): what was promised is recorded, and becomes a certificate when there are SCTs for it. */
#ifndef CAIRN_CA_PROMISE_H
#define CAIRN_CA_PROMISE_H

#include "ca/finish.h"

/* Records a signed precertificate; begun->precertificate is then the one that counts: the first (D-54). */
int promise_record(struct ctx *c, struct begun *begun, struct bytes der) MUST_CHECK;

#endif
