#include <stdio.h>

#include "cli/audit.h"
#include "cli/audit_options.h"
#include "cli/audit_outside.h"
#include "cli/audit_progress.h"
#include "cli/audit_report.h"
#include "cli/audit_stop.h"
#include "cli/audit_witness.h"
#include "cli/files.h"
#include "lib/base/folder.h"
#include "lib/seal/audit_check.h"
#include "lib/seal/proof.h"

static const char usage[] =
    "Usage: cairn audit verify [--config FILE | --database TEXT] [--key KEY] [--since FILE] [--from FILE]\n"
    "                          [--save FILE] [--witness URL-OR-FILE] [--json]\n"
    "       cairn audit verify --tiles URL-OR-FOLDER --key KEY [--since FILE] [--json]\n"
    "       cairn audit verify --proof FILE --key KEY [--json]\n"
    "\n"
    "The first compares every row of the log with its seal, from the database alone: what was changed, deleted, "
    "inserted\n"
    "or moved is named. The second does so from outside, with the checkpoint and the tiles. The third needs nothing\n"
    "but the file that `cairn audit prove` wrote. All end with 0 when all is as it was sealed, else with 1.\n"
    "Ctrl-C stops the first two and tells what was found so far, with exit code 1.\n"
    "\n"
    "  --config FILE    configuration with command.auditor_database; may stand again, each laid over the one before\n"
    "  --database TEXT  connection string of PostgreSQL for role cairn_auditor\n"
    "  --key KEY        who signs: NAME+HASH+KEY, or the file that holds it (pki/seal.vkey of the CA)\n"
    "  --since FILE     an earlier checkpoint, from which the log must go on\n"
    "  --from FILE      a checkpoint up to which all was verified before: go on from there, without the leaves before "
    "it\n"
    "  --save FILE      write the newest checkpoint there when all is well, for --from\n"
    "  --witness WHERE  checkpoints that a witness has seen, in a file or at a URL; another tree than one of them is "
    "named\n"
    "  --json           one line of JSON\n";

static const struct option options[] = { AUDIT_OPTIONS };
static const struct operator_command command = { "audit verify", usage, options, audit_option };

/* What a good proof proves. */
struct proved {
	bool consistency;
	int64_t index;
	int64_t size;
	const char *entry;
};
static const struct field proved_field[] = {
	FIELD(struct proved, consistency),
	FIELD(struct proved, index),
	FIELD(struct proved, size),
	FIELD(struct proved, entry),
};
static const struct fields proved_fields = FIELDS(struct proved, proved_field);

static int verify_proof(struct ctx *c, const struct audit_options *o, const struct note_key *key)
{
	struct bytes text;
	struct proof proof;
	struct merkle_head head;
	TRY(file_read(c, o->proof, &text));
	TRY(proof_parse(c, text, &proof));
	TRY(proof_check(c, key, &proof, &head));
	const struct proved proved = { proof.consistency, (int64_t) proof.index, (int64_t) head.size,
		proof.consistency ? NULL : arena_text_n(c->arena, proof.entry.p, proof.entry.n) };
	if (o->options.json) {
		operator_print(c->arena, &proved_fields, &proved);
	} else if (proof.consistency) {
		printf("The log of %lld leaves goes on from the older checkpoint.\n", (long long) proved.size);
	} else {
		printf("Leaf %lld of %lld is: %s\n", (long long) proved.index, (long long) proved.size, proved.entry);
	}
	return 0;
}

static bool go_on(void *arg, const struct audit_step *step)
{
	char at[RFC3339_SIZE];
	(void) arg;
	timestamp_encode(id_time(step->at), false, at);
	if (step->doing == AUDIT_SEARCH) {
		audit_progress("a changed row is looked for in tile %llu of %llu", (unsigned long long) step->done,
		    (unsigned long long) step->of);
	} else if (step->doing == AUDIT_TABLES) {
		audit_progress("rows without a seal, %llu of %llu, at %s; %lld findings", (unsigned long long) step->done,
		    (unsigned long long) step->of, id_is_none(step->at) ? "the first" : at, (long long) step->found);
	} else {
		audit_progress("%llu of %llu leaves, %lld findings", (unsigned long long) step->done,
		    (unsigned long long) step->of, (long long) step->found);
	}
	return !audit_is_stopped();
}

static int verify_database(struct ctx *c, const struct audit_options *o, struct audit_trust *trust,
    struct audit_report *report, const char **ret_note)
{
	struct audit_reached reached = { .note = NULL };
	trust->pace = (struct audit_pace) { .go_on = go_on };
	TRY(audit_open(c, o));
	int result = audit_check_database(c, trust, report, &reached);
	*ret_note = reached.note;
	return result;
}

/* ret_code: of a report that was printed. */
static int verify(struct ctx *c, const struct audit_options *o, int *ret_code)
{
	struct note_key key;
	struct audit_trust trust = { .key = NULL };
	struct audit_report report;
	const char *note = NULL;
	if (o->key != NULL || o->tiles != NULL || o->proof != NULL || o->from != NULL || o->witness != NULL) {
		TRY(audit_read_key(c, o, &key));
		trust.key = &key;
	}
	if (o->proof != NULL) {
		return verify_proof(c, o, &key);
	}
	TRY(audit_read_since(c, o->since, trust.key, &trust.since));
	TRY(audit_read_since(c, o->from, trust.key, &trust.from));
	if (o->witness != NULL) {
		TRY(audit_read_witness(c, o->witness, &key, &trust.witnessed));
	}
	audit_report_init(&report, c->arena);
	audit_stop_catch();
	audit_progress_begin(false);
	if (o->tiles != NULL) {
		TRY(audit_check_outside(c, o->tiles, &trust, &report));
	} else {
		TRY(verify_database(c, o, &trust, &report, &note));
	}
	audit_progress_end();
	if (o->save != NULL && note != NULL && report.found == 0 && !report.stopped) {
		TRY(file_replace(c, o->save, bytes_of_text(note), 0644));
	}
	*ret_code = audit_report_print(&report, o->options.json);
	return 0;
}

static int run(struct ctx *c, int argc, char **argv)
{
	struct audit_options o;
	audit_options_init(c, &o, argc);
	int code = operator_read(&command, argc, argv, &o);
	if (code >= 0) {
		return code;
	}
	bool whole = o.from == NULL && o.save == NULL && o.witness == NULL;
	if (optind != argc || (o.tiles != NULL && o.proof != NULL) || ((o.tiles != NULL || o.proof != NULL) && !whole)) {
		return operator_misused(&command, "the database, the tiles or a proof, and nothing else");
	}
	if (!audit_options_only(&o, "kstpfSwj")) {
		return operator_misused(&command, AUDIT_OPTION_MEANS_NOTHING);
	}
	code = 0;
	int result = verify(c, &o, &code);
	audit_progress_end();
	if (result != 0) {
		operator_complain(c, command.name);
		return 1;
	}
	return code;
}

int audit_verify_command(int argc, char **argv)
{
	return operator_run(argc, argv, run);
}
