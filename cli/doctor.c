#include "cli/doctor.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/doctor_state.h"
#include "cli/operator.h"
#include "lib/rpc/client.h"
#include "policy/diagnose.h"

static const char usage[] =
    "Usage: cairn doctor --config FILE [--json]\n"
    "       cairn doctor --config FILE --for NAME [--json]\n"
    "\n"
    "Without --for: how the deployment stands: configuration, schema of the database, clocks, ends of certificates,\n"
    "processes, disks.\n"
    "With --for: what an order for this name, wildcard or address would meet: policy, rate limits, names and "
    "addresses,\n"
    "ports, redirects and CAA, as the validation authority sees them. Every such run is recorded.\n"
    "Exit code 0: nothing stands in the way; 1: something does, or it could not be found out.\n"
    "\n"
    "  --config FILE  the configuration; may stand again, each laid over the one before\n"
    "  --for NAME     www.example.com, *.example.com, 192.0.2.1\n"
    "  --json         one line of JSON\n";

struct request {
	struct operator_options options;
	const char *name;
};

struct state_answer {
	bool ready;
	struct finding_list findings;
};
static const struct field state_answer_field[] = {
	FIELD(struct state_answer, ready),
	FIELD_STRUCTS(struct state_answer, findings, &finding_fields),
};
static const struct fields state_answer_fields = FIELDS(struct state_answer, state_answer_field);

static void print_findings(const struct finding_list *list)
{
	for (size_t i = 0; i < list->n; i++) {
		printf("%-8s %-12s %s.\n", list->v[i].level, list->v[i].about, list->v[i].text);
	}
}

static int look_for(struct ctx *c, const struct request *r, const struct config *config, bool *ret_ready)
{
	const struct diagnose_request request = { r->name, true };
	struct diagnosis diagnosis;
	if (config->command.rpc_cert_file == NULL || config->command.rpc_key_file == NULL || config->rpc.ca_file == NULL) {
		return FAIL(
		    c, MALFORMED, "The configuration needs command.rpc_cert_file and command.rpc_key_file to ask cairn-ra");
	}
	rpc_client_configure(&(struct rpc_client_options) {
	    .cert_file = config->command.rpc_cert_file,
	    .key_file = config->command.rpc_key_file,
	    .ca_file = config->rpc.ca_file,
	    .addresses = { [RPC_SERVICE_ra] = config->rpc.ra },
	});
	if (isatty(STDERR_FILENO) == 1) {
		fprintf(stderr, "Looking, as an order would; that may take a minute ...\n");
	}
	int result = rpc_ra_diagnose(c, &request, &diagnosis);
	rpc_client_thread_end();
	TRY(result);
	*ret_ready = diagnosis.ready;
	if (r->options.json) {
		operator_print(c->arena, &diagnosis_fields, &diagnosis);
		return 0;
	}
	print_findings(&diagnosis.findings);
	printf("An order for %s would %s", diagnosis.identifier.value, diagnosis.ready ? "succeed by" : "fail.\n");
	for (size_t i = 0; diagnosis.ready && i < diagnosis.methods.n; i++) {
		printf("%s %s%s", i == 0 ? "" : " or", diagnosis.methods.v[i], i + 1 < diagnosis.methods.n ? "" : ".\n");
	}
	return 0;
}

static void look(struct ctx *c, const struct request *r, const struct config *config, bool *ret_ready)
{
	struct state_answer answer = { .ready = true };
	doctor_look(c, config, &answer.findings);
	for (size_t i = 0; i < answer.findings.n; i++) {
		answer.ready = answer.ready && strcmp(answer.findings.v[i].level, FINDING_PROBLEM) != 0;
	}
	*ret_ready = answer.ready;
	if (r->options.json) {
		operator_print(c->arena, &state_answer_fields, &answer);
		return;
	}
	print_findings(&answer.findings);
	printf(answer.ready ? "Nothing stands in the way.\n" : "Something has to be done.\n");
}

static int act(struct ctx *c, const struct request *r)
{
	struct config *config = NULL;
	bool ready = false;
	if (config_load(c, r->options.files.v, r->options.files.n, &config) != 0) {
		operator_complain(c, "doctor");
		return 1;
	}
	arena_on_free(c->arena, (void (*)(void *)) config_free, config);
	if (r->name == NULL) {
		look(c, r, config, &ready);
	} else if (look_for(c, r, config, &ready) != 0) {
		operator_complain(c, "doctor");
	}
	return ready ? 0 : 1;
}

static const struct option options[] = {
	{ "config", required_argument, NULL, 'c' },
	{ "for", required_argument, NULL, 'f' },
	{ "json", no_argument, NULL, 'j' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

/* False for an option that there is not. */
static bool take_option(void *request, int opt)
{
	struct request *r = request;
	if (opt == 'f') {
		r->name = optarg;
		return true;
	}
	return operator_option(&r->options, opt);
}

static const struct operator_command command = { "doctor", usage, options, take_option };

static int choose(struct ctx *c, int argc, char **argv)
{
	struct request r = { .options = { .files = { ARENA_ARRAY(c->arena, (size_t) argc + 1, const char *), 0 } } };
	int code = operator_read(&command, argc, argv, &r);
	if (code >= 0) {
		return code;
	}
	if (optind != argc) {
		return operator_misused(&command, "there are words too many");
	}
	return r.options.files.n == 0 ? operator_misused(&command, "--config is missing") : act(c, &r);
}

int cli_doctor(int argc, char **argv)
{
	return operator_run(argc, argv, choose);
}
