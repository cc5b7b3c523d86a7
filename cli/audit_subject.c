#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/audit.h"
#include "cli/audit_progress.h"
#include "cli/audit_stop.h"
#include "cli/files.h"
#include "cli/operator.h"
#include "lib/base/floor.h"
#include "lib/rpc/messages_rights.h"

static const char usage[] =
    "Usage: cairn audit subject ACCOUNT --reason TEXT [--out FILE]\n"
    "\n"
    "Writes all that is held about an account, as JSON: each part with the meaning of its fields, what can't be "
    "deleted and\n"
    "why. It is what the account's holder gets by its key, and what is held about investigations beside. Each page "
    "that is\n"
    "read is an event of the sealed log, with who read it and why. docs/privacy.md tells more.\n"
    "\n"
    "  ACCOUNT          the 22 characters at the end of its URL, or the URL\n"
    "  --reason TEXT    why, such as the number of the request\n"
    "  --out FILE       a new file, in place of the terminal; none is left when not all could be written\n"
    "  --config FILE    configuration with command.auditor_database; may stand again, each laid over the one before\n"
    "  --database TEXT  connection string of PostgreSQL for role cairn_auditor or cairn_officer instead\n"
    "  --json           makes no difference: it is JSON\n";

struct request {
	struct operator_options options;
	const char *out;
	const char *reason;
	struct id account;
	int64_t floor_s;
	FILE *to;
};

struct ask_params {
	struct id account_id;
	const char *part;
	struct id after;
	const char *actor;
	const char *reason;
};
static const struct field ask_param[] = {
	FIELD(struct ask_params, account_id),
	FIELD(struct ask_params, part),
	FIELD(struct ask_params, after),
	FIELD(struct ask_params, actor),
	FIELD(struct ask_params, reason),
};
static const struct fields ask_params_fields = FIELDS(struct ask_params, ask_param);

struct asked_params {
	struct id event_id;
	int64_t floor_s;
};
static const struct field asked_param[] = { FIELD(struct asked_params, event_id), FIELD(struct asked_params, floor_s) };
static const struct fields asked_params_fields = FIELDS(struct asked_params, asked_param);
static const struct field asked_row[] = { FIELD(struct asked_params, event_id) };
static const struct fields asked_row_fields = FIELDS(struct asked_params, asked_row);

const struct statement audit_ask_subject_statement = {
	.name = "ask_subject",
	.sql = "SELECT log.ask_subject($1, $2, $3, $4, $5) AS event_id",
	.params = &ask_params_fields,
	.row = &asked_row_fields,
};
const struct statement audit_asked_subject_statement = {
	.name = "asked_subject",
	.sql = "SELECT items, next FROM log.asked_subject($1, $2)",
	.params = &asked_params_fields,
	.row = &subject_data_fields,
};

static bool take_option(void *request, int letter)
{
	struct request *r = request;
	const char **const texts[OPERATOR_LETTERS] = { ['o'] = &r->out, ['r'] = &r->reason };
	return operator_text(&r->options, texts, letter);
}

static const struct option options[] = {
	{ "config", required_argument, NULL, 'c' },
	{ "database", required_argument, NULL, 'd' },
	{ "reason", required_argument, NULL, 'r' },
	{ "out", required_argument, NULL, 'o' },
	{ "json", no_argument, NULL, 'j' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};
static const struct operator_command command = { "audit subject", usage, options, take_option };

/* The record that it is read is committed before it is (G-13). */
static int read_page(
    struct ctx *c, const struct request *r, const char *part, struct id after, struct subject_data *ret)
{
	const struct ask_params ask = { r->account, part, after, operator_name(c->arena), r->reason };
	struct asked_params asked;
	bool found = false;
	TRY(db_row(c, &audit_ask_subject_statement, &ask, &asked, &found));
	asked.floor_s = r->floor_s;
	return db_row(c, &audit_asked_subject_statement, &asked, ret, &found);
}

static void put(const struct request *r, const json_t *value)
{
	(void) json_dumpf(value, r->to, JSON_COMPACT | JSON_ENCODE_ANY);
}

/* All items of a part, a page in memory at a time; what can't be written shows at the end. */
static int put_part(const struct request *r, const char *part)
{
	struct id after = { { 0 } };
	bool first = true;
	int result = 0;
	audit_progress("%s", part);
	do {
		struct ctx c;
		struct subject_data page = { .items = NULL };
		ctx_init(&c);
		result = audit_is_stopped() ? FAIL(&c, UNAVAILABLE, "It was stopped") : read_page(&c, r, part, after, &page);
		for (size_t i = 0; result == 0 && i < json_array_size(page.items); i++) {
			fputs(first ? "\n" : ",\n", r->to);
			put(r, json_array_get(page.items, i));
			first = false;
		}
		if (result != 0) {
			operator_complain(&c, command.name);
		}
		after = page.next;
		ctx_done(&c);
	} while (result == 0 && !id_is_none(after));
	return result;
}

/* {"account": ..., "index": ..., "held": {"orders": [...], ...}} */
static int tell(struct ctx *c, const struct request *r)
{
	struct subject_data index;
	char id[ID_TEXT_SIZE];
	id_encode(r->account, id);
	TRY(read_page(c, r, "", (struct id) { { 0 } }, &index));
	fprintf(r->to, "{\"account\":\"%s\",\"index\":", id);
	put(r, index.items);
	fputs(",\"held\":{", r->to);
	const json_t *parts = json_object_get(index.items, "parts");
	for (size_t i = 0; i < json_array_size(parts); i++) {
		const char *part = json_string_value(json_object_get(json_array_get(parts, i), "part"));
		fprintf(r->to, "%s\"%s\":[", i == 0 ? "\n" : ",\n", part);
		if (put_part(r, part) != 0) {
			return FAIL(c, UNAVAILABLE, "What was written is not all");
		}
		fputs("]", r->to);
	}
	fputs("}}\n", r->to);
	return fflush(r->to) == 0 && ferror(r->to) == 0 ? 0 : FAIL(c, SERVER_INTERNAL, "It can't be written");
}

static int write_all(struct ctx *c, struct request *r)
{
	static const struct statement *const statements[] = { &audit_ask_subject_statement,
		&audit_asked_subject_statement };
	const struct config *config = NULL;
	/* Sessions of auditors write nothing, save the record of what they read. */
	if (setenv("PGOPTIONS", "-c default_transaction_read_only=off", 1) != 0) {
		return FAIL(c, SERVER_INTERNAL, "No memory");
	}
	TRY(operator_open(c, &r->options, statements, COUNT_OF(statements), &config));
	r->floor_s = retention_floor_s(config);
	if (r->out == NULL) {
		r->to = stdout;
		return tell(c, r);
	}
	TRY(file_make(c, r->out, (struct bytes) { NULL, 0 }, 0600));
	r->to = fopen(r->out, "we");
	if (r->to == NULL) {
		return FAIL(c, SERVER_INTERNAL, "%s can't be written", r->out);
	}
	int result = tell(c, r);
	if (fclose(r->to) != 0) {
		result = FAIL(c, SERVER_INTERNAL, "%s can't be written", r->out);
	}
	if (result != 0) {
		(void) unlink(r->out); /* nobody is to take a part for the whole */
	}
	return result;
}

static int run(struct ctx *c, int argc, char **argv)
{
	struct request r = { .options = { .auditor = true } };
	r.options.files.v = ARENA_ARRAY(c->arena, (size_t) argc + 1, const char *);
	int code = operator_read(&command, argc, argv, &r);
	if (code >= 0) {
		return code;
	}
	if (optind + 1 != argc || operator_account(argv[optind], &r.account) != 0) {
		return operator_misused(&command, OPERATOR_NO_ACCOUNT);
	}
	if (!operator_reason(r.reason)) {
		return operator_misused(&command, OPERATOR_NO_REASON);
	}
	audit_stop_catch();
	audit_progress_begin(r.out == NULL);
	int result = write_all(c, &r);
	audit_progress_end();
	if (result != 0) {
		operator_complain(c, command.name);
		return 1;
	}
	return 0;
}

int audit_subject_command(int argc, char **argv)
{
	return operator_run(argc, argv, run);
}
