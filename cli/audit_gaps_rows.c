#include "cli/audit_gaps_rows.h"

#include "lib/base/base64.h"
#include "lib/crypto/crl.h"

static const struct field gap_field[] = {
	FIELD(struct gap, kind),
	FIELD(struct gap, record),
	FIELD(struct gap, at),
	FIELD(struct gap, detail),
	FIELD(struct gap, total),
};
const struct fields gap_fields = FIELDS(struct gap, gap_field);

struct kind_params {
	const char *kind;
	struct timestamp since;
	struct timestamp until;
	int64_t most;
	const char *erased;
};
static const struct field kind_param[] = {
	FIELD(struct kind_params, kind),
	FIELD(struct kind_params, since),
	FIELD(struct kind_params, until),
	FIELD(struct kind_params, most),
	FIELD(struct kind_params, erased),
};
static const struct fields kind_params_fields = FIELDS(struct kind_params, kind_param);

static const struct statement gaps_statement = {
	.name = "audit_gaps",
	.sql = "SELECT $1 AS kind, g.record, g.at, g.detail, count(*) OVER () AS total FROM audit.gaps($1, $2, $3, "
	       "$5::text::cairn.id_ranges) g "
	       "ORDER BY g.at, g.record LIMIT $4",
	.params = &kind_params_fields,
	.row = &gap_fields,
	.repeatable = true,
};

int gaps_read(struct ctx *c, const struct gap_kind *kind, const struct gap_range *range,
    const struct audit_erasure_list *erasures, struct gap_list *ret)
{
	const char *erased = kind->table == NULL ? "{}" : audit_erased_ranges(c->arena, erasures, kind->table);
	const struct kind_params params = { kind->name, range->since, range->until, GAPS_SHOWN_MAX, erased };
	return db_rows(c, &gaps_statement, &params, (void *) &ret->v, &ret->n);
}

static const struct field crl_field[] = {
	FIELD(struct gap_crl, issuer),
	FIELD(struct gap_crl, shard),
	FIELD(struct gap_crl, number),
	FIELD(struct gap_crl, covers_until),
	FIELD(struct gap_crl, this_update),
	FIELD(struct gap_crl, der),
};
static const struct fields crl_fields = FIELDS(struct gap_crl, crl_field);

static const struct statement crls_statement = {
	.name = "audit_gaps_crls",
	.sql = "SELECT DISTINCT ON (issuer, shard) issuer, shard, number, covers_until, this_update, der FROM audit.crl "
	       "ORDER BY issuer, shard, number DESC",
	.row = &crl_fields,
	.repeatable = true,
};

int gaps_read_crls(struct ctx *c, struct gap_crl_list *ret)
{
	return db_rows(c, &crls_statement, NULL, (void *) &ret->v, &ret->n);
}

struct compare_params {
	struct text_list serials;
	struct int_list reasons;
	const char *issuer;
	int64_t shard;
	struct timestamp covers_until;
	struct timestamp this_update;
	struct timestamp since;
	struct timestamp until;
	int64_t most;
};
static const struct field compare_param[] = {
	FIELD(struct compare_params, serials),
	FIELD(struct compare_params, reasons),
	FIELD(struct compare_params, issuer),
	FIELD(struct compare_params, shard),
	FIELD(struct compare_params, covers_until),
	FIELD(struct compare_params, this_update),
	FIELD(struct compare_params, since),
	FIELD(struct compare_params, until),
	FIELD(struct compare_params, most),
};
static const struct fields compare_params_fields = FIELDS(struct compare_params, compare_param);

/* A certificate that had ended when the CRL was made need not be listed any more (E-26, E-27). */
static const struct statement compare_statement = {
	.name = "audit_gaps_compare",
	.sql =
	    "SELECT CASE WHEN l.serial IS NULL THEN 'revoked-without-crl-entry' WHEN r.serial IS NULL THEN "
	    "'crl-entry-without-revocation' ELSE 'crl-entry-differs' END AS kind, coalesce(l.serial, r.serial) AS record, "
	    "coalesce(r.revoked_at, $6) AS at, CASE WHEN l.serial IS NULL THEN format('the newest CRL of %s/%s does not "
	    "list it', "
	    "$3, $4) WHEN r.serial IS NULL THEN format('the newest CRL of %s/%s lists it, and no revocation is on record', "
	    "$3, $4) "
	    "ELSE format('reason %s in the newest CRL, %s on record', l.reason, r.reason) END AS detail, count(*) OVER () "
	    "AS total "
	    "FROM unnest($1, $2) AS l (serial, reason) FULL JOIN (SELECT * FROM audit.revocation v WHERE v.issuer = $3 "
	    "AND v.crl_shard = $4) r ON r.serial = l.serial WHERE (l.serial IS NULL AND r.changed_at <= $5 AND r.not_after "
	    ">= $6 "
	    "AND r.revoked_at >= coalesce($7, '-infinity') AND r.revoked_at < coalesce($8, 'infinity')) OR r.serial IS "
	    "NULL "
	    "OR (l.reason <> r.reason AND r.changed_at <= $5) ORDER BY 2 LIMIT $9",
	.params = &compare_params_fields,
	.row = &gap_fields,
	.repeatable = true,
};

int gaps_compare_crl(struct ctx *c, const struct gap_crl *crl, const struct gap_range *range, struct gap_list *ret)
{
	struct crl_info info;
	if (crl_parse(c, crl->der, &info) != 0) {
		struct gap *one = ARENA_NEW(c->arena, struct gap);
		*one = (struct gap) { "crl-unreadable",
			arena_printf(c->arena, "%s/%lld %lld", crl->issuer, (long long) crl->shard, (long long) crl->number),
			crl->this_update, arena_text(c->arena, c->err.detail), 1 };
		ctx_forgive(c);
		*ret = (struct gap_list) { one, 1 };
		return 0;
	}
	size_t n = info.entries.n;
	struct compare_params params = { { ARENA_ARRAY(c->arena, n, const char *), n },
		{ ARENA_ARRAY(c->arena, n, int64_t), n }, crl->issuer, crl->shard, crl->covers_until, crl->this_update,
		range->since, range->until, GAPS_SHOWN_MAX };
	for (size_t i = 0; i < n; i++) {
		params.serials.v[i] = hex_encode(c->arena, info.entries.v[i].serial);
		params.reasons.v[i] = info.entries.v[i].reason;
	}
	return db_rows(c, &compare_statement, &params, (void *) &ret->v, &ret->n);
}

const struct statement *const gaps_statements[] = { &gaps_statement, &crls_statement, &compare_statement,
	&audit_erasures_statement };
const size_t gaps_statements_n = COUNT_OF(gaps_statements);
