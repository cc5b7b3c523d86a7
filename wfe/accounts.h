/* Account keys by their id, from a bounded cache of a few seconds in front of the database. The RA checks key and status
 * again in each statement that acts, so that a stale entry can read for some seconds and never act. */
#ifndef CAIRN_WFE_ACCOUNTS_H
#define CAIRN_WFE_ACCOUNTS_H

#include <openssl/types.h>

#include "lib/crypto/digest.h"
#include "lib/db/db.h"

enum account_status { ACCOUNT_VALID, ACCOUNT_DEACTIVATED, ACCOUNT_REVOKED };

struct account_key {
	struct id id;
	enum account_status status;
	bool terms_agreed;
	bool terms_current; /* or nobody has to agree again */
	uint8_t thumbprint[SHA256_SIZE];
	EVP_PKEY *key; /* the arena's */
};

/* The terms that every account has to have agreed to; NULL, as at the start: any. The text stays the caller's. */
void accounts_want_terms(const char *terms);

/* The account with this id. ret_found false: there is none (that is never cached). */
int accounts_find(struct ctx *c, struct id id, struct account_key *ret, bool *ret_found) MUST_CHECK;

/* The account of a key, always from the database; ret->key stays NULL. */
int accounts_find_by_key(
    struct ctx *c, const uint8_t thumbprint[SHA256_SIZE], struct account_key *ret, bool *ret_found) MUST_CHECK;

/* The next accounts_find asks the database, also when another is amid its question now. */
void accounts_forget(struct id id);

/* FAIL: ACCOUNT_NOT_VALID unless its status is valid. */
int accounts_check_valid(struct ctx *c, const struct account_key *account) MUST_CHECK;

/* "valid", "deactivated", "revoked". */
const char *account_status_text(enum account_status status);

extern const struct statement accounts_find_by_id_statement;
extern const struct statement accounts_find_by_key_statement;

#endif
