#include "cli/incident_rows.h"

#include "cli/incident.h"

static const struct field found_field[] = {
	FIELD(struct incident_found, certificates),
	FIELD(struct incident_found, accounts),
	FIELD(struct incident_found, expired),
	FIELD(struct incident_found, missing),
};
const struct fields incident_found_fields = FIELDS(struct incident_found, found_field);

struct serials_params {
	struct text_list serials;
};
static const struct field serials_param[] = { FIELD(struct serials_params, serials) };
static const struct fields serials_params_fields = FIELDS(struct serials_params, serials_param);

const struct statement incident_find_serials_statement = {
	.name = "find_serials",
	.sql = "SELECT certificates, accounts, expired, missing FROM acme.find_serials($1)",
	.params = &serials_params_fields,
	.row = &incident_found_fields,
	.repeatable = true,
};

struct condition_params {
	const char *condition;
};
static const struct field condition_param[] = { FIELD(struct condition_params, condition) };
static const struct fields condition_params_fields = FIELDS(struct condition_params, condition_param);

const struct statement incident_find_issued_statement = {
	.name = "find_issued",
	.sql = "SELECT certificates, accounts FROM acme.find_issued($1)",
	.params = &condition_params_fields,
	.row = &incident_found_fields,
	.repeatable = true,
};

struct create_params {
	struct id id;
	struct id_list certificates;
	const char *url;
	const char *source;
	struct timestamp opens;
	struct timestamp closes;
	int64_t waves;
	const char *actor;
};
static const struct field create_param[] = {
	FIELD(struct create_params, id),
	FIELD(struct create_params, certificates),
	FIELD(struct create_params, url),
	FIELD(struct create_params, source),
	FIELD(struct create_params, opens),
	FIELD(struct create_params, closes),
	FIELD(struct create_params, waves),
	FIELD(struct create_params, actor),
};
static const struct fields create_params_fields = FIELDS(struct create_params, create_param);

static const struct statement create_statement = {
	.name = "create_incident",
	.sql = "SELECT acme.create_incident($1, $2, $3, $4, $5, $6, $7, $8)",
	.params = &create_params_fields,
};

struct incident_params {
	struct id id;
	const char *actor;
};
static const struct field incident_param[] = {
	FIELD(struct incident_params, id),
	FIELD(struct incident_params, actor),
};
static const struct fields close_params_fields = FIELDS(struct incident_params, incident_param);
/* The same without the actor. */
static const struct fields incident_params_fields = {
	.name = "incident", .size = sizeof(struct incident_params), .v = incident_param, .n = 1
};

static const struct field incident_field[] = {
	FIELD(struct incident, id),
	FIELD(struct incident, url),
	FIELD(struct incident, source),
	FIELD(struct incident, opens),
	FIELD(struct incident, closes),
	FIELD(struct incident, waves),
	FIELD(struct incident, created_at),
	FIELD(struct incident, created_by),
	FIELD(struct incident, closed_at),
	FIELD(struct incident, closed_by),
	FIELD(struct incident, certificates),
	FIELD(struct incident, waiting),
	FIELD(struct incident, replaced),
	FIELD(struct incident, revoked),
	FIELD(struct incident, expired),
};
const struct fields incident_fields = FIELDS(struct incident, incident_field);

static const struct statement list_statement = {
	.name = "list_incidents",
	.sql = "SELECT id, url, source, opens, closes, waves, created_at, created_by, closed_at, closed_by, certificates, "
	       "waiting, replaced, revoked, expired FROM acme.list_incidents($1)",
	.params = &incident_params_fields,
	.row = &incident_fields,
	.repeatable = true,
};

static const struct field certificate_field[] = {
	FIELD(struct incident_certificate, serial),
	FIELD(struct incident_certificate, account_id),
	FIELD(struct incident_certificate, names),
	FIELD(struct incident_certificate, not_after),
	FIELD(struct incident_certificate, wave),
	FIELD(struct incident_certificate, state),
};
const struct fields incident_certificate_fields = FIELDS(struct incident_certificate, certificate_field);

static const struct statement show_statement = {
	.name = "show_incident",
	.sql = "SELECT serial, account_id, names, not_after, wave, state FROM acme.show_incident($1)",
	.params = &incident_params_fields,
	.row = &incident_certificate_fields,
	.repeatable = true,
};

struct close_row {
	bool changed;
};
static const struct field close_row_field[] = { FIELD(struct close_row, changed) };
static const struct fields close_row_fields = FIELDS(struct close_row, close_row_field);

static const struct statement close_statement = {
	.name = "close_incident",
	.sql = "SELECT acme.close_incident($1, $2) AS changed",
	.params = &close_params_fields,
	.row = &close_row_fields,
};

const struct statement *const incident_statements[] = {
	&incident_find_serials_statement,
	&incident_find_issued_statement,
	&create_statement,
	&list_statement,
	&show_statement,
	&close_statement,
};
const size_t incident_statements_n = COUNT_OF(incident_statements);

int incident_find_serials(struct ctx *c, const struct text_list *serials, struct incident_found *ret)
{
	const struct serials_params params = { *serials };
	bool found = false;
	return db_row(c, &incident_find_serials_statement, &params, ret, &found);
}

int incident_find_where(struct ctx *c, const char *condition, struct incident_found *ret)
{
	const struct condition_params params = { condition };
	bool found = false;
	return db_row(c, &incident_find_issued_statement, &params, ret, &found);
}

int incident_create(struct ctx *c, const struct incident_wish *wish, const struct id_list *certificates,
    const char *actor, struct id *ret_id)
{
	const struct create_params params = {
		.id = id_new(),
		.certificates = *certificates,
		.url = wish->url,
		.source = wish->source,
		.opens = wish->opens,
		.closes = wish->closes,
		.waves = wish->waves,
		.actor = actor,
	};
	TRY(db_run(c, &create_statement, &params));
	*ret_id = params.id;
	return 0;
}

int incident_list(struct ctx *c, struct id id, struct incident_list *ret)
{
	const struct incident_params params = { .id = id };
	TRY(db_rows(c, &list_statement, &params, (void *) &ret->v, &ret->n));
	return ret->n > 0 || id_is_none(id) ? 0 : FAIL(c, NOT_FOUND, "There is no such incident");
}

int incident_show(struct ctx *c, struct id id, struct incident_certificate_list *ret)
{
	const struct incident_params params = { .id = id };
	return db_rows(c, &show_statement, &params, (void *) &ret->v, &ret->n);
}

int incident_close(struct ctx *c, struct id id, const char *actor, bool *ret_changed)
{
	const struct incident_params params = { id, actor };
	struct close_row row;
	bool found = false;
	TRY(db_row(c, &close_statement, &params, &row, &found));
	*ret_changed = found && row.changed;
	return 0;
}
