/* The registration authority: policy, and every change of state of accounts, orders, authorizations and challenges, each
 * one statement. A walk through it starts at methods.c. */
#ifndef CAIRN_RA_RA_H
#define CAIRN_RA_RA_H

#include "lib/base/config.h"
#include "lib/db/db.h"
#include "lib/rpc/rows.h"
#include "policy/limits.h"

/* What all handlers share; set at the start and never changed. */
struct ra {
	const struct config *config;
	const char *instance; /* "cairn-ra@127.0.0.1:14101": holder of leases, author of events */
	struct limits limits;
};

const struct ra *ra_get(void);
void ra_set(const struct ra *ra);

/* The profile of this name, or the default one for NULL; NULL when there is none. */
const struct config_profile *ra_profile_find(const char *name);

/* The account's URL, and what it was while the CA had other names (acme.former_external_urls; C-42). */
const char *ra_account_url(struct arena *a, struct id account_id);
struct text_list ra_former_account_urls(struct arena *a, struct id account_id);

/* The closed list of SQL (statements.c). */
extern const struct statement ra_new_account_statement;
extern const struct statement ra_new_bound_account_statement;
extern const struct statement ra_find_eab_secret_statement;
extern const struct statement ra_deactivate_account_statement;
extern const struct statement ra_change_key_statement;
extern const struct statement ra_ask_terms_statement;
extern const struct statement ra_agree_terms_statement;
extern const struct statement ra_new_order_statement;
extern const struct statement ra_account_has_key_statement;
extern const struct statement ra_new_authz_statement;
extern const struct statement ra_read_order_statement;
extern const struct statement ra_start_challenge_statement;
extern const struct statement ra_retry_challenge_statement;
extern const struct statement ra_challenge_runs_statement;
extern const struct statement ra_read_authorization_statement;
extern const struct statement ra_deactivate_authorization_statement;
extern const struct statement ra_take_challenges_statement;
extern const struct statement ra_record_validation_statement;
extern const struct statement ra_tell_lost_statement;
extern const struct statement ra_record_caa_statement;
extern const struct statement ra_record_late_statement;
extern const struct statement ra_read_finalize_statement;
extern const struct statement ra_refuse_order_statement;
extern const struct statement ra_read_methods_statement;
extern const struct statement ra_revoke_statement;
extern const struct statement ra_block_key_statement;
extern const struct statement ra_sweep_keys_statement;
extern const struct statement ra_sweep_waves_statement;
extern const struct statement ra_logs_state_statement;
extern const struct statement ra_unpause_statement;
extern const struct statement ra_doctor_run_statement;
extern const struct statement ra_look_at_limits_statement;
extern const struct statement ra_take_limits_statement;
extern const struct statement ra_give_back_statement;
extern const struct statement ra_leave_unlogged_statement;
extern const struct statement ra_take_unlogged_statement;
extern const struct statement ra_note_submissions_statement;
extern const struct statement ra_take_monitored_statement;
extern const struct statement ra_note_monitored_statement;
extern const struct statement ra_monitored_issuers_statement;
extern const struct statement ra_known_entries_statement;
extern const struct statement ra_note_merged_statement;
extern const struct statement ra_scts_due_statement;
extern const struct statement ra_note_unproved_statement;
extern const struct statement ra_note_foreign_statement;
extern const struct statement ra_monitor_state_statement;
extern const struct statement ra_record_lists_statement;
extern const struct statement ra_record_profiles_statement;
extern const struct statement *const ra_statements[];
extern const size_t ra_statements_n;

/* The types of the challenges that are offered for an identifier, and a fresh token (or NO_TOKEN) for each, with blanks between
 * them. for_order: those too that serve one order only. NULL: none is. */
void ra_offer_challenges(struct arena *a, const struct identifier *identifier, bool for_order, const char **ret_types,
    const char **ret_tokens);

/* What policy/names.h says of the identifiers, by the lists in force; ret has them in the form in which they are kept. */
int ra_check_identifiers(struct ctx *c, const struct identifier_list *identifiers, const struct config_profile *profile,
    struct identifier_list *ret) MUST_CHECK;

/* An order, and an authorization with its challenges, as they stand. NOT_FOUND. */
int ra_read_order(struct ctx *c, struct id id, struct order *ret) MUST_CHECK;
int ra_read_authorization(struct ctx *c, struct id id, struct authorization *ret) MUST_CHECK;

#endif
