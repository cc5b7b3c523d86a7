/* What is done for recoveries behind the backs of those who ask: who watches the answers learns nothing from it. */
#include <string.h>

#include "lib/base/base64.h"
#include "lib/base/log.h"
#include "lib/base/metrics.h"
#include "lib/crypto/jwk.h"
#include "lib/http/smtp.h"
#include "subscriber/box.h"
#include "subscriber/keeper.h"
#include "subscriber/letter.h"
#include "subscriber/recovery.h"
#include "subscriber/rounds.h"
#include "subscriber/vault.h"

#define PAUSE_MS 1000
#define ROUND_LIMIT_MS 90000
#define LEASE_S 120
#define MAIL_LIMIT_MS 8000 /* less than a process has to end */
#define AT_ONCE 20

static struct rounds *own_thread;
static struct smtp server;

struct most_params {
	int64_t most;
};
static const struct field most_param[] = { FIELD(struct most_params, most) };
static const struct fields most_params_fields = FIELDS(struct most_params, most_param);

struct process_params {
	const char *process;
};
static const struct field process_param[] = { FIELD(struct process_params, process) };
static const struct fields process_params_fields = FIELDS(struct process_params, process_param);

struct outcome_row {
	const char *outcome;
};
static const struct field outcome_row_field[] = { FIELD(struct outcome_row, outcome) };
static const struct fields outcome_row_fields = FIELDS(struct outcome_row, outcome_row_field);

struct claim_row {
	struct id id;
	struct bytes sealed;
};
static const struct field claim_row_field[] = {
	FIELD(struct claim_row, id),
	FIELD(struct claim_row, sealed),
};
static const struct fields claim_row_fields = FIELDS(struct claim_row, claim_row_field);

static const struct statement claims_statement = {
	.name = "next_claims",
	.sql = "SELECT id, sealed FROM vault.next_claims($1)",
	.params = &most_params_fields,
	.row = &claim_row_fields,
	.repeatable = true,
};

struct begin_params {
	struct id id;
	struct id account_id;
	struct bytes hash; /* p NULL: the claim can't be read */
	const char *key;
	struct bytes thumbprint;
	struct bytes spki_sha256;
	struct bytes token_sha256;
	struct bytes address;
	struct bytes token;
	int64_t token_s;
	const char *process;
};
static const struct field begin_param[] = {
	FIELD(struct begin_params, id),
	FIELD(struct begin_params, account_id),
	FIELD(struct begin_params, hash),
	FIELD(struct begin_params, key),
	FIELD(struct begin_params, thumbprint),
	FIELD(struct begin_params, spki_sha256),
	FIELD(struct begin_params, token_sha256),
	FIELD(struct begin_params, address),
	FIELD(struct begin_params, token),
	FIELD(struct begin_params, token_s),
	FIELD(struct begin_params, process),
};
static const struct fields begin_params_fields = FIELDS(struct begin_params, begin_param);

static const struct statement begin_statement = {
	.name = "begin_recovery",
	.sql = "SELECT vault.begin_recovery($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) AS outcome",
	.params = &begin_params_fields,
	.row = &outcome_row_fields,
	.repeatable = true, /* a claim is looked at once */
};

struct mail_row {
	struct id id;
	struct bytes address;
	struct bytes token;
	struct letter letter;
};
static const struct field mail_row_field[] = {
	FIELD(struct mail_row, id),
	FIELD_AS(struct mail_row, letter.recovery_id, "recovery_id"),
	FIELD_AS(struct mail_row, letter.account_id, "account_id"),
	FIELD_AS(struct mail_row, letter.kind, "kind"),
	FIELD(struct mail_row, address),
	FIELD(struct mail_row, token),
	FIELD_AS(struct mail_row, letter.asked_at, "asked_at"),
	FIELD_AS(struct mail_row, letter.token_until, "token_until"),
	FIELD_AS(struct mail_row, letter.ends_at, "ends_at"),
	FIELD_AS(struct mail_row, letter.because, "because"),
};
static const struct fields mail_row_fields = FIELDS(struct mail_row, mail_row_field);

static const struct statement mails_statement = {
	.name = "next_mails",
	.sql = "SELECT id, recovery_id, account_id, kind, address, token, asked_at, token_until, ends_at, because "
	       "FROM vault.next_mails($1)",
	.params = &most_params_fields,
	.row = &mail_row_fields,
	.repeatable = true,
};

struct tried_params {
	struct id id;
	const char *outcome;
	const char *process;
};
static const struct field tried_param[] = {
	FIELD(struct tried_params, id),
	FIELD(struct tried_params, outcome),
	FIELD(struct tried_params, process),
};
static const struct fields tried_params_fields = FIELDS(struct tried_params, tried_param);

static const struct statement tried_statement = {
	.name = "mail_tried",
	.sql = "SELECT vault.mail_tried($1, $2, $3)",
	.params = &tried_params_fields,
};

static const struct statement finish_statement = {
	.name = "finish_recovery",
	.sql = "SELECT vault.finish_recovery($1) AS outcome",
	.params = &process_params_fields,
	.row = &outcome_row_fields,
	.repeatable = true,
};

static const struct statement lapse_statement = {
	.name = "lapse_recoveries",
	.sql = "SELECT vault.lapse_recoveries($1)",
	.params = &process_params_fields,
	.repeatable = true,
};

const struct statement *const recovery_job_statements[] = { &claims_statement, &begin_statement, &mails_statement,
	&tried_statement, &finish_statement, &lapse_statement };
const size_t recovery_job_n_statements = COUNT_OF(recovery_job_statements);

/* Only mail brings a token anywhere. */
static const char *address_of(const char *contact)
{
	static const char scheme[] = "mailto:";
	return strncmp(contact, scheme, strlen(scheme)) == 0 ? contact + strlen(scheme) : NULL;
}

static int read_claim(struct ctx *c, const struct claim_row *row, struct begin_params *params)
{
	const char *text = NULL;
	struct recovery_claim claim;
	struct jwk jwk;
	uint8_t token[SHA256_SIZE];
	uint8_t digest[SHA256_SIZE];
	TRY(box_open(c, vault_key(), "claim", row->id, row->sealed, &text));
	TRY(fields_parse_json(c, &recovery_claim_fields, bytes_of_text(text), &claim));
	TRY(jwk_parse_canonical(c, claim.key, &jwk));
	const char *address = address_of(claim.contact);
	if (address == NULL) {
		return FAIL(c, UNSUPPORTED_CONTACT, "The contact has no mail");
	}
	random_bytes(token, sizeof(token));
	struct bytes token_text = bytes_of_text(base64url_encode(c->arena, (struct bytes) { token, sizeof(token) }));
	sha256_of(token_text, digest);
	params->token_sha256 = arena_bytes(c->arena, digest, sizeof(digest));
	sha256_of(jwk.spki, digest);
	params->spki_sha256 = arena_bytes(c->arena, digest, sizeof(digest));
	params->account_id = claim.account_id;
	params->hash = vault_hash_contact(c->arena, claim.account_id, claim.contact);
	params->key = jwk.canonical;
	params->thumbprint = arena_bytes(c->arena, jwk.thumbprint, SHA256_SIZE);
	params->address =
	    box_seal(c->arena, vault_key(), "address", row->id, bytes_of_text(address), RECOVERY_ADDRESS_OCTETS);
	params->token = box_seal(c->arena, vault_key(), "token", row->id, token_text, RECOVERY_TOKEN_SIZE);
	return 0;
}

/* In memory of its own, which is wiped at once. A claim that can't be read, as after a change of the key, is passed over. */
static int look_at(const struct ctx *round, const struct claim_row *row)
{
	struct ctx c;
	struct outcome_row out;
	bool found = false;
	struct begin_params params = {
		.id = row->id, .token_s = recovery_rules.token_s, .process = recovery_rules.instance
	};
	ctx_init(&c);
	c.deadline_us = round->deadline_us;
	if (read_claim(&c, row, &params) != 0) {
		log_error(&c, LOG_WARN, "a claim of an account can't be read");
		ctx_forgive(&c);
		params.hash = (struct bytes) { NULL, 0 };
	}
	int result = db_row(&c, &begin_statement, &params, &out, &found);
	if (result == 0) {
		metric_add(METRIC_recoveries, strcmp(out.outcome, "asked") == 0 ? "asked" : "refused", 1);
	} else {
		log_error(&c, LOG_ERROR, "a claim of an account could not be looked at");
	}
	ctx_done(&c);
	return result;
}

/* Blanks behind the address are of the box. */
static int open_text(struct ctx *c, const char *what, struct id id, struct bytes sealed, const char **ret)
{
	const char *text = NULL;
	TRY(box_open(c, vault_key(), what, id, sealed, &text));
	*ret = arena_text_n(c->arena, text, strcspn(text, " "));
	return 0;
}

static int send_mail(struct ctx *c, const struct mail_row *row)
{
	struct letter letter = row->letter;
	struct mail mail = { .id = row->id };
	struct mail_sent sent;
	TRY(open_text(c, "address", letter.recovery_id, row->address, &mail.to));
	if (row->token.n > 0) {
		TRY(open_text(c, "token", letter.recovery_id, row->token, &letter.token));
	}
	letter_write(c->arena, &letter, &mail.subject, &mail.text);
	return smtp_send(c, &server, &mail, &sent);
}

static int try_mail(const struct ctx *round, const struct mail_row *row)
{
	struct ctx c;
	ctx_init(&c);
	ctx_limit_ms(&c, MAIL_LIMIT_MS);
	int result = send_mail(&c, row);
	const char *outcome = result == 0 ? "sent" : "failed";
	if (result != 0) {
		log_error(&c, LOG_WARN, "a mail about a recovery was not taken");
		ctx_forgive(&c);
	}
	metric_add(METRIC_mails, outcome, 1);
	c.deadline_us = round->deadline_us;
	const struct tried_params params = { row->id, outcome, recovery_rules.instance };
	result = db_run(&c, &tried_statement, &params);
	if (result != 0) {
		log_error(&c, LOG_ERROR, "what became of a mail could not be noted");
	}
	ctx_done(&c);
	return result;
}

static int finish_all(struct ctx *c)
{
	const struct process_params params = { recovery_rules.instance };
	struct outcome_row row = { .outcome = "" };
	TRY(db_run(c, &lapse_statement, &params));
	for (int i = 0; i < AT_ONCE && row.outcome != NULL; i++) {
		bool found = false;
		TRY(db_row(c, &finish_statement, &params, &row, &found));
		if (row.outcome != NULL) {
			metric_add(METRIC_recoveries, row.outcome, 1);
		}
	}
	return 0;
}

static int look_at_claims(struct ctx *c)
{
	const struct most_params most = { AT_ONCE };
	struct claim_row *claims = NULL;
	size_t n = 0;
	TRY(db_rows(c, &claims_statement, &most, (void *) &claims, &n));
	size_t left = 0;
	for (size_t i = 0; i < n; i++) {
		left += look_at(c, &claims[i]) != 0 ? 1 : 0;
	}
	return left == 0 ? 0 : FAIL(c, UNAVAILABLE, "%zu claims wait for another round", left);
}

/* A server that does not answer holds up what else there is to do by a round at most. */
static int send_mails(struct ctx *c, const struct rounds *self)
{
	const struct most_params most = { AT_ONCE };
	struct mail_row *mails = NULL;
	size_t n = 0;
	size_t left = 0;
	TRY(db_rows(c, &mails_statement, &most, (void *) &mails, &n));
	for (size_t i = 0; i < n && rounds_go_on(self) && ctx_left_ms(c, ROUND_LIMIT_MS) > 2 * MAIL_LIMIT_MS; i++) {
		left += try_mail(c, &mails[i]) != 0 ? 1 : 0;
	}
	return left == 0 ? 0 : FAIL(c, UNAVAILABLE, "What became of %zu mails is not noted", left);
}

static int round_of_thread(struct ctx *c, const struct rounds *self)
{
	const struct lease_params lease = { "recovery", recovery_rules.instance, LEASE_S };
	struct lease_row row;
	bool found = false;
	TRY(db_row(c, &subscriber_take_lease_statement, &lease, &row, &found));
	if (!row.taken) {
		return 0;
	}
	TRY(finish_all(c));
	TRY(look_at_claims(c));
	return send_mails(c, self);
}

int recovery_read_server(struct ctx *c, const struct config *config)
{
	return smtp_open(c, &config->smtp, &server);
}

int recovery_start(struct ctx *c, const struct config *config, const char *instance)
{
	if (server.url == NULL || !vault_is_open()) {
		return 0;
	}
	recovery_rules = (struct recovery_rules) { .on = true,
		.delay_s = config->recovery.delay_s,
		.token_s = config->recovery.token_life_s,
		.site = config->acme.external_url,
		.instance = instance };
	const struct rounds_of of = { round_of_thread, "recoveries of accounts could not be seen to", PAUSE_MS,
		ROUND_LIMIT_MS };
	own_thread = rounds_start(c, &of);
	return own_thread == NULL ? -1 : 0;
}

void recovery_stop(void)
{
	rounds_stop(own_thread);
	own_thread = NULL;
}
