/* `cairn ceremony`: shows what a plan would do, makes it, and looks at it again. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "cli/ceremony_approve.h"
#include "cli/files.h"
#include "lib/base/sandbox.h"

static const char usage[] =
    "Usage: cairn ceremony PLAN.yaml [--yes [--approval FILE]...] [--json]\n"
    "       cairn ceremony statement PLAN.yaml [--out FILE]\n"
    "       cairn ceremony sign PLAN.yaml --certificate FILE --key FILE --out FILE\n"
    "       cairn ceremony verify PLAN.yaml [--json]\n"
    "       cairn ceremony follow-up PLAN.yaml [--out PREFIX] [--json]\n"
    "\n"
    "Shows what the plan would make: keys, roots, intermediates, cross-certificates, CRLs, or "
    "which key it would destroy.\n"
    "With --yes it makes what is absent, lints each object before it is signed, and adds a "
    "line for each to the plan's\n"
    "transcript before it is written. Where the plan names people, two of them have to sign it "
    "before: \"statement\" shows\n"
    "what, \"sign\" does it. \"verify\" looks at transcript, files and signatures again. "
    "\"follow-up\" says which certificates are\n"
    "to be shown to transparency logs then. All of it needs neither database nor network. A plan is described in "
    "docs/ceremonies.md.\n"
    "\n"
    "  --yes                make it\n"
    "  --approval FILE      somebody's signature; give it once for each\n"
    "  --certificate FILE   whose signature it is, PEM\n"
    "  --key FILE           the key that signs, PEM\n"
    "  --out FILE           where the statement or the signature goes; of follow-up, in front of the names of\n"
    "                       files with what is sent to transparency logs\n"
    "  --json               the answer as one line of JSON\n";

#define APPROVALS_MAX 16

struct request {
	const char *act; /* NULL: show or make */
	const char *path;
	const char *certificate;
	const char *key;
	const char *out;
	const char *approval[APPROVALS_MAX];
	struct text_list approvals;
	bool yes;
	bool json;
};

struct answer {
	const char *title;
	bool made;
	struct text_list steps;
	struct text_list found; /* verify: what is not as it was written down */
	const char *statement;
};
static const struct field answer_field[] = {
	FIELD(struct answer, title),
	FIELD(struct answer, made),
	FIELD(struct answer, steps),
	FIELD(struct answer, found, .flags = FIELD_OMIT_EMPTY),
	FIELD(struct answer, statement),
};
static const struct fields answer_fields = FIELDS(struct answer, answer_field);

static int sign(struct ctx *c, const struct request *r, const struct ceremony *plan)
{
	if (r->certificate == NULL || r->key == NULL || r->out == NULL) {
		return FAIL(
		    c, MALFORMED, "Say who signs, and where the signature goes: --certificate FILE --key FILE --out FILE");
	}
	return ceremony_sign(c, plan, r->certificate, r->key, r->out);
}

static int run(struct ctx *c, const struct request *r, struct answer *ret)
{
	struct ceremony plan;
	TRY(sandbox_no_dump(c)); /* keys are read and made here */
	TRY(ceremony_read(c, r->path, &plan));
	ret->title = plan.title;
	if (r->act == NULL) {
		ret->made = r->yes;
		return r->yes ? ceremony_run(c, &plan, &r->approvals, &ret->steps) : ceremony_describe(c, &plan, &ret->steps);
	}
	if (strcmp(r->act, "verify") == 0) {
		return ceremony_verify(c, &plan, &ret->steps, &ret->found);
	}
	if (strcmp(r->act, "follow-up") == 0) {
		return ceremony_follow_up(c, &plan, r->out, &ret->steps);
	}
	TRY(ceremony_statement(c, &plan, &ret->statement));
	if (strcmp(r->act, "sign") == 0) {
		return sign(c, r, &plan);
	}
	return r->out == NULL ? 0 : file_make(c, r->out, bytes_of_text(ret->statement), 0644);
}

static void print_lines(const struct text_list *lines)
{
	for (size_t i = 0; i < lines->n; i++) {
		printf("  %s\n", lines->v[i]);
	}
}

static void print_verdict(const struct answer *answer)
{
	print_lines(&answer->steps);
	if (answer->found.n == 0) {
		printf("All is as the transcript tells.\n");
		return;
	}
	printf("Not as it should be:\n");
	print_lines(&answer->found);
}

static void print_statement(const struct request *r, const struct answer *answer)
{
	printf("%s", answer->statement);
	if (r->act != NULL && strcmp(r->act, "sign") == 0) {
		printf("Signed: %s\n", r->out);
	} else if (r->out != NULL) {
		printf("openssl cms -sign -md sha256 -noattr -binary -in %s -signer mine.pem -inkey mine.key -outform DER -out "
		       "mine.p7s\n",
		    r->out);
	}
}

static void print(struct ctx *c, const struct request *r, const struct answer *answer)
{
	if (r->json) {
		struct bytes text = fields_to_json(c->arena, &answer_fields, answer);
		printf("%.*s\n", (int) text.n, (const char *) text.p);
		return;
	}
	if (answer->statement != NULL) {
		print_statement(r, answer);
		return;
	}
	printf("%s\n", answer->title);
	if (r->act != NULL && strcmp(r->act, "verify") == 0) {
		print_verdict(answer);
		return;
	}
	print_lines(&answer->steps);
	if (r->act != NULL) {
		return;
	}
	if (answer->made && answer->steps.n == 0) {
		printf("  All is there already; nothing was changed.\n");
	} else if (!answer->made) {
		printf("Nothing was made yet; --yes makes it.\n");
	}
}

/* False for an option that there is not. */
static bool take(struct request *r, int letter)
{
	const char **texts[] = { ['c'] = &r->certificate, ['k'] = &r->key, ['o'] = &r->out };
	r->yes = r->yes || letter == 'y';
	r->json = r->json || letter == 'j';
	if (letter == 'a') {
		bool fits = r->approvals.n < APPROVALS_MAX;
		if (fits) {
			r->approval[r->approvals.n++] = optarg;
		}
		return fits;
	}
	if (letter == 'c' || letter == 'k' || letter == 'o') {
		*texts[letter] = optarg;
	}
	return letter != '?' && letter != 'h';
}

/* -1: go on; else the exit code. */
static int read_request(int argc, char **argv, struct request *r)
{
	static const struct option options[] = {
		{ "yes", no_argument, NULL, 'y' },
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ "approval", required_argument, NULL, 'a' },
		{ "certificate", required_argument, NULL, 'c' },
		{ "key", required_argument, NULL, 'k' },
		{ "out", required_argument, NULL, 'o' },
		{ NULL, 0, NULL, 0 },
	};
	static const char *const acts[] = { "statement", "sign", "verify", "follow-up" };
	int letter = 0;
	r->approvals.v = r->approval;
	while ((letter = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (!take(r, letter)) {
			fputs(usage, letter == 'h' ? stdout : stderr);
			return letter == 'h' ? 0 : 2;
		}
	}
	for (size_t i = 0; i < COUNT_OF(acts) && optind < argc && r->act == NULL; i++) {
		if (strcmp(argv[optind], acts[i]) == 0) {
			r->act = acts[i];
			optind++;
		}
	}
	if (optind + 1 != argc) {
		fputs(usage, stderr);
		return 2;
	}
	r->path = argv[optind];
	return -1;
}

int cli_ceremony(int argc, char **argv)
{
	struct request request = { 0 };
	struct answer answer = { 0 };
	struct ctx c;
	int code = read_request(argc, argv, &request);
	if (code >= 0) {
		return code;
	}
	ctx_init(&c);
	int result = run(&c, &request, &answer);
	if (result == 0) {
		print(&c, &request, &answer);
	} else {
		fprintf(stderr, "cairn ceremony: %s%s%s\n", c.err.detail, c.err.cause == NULL ? "" : "\n  ",
		    c.err.cause == NULL ? "" : c.err.cause);
	}
	bool good = result == 0 && answer.found.n == 0;
	ctx_done(&c);
	return good ? 0 : 1;
}
