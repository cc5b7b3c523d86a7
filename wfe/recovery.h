/* Recovery contacts (docs/recovery.md): what a client gives goes to the vault of cairn-subscriber and stays nowhere here. */
#ifndef CAIRN_WFE_RECOVERY_H
#define CAIRN_WFE_RECOVERY_H

#include "wfe/front.h"

/* Whether this CA takes them at all. */
bool recovery_offered(const struct front *front);

/* Whether it gives accounts back by them. */
bool recovery_claims_offered(const struct front *front);

/* The contacts of newAccount or of an update become the recovery contacts of q->account, where the configuration has them kept; else,
 * and for none, nothing happens. INVALID_CONTACT, RATE_LIMITED. */
int recovery_set_by_account(struct acme *q, const uint8_t *thumbprint, const struct text_list *contacts) MUST_CHECK;

/* Deletes those of q->account, if there can be any. */
int recovery_delete(struct acme *q) MUST_CHECK;

#endif
