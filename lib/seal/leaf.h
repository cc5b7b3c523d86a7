/* What a leaf of the sealed log says (docs/sealing.md): the public facts of a row and its salted commitments to the personal
 * ones, as one line of JSON that PostgreSQL writes by the statements below. NULL stands in it as null, so that it differs from
 * every value.
 *
 * A new column of a sealed table is added to those at the end of its line (LEAF_WITH_LATER), which stand there only where they
 * are not NULL, and never inside it, so that the leaves of old rows stay what they are; a test compares the columns with the lines. */
#ifndef CAIRN_SEAL_LEAF_H
#define CAIRN_SEAL_LEAF_H

#include "lib/base/ctx.h"

enum leaf_kind { LEAF_REQUEST = 1, LEAF_VALIDATION = 2, LEAF_EVENT = 3, LEAF_KINDS = 3 };

/* The entry of a tile is preceded by its length in two octets (C2SP tlog-tiles). */
#define LEAF_ENTRY_MAX 65535

/* clang-format off */
#define LEAF_TIME(column) "pg_catalog.to_char(" column " AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')"
#define LEAF_HEX(column) "pg_catalog.encode(" column ", 'hex')"

/* A line, and the members that were added to it later as JSON without nulls, as one. */
#define LEAF_WITH_LATER \
	"CASE x.later WHEN '{}' THEN x.line ELSE pg_catalog.left(x.line, -1) || ',' || pg_catalog.substr(x.later, 2) END"

/* Scalar subqueries over r, the row; each is to be ended by its WHERE and LEAF_LINE_END. */
#define LEAF_REQUEST_LINE \
	"(SELECT pg_catalog.row_to_json(x)::text FROM (SELECT 'request' AS leaf, r.id, " \
	LEAF_TIME("r.received_at") " AS received_at, r.frontend, r.method, r.route, r.url, r.account_id, r.status, r.problem, r.rule, " \
	LEAF_HEX("r.body_sha256") " AS body_sha256, r.body_octets, " \
	LEAF_HEX("r.reply_sha256") " AS reply_sha256, r.reply_octets, r.duration_us, " \
	LEAF_HEX("r.commitments") " AS commitments FROM log.request r WHERE "
#define LEAF_VALIDATION_LINE \
	"(SELECT " LEAF_WITH_LATER " FROM (SELECT (SELECT pg_catalog.row_to_json(l)::text FROM (SELECT 'validation' AS leaf, " \
	"r.id, r.authorization_id, " \
	"r.challenge_id, r.account_id, r.request_id, r.identifier_type, r.identifier_value, r.wildcard, r.method, r.rule, " \
	"r.perspective, r.attempt, r.passed, r.problem, r.detail, r.dnssec, r.caa, " \
	LEAF_HEX("r.token_sha256") " AS token_sha256, " \
	LEAF_HEX("r.answer_sha256") " AS answer_sha256, r.answer_octets, " \
	LEAF_TIME("r.started_at") " AS started_at, " \
	LEAF_TIME("r.ended_at") " AS ended_at, " \
	LEAF_HEX("r.commitments") " AS commitments, r.proof) l) AS line, " \
	"(SELECT pg_catalog.json_strip_nulls(pg_catalog.row_to_json(l))::text FROM (SELECT " \
	"r.corroborates, r.address, r.region, r.dcv, r.late, r.round, r.quorum) l) AS later FROM log.validation r WHERE "
#define LEAF_EVENT_LINE \
	"(SELECT pg_catalog.row_to_json(x)::text FROM (SELECT 'event' AS leaf, r.id, " \
	LEAF_TIME("r.happened_at") " AS happened_at, r.process, r.actor, r.kind, r.request_id, r.account_id, r.order_id, " \
	"r.certificate_id, r.facts FROM log.event r WHERE "
#define LEAF_LINE_END ") x)"
/* clang-format on */

/* The line of the row `id` of the `kind`, both SQL expressions; NULL when there is no such row. */
#define LEAF_LINE(kind, id) \
	"CASE " kind " WHEN 1 THEN " LEAF_REQUEST_LINE "r.id = " id LEAF_LINE_END " WHEN 2 THEN " LEAF_VALIDATION_LINE \
	"r.id = " id LEAF_LINE_END " ELSE " LEAF_EVENT_LINE "r.id = " id LEAF_LINE_END " END"

/* "request", "validation", "event"; NULL for no kind. */
const char *leaf_kind_name(int64_t kind);
/* "log.request" ... */
const char *leaf_table(int64_t kind);
/* 0: no kind of this name. */
int64_t leaf_kind_of(const char *name);

/* "0193f000-0000-7000-8000-000000000100" */
const char *leaf_id_text(struct arena *a, struct id id);

/* The octets of the leaf. line NULL: the row was gone before it was sealed, which the leaf then says; one that is too long
 * for a tile stands by its digest. */
struct bytes leaf_entry(struct arena *a, int64_t kind, struct id id, const char *line);

#endif
