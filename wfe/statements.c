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
	&notice_rules,
	&relying_find_issuer,
	&relying_find_crl,
	&relying_read_crl,
	&relying_list_crls,
	&ocsp_find_sha1,
	&ocsp_find_sha256,
	&sealed_find_checkpoint,
	&sealed_find_cosigned,
	&sealed_find_witnessed,
	&sealed_find_tile,
	&flusher_find_position,
	&flusher_move_position,
};
const size_t wfe_n_statements = COUNT_OF(wfe_statements);
