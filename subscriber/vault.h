/* The vault of recovery contacts (docs/recovery.md): contacts are sealed for both groups of custodians as soon as they come in, and
 * what this process writes it can't read again. A keyed hash of each lets a claimed contact be matched. */
#ifndef CAIRN_SUBSCRIBER_VAULT_H
#define CAIRN_SUBSCRIBER_VAULT_H

#include "lib/base/config.h"
#include "lib/db/db.h"
#include "policy/limits.h"

/* Before the sandbox: reads the custodians' certificates and the key of the hashes, which live as long as the arena of c. Does
 * nothing without recovery.custodian_dir. MALFORMED with a sentence. */
int vault_open(struct ctx *c, const struct config *config) MUST_CHECK;

/* Tells the database what becomes of the contacts of accounts that end. process: as it stands in events. */
int vault_start(struct ctx *c, const struct config *config, const char *process) MUST_CHECK;

/* For recovery.c, once it is open: the key of the hashes, and what the configuration limits. */
bool vault_is_open(void);
struct bytes vault_key(void);
const struct limits *vault_limits(void);

/* By this a claimed contact, as contact_parse gives it, is matched (vault.match_contact). */
struct bytes vault_hash_contact(struct arena *a, struct id account_id, const char *contact);

/* By this claims are counted, whatever account they name. */
const char *vault_contact_key(struct arena *a, const char *contact);

extern const struct statement *const vault_statements[];
extern const size_t vault_n_statements;

#endif
