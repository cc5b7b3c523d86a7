#include "cli/cert_rows.h"

#include <ctype.h>
#include <string.h>

#define NAME_MAX_OCTETS 253

static const struct field query_field[] = {
	FIELD(struct cert_query, serial),
	FIELD(struct cert_query, from, .flags = FIELD_OMIT_EMPTY),
	FIELD(struct cert_query, to, .flags = FIELD_OMIT_EMPTY),
	FIELD(struct cert_query, spki_sha256),
	FIELD(struct cert_query, account_id),
	FIELD(struct cert_query, expiring),
	FIELD(struct cert_query, issuer),
	FIELD(struct cert_query, profile),
	FIELD(struct cert_query, status),
	FIELD(struct cert_query, place),
	FIELD(struct cert_query, at),
	FIELD(struct cert_query, limit),
	FIELD(struct cert_query, look),
};
static const struct fields query_fields = FIELDS(struct cert_query, query_field);

static const struct field found_field[] = {
	FIELD(struct cert_found, serial),
	FIELD(struct cert_found, status),
	FIELD(struct cert_found, names),
	FIELD(struct cert_found, account_id),
	FIELD(struct cert_found, issuer),
	FIELD(struct cert_found, profile),
	FIELD(struct cert_found, not_before),
	FIELD(struct cert_found, not_after),
};
const struct fields cert_found_fields = FIELDS(struct cert_found, found_field);

struct page_row {
	struct cert_found_list certificates;
	int64_t looked;
	const char *next_place;
	struct id next_at;
};
static const struct field page_field[] = {
	FIELD_STRUCTS(struct page_row, certificates, &cert_found_fields),
	FIELD(struct page_row, looked),
	FIELD(struct page_row, next_place),
	FIELD(struct page_row, next_at),
};
static const struct fields page_fields = FIELDS(struct page_row, page_field);

static const struct statement find_statement = {
	.name = "find_certificates",
	.sql = "SELECT certificates, looked, next_place, next_at FROM "
	       "ca.find_certificates($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
	.params = &query_fields,
	.row = &page_fields,
	.repeatable = true,
};

static const struct field proof_field[] = {
	FIELD(struct cert_proof, name),
	FIELD(struct cert_proof, method),
	FIELD(struct cert_proof, at),
	FIELD(struct cert_proof, quorum),
};
const struct fields cert_proof_fields = FIELDS(struct cert_proof, proof_field);

struct serial_params {
	struct bytes serial;
};
static const struct field serial_param[] = { FIELD(struct serial_params, serial) };
static const struct fields serial_params_fields = FIELDS(struct serial_params, serial_param);

static const struct field shown_field[] = {
	FIELD(struct cert_shown, serial),
	FIELD(struct cert_shown, status),
	FIELD(struct cert_shown, der),
	FIELD(struct cert_shown, names),
	FIELD(struct cert_shown, account_id),
	FIELD(struct cert_shown, order_id),
	FIELD(struct cert_shown, certificate_id),
	FIELD(struct cert_shown, issuer),
	FIELD(struct cert_shown, profile),
	FIELD(struct cert_shown, not_before),
	FIELD(struct cert_shown, not_after),
	FIELD(struct cert_shown, signed_at),
	FIELD(struct cert_shown, spki_sha256),
	FIELD(struct cert_shown, crl_shard),
	FIELD(struct cert_shown, reason),
	FIELD(struct cert_shown, revoked_at),
	FIELD(struct cert_shown, revoked_by),
	FIELD(struct cert_shown, incident),
	FIELD(struct cert_shown, replaced_by),
	FIELD(struct cert_shown, chain),
	FIELD(struct cert_shown, issuer_certificate),
	FIELD(struct cert_shown, precertificate),
	FIELD(struct cert_shown, logged_at),
	FIELD_STRUCTS(struct cert_shown, validations, &cert_proof_fields),
};
static const struct fields shown_fields = FIELDS(struct cert_shown, shown_field);

static const struct statement show_statement = {
	.name = "show_certificate",
	.sql =
	    "SELECT serial, status, der, names, account_id, order_id, certificate_id, issuer, profile, not_before, "
	    "not_after, signed_at, spki_sha256, crl_shard, reason, revoked_at, revoked_by, incident, replaced_by, chain, "
	    "issuer_certificate, precertificate, logged_at, validations FROM ca.show_certificate($1)",
	.params = &serial_params_fields,
	.row = &shown_fields,
	.repeatable = true,
};

const struct statement *const cert_statements[] = { &find_statement, &show_statement };
const size_t cert_statements_n = COUNT_OF(cert_statements);

/* In lower case, from its last letter to its first. */
static const char *reversed(struct arena *a, const char *name)
{
	size_t n = strlen(name);
	char *text = arena_alloc(a, n + 1);
	for (size_t i = 0; i < n; i++) {
		text[i] = (char) tolower((unsigned char) name[n - 1 - i]);
	}
	return text;
}

int cert_query_name(struct ctx *c, const char *typed, struct cert_query *q)
{
	size_t n = strlen(typed);
	for (size_t i = 0; i < n; i++) {
		if (!isalnum((unsigned char) typed[i]) && strchr("-._*:", typed[i]) == NULL) {
			return FAIL(c, MALFORMED, "--name wants a name in A-labels, an address, \"*.\" or \".\" and a name");
		}
	}
	if (n == 0 || n > NAME_MAX_OCTETS) {
		return FAIL(c, MALFORMED, "--name wants a name of at most 253 letters");
	}
	const char **from = ARENA_ARRAY(c->arena, 2, const char *);
	const char **to = ARENA_ARRAY(c->arena, 2, const char *);
	size_t ranges = 1;
	from[0] = to[0] = reversed(c->arena, typed[0] == '.' ? typed + 1 : typed);
	const char *dot = strchr(typed, '.');
	if (typed[0] == '.') {
		from[1] = reversed(c->arena, typed);
		to[1] = arena_printf(c->arena, "%s~", from[1]); /* behind every letter of a name */
		ranges = 2;
	} else if (typed[0] != '*' && dot != NULL) {
		from[1] = to[1] = reversed(c->arena, arena_printf(c->arena, "*%s", dot));
		ranges = 2;
	}
	q->from = (struct text_list) { from, ranges };
	q->to = (struct text_list) { to, ranges };
	return 0;
}

int cert_query_after(struct arena *a, const char *typed, struct cert_query *q)
{
	size_t n = strcspn(typed, " ");
	q->place = typed[n] == ' ' ? typed + n + 1 : "";
	return id_parse(bytes_of_text(arena_text_n(a, typed, n)), &q->at);
}

int cert_find(struct ctx *c, const struct cert_query *q, struct cert_page *ret)
{
	struct page_row row;
	char at[ID_TEXT_SIZE];
	bool found = false;
	TRY(db_row(c, &find_statement, q, &row, &found));
	*ret = (struct cert_page) { row.certificates, row.looked, NULL };
	if (!id_is_none(row.next_at)) {
		id_encode(row.next_at, at);
		ret->next = row.next_place == NULL || row.next_place[0] == '\0'
		                ? arena_text(c->arena, at)
		                : arena_printf(c->arena, "%s %s", at, row.next_place);
	}
	return 0;
}

int cert_show(struct ctx *c, struct bytes serial, struct cert_shown *ret)
{
	const struct serial_params params = { serial };
	bool found = false;
	TRY(db_row(c, &show_statement, &params, ret, &found));
	return found ? 0 : FAIL(c, NOT_FOUND, "This CA has issued no certificate with that serial");
}
