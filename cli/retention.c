#include "cli/retention.h"

#include <stdio.h>
#include <string.h>

#include "cli/operator.h"
#include "cli/retention_rows.h"
#include "lib/base/floor.h"

#define DAY_S 86400

static const char usage[] =
    "Usage: cairn retention show [--all]\n"
    "       cairn retention report\n"
    "       cairn retention set CLASS [--clear TERM] [--keep TERM] --reason TEXT --yes\n"
    "\n"
    "How long data of each class is kept. cairn-subscriber erases personal fields when their time in clear has passed, "
    "and\n"
    "rows when theirs has; the proofs of the sealed log hold, and each purge is an event in it. docs/retention.md "
    "tells "
    "more.\n"
    "report tells of every table that has a term: its oldest row, what is due, what is held, what was purged and what\n"
    "comes next.\n"
    "\n"
    "  --config FILE    configuration with command.database; may stand again, each laid over the one before\n"
    "  --database TEXT  connection string of PostgreSQL for role cairn_operator or cairn_officer instead\n"
    "  CLASS            such as SUB-REQ, as `cairn retention show` lists them\n"
    "  --clear TERM     how long personal fields are readable: such as 90d, or forever; without it, as it is\n"
    "  --keep TERM      how long the row is there at all\n"
    "  --reason TEXT    why, for the log\n"
    "  --all            also the rules of before\n"
    "  --yes            make the change; without it, it is only shown what would be due\n"
    "  --json           one line of JSON\n";

struct request {
	struct operator_options options;
	const char *class;
	const char *clear;
	const char *keep;
	const char *reason;
	bool all;
	int64_t floor_s;
};

struct rules_answer {
	struct retention_rule_list rules;
};
static const struct field rules_answer_field[] = { FIELD_STRUCTS(struct rules_answer, rules, &retention_rule_fields) };
static const struct fields rules_answer_fields = FIELDS(struct rules_answer, rules_answer_field);

struct report_answer {
	struct retention_rule_list rules;
	struct retention_line_list tables;
};
static const struct field report_answer_field[] = {
	FIELD_STRUCTS(struct report_answer, rules, &retention_rule_fields),
	FIELD_STRUCTS(struct report_answer, tables, &retention_line_fields),
};
static const struct fields report_answer_fields = FIELDS(struct report_answer, report_answer_field);

struct set_answer {
	bool done;
	int64_t version; /* 0: it is so already */
	struct retention_rule before;
	struct retention_rule after;
	struct retention_line_list tables; /* as they stand by it */
};
static const struct field set_answer_field[] = {
	FIELD(struct set_answer, done),
	FIELD(struct set_answer, version),
	FIELD_STRUCT(struct set_answer, before, &retention_rule_fields),
	FIELD_STRUCT(struct set_answer, after, &retention_rule_fields),
	FIELD_STRUCTS(struct set_answer, tables, &retention_line_fields),
};
static const struct fields set_answer_fields = FIELDS(struct set_answer, set_answer_field);

static const char *term_text(struct arena *a, int64_t s)
{
	return s == 0           ? "forever"
	       : s % DAY_S == 0 ? arena_printf(a, "%lldd", (long long) (s / DAY_S))
	                        : arena_printf(a, "%llds", (long long) s);
}

static void print_rules(struct ctx *c, const struct retention_rule_list *rules)
{
	for (size_t i = 0; i < rules->n; i++) {
		const struct retention_rule *r = &rules->v[i];
		printf("%-8s  in clear %-8s  at all %-8s  held by %-10s  version %lld since %s, %s: %s\n", r->class,
		    term_text(c->arena, r->clear_s != 0 ? r->clear_s : r->keep_s), term_text(c->arena, r->keep_s),
		    operator_joined(c->arena, &r->held_by, "-"), (long long) r->version,
		    operator_time(c->arena, r->changed_at, "?"), r->changed_by, r->reason);
	}
}

static void print_tables(struct ctx *c, const struct retention_line_list *tables)
{
	for (size_t i = 0; i < tables->n; i++) {
		const struct retention_line *t = &tables->v[i];
		printf("%s%s (%s, %s)\n    oldest %s, due %lld%s, of these held %lld; purged %lld, last %s; next %s\n", t->name,
		    strcmp(t->part, "all") == 0 ? "" : ", pages only", operator_joined(c->arena, &t->classes, "-"),
		    term_text(c->arena, t->term_s), operator_time(c->arena, t->oldest_at, "none"), (long long) t->due,
		    t->due == RETENTION_COUNT_MAX ? " or more" : "", (long long) t->held, (long long) t->purged,
		    operator_time(c->arena, t->purged_at, "never"), operator_time(c->arena, t->next_at, "none"));
	}
}

static int show(struct ctx *c, const struct request *r)
{
	struct rules_answer answer;
	TRY(retention_read_rules(c, r->all, &answer.rules));
	if (r->options.json) {
		operator_print(c->arena, &rules_answer_fields, &answer);
	} else {
		print_rules(c, &answer.rules);
	}
	return 0;
}

static int report(struct ctx *c, const struct request *r)
{
	struct report_answer answer;
	TRY(retention_read_rules(c, false, &answer.rules));
	TRY(retention_read_report(c, r->floor_s, NULL, &answer.tables));
	if (r->options.json) {
		operator_print(c->arena, &report_answer_fields, &answer);
	} else {
		print_rules(c, &answer.rules);
		print_tables(c, &answer.tables);
	}
	return 0;
}

static int find_rule(struct ctx *c, const char *class, struct retention_rule *ret)
{
	struct retention_rule_list rules;
	TRY(retention_read_rules(c, false, &rules));
	for (size_t i = 0; i < rules.n; i++) {
		if (strcmp(rules.v[i].class, class) == 0) {
			*ret = rules.v[i];
			return 0;
		}
	}
	return FAIL(c, MALFORMED, "There is no class %s", class);
}

static int take_term(struct ctx *c, const char *option, const char *text, int64_t *ret_s)
{
	if (text == NULL) {
		return 0;
	}
	if (strcmp(text, "forever") == 0) {
		*ret_s = 0;
		return 0;
	}
	return duration_parse(text, ret_s) == 0 && *ret_s > 0
	           ? 0
	           : FAIL(c, MALFORMED, "%s wants such as 90d, or forever", option);
}

static void print_change(struct ctx *c, const struct set_answer *answer)
{
	const struct retention_rule *b = &answer->before;
	const struct retention_rule *n = &answer->after;
	printf("%s: in clear %s -> %s, at all %s -> %s\n", n->class,
	    term_text(c->arena, b->clear_s != 0 ? b->clear_s : b->keep_s),
	    term_text(c->arena, n->clear_s != 0 ? n->clear_s : n->keep_s), term_text(c->arena, b->keep_s),
	    term_text(c->arena, n->keep_s));
	print_tables(c, &answer->tables);
	if (answer->version == 0) {
		printf("That is so already. Nothing was changed.\n");
	} else if (answer->done) {
		printf("Version %lld is in force. What is due is purged within minutes.\n", (long long) answer->version);
	} else {
		printf("Nothing was changed. What is due would be purged within minutes, for good. Run it again with --yes.\n");
	}
}

static int set(struct ctx *c, const struct request *r)
{
	struct set_answer answer = { .done = r->options.yes };
	TRY(find_rule(c, r->class, &answer.before));
	answer.after = answer.before;
	TRY(take_term(c, "--clear", r->clear, &answer.after.clear_s));
	TRY(take_term(c, "--keep", r->keep, &answer.after.keep_s));
	answer.after.changed_by = operator_name(c->arena);
	answer.after.reason = r->reason;
	answer.after.changed_at = clock_now();
	TRY(retention_set(c, &answer.after, r->floor_s, !r->options.yes, &answer.version));
	answer.after.version = answer.version == 0 ? answer.before.version : answer.version;
	TRY(retention_read_report(c, r->floor_s, &answer.after, &answer.tables));
	if (r->options.json) {
		operator_print(c->arena, &set_answer_fields, &answer);
	} else {
		print_change(c, &answer);
	}
	return 0;
}

static const struct {
	const char *name;
	int (*run)(struct ctx *c, const struct request *r);
	int words;
} actions[] = {
	{ "show", show, 0 },
	{ "report", report, 0 },
	{ "set", set, 1 },
};

static const struct option options[] = {
	{ "config", required_argument, NULL, 'c' },
	{ "database", required_argument, NULL, 'd' },
	{ "clear", required_argument, NULL, 'l' },
	{ "keep", required_argument, NULL, 'k' },
	{ "reason", required_argument, NULL, 'r' },
	{ "all", no_argument, NULL, 'a' },
	{ "yes", no_argument, NULL, 'y' },
	{ "json", no_argument, NULL, 'j' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static bool take_option(void *request, int opt)
{
	struct request *r = request;
	const char **const texts[OPERATOR_LETTERS] = { ['l'] = &r->clear, ['k'] = &r->keep, ['r'] = &r->reason };
	if (opt == 'a') {
		r->all = true;
		return true;
	}
	return operator_text(&r->options, texts, opt);
}

static int act(struct ctx *c, size_t action, struct request *r)
{
	const struct config *config = NULL;
	int result = operator_open(c, &r->options, retention_statements, retention_statements_n, &config);
	if (result == 0) {
		r->floor_s = retention_floor_s(config);
		result = actions[action].run(c, r);
	}
	if (result != 0) {
		operator_complain(c, "retention");
		return 1;
	}
	return 0;
}

static const struct operator_command command = { "retention", usage, options, take_option };

static int choose(struct ctx *c, int argc, char **argv)
{
	struct request r = { .options = { .files = { ARENA_ARRAY(c->arena, (size_t) argc + 1, const char *), 0 } } };
	size_t i = 0;
	int code = operator_begin(&command, OPERATOR_ACTIONS(actions), argc, argv, &r, &i);
	if (code >= 0) {
		return code;
	}
	if (argc - optind - 1 != actions[i].words) {
		return operator_misused(&command, "say show, report, or set with a class");
	}
	r.class = argv[optind + 1]; /* argv ends with NULL */
	if (actions[i].words == 1 && r.clear == NULL && r.keep == NULL) {
		return operator_misused(&command, "say a term: --clear or --keep");
	}
	if (actions[i].words == 1 && !operator_reason(r.reason)) {
		return operator_misused(&command, OPERATOR_NO_REASON);
	}
	return act(c, i, &r);
}

int cli_retention(int argc, char **argv)
{
	return operator_run(argc, argv, choose);
}
