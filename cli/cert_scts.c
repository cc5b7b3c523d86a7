#include "cli/cert_scts.h"

#include "lib/base/base64.h"
#include "lib/base/folder.h"
#include "lib/crypto/digest.h"
#include "lib/ct/log_file.h"
#include "lib/ct/precert.h"
#include "lib/ct/sct.h"

static const struct field sct_field[] = {
	FIELD(struct cert_sct, log_id),
	FIELD(struct cert_sct, log),
	FIELD(struct cert_sct, operator),
	FIELD(struct cert_sct, at),
	FIELD(struct cert_sct, state),
};
const struct fields cert_sct_fields = FIELDS(struct cert_sct, sct_field);

/* What SCTs are judged by. */
struct judge {
	struct ct_log_list logs;
	struct ct_entry entry;
	const char *why_not; /* it can't judge; or NULL */
};

static int make_judge(
    struct ctx *c, const struct config_ct *config, const struct cert_info *cert, struct bytes issuer, struct judge *j)
{
	struct cert_info above;
	struct precert_parts parts;
	uint8_t *key_hash = arena_alloc(c->arena, SHA256_SIZE);
	*j = (struct judge) { .why_not = NULL };
	if (config->log_list_file == NULL) {
		j->why_not = "not verified, as no ct.log_list_file is configured";
		return 0;
	}
	if (log_file_read(c, config, &j->logs) != 0) {
		j->why_not =
		    arena_printf(c->arena, "not verified, as %s can't be used: %s", config->log_list_file, c->err.detail);
		ctx_forgive(c);
		return 0;
	}
	TRY(cert_parse(c, issuer, &above));
	TRY(precert_split(c, cert->tbs, &parts));
	sha256_of(above.spki, key_hash);
	j->entry = (struct ct_entry) { true, parts.plain, { key_hash, SHA256_SIZE } };
	return 0;
}

static const char *judge_sct(struct ctx *c, const struct judge *j, const struct ct_log *log, const struct sct *sct)
{
	if (j->why_not != NULL) {
		return j->why_not;
	}
	if (log == NULL) {
		return "not verified, as its log is not in the list";
	}
	return sct_verify(c->arena, sct, &j->entry, log->key) ? "its signature holds" : "ITS SIGNATURE DOES NOT HOLD";
}

int cert_scts(struct ctx *c, const struct config_ct *config, const struct cert_info *cert, struct bytes issuer,
    struct cert_sct_list *ret)
{
	struct sct_list scts = { NULL, 0 };
	struct judge j;
	if (cert->sct_list.n == 0) {
		*ret = (struct cert_sct_list) { NULL, 0 };
		return 0;
	}
	TRY(sct_list_parse(c, cert->sct_list, &scts));
	TRY(make_judge(c, config, cert, issuer, &j));
	struct cert_sct_list list = { ARENA_ARRAY(c->arena, scts.n, struct cert_sct), scts.n };
	for (size_t i = 0; i < scts.n; i++) {
		const struct sct *sct = &scts.v[i];
		const struct ct_log *log = j.why_not == NULL ? ct_log_find(&j.logs, sct->log_id) : NULL;
		list.v[i] = (struct cert_sct) {
			.log_id = hex_encode(c->arena, sct->log_id),
			.log = log == NULL ? NULL : log->description,
			.operator= log == NULL ? NULL : ct_log_operator_at(log, sct_time(sct)),
			.at = sct_time(sct),
			.state = judge_sct(c, &j, log, sct),
		};
	}
	*ret = list;
	return 0;
}
