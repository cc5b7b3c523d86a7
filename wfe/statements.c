#include "wfe/statements.h"

#include "wfe/accounts.h"
#include "wfe/flusher.h"

const struct statement *const wfe_statements[] = {
	&accounts_find_by_id_statement,
	&accounts_find_by_key_statement,
	&binding_find,
	&order_find,
	&orders_list,
	&authz_find,
	&certificate_find,
	&terms_find_page,
	&renewal_find,
	&public_find_issuer,
	&public_find_crl,
	&flusher_find_position,
	&flusher_move_position,
};
const size_t wfe_n_statements = COUNT_OF(wfe_statements);
