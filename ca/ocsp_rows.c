#include "ca/ocsp_rows.h"

#include "ca/ca.h"
#include "ca/statements.h"
#include "lib/crypto/ocsp.h"

#define OCSP_LEASE_S 60

struct register_params {
	const char *issuer;
	const char *url;
	struct bytes name_sha1;
	struct bytes key_sha1;
	struct bytes name_sha256;
	struct bytes key_sha256;
	const char *process;
};
static const struct field register_param[] = {
	FIELD(struct register_params, issuer),
	FIELD(struct register_params, url),
	FIELD(struct register_params, name_sha1),
	FIELD(struct register_params, key_sha1),
	FIELD(struct register_params, name_sha256),
	FIELD(struct register_params, key_sha256),
	FIELD(struct register_params, process),
};
static const struct fields register_fields = FIELDS(struct register_params, register_param);

const struct statement register_ocsp = {
	.name = "ocsp_register",
	.sql = "SELECT ca.register_ocsp($1, $2, $3, $4, $5, $6, $7)",
	.params = &register_fields,
	.repeatable = true,
};

struct end_params {
	const char *issuer;
	const char *process;
};
static const struct field end_param[] = { FIELD(struct end_params, issuer), FIELD(struct end_params, process) };
static const struct fields end_fields = FIELDS(struct end_params, end_param);

const struct statement end_ocsp = {
	.name = "ocsp_end",
	.sql = "SELECT ca.end_ocsp($1, $2)",
	.params = &end_fields,
	.repeatable = true,
};

struct take_params {
	const char *issuer;
	const char *holder;
	int64_t lease_s;
	int64_t most;
};
static const struct field take_param[] = {
	FIELD(struct take_params, issuer),
	FIELD(struct take_params, holder),
	FIELD(struct take_params, lease_s),
	FIELD(struct take_params, most),
};
static const struct fields take_fields = FIELDS(struct take_params, take_param);
static const struct field due_field[] = {
	FIELD(struct ocsp_due, serial),
	FIELD(struct ocsp_due, reason),
	FIELD(struct ocsp_due, revoked_at),
};
static const struct fields due_fields = FIELDS(struct ocsp_due, due_field);

const struct statement take_ocsp = {
	.name = "ocsp_take",
	.sql = "SELECT serial, reason, revoked_at FROM ca.take_ocsp($1, $2, $3, $4)",
	.params = &take_fields,
	.row = &due_fields,
	.repeatable = true,
};

struct publish_params {
	const char *issuer;
	const char *holder;
	struct bytes_list serials;
	struct int_list reasons;
	struct int_list revoked_at;
	struct bytes_list sha1;
	struct bytes_list sha256;
	struct timestamp this_update;
	struct timestamp next_update;
	struct timestamp due_at;
	const char *process;
};
static const struct field publish_param[] = {
	FIELD(struct publish_params, issuer),
	FIELD(struct publish_params, holder),
	FIELD(struct publish_params, serials),
	FIELD(struct publish_params, reasons),
	FIELD(struct publish_params, revoked_at),
	FIELD(struct publish_params, sha1),
	FIELD(struct publish_params, sha256),
	FIELD(struct publish_params, this_update),
	FIELD(struct publish_params, next_update),
	FIELD(struct publish_params, due_at),
	FIELD(struct publish_params, process),
};
static const struct fields publish_fields = FIELDS(struct publish_params, publish_param);

/* Repeatable: the same answers take their own place. */
const struct statement publish_ocsp = {
	.name = "ocsp_publish",
	.sql = "SELECT ca.publish_ocsp($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
	.params = &publish_fields,
	.repeatable = true,
};

struct begin_params {
	const char *issuer;
	const char *holder;
	struct bytes serial;
	struct bytes tbs;
	struct timestamp not_before;
	struct timestamp not_after;
	const char *process;
};
static const struct field begin_param[] = {
	FIELD(struct begin_params, issuer),
	FIELD(struct begin_params, holder),
	FIELD(struct begin_params, serial),
	FIELD(struct begin_params, tbs),
	FIELD(struct begin_params, not_before),
	FIELD(struct begin_params, not_after),
	FIELD(struct begin_params, process),
};
static const struct fields begin_fields = FIELDS(struct begin_params, begin_param);

/* Neither is repeatable: what they left undone, the next round does with a new key. */
const struct statement begin_responder = {
	.name = "responder_begin",
	.sql = "SELECT ca.begin_responder($1, $2, $3, $4, $5, $6, $7)",
	.params = &begin_fields,
};

struct complete_params {
	struct bytes serial;
	struct bytes der;
	const char *process;
};
static const struct field complete_param[] = {
	FIELD(struct complete_params, serial),
	FIELD(struct complete_params, der),
	FIELD(struct complete_params, process),
};
static const struct fields complete_fields = FIELDS(struct complete_params, complete_param);

const struct statement complete_responder = {
	.name = "responder_complete",
	.sql = "SELECT ca.complete_responder($1, $2, $3)",
	.params = &complete_fields,
};

static const struct fields issuer_fields = {
	.name = "issuer", .size = sizeof(struct end_params), .v = end_param, .n = 1
};
static const struct field state_field[] = {
	FIELD(struct ocsp_state, active),
	FIELD(struct ocsp_state, answers),
	FIELD(struct ocsp_state, due),
	FIELD(struct ocsp_state, ends_s),
};
static const struct fields state_fields = FIELDS(struct ocsp_state, state_field);

const struct statement state_of_ocsp = {
	.name = "ocsp_state",
	.sql = "SELECT active, answers, due, ends_s FROM ca.ocsp_state($1)",
	.params = &issuer_fields,
	.row = &state_fields,
	.repeatable = true,
};

int ocsp_register(struct ctx *c, const struct issuer *issuer)
{
	const char *name = issuer->config->name;
	struct ocsp_cert_id sha1;
	struct ocsp_cert_id sha256;
	if (issuer->config->ocsp_url == NULL) {
		return db_run(c, &end_ocsp, &(struct end_params) { name, ca.process });
	}
	TRY(ocsp_cert_id(c, OCSP_SHA1, &issuer->info, (struct bytes) { NULL, 0 }, &sha1));
	TRY(ocsp_cert_id(c, OCSP_SHA256, &issuer->info, (struct bytes) { NULL, 0 }, &sha256));
	const struct register_params params = { name, issuer->config->ocsp_url, sha1.name_hash, sha1.key_hash,
		sha256.name_hash, sha256.key_hash, ca.process };
	return db_run(c, &register_ocsp, &params);
}

int ocsp_take(struct ctx *c, const struct issuer *issuer, int64_t most, struct ocsp_due_list *ret)
{
	const struct take_params params = { issuer->config->name, ca.place, OCSP_LEASE_S, most };
	return db_rows(c, &take_ocsp, &params, (void *) &ret->v, &ret->n);
}

int ocsp_publish(struct ctx *c, const struct issuer *issuer, const struct ocsp_signed *answers)
{
	const struct publish_params params = {
		.issuer = issuer->config->name,
		.holder = ca.place,
		.serials = answers->serials,
		.reasons = answers->reasons,
		.revoked_at = answers->revoked_at,
		.sha1 = answers->sha1,
		.sha256 = answers->sha256,
		.this_update = answers->this_update,
		.next_update = answers->next_update,
		.due_at = answers->due_at,
		.process = ca.process,
	};
	return db_run(c, &publish_ocsp, &params);
}

int ocsp_begin_responder(struct ctx *c, const struct issuer *issuer, const struct cert_template *t, struct bytes tbs)
{
	const struct begin_params params = { issuer->config->name, ca.place, t->serial, tbs, t->not_before, t->not_after,
		ca.process };
	return db_run(c, &begin_responder, &params);
}

int ocsp_complete_responder(struct ctx *c, struct bytes serial, struct bytes der)
{
	return db_run(c, &complete_responder, &(struct complete_params) { serial, der, ca.process });
}

int ocsp_read_state(struct ctx *c, const struct issuer *issuer, struct ocsp_state *ret, bool *ret_found)
{
	return db_row(c, &state_of_ocsp, &(struct end_params) { issuer->config->name, NULL }, ret, ret_found);
}

void ocsp_set_times(struct ocsp_signed *all, struct timestamp now, int64_t life_s, struct timestamp responder_ends)
{
	all->this_update = now;
	all->next_update = timestamp_add_s(now, life_s);
	if (all->next_update.us > responder_ends.us) {
		all->next_update = responder_ends;
	}
	all->due_at = timestamp_add_s(now, (all->next_update.us - now.us) / 1000000 / 2);
}
