/* The keys of recovery contacts, for the closed list in config.c, and what must hold for them. */
#include <string.h>

#include "lib/base/config_check.h"
#include "lib/base/config_tables.h"

static const char *const account_contacts[] = { "drop", "keep", NULL };
static const char *const ended_accounts[] = { "delete", "freeze", NULL };

static const struct field recovery_field[] = {
	FIELD(struct config_recovery, custodian_dir, .flags = FIELD_PATH,
	    .help = "Folder whose folders a and b have the certificates of both groups of custodians, for whom recovery "
	            "contacts "
	            "are sealed (docs/recovery.md); without it there are no recovery contacts."),
	FIELD(struct config_recovery, account_contacts, .def = "drop", .one_of = account_contacts,
	    .help = "What becomes of the contacts that ACME clients name in newAccount and in updates of accounts: drop, "
	            "or keep "
	            "them as recovery contacts."),
	FIELD(struct config_recovery, ended_accounts, .def = "delete", .one_of = ended_accounts,
	    .help =
	        "What becomes of the recovery contacts of an account that ends: delete, or freeze until retention deletes "
	        "them."),
	FIELD(struct config_recovery, delay, .def = "7d",
	    .help = "How long an account that is claimed keeps its key behind the return of the token, and its holder can "
	            "stop it."),
	FIELD(struct config_recovery, token_life, .def = "1d",
	    .help = "How long the token that a mail brings to a recovery contact is good."),
	FIELD(struct config_recovery, former_contacts, .def = "14d",
	    .help =
	        "How long the keyed hashes of contacts that were replaced or deleted are kept, such as 14d, so that who "
	        "had the account before its key was stolen can still claim it; off: not at all."),
};
const struct fields config_recovery_fields = FIELDS(struct config_recovery, recovery_field);

static int check_time(struct ctx *c, const char *key, const char *text, int64_t *ret_s)
{
	return duration_parse(text, ret_s) == 0
	           ? 0
	           : FAIL(c, MALFORMED, "%s: \"%s\" must be a time such as 90d, 12h, 30m or 45s", key, text);
}

int config_check_recovery(struct ctx *c, struct config *config)
{
	struct config_recovery *r = &config->recovery;
	TRY(check_time(c, "recovery.delay", r->delay, &r->delay_s));
	TRY(check_time(c, "recovery.token_life", r->token_life, &r->token_life_s));
	r->former_contacts_s = 0;
	return strcmp(r->former_contacts, "off") == 0
	           ? 0
	           : check_time(c, "recovery.former_contacts", r->former_contacts, &r->former_contacts_s);
}
