/* Compares the log in the database with its seal, row by row: whatever was changed, deleted, inserted or moved is a finding. */
#ifndef CAIRN_CLI_AUDIT_CHECK_H
#define CAIRN_CLI_AUDIT_CHECK_H

#include "cli/audit_report.h"
#include "lib/seal/note.h"

struct audit_heads {
	struct merkle_head *v;
	size_t n;
};

struct audit_trust {
	const struct note_key *key; /* NULL: the one that each checkpoint names */
	struct merkle_head since;   /* an earlier checkpoint that the auditor has; size 0: none */
	struct merkle_head from;    /* one up to which all was verified before; size 0: none */
	struct audit_heads witnessed;
};

/* ret_note: the newest checkpoint that was looked at, or NULL. Fails when the database can't be read; what is wrong with what was read is in the report. */
int audit_check_database(
    struct ctx *c, const struct audit_trust *trust, struct audit_report *report, const char **ret_note) MUST_CHECK;

#endif
