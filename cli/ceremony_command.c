/* `cairn ceremony FILE.yaml`: shows what the plan would do; --yes makes it. */
#include <getopt.h>
#include <stdio.h>

#include "cli/ceremony.h"
#include "lib/base/sandbox.h"

static const char usage[] =
    "Usage: cairn ceremony PLAN.yaml [--yes] [--json]\n"
    "\n"
    "Shows what the plan would make: root, intermediates, CRLs. With --yes it makes what is absent, lints each object "
    "before\n"
    "it is written and adds a line for each to the plan's transcript. Needs neither database nor network.\n";

struct answer {
	const char *title;
	bool made;
	struct text_list steps;
};
static const struct field answer_field[] = {
	FIELD(struct answer, title),
	FIELD(struct answer, made),
	FIELD(struct answer, steps),
};
static const struct fields answer_fields = FIELDS(struct answer, answer_field);

static int run(struct ctx *c, const char *path, bool yes, struct answer *ret)
{
	struct ceremony plan;
	TRY(sandbox_no_dump(c)); /* keys are read and made here */
	TRY(ceremony_read(c, path, &plan));
	ret->title = plan.title;
	ret->made = yes;
	return yes ? ceremony_run(c, &plan, &ret->steps) : ceremony_describe(c, &plan, &ret->steps);
}

static void print(struct ctx *c, const struct answer *answer, bool json)
{
	if (json) {
		struct bytes text = fields_to_json(c->arena, &answer_fields, answer);
		printf("%.*s\n", (int) text.n, (const char *) text.p);
		return;
	}
	printf("%s\n", answer->title);
	for (size_t i = 0; i < answer->steps.n; i++) {
		printf("  %s\n", answer->steps.v[i]);
	}
	if (answer->made && answer->steps.n == 0) {
		printf("  All is there already; nothing was changed.\n");
	} else if (!answer->made) {
		printf("Nothing was made yet; --yes makes it.\n");
	}
}

int cli_ceremony(int argc, char **argv)
{
	static const struct option options[] = {
		{ "yes", no_argument, NULL, 'y' },
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	bool yes = false;
	bool json = false;
	int opt = 0;
	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (opt != 'y' && opt != 'j') {
			fputs(usage, opt == 'h' ? stdout : stderr);
			return opt == 'h' ? 0 : 2;
		}
		yes = yes || opt == 'y';
		json = json || opt == 'j';
	}
	if (optind + 1 != argc) {
		fputs(usage, stderr);
		return 2;
	}
	struct ctx c;
	struct answer answer = { 0 };
	ctx_init(&c);
	int result = run(&c, argv[optind], yes, &answer);
	if (result == 0) {
		print(&c, &answer, json);
	} else {
		fprintf(stderr, "cairn ceremony: %s%s%s\n", c.err.detail, c.err.cause == NULL ? "" : "\n  ",
		    c.err.cause == NULL ? "" : c.err.cause);
	}
	ctx_done(&c);
	return result == 0 ? 0 : 1;
}
