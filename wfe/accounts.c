#include "wfe/accounts.h"

#include <openssl/evp.h>
#include <pthread.h>
#include <string.h>

#include "lib/base/log.h"
#include "lib/crypto/jwk.h"
#include "lib/rpc/messages.h"

#define CACHE_LIFE_US INT64_C(3000000)
#define CACHE_SLOTS 4096

/* A slot is chosen by the id's random end; a newer account takes the place of an older one. */
static struct slot {
	struct account_key account;
	int64_t until_us;
	uint64_t forgotten; /* how often: what was asked for before is not kept */
} slots[CACHE_SLOTS];

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* for all slots; held for some instructions */

static const char *const status_texts[] = {
	[ACCOUNT_VALID] = "valid",
	[ACCOUNT_DEACTIVATED] = "deactivated",
	[ACCOUNT_REVOKED] = "revoked",
};

static const char *terms_wanted; /* set at the start */

struct account_lookup {
	struct id id;
	const char *terms;
	struct bytes thumbprint;
};
static const struct field account_lookup_field[] = {
	FIELD(struct account_lookup, id),
	FIELD(struct account_lookup, terms),
	FIELD(struct account_lookup, thumbprint),
};
static const struct fields id_params = {
	.name = "account_id", .size = sizeof(struct account_lookup), .v = account_lookup_field, .n = 2
};
static const struct fields key_params = {
	.name = "account_thumbprint", .size = sizeof(struct account_lookup), .v = account_lookup_field + 2, .n = 1
};

struct account_row {
	struct id id;
	const char *status;
	const char *key;
	struct bytes thumbprint;
	bool terms_agreed;
	bool terms_current; /* of accounts_find_by_id alone */
};
static const struct field account_row_field[] = {
	FIELD(struct account_row, id),
	FIELD(struct account_row, status),
	FIELD(struct account_row, key),
	FIELD(struct account_row, thumbprint),
	FIELD(struct account_row, terms_agreed),
	FIELD(struct account_row, terms_current),
};
static const struct fields id_row = FIELDS(struct account_row, account_row_field);
static const struct fields key_row = {
	.name = "account_row", .size = sizeof(struct account_row), .v = account_row_field, .n = 5
};

const struct statement accounts_find_by_id_statement = {
	.name = "accounts_find_by_id",
	.sql = "SELECT id, status, key, thumbprint, terms_agreed, $2 IS NULL OR terms IS NOT DISTINCT FROM $2 AS "
	       "terms_current "
	       "FROM front.account WHERE id = $1",
	.params = &id_params,
	.row = &id_row,
	.repeatable = true,
};

const struct statement accounts_find_by_key_statement = {
	.name = "accounts_find_by_key",
	.sql = "SELECT id, status, key, thumbprint, terms_agreed FROM front.account WHERE thumbprint = $1",
	.params = &key_params,
	.row = &key_row,
	.repeatable = true,
};

void accounts_want_terms(const char *terms)
{
	terms_wanted = terms;
}

static size_t slot_of(struct id id)
{
	return ((size_t) id.b[14] << 8 | id.b[15]) % CACHE_SLOTS;
}

static void free_key(void *key)
{
	EVP_PKEY_free(key);
}

/* A reference of the arena's own, so that the slot may change while the request lives. */
static void borrow_key(struct ctx *c, const struct account_key *from, struct account_key *ret)
{
	*ret = *from;
	(void) EVP_PKEY_up_ref(ret->key);
	arena_on_free(c->arena, free_key, ret->key);
}

static bool find_cached(struct ctx *c, struct id id, struct account_key *ret, uint64_t *ret_forgotten)
{
	size_t i = slot_of(id);
	pthread_mutex_lock(&lock);
	bool found = id_equal(slots[i].account.id, id) && slots[i].until_us > clock_monotonic_us();
	if (found) {
		borrow_key(c, &slots[i].account, ret);
	}
	*ret_forgotten = slots[i].forgotten;
	pthread_mutex_unlock(&lock);
	return found;
}

static void keep(const struct account_key *account, uint64_t forgotten)
{
	size_t i = slot_of(account->id);
	pthread_mutex_lock(&lock);
	if (slots[i].forgotten == forgotten) {
		(void) EVP_PKEY_up_ref(account->key);
		EVP_PKEY_free(slots[i].account.key);
		slots[i] = (struct slot) { *account, clock_monotonic_us() + CACHE_LIFE_US, forgotten };
	}
	pthread_mutex_unlock(&lock);
}

void accounts_forget(struct id id)
{
	size_t i = slot_of(id);
	pthread_mutex_lock(&lock);
	slots[i].forgotten++;
	if (id_equal(slots[i].account.id, id)) {
		slots[i].until_us = 0;
	}
	pthread_mutex_unlock(&lock);
}

static int read_row(struct ctx *c, const struct account_row *row, struct account_key *ret)
{
	if (row->thumbprint.n != SHA256_SIZE) {
		return FAIL(c, SERVER_INTERNAL, "The account can't be read");
	}
	struct account_key account = {
		.id = row->id, .status = ACCOUNT_REVOKED, .terms_agreed = row->terms_agreed, .terms_current = row->terms_current
	};
	memcpy(account.thumbprint, row->thumbprint.p, SHA256_SIZE);
	for (size_t i = 0; i < COUNT_OF(status_texts); i++) {
		if (strcmp(status_texts[i], row->status) == 0) {
			account.status = (enum account_status) i;
		}
	}
	*ret = account;
	return 0;
}

int accounts_find(struct ctx *c, struct id id, struct account_key *ret, bool *ret_found)
{
	uint64_t forgotten = 0;
	if (find_cached(c, id, ret, &forgotten)) {
		*ret_found = true;
		return 0;
	}
	struct account_lookup lookup = { .id = id, .terms = terms_wanted };
	struct account_row row;
	bool found = false;
	TRY(db_row(c, &accounts_find_by_id_statement, &lookup, &row, &found));
	if (found) {
		struct account_key account;
		struct jwk jwk;
		TRY(read_row(c, &row, &account));
		TRY(jwk_parse_canonical(c, row.key, &jwk));
		account.key = jwk.key;
		keep(&account, forgotten);
		*ret = account;
	}
	*ret_found = found;
	return 0;
}

int accounts_find_by_key(struct ctx *c, const uint8_t thumbprint[SHA256_SIZE], struct account_key *ret, bool *ret_found)
{
	struct account_lookup lookup = { .thumbprint = { thumbprint, SHA256_SIZE } };
	struct account_row row = { 0 };
	bool found = false;
	TRY(db_row(c, &accounts_find_by_key_statement, &lookup, &row, &found));
	if (found) {
		TRY(read_row(c, &row, ret));
	}
	*ret_found = found;
	return 0;
}

int accounts_check_valid(struct ctx *c, const struct account_key *account)
{
	if (account->status != ACCOUNT_VALID) {
		return FAIL(c, ACCOUNT_NOT_VALID, "The account is %s", account_status_text(account->status));
	}
	return 0;
}

const char *account_status_text(enum account_status status)
{
	return status_texts[status];
}
