#include "subscriber/vault.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/base/base64.h"
#include "lib/base/contact.h"
#include "lib/base/folder.h"
#include "lib/base/log.h"
#include "lib/base/metrics.h"
#include "lib/crypto/custody.h"
#include "lib/crypto/digest.h"
#include "lib/rpc/handlers.h"
#include "policy/limits.h"

#define KEY_SIZE 32

static struct {
	bool open;
	struct custody custody;
	struct bytes key;
	struct limits limits;
	const char *process;
} vault;

struct set_params {
	struct id account_id;
	struct bytes thumbprint;
	struct bytes sealed; /* p NULL: to be deleted */
	struct bytes_list hashes;
	const char *process;
	struct id request_id;
	const char *limits;
};
static const struct field set_param[] = {
	FIELD(struct set_params, account_id),
	FIELD(struct set_params, thumbprint),
	FIELD(struct set_params, sealed),
	FIELD(struct set_params, hashes),
	FIELD(struct set_params, process),
	FIELD(struct set_params, request_id),
	FIELD(struct set_params, limits),
};
static const struct fields set_params_fields = FIELDS(struct set_params, set_param);

struct set_row {
	const char *outcome;
	struct timestamp changed_at;
};
static const struct field set_row_field[] = {
	FIELD(struct set_row, outcome),
	FIELD(struct set_row, changed_at),
};
static const struct fields set_row_fields = FIELDS(struct set_row, set_row_field);

static const struct statement set_statement = {
	.name = "set_contacts",
	.sql = "SELECT outcome, changed_at FROM vault.set_contacts($1, $2, $3, $4, $5, $6, $7::jsonb)",
	.params = &set_params_fields,
	.row = &set_row_fields,
	.repeatable = true, /* the same contacts again change nothing */
};

struct since_params {
	struct id account_id;
	struct bytes thumbprint;
};
static const struct field since_param[] = {
	FIELD(struct since_params, account_id),
	FIELD(struct since_params, thumbprint),
};
static const struct fields since_params_fields = FIELDS(struct since_params, since_param);

static const struct statement since_statement = {
	.name = "contacts_status",
	.sql = "SELECT changed_at, recovery, claimed_at FROM vault.contacts_status($1, $2)",
	.params = &since_params_fields,
	.row = &recovery_status_fields,
	.repeatable = true,
};

struct policy_params {
	const char *ended_accounts;
	int64_t former_s;
	const char *process;
};
static const struct field policy_param[] = {
	FIELD(struct policy_params, ended_accounts),
	FIELD(struct policy_params, former_s),
	FIELD(struct policy_params, process),
};
static const struct fields policy_params_fields = FIELDS(struct policy_params, policy_param);

static const struct statement policy_statement = {
	.name = "vault_policy",
	.sql = "SELECT vault.set_policy($1, $2, $3)",
	.params = &policy_params_fields,
	.repeatable = true,
};

const struct statement *const vault_statements[] = { &set_statement, &since_statement, &policy_statement };
const size_t vault_n_statements = COUNT_OF(vault_statements);

static int read_key(struct ctx *c, const char *path)
{
	struct stat s;
	struct bytes text;
	if (path == NULL) {
		return FAIL(c, MALFORMED,
		    "subscriber.recovery_key_file: is missing: with recovery.custodian_dir, contacts are matched by hashes "
		    "with "
		    "its key");
	}
	TRY(file_read(c, path, &text));
	if (stat(path, &s) != 0 || (s.st_mode & S_IRWXO) != 0) {
		return FAIL(c, MALFORMED, "subscriber.recovery_key_file: %s must be closed to others (chmod 600)", path);
	}
	text.n -= text.n > 0 && text.p[text.n - 1] == '\n' ? 1 : 0;
	if (base64url_decode(c->arena, text, &vault.key) != 0 || vault.key.n != KEY_SIZE) {
		return FAIL(
		    c, MALFORMED, "subscriber.recovery_key_file: %s must hold 32 octets as 43 characters of base64url", path);
	}
	return 0;
}

static void warn_of_ended(struct ctx *c)
{
	for (size_t i = 0; i < CUSTODY_GROUPS; i++) {
		for (int k = 0; k < sk_X509_num(vault.custody.members[i]); k++) {
			if (custody_has_ended(sk_X509_value(vault.custody.members[i], k))) {
				log_event(c, LOG_WARN, "a custodian's certificate has ended; contacts are sealed for him all the same",
				    "group", custody_group_names[i], NULL);
			}
		}
	}
}

int vault_open(struct ctx *c, const struct config *config)
{
	if (config->recovery.custodian_dir == NULL) {
		return strcmp(config->recovery.account_contacts, "keep") != 0
		           ? 0
		           : FAIL(c, MALFORMED,
		                 "recovery.account_contacts: \"keep\" needs custodians for whom contacts are sealed: "
		                 "recovery.custodian_dir");
	}
	TRY(read_key(c, config->subscriber.recovery_key_file));
	TRY(custody_read(c, config->recovery.custodian_dir, &vault.custody));
	warn_of_ended(c);
	vault.limits = limits_of_config(&config->policy);
	vault.open = true;
	return 0;
}

int vault_start(struct ctx *c, const struct config *config, const char *process)
{
	const struct policy_params params = { config->recovery.ended_accounts, config->recovery.former_contacts_s,
		process };
	vault.process = process;
	return db_run(c, &policy_statement, &params);
}

/* HMAC-SHA-256 over account, kind and text. The account is in it, so that equal contacts of two accounts have nothing in common
 * for who reads the table without the key. */
static struct bytes hash(struct arena *a, struct id account, char kind, struct bytes of)
{
	uint8_t *to = arena_alloc(a, SHA256_SIZE);
	const struct bytes pieces[] = { { account.b, sizeof(account.b) }, { (const uint8_t *) &kind, 1 }, of };
	hmac_sha256(vault.key, pieces, COUNT_OF(pieces), to);
	return (struct bytes) { to, SHA256_SIZE };
}

static int compare(const void *a, const void *b)
{
	const struct bytes *one = a;
	const struct bytes *other = b;
	return memcmp(one->p, other->p, SHA256_SIZE);
}

/* One for each contact, and as many of nothing as make CONTACTS_MAX, which nobody can tell from them without the key. They
 * are made from the whole set, so that the same set has the same hashes and another one has others. */
static struct bytes_list hashes_of(struct arena *a, struct id account, const struct text_list *contacts)
{
	struct bytes_list list = { ARENA_ARRAY(a, CONTACTS_MAX, struct bytes), contacts->n };
	uint8_t set[SHA256_SIZE + 1];
	for (size_t i = 0; i < contacts->n; i++) {
		list.v[i] = hash(a, account, 'c', bytes_of_text(contacts->v[i]));
	}
	qsort(list.v, list.n, sizeof(*list.v), compare);
	sha256(list.v, list.n, set);
	for (; list.n < CONTACTS_MAX; list.n++) {
		set[SHA256_SIZE] = (uint8_t) list.n;
		list.v[list.n] = hash(a, account, 'n', (struct bytes) { set, sizeof(set) });
	}
	qsort(list.v, list.n, sizeof(*list.v), compare);
	return list;
}

static int seal(struct ctx *c, const struct set_recovery_contacts_request *in, struct set_params *params)
{
	struct packed_contacts packed = { .account = in->account_id, .given_at = clock_now() };
	TRY(contacts_parse(c, &in->contacts, &packed.contacts));
	TRY(custody_seal(c, &vault.custody, contacts_pack(c->arena, &packed), &params->sealed));
	params->hashes = hashes_of(c->arena, in->account_id, &packed.contacts);
	params->limits =
	    limits_for_step(c->arena, &vault.limits, LIMIT_RECOVERY_CONTACT_CHANGES_PER_ACCOUNT, in->account_id);
	return 0;
}

static int refused(const struct ctx *c)
{
	bool limited = c->err.type == PROBLEM_RATE_LIMITED;
	if (limited) {
		metric_add(METRIC_limits_refused, limit_info(LIMIT_RECOVERY_CONTACT_CHANGES_PER_ACCOUNT)->name, 1);
	}
	metric_add(METRIC_recovery_contacts, limited ? "limited" : "failed", 1);
	return -1;
}

int subscriber_set_recovery_contacts_serve(
    struct ctx *c, const struct set_recovery_contacts_request *in, struct recovery_status *ret)
{
	struct set_params params = { .account_id = in->account_id,
		.thumbprint = in->thumbprint,
		.process = vault.process,
		.request_id = c->request_id };
	struct set_row row;
	bool found = false;
	if (!vault.open) {
		return FAIL(c, NOT_FOUND, "This CA keeps no recovery contacts");
	}
	if ((in->contacts.n > 0 && seal(c, in, &params) != 0) || db_row(c, &set_statement, &params, &row, &found) != 0) {
		return refused(c);
	}
	metric_add(METRIC_recovery_contacts, row.outcome, 1);
	*ret = (struct recovery_status) { .changed_at = row.changed_at };
	return 0;
}

int subscriber_get_recovery_status_serve(
    struct ctx *c, const struct get_recovery_status_request *in, struct recovery_status *ret)
{
	const struct since_params params = { in->account_id, in->thumbprint };
	bool found = false;
	return vault.open ? db_row(c, &since_statement, &params, ret, &found)
	                  : FAIL(c, NOT_FOUND, "This CA keeps no recovery contacts");
}

bool vault_is_open(void)
{
	return vault.open;
}

struct bytes vault_key(void)
{
	return vault.key;
}

const struct limits *vault_limits(void)
{
	return &vault.limits;
}

struct bytes vault_hash_contact(struct arena *a, struct id account_id, const char *contact)
{
	return hash(a, account_id, 'c', bytes_of_text(contact));
}

const char *vault_contact_key(struct arena *a, const char *contact)
{
	const struct id nobody = { { 0 } };
	return hex_encode(a, hash(a, nobody, 'l', bytes_of_text(contact)));
}
