#include "cli/alarm.h"

#include <stdio.h>
#include <string.h>

#include "cli/operator.h"

static const char usage[] =
    "Usage: cairn alarm list [--all]\n"
    "       cairn alarm acknowledge ID (--true | --false) --note TEXT --yes\n"
    "       cairn alarm test --yes\n"
    "\n"
    "What is wrong, or was, and over which channels it was told. cairn-subscriber tells an alarm again and again "
    "until\n"
    "somebody has acknowledged it, which must be within 24 hours. docs/alarms.md says what each kind means and what "
    "to\n"
    "do. test raises one at which nothing is wrong, to see that the channels are good.\n"
    "\n"
    "  --config FILE    configuration with command.database; may stand again, each laid over the one before\n"
    "  --database TEXT  connection string of PostgreSQL for role cairn_operator instead\n"
    "  ID               the 22 characters of its id, as `cairn alarm list` and what was told have it\n"
    "  --true, --false  whether it was a true alarm\n"
    "  --note TEXT      what was found and done, for the log\n"
    "  --all            also those that are acknowledged\n"
    "  --yes            make the change; without it, it is only shown\n"
    "  --json           one line of JSON\n";

#define LIST_MAX 1000

struct alarm_row {
	struct id id;
	const char *kind;
	const char *subject;
	const char *detail;
	struct timestamp raised_at;
	struct timestamp seen_at;
	struct timestamp ended_at;
	int64_t times;
	struct timestamp acknowledged_at;
	const char *acknowledged_by;
	const char *verdict;
	const char *note;
	struct text_list told_over;
	struct text_list failing;
};
static const struct field alarm_field[] = {
	FIELD(struct alarm_row, id),
	FIELD(struct alarm_row, kind),
	FIELD(struct alarm_row, subject),
	FIELD(struct alarm_row, detail),
	FIELD(struct alarm_row, raised_at),
	FIELD(struct alarm_row, seen_at),
	FIELD(struct alarm_row, ended_at),
	FIELD(struct alarm_row, times),
	FIELD(struct alarm_row, acknowledged_at),
	FIELD(struct alarm_row, acknowledged_by),
	FIELD(struct alarm_row, verdict),
	FIELD(struct alarm_row, note),
	FIELD(struct alarm_row, told_over),
	FIELD(struct alarm_row, failing),
};
static const struct fields alarm_fields = FIELDS(struct alarm_row, alarm_field);
struct alarm_list {
	struct alarm_row *v;
	size_t n;
};

struct list_params {
	bool all;
	struct id id; /* none: of all */
	int64_t most;
};
static const struct field list_param[] = {
	FIELD(struct list_params, all),
	FIELD(struct list_params, id),
	FIELD(struct list_params, most),
};
static const struct fields list_params_fields = FIELDS(struct list_params, list_param);

static const struct statement list_statement = {
	.name = "list_alarms",
	.sql = "SELECT a.*, ARRAY (SELECT t.channel FROM cairn.alarm_told t WHERE t.alarm_id = a.id AND t.times > 0 ORDER "
	       "BY 1) "
	       "AS told_over, ARRAY (SELECT t.channel || ': ' || t.failure FROM cairn.alarm_told t WHERE t.alarm_id = a.id "
	       "AND t.failures > 0 ORDER BY 1) AS failing FROM cairn.alarm a WHERE ($1 OR a.acknowledged_at IS NULL) "
	       "AND ($2 IS NULL OR a.id = $2) ORDER BY a.id DESC LIMIT $3",
	.params = &list_params_fields,
	.row = &alarm_fields,
	.repeatable = true,
};

struct acknowledge_params {
	struct id id;
	const char *actor;
	bool is_true;
	const char *note;
};
static const struct field acknowledge_param[] = {
	FIELD(struct acknowledge_params, id),
	FIELD(struct acknowledge_params, actor),
	FIELD(struct acknowledge_params, is_true),
	FIELD(struct acknowledge_params, note),
};
static const struct fields acknowledge_params_fields = FIELDS(struct acknowledge_params, acknowledge_param);

static const struct statement acknowledge_statement = {
	.name = "acknowledge_alarm",
	.sql = "SELECT log.acknowledge_alarm($1, $2, $3, $4)",
	.params = &acknowledge_params_fields,
};

struct test_params {
	const char *actor;
};
static const struct field test_param[] = { FIELD(struct test_params, actor) };
static const struct fields test_params_fields = FIELDS(struct test_params, test_param);

static const struct statement test_statement = {
	.name = "test_alarm",
	.sql = "SELECT log.test_alarm($1)",
	.params = &test_params_fields,
};

const struct statement *const alarm_command_statements[] = { &list_statement, &acknowledge_statement, &test_statement };
const size_t alarm_command_statements_n = COUNT_OF(alarm_command_statements);

struct request {
	struct operator_options options;
	const char *note;
	bool all;
	bool is_true;
	bool is_false;
	struct id id;
};

struct answer {
	bool done;
	struct alarm_list alarms;
};
static const struct field answer_field[] = {
	FIELD(struct answer, done),
	FIELD_STRUCTS(struct answer, alarms, &alarm_fields),
};
static const struct fields answer_fields = FIELDS(struct answer, answer_field);

static void print_alarm(struct arena *a, const struct alarm_row *row)
{
	char id[ID_TEXT_SIZE];
	id_encode(row->id, id);
	printf("%s  %s%s%s: %s\n", id, row->kind, row->subject[0] == '\0' ? "" : " ", row->subject, row->detail);
	printf("    seen first %s, last %s, %s; told over %s\n", operator_time(a, row->raised_at, "?"),
	    operator_time(a, row->seen_at, "?"),
	    row->ended_at.us == 0 ? "goes on" : arena_printf(a, "over since %s", operator_time(a, row->ended_at, "?")),
	    operator_joined(a, &row->told_over, "no channel"));
	for (size_t i = 0; i < row->failing.n; i++) {
		printf("    not taken by %s\n", row->failing.v[i]);
	}
	if (row->verdict != NULL) {
		printf("    %s alarm, said %s on %s: %s\n", row->verdict, row->acknowledged_by,
		    operator_time(a, row->acknowledged_at, "?"), row->note);
	}
}

/* done NULL: nothing was to be done. */
static void print_answer(struct ctx *c, const struct request *r, const struct answer *answer, const char *done)
{
	if (r->options.json) {
		operator_print(c->arena, &answer_fields, answer);
		return;
	}
	for (size_t i = 0; i < answer->alarms.n; i++) {
		print_alarm(c->arena, &answer->alarms.v[i]);
	}
	if (done != NULL) {
		printf("%s\n", answer->done ? done : "Nothing was changed. Run it again with --yes.");
	} else if (answer->alarms.n == 0) {
		printf("There is no alarm.\n");
	}
}

static int read_alarms(struct ctx *c, bool all, struct id id, struct alarm_list *ret)
{
	const struct list_params params = { all, id, LIST_MAX };
	return db_rows(c, &list_statement, &params, (void *) &ret->v, &ret->n);
}

static int list(struct ctx *c, const struct request *r)
{
	struct answer answer = { .done = true };
	TRY(read_alarms(c, r->all, r->id, &answer.alarms));
	print_answer(c, r, &answer, NULL);
	return 0;
}

static int acknowledge(struct ctx *c, const struct request *r)
{
	struct answer answer = { .done = r->options.yes };
	if (r->options.yes) {
		const struct acknowledge_params params = { r->id, operator_name(c->arena), r->is_true, r->note };
		TRY(db_run(c, &acknowledge_statement, &params));
	}
	TRY(read_alarms(c, true, r->id, &answer.alarms));
	if (answer.alarms.n == 0) {
		return FAIL(c, NOT_FOUND, "There is no such alarm");
	}
	print_answer(c, r, &answer, "It is acknowledged, and not told any more.");
	return 0;
}

static int test(struct ctx *c, const struct request *r)
{
	const struct test_params params = { operator_name(c->arena) };
	struct answer answer = { .done = r->options.yes };
	if (r->options.yes) {
		TRY(db_run(c, &test_statement, &params));
	}
	print_answer(c, r, &answer, "It is raised: acknowledge it when it has come over every channel.");
	return 0;
}

static const struct {
	const char *name;
	int (*run)(struct ctx *c, const struct request *r);
	bool answers; /* takes an id, a verdict and a note */
} actions[] = {
	{ "list", list, false },
	{ "acknowledge", acknowledge, true },
	{ "test", test, false },
};

static const struct option options[] = {
	{ "config", required_argument, NULL, 'c' },
	{ "database", required_argument, NULL, 'd' },
	{ "note", required_argument, NULL, 'n' },
	{ "true", no_argument, NULL, 't' },
	{ "false", no_argument, NULL, 'f' },
	{ "all", no_argument, NULL, 'a' },
	{ "yes", no_argument, NULL, 'y' },
	{ "json", no_argument, NULL, 'j' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static bool take_option(void *request, int opt)
{
	struct request *r = request;
	const char **const texts[OPERATOR_LETTERS] = { ['n'] = &r->note };
	bool *flag = opt == 'a' ? &r->all : opt == 't' ? &r->is_true : opt == 'f' ? &r->is_false : NULL;
	if (flag != NULL) {
		*flag = true;
		return true;
	}
	return operator_text(&r->options, texts, opt);
}

static const struct operator_command command = { "alarm", usage, options, take_option };

static int act(struct ctx *c, size_t action, struct request *r)
{
	const struct config *config = NULL;
	if (operator_open(c, &r->options, alarm_command_statements, alarm_command_statements_n, &config) != 0 ||
	    actions[action].run(c, r) != 0) {
		operator_complain(c, command.name);
		return 1;
	}
	return 0;
}

static int choose(struct ctx *c, int argc, char **argv)
{
	struct request r = { .options = { .files = { ARENA_ARRAY(c->arena, (size_t) argc + 1, const char *), 0 } } };
	size_t i = 0;
	int code = operator_begin(&command, OPERATOR_ACTIONS(actions), argc, argv, &r, &i);
	if (code >= 0) {
		return code;
	}
	if (argc - optind - 1 != (actions[i].answers ? 1 : 0)) {
		return operator_misused(&command, "say list, test, or acknowledge with the id of an alarm");
	}
	if (actions[i].answers && id_parse(bytes_of_text(argv[optind + 1]), &r.id) != 0) {
		return operator_misused(&command, "an alarm is named by the 22 characters of its id");
	}
	if (actions[i].answers && r.is_true == r.is_false) {
		return operator_misused(&command, "say whether it was a true alarm: --true or --false");
	}
	if (actions[i].answers && !operator_reason(r.note)) {
		return operator_misused(&command, "--note wants to know what was found and done, in 500 octets at most");
	}
	return act(c, i, &r);
}

int cli_alarm(int argc, char **argv)
{
	return operator_run(argc, argv, choose);
}
