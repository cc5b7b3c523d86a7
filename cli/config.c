#include "cli/config.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "cli/files.h"
#include "policy/perspectives.h"
#include "policy/policy.h"

static const char usage[] = "Usage: cairn config check --config FILE [--config OVERLAY] [--process NAME] [--json]\n"
                            "       cairn config show [--config FILE ...] [--json]\n"
                            "       cairn config help [SECTION] [--json]\n"
                            "\n"
                            "check  reads the files and the lists of the policy as the processes do, and tells for "
                            "which of them they are complete\n"
                            "show   prints the effective configuration with every default and without secrets\n"
                            "help   prints each key with its type, default and meaning\n"
                            "\n"
                            "  --config FILE   may stand again, each file laid over the one before\n"
                            "  --process NAME  refuse files that lack what this process needs, such as cairn-ra\n"
                            "  --json          one line of JSON\n";

struct request {
	struct text_list files;
	const char *process;
	const char *section;
	bool json;
};

struct process_answer {
	const char *process;
	bool complete;
	const char *missing;
};
static const struct field process_answer_field[] = {
	FIELD(struct process_answer, process),
	FIELD(struct process_answer, complete),
	FIELD(struct process_answer, missing),
};
static const struct fields process_answer_fields = FIELDS(struct process_answer, process_answer_field);

struct process_answers {
	struct process_answer *v;
	size_t n;
};

struct check_answer {
	bool ok;
	const char *error;
	struct text_list files;
	struct process_answers processes;
};
static const struct field check_answer_field[] = {
	FIELD(struct check_answer, ok),
	FIELD(struct check_answer, error),
	FIELD(struct check_answer, files),
	FIELD_STRUCTS(struct check_answer, processes, &process_answer_fields),
};
static const struct fields check_answer_fields = FIELDS(struct check_answer, check_answer_field);

static const struct field key_field[] = {
	FIELD(struct config_key, key),
	FIELD(struct config_key, type),
	FIELD_AS(struct config_key, def, "default"),
	FIELD(struct config_key, required),
	FIELD(struct config_key, help),
};
static const struct fields key_fields = FIELDS(struct config_key, key_field);

struct help_answer {
	struct config_key_list keys;
};
static const struct field help_answer_field[] = { FIELD_STRUCTS(struct help_answer, keys, &key_fields) };
static const struct fields help_answer_fields = FIELDS(struct help_answer, help_answer_field);

static void print_json(struct arena *a, const struct fields *f, const void *answer)
{
	printf("%s\n", (const char *) fields_to_json(a, f, answer).p);
}

static int failed(struct ctx *c, const struct request *r)
{
	if (r->json) {
		const struct check_answer answer = { .error = c->err.detail, .files = r->files };
		print_json(c->arena, &check_answer_fields, &answer);
	} else {
		fprintf(stderr, "cairn config: %s\n", c->err.detail);
	}
	return 1;
}

/* What each process would say at its start. */
static struct process_answers ask_processes(struct ctx *c, const struct config *config)
{
	static const char *const names[] = { "cairn-wfe", "cairn-ra", "cairn-va", "cairn-ca", "cairn-subscriber" };
	struct process_answers answers = { ARENA_ARRAY(c->arena, COUNT_OF(names), struct process_answer), COUNT_OF(names) };
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		bool complete = config_require(c, config, names[i]) == 0;
		answers.v[i] = (struct process_answer) { names[i], complete, complete ? NULL : c->err.detail };
		ctx_forgive(c);
	}
	return answers;
}

/* The lists as cairn-ra reads them, and the perspectives: what is broken keeps it from starting. */
static int check_policy(struct ctx *c, const struct config *config)
{
	struct policy_sources sources = { .config = config, .now = clock_now() };
	struct policy *policy = NULL;
	TRY(files_issuers_read(c, config, &sources.issuers));
	TRY(policy_files_read(c, &config->policy, &sources.files));
	TRY(policy_parse(c, &sources, &policy));
	policy_free(policy);
	return perspectives_check(c, config, sources.now);
}

static int check(struct ctx *c, const struct request *r, const struct config *config)
{
	if (check_policy(c, config) != 0) {
		return failed(c, r);
	}
	if (r->process != NULL && config_require(c, config, r->process) != 0) {
		return failed(c, r);
	}
	const struct check_answer answer = { true, NULL, config->files, ask_processes(c, config) };
	if (r->json) {
		print_json(c->arena, &check_answer_fields, &answer);
		return 0;
	}
	printf("No fault found.\n");
	for (size_t i = 0; i < answer.processes.n; i++) {
		const struct process_answer *one = &answer.processes.v[i];
		printf(
		    "  %-17s %s%s\n", one->process, one->complete ? "complete" : "lacks ", one->complete ? "" : one->missing);
	}
	return 0;
}

static int show(struct ctx *c, const struct request *r, const struct config *config)
{
	struct bytes text = config_shown(c->arena, config, r->json);
	printf("%s%s", (const char *) text.p, r->json ? "\n" : "");
	return 0;
}

static int help(struct ctx *c, const struct request *r, const struct config *config)
{
	(void) config;
	const struct help_answer answer = { config_keys(c->arena, r->section) };
	if (answer.keys.n == 0) {
		(void) FAIL(c, MALFORMED, "%s: there is no such key", r->section);
		return failed(c, r);
	}
	if (r->json) {
		print_json(c->arena, &help_answer_fields, &answer);
		return 0;
	}
	for (size_t i = 0; i < answer.keys.n; i++) {
		const struct config_key *k = &answer.keys.v[i];
		printf("%s (%s%s%s%s)\n    %s\n", k->key, k->type, k->def == NULL ? "" : ", default ",
		    k->def == NULL ? "" : k->def, k->required ? ", required" : "", k->help);
	}
	return 0;
}

static const struct {
	const char *name;
	int (*run)(struct ctx *c, const struct request *r, const struct config *config);
	bool needs_file;
	bool takes_section;
} actions[] = {
	{ "check", check, true, false },
	{ "show", show, false, false },
	{ "help", help, false, true },
};

static int misused(const char *why)
{
	fprintf(stderr, "cairn config: %s\n%s", why, usage);
	return 2;
}

/* -1: go on; else the exit code. */
static int parse(struct ctx *c, int argc, char **argv, struct request *ret)
{
	static const struct option options[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "process", required_argument, NULL, 'p' },
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	struct request r = { .files = { ARENA_ARRAY(c->arena, (size_t) argc + 1, const char *), 0 } };
	optind = 0; /* glibc: start anew */
	for (int opt = 0; (opt = getopt_long(argc, argv, "h", options, NULL)) != -1;) {
		if (opt == 'c') {
			r.files.v[r.files.n++] = optarg;
		} else if (opt == 'p') {
			r.process = optarg;
		} else if (opt == 'j') {
			r.json = true;
		} else {
			fputs(usage, opt == 'h' ? stdout : stderr);
			return opt == 'h' ? 0 : 2;
		}
	}
	*ret = r;
	return -1;
}

static int act(struct ctx *c, size_t action, const struct request *r)
{
	struct config *config = NULL;
	if (config_load(c, r->files.v, r->files.n, &config) != 0) {
		return failed(c, r);
	}
	int code = actions[action].run(c, r, config);
	config_free(config);
	return code;
}

static int choose(struct ctx *c, int argc, char **argv)
{
	struct request r;
	int code = parse(c, argc, argv, &r);
	if (code >= 0) {
		return code;
	}
	if (optind >= argc) {
		return misused("say check, show or help");
	}
	size_t i = 0;
	while (i < COUNT_OF(actions) && strcmp(actions[i].name, argv[optind]) != 0) {
		i++;
	}
	if (i == COUNT_OF(actions)) {
		return misused("say check, show or help");
	}
	if (optind + 1 < argc) {
		r.section = argv[optind + 1];
	}
	if (optind + (actions[i].takes_section ? 2 : 1) < argc) {
		return misused("there are words too many");
	}
	return actions[i].needs_file && r.files.n == 0 ? misused("--config is missing") : act(c, i, &r);
}

int cli_config(int argc, char **argv)
{
	struct ctx c;
	ctx_init(&c);
	int code = choose(&c, argc, argv);
	ctx_done(&c);
	return code;
}
