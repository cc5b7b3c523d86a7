#include "cli/limits.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/operator.h"
#include "lib/base/policy_files.h"
#include "policy/zones.h"

static const char usage[] =
    "Usage: cairn limits list\n"
    "       cairn limits show LIMIT KEY\n"
    "       cairn limits set LIMIT KEY (--count N --period TIME [--burst N] --reason TEXT | --default) [--yes]\n"
    "       cairn limits reset LIMIT KEY [--yes]\n"
    "       cairn limits paused [--account ID]\n"
    "       cairn limits unpause --account ID [--names LIST] [--yes]\n"
    "\n"
    "list     the limits of the configuration, and the overrides\n"
    "show     what is left of one now\n"
    "set      other numbers for one account, domain or address; --default takes them away\n"
    "reset    gives back what was used\n"
    "paused   names whose orders are refused since their validations never pass\n"
    "unpause  lets them be ordered again\n"
    "\n"
    "KEY is what the refusal names: an address (or, to set, a network), an account, a domain or a name in it, "
    "ACCOUNT/NAME\n"
    "(or, to set, an account), or for CertificatesPerFQDNSet the names with commas between them. See docs/limits.md.\n"
    "\n"
    "  --config FILE    configuration; may stand again, each laid over the one before\n"
    "  --database TEXT  connection string of PostgreSQL for role cairn_operator, in place of command.database\n"
    "  --count N        uses in the period; 0: no limit\n"
    "  --period TIME    such as 7d, 3h, 30m or 45s\n"
    "  --burst N        uses at once (default: as many as in the period)\n"
    "  --reason TEXT    why, for the record; name nobody\n"
    "  --account ID     the account, by the end of its URL\n"
    "  --names LIST     names, with commas between them (default: all)\n"
    "  --yes            make the change; without it, it is only shown\n"
    "  --json           one line of JSON\n";

struct request {
	struct operator_options options;
	const char *count;
	const char *period;
	const char *burst;
	const char *reason;
	const char *account;
	const char *names;
	bool to_default;
	enum limit_kind kind;
	const char *key;
	struct id account_id;
	const struct config *config;
};

struct configured {
	const char *name;
	const char *what;
	int64_t count;
	int64_t period_s;
	int64_t burst;
};
static const struct field configured_field[] = {
	FIELD(struct configured, name),
	FIELD(struct configured, what),
	FIELD(struct configured, count),
	FIELD(struct configured, period_s),
	FIELD(struct configured, burst),
};
static const struct fields configured_fields = FIELDS(struct configured, configured_field);

struct configured_list {
	struct configured *v;
	size_t n;
};
struct list_answer {
	struct configured_list limits;
	struct limit_override_list overrides;
};
static const struct field list_answer_field[] = {
	FIELD_STRUCTS(struct list_answer, limits, &configured_fields),
	FIELD_STRUCTS(struct list_answer, overrides, &limit_override_fields),
};
static const struct fields list_answer_fields = FIELDS(struct list_answer, list_answer_field);

struct paused_answer {
	struct paused_name_list paused;
};
static const struct field paused_answer_field[] = { FIELD_STRUCTS(struct paused_answer, paused, &paused_name_fields) };
static const struct fields paused_answer_fields = FIELDS(struct paused_answer, paused_answer_field);

struct done_answer {
	bool done;
	bool changed;
	struct text_list names;
};
static const struct field done_answer_field[] = {
	FIELD(struct done_answer, done),
	FIELD(struct done_answer, changed),
	FIELD(struct done_answer, names, .flags = FIELD_OMIT_EMPTY),
};
static const struct fields done_answer_fields = FIELDS(struct done_answer, done_answer_field);

/* ---- what is shown ---- */

static int list(struct ctx *c, struct request *r)
{
	const struct limits limits = limits_of_config(&r->config->policy);
	struct configured rows[LIMIT_COUNT];
	struct list_answer answer = { .limits = { rows, LIMIT_COUNT } };
	for (size_t i = 0; i < LIMIT_COUNT; i++) {
		const struct limit_info *info = limit_info((enum limit_kind) i);
		rows[i] =
		    (struct configured) { info->name, info->what, limits.v[i].count, limits.v[i].period_s, limits.v[i].burst };
	}
	TRY(limits_list_overrides(c, &answer.overrides));
	if (r->options.json) {
		operator_print(c->arena, &list_answer_fields, &answer);
		return 0;
	}
	for (size_t i = 0; i < LIMIT_COUNT; i++) {
		if (rows[i].count == 0) {
			printf("%s: off\n    %s\n", rows[i].name, rows[i].what);
		} else {
			printf("%s: %lld in %lld s, %lld at once\n    %s\n", rows[i].name, (long long) rows[i].count,
			    (long long) rows[i].period_s, (long long) rows[i].burst, rows[i].what);
		}
	}
	printf("%zu override(s)\n", answer.overrides.n);
	for (size_t i = 0; i < answer.overrides.n; i++) {
		const struct limit_override *o = &answer.overrides.v[i];
		printf("%s %s: %lld in %lld s, %lld at once (%s, %s: %s)\n", o->name, o->key, (long long) o->count,
		    (long long) o->period_s, (long long) o->burst, operator_time(c->arena, o->set_at, "?"), o->set_by,
		    o->reason);
	}
	return 0;
}

static int show(struct ctx *c, struct request *r)
{
	const struct limits limits = limits_of_config(&r->config->policy);
	const struct limit *limit = &limits.v[r->kind];
	struct limit_use use = { .name = limit_info(r->kind)->name,
		.key = r->key,
		.count = limit->count,
		.period_s = limit->period_s > 0 ? limit->period_s : 1,
		.burst = limit->burst };
	struct limit_state state;
	TRY(limits_show(c, &use, &state));
	if (r->options.json) {
		operator_print(c->arena, &limit_state_fields, &state);
	} else if (state.count == 0) {
		printf("%s %s: no limit%s\n", state.name, state.key, state.overridden ? " (by an override)" : "");
	} else {
		printf("%s %s: %lld of %lld left now%s; one more at %s, whole at %s\n", state.name, state.key,
		    (long long) state.remaining, (long long) state.burst, state.overridden ? " (by an override)" : "",
		    operator_time(c->arena, state.next_at, "-"), operator_time(c->arena, state.whole_at, "-"));
	}
	return 0;
}

static int paused(struct ctx *c, struct request *r)
{
	struct paused_answer answer;
	TRY(limits_list_paused(c, r->account_id, &answer.paused));
	if (r->options.json) {
		operator_print(c->arena, &paused_answer_fields, &answer);
		return 0;
	}
	for (size_t i = 0; i < answer.paused.n; i++) {
		char account[ID_TEXT_SIZE];
		id_encode(answer.paused.v[i].account_id, account);
		printf("account %s  %s  since %s\n", account, answer.paused.v[i].identifier,
		    operator_time(c->arena, answer.paused.v[i].paused_at, "?"));
	}
	printf("%zu paused name(s)\n", answer.paused.n);
	return 0;
}

/* ---- what is changed ---- */

static int tell(struct ctx *c, const struct request *r, const struct done_answer *answer)
{
	if (r->options.json) {
		operator_print(c->arena, &done_answer_fields, answer);
	} else if (!answer->done) {
		printf("Nothing was changed. Run it again with --yes.\n");
	} else {
		printf(answer->changed ? "Done.\n" : "There was nothing to change.\n");
	}
	return 0;
}

/* A whole number from `least` on; -1 with a refusal. */
static int read_number(struct ctx *c, const char *option, const char *text, int64_t least, int64_t *ret)
{
	char *end = NULL;
	*ret = strtoll(text, &end, 10);
	if (text[0] == '\0' || *end != '\0' || *ret < least || *ret > 1000000000) {
		return FAIL(c, MALFORMED, "%s: \"%s\" must be a whole number from %lld on", option, text, (long long) least);
	}
	return 0;
}

static int read_override(struct ctx *c, const struct request *r, struct limit_override *o)
{
	if (r->count == NULL || r->period == NULL || r->reason == NULL) {
		return FAIL(c, MALFORMED, "say --count, --period and --reason, or --default");
	}
	TRY(read_number(c, "--count", r->count, 0, &o->count));
	o->burst = o->count > 0 ? o->count : 1;
	if (r->burst != NULL) {
		TRY(read_number(c, "--burst", r->burst, 1, &o->burst));
	}
	if (duration_parse(r->period, &o->period_s) != 0) {
		return FAIL(c, MALFORMED, "--period: \"%s\" must be a time such as 7d, 3h, 30m or 45s", r->period);
	}
	return 0;
}

static int set(struct ctx *c, struct request *r)
{
	struct limit_override o = { .name = limit_info(r->kind)->name, .key = r->key, .reason = r->reason };
	struct done_answer answer = { .done = r->options.yes, .changed = r->options.yes };
	if (!r->to_default) {
		TRY(read_override(c, r, &o));
	}
	if (!r->options.json && !r->to_default) {
		printf("%s %s: %lld in %lld s, %lld at once\n", o.name, o.key, (long long) o.count, (long long) o.period_s,
		    (long long) o.burst);
	}
	if (r->options.yes && r->to_default) {
		TRY(limits_drop_override(c, o.name, o.key, operator_name(c->arena), &answer.changed));
	} else if (r->options.yes) {
		TRY(limits_set_override(c, &o, operator_name(c->arena)));
	}
	return tell(c, r, &answer);
}

static int reset(struct ctx *c, struct request *r)
{
	struct done_answer answer = { .done = r->options.yes };
	if (!r->options.yes && !r->options.json) {
		TRY(show(c, r));
	}
	if (r->options.yes) {
		TRY(limits_reset(c, limit_info(r->kind)->name, r->key, operator_name(c->arena), &answer.changed));
	}
	return tell(c, r, &answer);
}

static int unpause(struct ctx *c, struct request *r)
{
	const struct text_list names = operator_list(c->arena, r->names);
	struct done_answer answer = { .done = r->options.yes };
	if (id_is_none(r->account_id)) {
		return FAIL(c, MALFORMED, "say which account: --account ID");
	}
	if (!r->options.yes && !r->options.json) {
		TRY(paused(c, r));
	}
	if (r->options.yes) {
		TRY(limits_unpause(c, r->account_id, &names, operator_name(c->arena), &answer.names));
		answer.changed = answer.names.n > 0;
	}
	return tell(c, r, &answer);
}

/* ---- words and options ---- */

static const struct {
	const char *name;
	int (*run)(struct ctx *c, struct request *r);
	bool takes_key;
} actions[] = {
	{ "list", list, false },
	{ "show", show, true },
	{ "set", set, true },
	{ "reset", reset, true },
	{ "paused", paused, false },
	{ "unpause", unpause, false },
};

static const struct option options[] = {
	{ "config", required_argument, NULL, 'c' },
	{ "database", required_argument, NULL, 'd' },
	{ "count", required_argument, NULL, 'n' },
	{ "period", required_argument, NULL, 'p' },
	{ "burst", required_argument, NULL, 'b' },
	{ "reason", required_argument, NULL, 'r' },
	{ "account", required_argument, NULL, 'a' },
	{ "names", required_argument, NULL, 'm' },
	{ "default", no_argument, NULL, 'f' },
	{ "yes", no_argument, NULL, 'y' },
	{ "json", no_argument, NULL, 'j' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

/* False for an option that there is not. */
static bool take_option(void *request, int opt)
{
	struct request *r = request;
	const char **const texts[OPERATOR_LETTERS] = { ['n'] = &r->count,
		['p'] = &r->period,
		['b'] = &r->burst,
		['r'] = &r->reason,
		['a'] = &r->account,
		['m'] = &r->names };
	if (opt == 'f') {
		r->to_default = true;
		return true;
	}
	return operator_text(&r->options, texts, opt);
}

static int read_key(struct ctx *c, struct request *r, const char *typed)
{
	struct policy_files files;
	const psl_ctx_t *psl = psl_builtin();
	TRY(policy_files_read(c, &r->config->policy, &files));
	if (files.suffixes.path != NULL) {
		TRY(zones_suffixes_parse(c, c->arena, files.suffixes.path, files.suffixes.content, &psl));
	}
	return limits_key(c, psl, r->kind, typed, &r->key);
}

static int act(struct ctx *c, size_t action, struct request *r, const char *typed)
{
	int result = operator_open(c, &r->options, limits_statements, limits_statements_n, &r->config);
	if (result == 0 && typed != NULL) {
		result = read_key(c, r, typed);
	}
	result = result == 0 ? actions[action].run(c, r) : result;
	if (result < 0) {
		operator_complain(c, "limits");
		return 1;
	}
	return result;
}

static const char *read_account(struct request *r)
{
	return r->account == NULL || operator_account(r->account, &r->account_id) == 0 ? NULL : OPERATOR_NO_ACCOUNT;
}

static const struct operator_command command = { "limits", usage, options, take_option };

static int choose(struct ctx *c, int argc, char **argv)
{
	struct request r = { .options = { .files = { ARENA_ARRAY(c->arena, (size_t) argc + 1, const char *), 0 } } };
	size_t i = 0;
	int code = operator_begin(&command, OPERATOR_ACTIONS(actions), argc, argv, &r, &i);
	if (code >= 0) {
		return code;
	}
	if (argc - optind != (actions[i].takes_key ? 3 : 1)) {
		return operator_misused(&command, actions[i].takes_key ? "name a limit and a key" : "there are words too many");
	}
	if (actions[i].takes_key && !limit_find(argv[optind + 1], &r.kind)) {
		return operator_misused(&command, "there is no such limit; cairn limits list names them");
	}
	const char *why = read_account(&r);
	return why == NULL ? act(c, i, &r, actions[i].takes_key ? argv[optind + 2] : NULL)
	                   : operator_misused(&command, why);
}

int cli_limits(int argc, char **argv)
{
	return operator_run(argc, argv, choose);
}
