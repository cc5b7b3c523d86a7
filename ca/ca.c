#include "ca/ca.h"

#include <string.h>
#include <unistd.h>

#include "ca/activations.h"
#include "ca/linters.h"
#include "ca/refuse.h"
#include "ca/signer.h"
#include "ca/steady.h"
#include "ca/statements.h"
#include "ca/urls.h"
#include "lib/base/base64.h"

struct ca ca;

struct register_params {
	const char *name;
	struct bytes certificate;
	struct bytes key_id;
	const char *chain;
	const char *crl_url;
	const char *aia_url;
	bool active;
	const char *process;
};

static const struct field register_field[] = {
	FIELD(struct register_params, name),
	FIELD(struct register_params, certificate),
	FIELD(struct register_params, key_id),
	FIELD(struct register_params, chain),
	FIELD(struct register_params, crl_url),
	FIELD(struct register_params, aia_url),
	FIELD(struct register_params, active),
	FIELD(struct register_params, process),
};
static const struct fields register_fields = FIELDS(struct register_params, register_field);

const struct statement register_issuer = {
	.name = "register_issuer",
	.sql = "SELECT ca.register_issuer($1, $2, $3, $4, $5, $6, $7, $8)",
	.params = &register_fields,
	.repeatable = true,
};

struct alternates_params {
	const char *name;
	struct text_list alternates;
};

static const struct field alternates_field[] = {
	FIELD(struct alternates_params, name),
	FIELD(struct alternates_params, alternates),
};
static const struct fields alternates_fields = FIELDS(struct alternates_params, alternates_field);

const struct statement set_alternates = {
	.name = "set_alternates",
	.sql = "SELECT ca.set_alternates($1, $2)",
	.params = &alternates_fields,
	.repeatable = true,
};

struct shards_params {
	const char *issuer;
	struct text_list urls;
	const char *process;
};

static const struct field shards_param[] = {
	FIELD(struct shards_params, issuer),
	FIELD(struct shards_params, urls),
	FIELD(struct shards_params, process),
};
static const struct fields shards_params_fields = FIELDS(struct shards_params, shards_param);

static const struct field shard_field[] = { FIELD(struct crl_shard, shard), FIELD(struct crl_shard, url) };
static const struct fields shard_fields = FIELDS(struct crl_shard, shard_field);

const struct statement register_shards = {
	.name = "register_shards",
	.sql = "SELECT shard, url FROM ca.register_shards($1, $2, $3)",
	.params = &shards_params_fields,
	.row = &shard_fields,
	.repeatable = true,
};

const struct statement *const ca_statements[] = {
	&register_issuer,
	&set_alternates,
	&activations_statement,
	&begin_issuance,
	&resume_issuance,
	&take_issuances,
	&complete_issuance,
	&abandon_issuance,
	&record_precertificate,
	&fix_certificate,
	&register_shards,
	&crl_states,
	&begin_crl,
	&read_revoked,
	&fix_crl,
	&publish_crl,
	&steady_statement,
	&steady_alarm_statement,
	&url_alarm_statement,
	&linters_statement,
	&linter_alarm_statement,
	&refuse_certificate_statement,
	&refuse_signature_statement,
	&refuse_crl_statement,
	&register_ocsp,
	&end_ocsp,
	&take_ocsp,
	&publish_ocsp,
	&begin_responder,
	&complete_responder,
	&state_of_ocsp,
};
const size_t ca_n_statements = COUNT_OF(ca_statements);

int ca_open(struct ctx *c, const struct config *config)
{
	struct ctx own; /* its arena lives as long as the process */
	uint8_t chance[6];
	ctx_init(&own);
	random_bytes(chance, sizeof(chance));
	ca.config = config;
	/* as it tells of its starts (lib/service/service.c), so that what it signed is signed by what is known to have run */
	ca.process = config_instance(own.arena, config, "cairn-ca");
	ca.place = strchr(ca.process, '@') + 1;
	ca.instance =
	    arena_printf(own.arena, "%s/%s", ca.place, hex_encode(own.arena, (struct bytes) { chance, sizeof(chance) }));
	int result = policy_mode_parse(config->policy.mode, &ca.mode);
	if (result == 0) {
		result = issuers_load(&own, config, &ca.issuers);
	}
	if (result == 0) {
		result = signer_start(&own, config, &ca.issuers);
	}
	if (result != 0) {
		(void) ctx_fault(c, "%s", own.err.cause == NULL ? "policy.mode is wrong" : own.err.cause);
		ctx_done(&own);
		return -1;
	}
	ca.arena = ctx_take_arena(&own);
	ctx_done(&own);
	return 0;
}

/* The shards that new certificates name; kept as long as the process (E-25). */
static int register_crls(struct ctx *c, struct issuer *issuer)
{
	const struct shards_params params = { issuer->config->name, config_crl_urls(c->arena, issuer->config), ca.process };
	struct crl_shard *rows;
	size_t n;
	TRY(db_rows(c, &register_shards, &params, (void *) &rows, &n));
	struct crl_shard *kept = ARENA_ARRAY(ca.arena, n, struct crl_shard);
	for (size_t i = 0; i < n; i++) {
		kept[i] = (struct crl_shard) { rows[i].shard, arena_text(ca.arena, rows[i].url) };
	}
	issuer->shards = (struct crl_shard_list) { kept, n };
	return 0;
}

int ca_register_issuers(struct ctx *c)
{
	for (size_t i = 0; i < ca.issuers.n; i++) {
		struct issuer *issuer = &ca.issuers.v[i];
		const struct register_params params = {
			.name = issuer->config->name,
			.certificate = issuer->info.der,
			.key_id = issuer->info.subject_key_id,
			.chain = issuer->chain,
			.crl_url = issuer->config->crl_url,
			.aia_url = issuer->config->aia_url,
			.active = issuer->config->active,
			.process = ca.process,
		};
		TRY(db_run(c, &register_issuer, &params));
		const struct alternates_params alternates = { issuer->config->name, issuer->alternates };
		TRY(db_run(c, &set_alternates, &alternates));
		TRY(register_crls(c, issuer));
	}
	return 0;
}
