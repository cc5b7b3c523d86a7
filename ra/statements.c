/* The closed list of what this process may ask of the database; each statement stands beside the function that uses it.
 */
#include "ra/ra.h"

const struct statement *const ra_statements[] = {
	&ra_new_account_statement,
	&ra_new_bound_account_statement,
	&ra_find_eab_secret_statement,
	&ra_deactivate_account_statement,
	&ra_change_key_statement,
	&ra_ask_terms_statement,
	&ra_agree_terms_statement,
	&ra_new_order_statement,
	&ra_account_has_key_statement,
	&ra_new_authz_statement,
	&ra_read_order_statement,
	&ra_start_challenge_statement,
	&ra_retry_challenge_statement,
	&ra_challenge_runs_statement,
	&ra_read_authorization_statement,
	&ra_deactivate_authorization_statement,
	&ra_take_challenges_statement,
	&ra_postpone_challenge_statement,
	&ra_record_validation_statement,
	&ra_record_caa_statement,
	&ra_read_finalize_statement,
	&ra_refuse_order_statement,
	&ra_read_methods_statement,
	&ra_revoke_statement,
	&ra_unpause_statement,
};
const size_t ra_statements_n = COUNT_OF(ra_statements);
