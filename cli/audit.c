#include "cli/audit.h"

#include "cli/operator.h"

static const struct operator_subcommand subcommands[] = {
	{ "key", "the name and public key by which others check the sealed log", audit_key_command },
	{ "replay", "decide the validations on record again", audit_replay_command },
	{ "why", "the story of a certificate, each claim with its proof", audit_why_command },
	{ "gaps", "what should be on record and is not", audit_gaps_command },
	{ "issued", "certificates read back and compared with their records", audit_issued_command },
	{ "prove", "write a proof that a row is in the log, to be checked anywhere", audit_prove_command },
	{ "report", "how the CA ran on a day, or a yearly review of privacy", audit_period_command },
	{ "subject", "all that is held about an account", audit_subject_command },
	{ "verify", "compare the log with its seal, or check a proof", audit_verify_command },
};

int cli_audit(int argc, char **argv)
{
	return operator_choose("audit", subcommands, COUNT_OF(subcommands), argc, argv);
}
