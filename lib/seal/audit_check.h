/* Compares the log in the database with its seal, row by row: whatever was changed, deleted, inserted or moved is a finding. */
#ifndef CAIRN_SEAL_AUDIT_CHECK_H
#define CAIRN_SEAL_AUDIT_CHECK_H

#include "lib/seal/audit_findings.h"
#include "lib/seal/audit_witnessed.h"
#include "lib/seal/note.h"

/* What is under way. */
enum audit_doing { AUDIT_LEAVES, AUDIT_SEARCH, AUDIT_TABLES };
struct audit_step {
	enum audit_doing
	    doing; /* leaves compared; a changed row looked for in tiles; tables looked through for rows without a seal */
	uint64_t done; /* leaves, tiles, tables */
	uint64_t of;
	int64_t found;
	struct id at; /* of a table: the row that was looked at last; none at its beginning */
};

/* How far it goes, and who is asked on the way. All zero: to the end, and nobody. */
struct audit_pace {
	/* Between pieces of a thousand leaves or so: false stops. NULL: nobody is asked. */
	bool (*go_on)(void *arg, const struct audit_step *step);
	void *arg;
	uint64_t most;    /* leaves, about; 0: all */
	bool facts_only;  /* for who may not read personal fields: whether they are there, and not what they say */
	bool here_only;   /* a changed row is not looked for in all tiles, so that one that was moved is called changed */
	bool leaves_only; /* rows that no leaf accounts for, and leaves that nobody signed, are not looked for */
};

struct audit_trust {
	const struct note_key *key; /* NULL: the one that each checkpoint names */
	struct merkle_head since;   /* an earlier checkpoint that the auditor has; size 0: none */
	struct merkle_head from;    /* one up to which all was verified before; size 0: none */
	struct audit_heads witnessed;
	struct audit_pace pace;
};

/* How far it came. */
struct audit_reached {
	const char *note;        /* the newest checkpoint that was looked at, or NULL */
	struct merkle_head head; /* of the leaves up to there, by their sealed hashes: to go on from */
	bool end;                /* there were no more */
};

/* Fails when the database can't be read; what is wrong with what was read is in the report, and whether it was stopped. */
int audit_check_database(
    struct ctx *c, const struct audit_trust *trust, struct audit_report *report, struct audit_reached *ret) MUST_CHECK;

#endif
