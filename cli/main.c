/* The `cairn` command: one row a subcommand, each in a file of its own. Exit codes: 0 done, 1 refused or failed, 2 usage. */
#include <stdio.h>
#include <string.h>

#include "cli/account.h"
#include "cli/alarm.h"
#include "cli/audit.h"
#include "cli/bench.h"
#include "cli/cert.h"
#include "cli/ceremony.h"
#include "cli/config.h"
#include "cli/crl.h"
#include "cli/disclose.h"
#include "cli/doctor.h"
#include "cli/eab.h"
#include "cli/export.h"
#include "cli/incident.h"
#include "cli/init.h"
#include "cli/limits.h"
#include "cli/migrate.h"
#include "cli/policy.h"
#include "cli/recovery.h"
#include "cli/retention.h"
#include "cli/revoke.h"
#include "cli/token.h"

static const struct {
	const char *name;
	const char *help;
	int (*run)(int argc, char **argv); /* argv[0] is the subcommand */
} commands[] = {
	{ "init", "make keys, certificates and a configuration for a new CA", cli_init },
	{ "migrate", "bring the database's schema up to date", cli_migrate },
	{ "config", "check and show the configuration; explain its keys", cli_config },
	{ "eab", "external account keys: who may make an account", cli_eab },
	{ "account", "ACME accounts: how they stand, and shutting one off", cli_account },
	{ "policy", "who may have which names: test, diff, apply, show", cli_policy },
	{ "cert", "certificates: list, search, show, export", cli_cert },
	{ "revoke", "certificates that are not to be relied on any more, one or very many", cli_revoke },
	{ "incident", "certificates that are to be renewed before their time", cli_incident },
	{ "limits", "rate limits: how they stand, overrides, paused names", cli_limits },
	{ "recovery", "contacts by which an account is got back, and getting it back", cli_recovery },
	{ "crl", "CRLs: how they stand, new ones now, their URLs", cli_crl },
	{ "retention", "how long data is kept, by class; what is due, held and purged", cli_retention },
	{ "hold", "what must not be purged: add, list, end", cli_hold },
	{ "disclose", "requests for personal data: notice, approval, release", cli_disclose },
	{ "audit", "what the records prove: the log's seal, validations decided again", cli_audit },
	{ "export", "what may be public, and the privacy notice", cli_export },
	{ "ceremony", "make roots, intermediates and CRLs from a plan that people sign", cli_ceremony },
	{ "token", "the token with the issuers' keys: where it is, and logging in once", cli_token },
	{ "alarm", "what is wrong and was told; saying that somebody looked at it", cli_alarm },
	{ "doctor", "how the deployment stands, or what an order for a name would meet", cli_doctor },
	{ "bench", "measure an ACME server, this or any other", cli_bench },
};

static void print_usage(FILE *to)
{
	fprintf(to, "Usage: cairn SUBCOMMAND [OPTIONS]\n\n");
	for (size_t i = 0; i < COUNT_OF(commands); i++) {
		fprintf(to, "  %-10s %s\n", commands[i].name, commands[i].help);
	}
	fprintf(
	    to, "\n`cairn SUBCOMMAND --help` tells more; --json gives answers as JSON; --version prints the version.\n");
}

static int run(int argc, char **argv)
{
	const char *word = argc < 2 ? "" : argv[1];
	if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || strcmp(word, "help") == 0) {
		print_usage(stdout);
		return 0;
	}
	if (strcmp(word, "--version") == 0) {
		printf("cairn %s\n", CAIRN_VERSION);
		return 0;
	}
	for (size_t i = 0; i < COUNT_OF(commands); i++) {
		if (strcmp(commands[i].name, word) == 0) {
			return commands[i].run(argc - 1, argv + 1);
		}
	}
	if (word[0] != '\0') {
		fprintf(stderr, "cairn: there is no subcommand \"%s\"\n", word);
	}
	print_usage(stderr);
	return 2;
}

int main(int argc, char **argv)
{
	int code = run(argc, argv);
	if (fflush(stdout) != 0 || ferror(stdout) != 0) {
		fprintf(stderr, "cairn: standard output can't be written: not all was told\n");
		return code == 0 ? 1 : code;
	}
	return code;
}
