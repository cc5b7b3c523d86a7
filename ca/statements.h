/* The SQL of cairn-ca; each statement stands beside the function that uses it, the list in ca.c. */
#ifndef CAIRN_CA_STATEMENTS_H
#define CAIRN_CA_STATEMENTS_H

#include "lib/db/db.h"

extern const struct statement register_issuer;
extern const struct statement set_alternates;
extern const struct statement begin_issuance;
extern const struct statement resume_issuance;
extern const struct statement take_issuances;
extern const struct statement complete_issuance;
extern const struct statement abandon_issuance;
extern const struct statement record_precertificate;
extern const struct statement fix_certificate;
extern const struct statement register_shards;
extern const struct statement crl_states;
extern const struct statement begin_crl;
extern const struct statement read_revoked;
extern const struct statement fix_crl;
extern const struct statement publish_crl;
extern const struct statement register_ocsp;
extern const struct statement end_ocsp;
extern const struct statement take_ocsp;
extern const struct statement publish_ocsp;
extern const struct statement begin_responder;
extern const struct statement complete_responder;
extern const struct statement state_of_ocsp;

#endif
