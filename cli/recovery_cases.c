/* `cairn recovery list|show ID|stop ID`: recoveries under way, for operators. */
#include <stdio.h>
#include <string.h>

#include "cli/operator.h"
#include "cli/recovery.h"
#include "lib/base/base64.h"

struct recovery_case {
	struct id id;
	struct id account_id;
	const char *status;
	bool former;
	struct bytes thumbprint;
	struct bytes old_thumbprint;
	struct timestamp asked_at;
	struct timestamp token_until;
	struct timestamp begun_at;
	struct timestamp ends_at;
	struct timestamp ended_at;
	const char *because;
};
static const struct field recovery_case_field[] = {
	FIELD(struct recovery_case, id),
	FIELD(struct recovery_case, account_id),
	FIELD(struct recovery_case, status),
	FIELD(struct recovery_case, former),
	FIELD(struct recovery_case, thumbprint),
	FIELD(struct recovery_case, old_thumbprint),
	FIELD(struct recovery_case, asked_at),
	FIELD(struct recovery_case, token_until),
	FIELD(struct recovery_case, begun_at),
	FIELD(struct recovery_case, ends_at),
	FIELD(struct recovery_case, ended_at),
	FIELD(struct recovery_case, because),
};
static const struct fields recovery_case_fields = FIELDS(struct recovery_case, recovery_case_field);

struct case_list {
	struct recovery_case *v;
	size_t n;
};

struct list_params {
	struct id id;
	bool all;
};
static const struct field list_param[] = {
	FIELD(struct list_params, id),
	FIELD(struct list_params, all),
};
static const struct fields list_params_fields = FIELDS(struct list_params, list_param);

static const struct statement list_statement = {
	.name = "list_recoveries",
	.sql =
	    "SELECT id, account_id, status, former, thumbprint, old_thumbprint, asked_at, token_until, begun_at, ends_at, "
	    "ended_at, because FROM vault.list_recoveries($1, $2)",
	.params = &list_params_fields,
	.row = &recovery_case_fields,
	.repeatable = true,
};

struct stop_params {
	struct id id;
	const char *reason;
	const char *actor;
};
static const struct field stop_param[] = {
	FIELD(struct stop_params, id),
	FIELD(struct stop_params, reason),
	FIELD(struct stop_params, actor),
};
static const struct fields stop_params_fields = FIELDS(struct stop_params, stop_param);

static const struct statement stop_statement = {
	.name = "operator_stops_recovery",
	.sql = "SELECT FROM vault.stop_recovery($1, true, 'the CA stopped it: ' || $2, $3, 'cairn', NULL)",
	.params = &stop_params_fields,
	.repeatable = true,
};

const struct statement *const recovery_case_statements[] = { &list_statement, &stop_statement };
const size_t recovery_case_n_statements = COUNT_OF(recovery_case_statements);

struct list_answer {
	struct case_list recoveries;
};
static const struct field list_answer_field[] = { FIELD_STRUCTS(
	struct list_answer, recoveries, &recovery_case_fields) };
static const struct fields list_answer_fields = FIELDS(struct list_answer, list_answer_field);

struct stop_answer {
	bool done;
	struct recovery_case recovery;
};
static const struct field stop_answer_field[] = {
	FIELD(struct stop_answer, done),
	FIELD_STRUCT(struct stop_answer, recovery, &recovery_case_fields),
};
static const struct fields stop_answer_fields = FIELDS(struct stop_answer, stop_answer_field);

static void print_case(struct ctx *c, const struct recovery_case *r, bool whole)
{
	char id[ID_TEXT_SIZE];
	char account[ID_TEXT_SIZE];
	id_encode(r->id, id);
	id_encode(r->account_id, account);
	printf("%s  account %s  %s  asked %s%s", id, account, r->status, operator_time(c->arena, r->asked_at, "?"),
	    r->former ? "  by a former contact" : "");
	if (r->ended_at.us != 0) {
		printf("  ended %s", operator_time(c->arena, r->ended_at, "?"));
	} else if (r->ends_at.us != 0) {
		printf("  new key at %s", operator_time(c->arena, r->ends_at, "?"));
	}
	printf("\n");
	if (r->because != NULL) {
		printf("    %s\n", r->because);
	}
	if (whole) {
		printf("    thumbprint of the new key %s\n    thumbprint of the old key %s\n    token good until %s, came back "
		       "%s\n",
		    base64url_encode(c->arena, r->thumbprint), base64url_encode(c->arena, r->old_thumbprint),
		    operator_time(c->arena, r->token_until, "?"), operator_time(c->arena, r->begun_at, "never"));
	}
}

static int read_cases(struct ctx *c, const struct recovery_request *r, struct case_list *ret)
{
	const struct list_params params = { r->id, r->all };
	TRY(db_rows(c, &list_statement, &params, (void *) &ret->v, &ret->n));
	return id_is_none(r->id) || ret->n == 1
	           ? 0
	           : FAIL(c, NOT_FOUND, "There is no such recovery, or it ended over 30 days ago");
}

static int show(struct ctx *c, const struct recovery_request *r)
{
	struct list_answer answer;
	TRY(read_cases(c, r, &answer.recoveries));
	if (r->operator.json) {
		operator_print(c->arena, &list_answer_fields, &answer);
		return 0;
	}
	for (size_t i = 0; i < answer.recoveries.n; i++) {
		print_case(c, &answer.recoveries.v[i], !id_is_none(r->id));
	}
	if (answer.recoveries.n == 0) {
		printf("No account is being recovered.\n");
	}
	return 0;
}

static int stop(struct ctx *c, const struct recovery_request *r)
{
	struct case_list cases;
	struct stop_answer answer = { .done = false };
	const struct stop_params params = { r->id, r->reason, operator_name(c->arena) };
	TRY(read_cases(c, r, &cases));
	bool open = cases.v[0].ended_at.us == 0;
	if (open && r->operator.yes) {
		TRY(db_run(c, &stop_statement, &params));
		TRY(read_cases(c, r, &cases));
		answer.done = true;
	}
	answer.recovery = cases.v[0];
	if (r->operator.json) {
		operator_print(c->arena, &stop_answer_fields, &answer);
		return 0;
	}
	print_case(c, &cases.v[0], false);
	printf("%s\n", answer.done ? "It is stopped. The account keeps its key."
	               : open      ? "Nothing was changed. Run it again with --yes."
	                           : "It had ended before. Nothing was changed.");
	return 0;
}

static int open_database(struct ctx *c, const struct recovery_request *r)
{
	const struct config *config = NULL;
	return operator_open(c, &r->operator, recovery_case_statements, recovery_case_n_statements, &config);
}

int recovery_list_cases(struct ctx *c, const struct recovery_request *r)
{
	TRY(open_database(c, r));
	return show(c, r);
}

int recovery_stop_case(struct ctx *c, const struct recovery_request *r)
{
	if (r->reason == NULL || r->reason[0] == '\0' || strlen(r->reason) > 500) {
		return FAIL(c, MALFORMED, "--reason wants to know why, in 500 octets at most; the contact is told");
	}
	TRY(open_database(c, r));
	return stop(c, r);
}
