/* Every statement that the front end runs; each stands beside the function that uses it. */
#ifndef CAIRN_WFE_STATEMENTS_H
#define CAIRN_WFE_STATEMENTS_H

#include "lib/db/db.h"

extern const struct statement binding_find;
extern const struct statement order_find;
extern const struct statement orders_list;
extern const struct statement authz_find;
extern const struct statement certificate_find;
extern const struct statement terms_find_page;
extern const struct statement renewal_find;
extern const struct statement notice_rules;
extern const struct statement relying_find_issuer;
extern const struct statement relying_find_crl;
extern const struct statement relying_read_crl;
extern const struct statement relying_list_crls;
extern const struct statement ocsp_find_sha1;
extern const struct statement ocsp_find_sha256;
extern const struct statement sealed_find_checkpoint;
extern const struct statement sealed_find_cosigned;
extern const struct statement sealed_find_witnessed;
extern const struct statement sealed_find_tile;

/* All of them, for db_statements and the test that prepares them as the role. */
extern const struct statement *const wfe_statements[];
extern const size_t wfe_n_statements;

#endif
