#include "cli/policy.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/operator.h"
#include "cli/policy_test.h"

#define FILE_MAX_OCTETS ((size_t) 1 << 20)

static const char usage[] =
    "Usage: cairn policy test (--account ID | --eab-key ID) --names LIST [--profile NAME] [--version N]\n"
    "       cairn policy diff FILE\n"
    "       cairn policy apply FILE [--yes]\n"
    "       cairn policy show [--version N]\n"
    "\n"
    "test   tells what a new order would be told, and by which rule; ends with 1 when a name is refused\n"
    "diff   lists the valid certificates, and their coming renewals, that the rules of FILE would refuse\n"
    "apply  makes the rules of FILE the policy in force; the ones before stay on record\n"
    "show   prints the policy in force, or an earlier one, as it was applied\n"
    "\n"
    "  --config FILE    configuration; may stand again, each laid over the one before\n"
    "  --database TEXT  connection string of PostgreSQL for role cairn_operator, in place of command.database\n"
    "  --account ID     the account, by the end of its URL\n"
    "  --eab-key ID     an account that would be made with this external account key\n"
    "  --names LIST     names and addresses, with commas between them\n"
    "  --profile NAME   the profile (default: the first of the configuration)\n"
    "  --version N      the policy as it stood then\n"
    "  --yes            make the change; without it, it is only shown\n"
    "  --json           one line of JSON\n";

struct request {
	struct operator_options options;
	const char *account;
	const char *eab_key;
	const char *names;
	const char *profile;
	const char *version;
	const char *file;
	struct policy_test test;
	const struct config *config;
};

static const struct field verdict_field[] = {
	FIELD(struct policy_verdict, identifier),
	FIELD(struct policy_verdict, verdict),
	FIELD(struct policy_verdict, rule),
	FIELD(struct policy_verdict, reason),
};
static const struct fields verdict_fields = FIELDS(struct policy_verdict, verdict_field);

struct test_answer {
	bool allowed;
	struct policy_verdict_list answers;
};
static const struct field test_answer_field[] = {
	FIELD(struct test_answer, allowed),
	FIELD_STRUCTS(struct test_answer, answers, &verdict_fields),
};
static const struct fields test_answer_fields = FIELDS(struct test_answer, test_answer_field);

struct diff_answer {
	bool done;
	int64_t version; /* of what was applied */
	struct policy_difference_list refused;
};
static const struct field diff_answer_field[] = {
	FIELD(struct diff_answer, done),
	FIELD(struct diff_answer, version, .flags = FIELD_OMIT_EMPTY),
	FIELD_STRUCTS(struct diff_answer, refused, &policy_difference_fields),
};
static const struct fields diff_answer_fields = FIELDS(struct diff_answer, diff_answer_field);

static int test(struct ctx *c, const struct request *r)
{
	struct test_answer answer;
	TRY(policy_test_run(c, r->config, &r->test, &answer.answers, &answer.allowed));
	if (r->options.json) {
		operator_print(c->arena, &test_answer_fields, &answer);
		return answer.allowed ? 0 : 1;
	}
	for (size_t i = 0; i < answer.answers.n; i++) {
		const struct policy_verdict *v = &answer.answers.v[i];
		bool named = v->rule == NULL || strstr(v->reason, v->rule) != NULL;
		printf("%-9s  %s  %s%s%s%s\n", v->verdict, v->identifier[0] == '\0' ? "(the order)" : v->identifier, v->reason,
		    named ? "" : " (", named ? "" : v->rule, named ? "" : ")");
	}
	return answer.allowed ? 0 : 1;
}

static int read_file(struct ctx *c, const char *path, struct bytes *ret)
{
	FILE *file = fopen(path, "re");
	if (file == NULL) {
		return FAIL(c, MALFORMED, "%s: can't be opened: %s", path, strerror(errno));
	}
	char *text = arena_alloc(c->arena, FILE_MAX_OCTETS + 1); /* with a NUL behind it */
	size_t n = fread(text, 1, FILE_MAX_OCTETS, file);
	bool failed = ferror(file) != 0 || n == FILE_MAX_OCTETS;
	if (fclose(file) != 0 || failed || memchr(text, '\0', n) != NULL) {
		return FAIL(c, MALFORMED, "%s: can't be read, or is larger than %zu octets", path, FILE_MAX_OCTETS);
	}
	*ret = (struct bytes) { (const uint8_t *) text, n };
	return 0;
}

static void print_difference(struct ctx *c, const struct policy_difference *d)
{
	char account[ID_TEXT_SIZE];
	id_encode(d->account_id, account);
	printf("%s  account %s  until %s", d->serial, account, operator_time(c->arena, d->not_after, "?"));
	if (d->newest) {
		printf("  to renew from %s", operator_time(c->arena, d->renews_at, "?"));
	}
	printf("%s\n", d->refused_now ? "  (refused by the policy in force as well)" : "");
	for (size_t i = 0; i < d->names.n && i < d->reasons.n; i++) {
		printf("    %s: %s\n", d->names.v[i][0] == '\0' ? "the order" : d->names.v[i], d->reasons.v[i]);
	}
}

/* What the file would refuse; and, for apply with --yes, its number from now on. */
static int change(struct ctx *c, const struct request *r, bool applies)
{
	struct bytes text;
	struct grants grants;
	struct diff_answer answer = { 0 };
	TRY(read_file(c, r->file, &text));
	TRY(grants_read(c, r->file, text, r->options.files.n == 0 ? NULL : &r->config->policy, &grants));
	const char *source = (const char *) text.p;
	TRY(policy_diff(c, source, &grants, &answer.refused));
	if (applies && r->options.yes) {
		TRY(policy_apply(c, source, &grants, operator_name(c->arena), &answer.version));
		answer.done = true;
	}
	if (r->options.json) {
		operator_print(c->arena, &diff_answer_fields, &answer);
		return 0;
	}
	for (size_t i = 0; i < answer.refused.n; i++) {
		print_difference(c, &answer.refused.v[i]);
	}
	printf("%zu valid certificate(s) with names that these %zu rule(s) refuse.\n", answer.refused.n, grants.rules.n);
	if (answer.done) {
		printf("It is policy %lld from now on.\n", (long long) answer.version);
	} else if (applies) {
		printf("Nothing was changed. Run it again with --yes.\n");
	}
	return 0;
}

static int diff(struct ctx *c, const struct request *r)
{
	return change(c, r, false);
}

static int apply(struct ctx *c, const struct request *r)
{
	return change(c, r, true);
}

static int show(struct ctx *c, const struct request *r)
{
	struct policy_row row = { 0 };
	TRY(policy_read(c, r->test.version, &row));
	if (r->options.json) {
		operator_print(c->arena, &policy_row_fields, &row);
	} else if (row.version == 0) {
		printf("# No policy was ever applied: everybody may ask for every name by challenge.\n");
	} else {
		size_t n = strlen(row.source);
		printf("# Policy %lld%s, applied on %s by %s\n%s%s", (long long) row.version, row.in_force ? " (in force)" : "",
		    operator_time(c->arena, row.applied_at, "?"), row.applied_by, row.source,
		    n > 0 && row.source[n - 1] == '\n' ? "" : "\n");
	}
	return 0;
}

static const struct {
	const char *name;
	int (*run)(struct ctx *c, const struct request *r);
	bool takes_file;
} actions[] = {
	{ "test", test, false },
	{ "diff", diff, true },
	{ "apply", apply, true },
	{ "show", show, false },
};
#define ACTION_TEST 0

static const struct option options[] = {
	{ "config", required_argument, NULL, 'c' },
	{ "database", required_argument, NULL, 'd' },
	{ "account", required_argument, NULL, 'a' },
	{ "eab-key", required_argument, NULL, 'e' },
	{ "names", required_argument, NULL, 'n' },
	{ "profile", required_argument, NULL, 'p' },
	{ "version", required_argument, NULL, 'v' },
	{ "yes", no_argument, NULL, 'y' },
	{ "json", no_argument, NULL, 'j' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

/* False for an option that there is not. */
static bool take_option(void *request, int opt)
{
	struct request *r = request;
	const char **const texts[OPERATOR_LETTERS] = {
		['a'] = &r->account, ['e'] = &r->eab_key, ['n'] = &r->names, ['p'] = &r->profile, ['v'] = &r->version
	};
	return operator_text(&r->options, texts, opt);
}

/* What is wrong with the words of `cairn policy test`, or NULL. */
static const char *read_question(struct arena *a, struct request *r)
{
	struct policy_test *t = &r->test;
	if ((r->account == NULL) == (r->eab_key == NULL)) {
		return "name an account or an external account key";
	}
	if (r->account != NULL && operator_account(r->account, &t->account) != 0) {
		return OPERATOR_NO_ACCOUNT;
	}
	if (r->eab_key != NULL && id_parse(bytes_of_text(r->eab_key), &t->eab_key) != 0) {
		return "an external account key is named by its 22 characters";
	}
	t->names = operator_list(a, r->names);
	t->profile = r->profile;
	return t->names.n == 0 ? "--names is missing" : NULL;
}

static const char *read_version(struct request *r)
{
	char *end = NULL;
	if (r->version == NULL) {
		return NULL;
	}
	r->test.version = strtol(r->version, &end, 10);
	return *end == '\0' && r->test.version > 0 ? NULL : "--version wants a number from 1 on";
}

static int act(struct ctx *c, size_t action, struct request *r)
{
	int result = operator_open(c, &r->options, policy_statements, policy_statements_n, &r->config);
	result = result == 0 ? actions[action].run(c, r) : result;
	if (result < 0) {
		operator_complain(c, "policy");
		return 1;
	}
	return result;
}

static const struct operator_command command = { "policy", usage, options, take_option };

static int choose(struct ctx *c, int argc, char **argv)
{
	struct request r = { .options = { .files = { ARENA_ARRAY(c->arena, (size_t) argc + 1, const char *), 0 } } };
	size_t i = 0;
	int code = operator_begin(&command, OPERATOR_ACTIONS(actions), argc, argv, &r, &i);
	if (code >= 0) {
		return code;
	}
	if (argc - optind != (actions[i].takes_file ? 2 : 1)) {
		return operator_misused(&command, actions[i].takes_file ? "name one file" : "there are words too many");
	}
	r.file = actions[i].takes_file ? argv[optind + 1] : NULL;
	const char *why = read_version(&r);
	why = why == NULL && i == ACTION_TEST ? read_question(c->arena, &r) : why;
	return why == NULL ? act(c, i, &r) : operator_misused(&command, why);
}

int cli_policy(int argc, char **argv)
{
	return operator_run(argc, argv, choose);
}
