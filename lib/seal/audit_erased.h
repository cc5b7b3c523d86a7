/* What is gone by record: rows and personal fields that a sealed event `log.erased` names (docs/retention.md). */
#ifndef CAIRN_SEAL_AUDIT_ERASED_H
#define CAIRN_SEAL_AUDIT_ERASED_H

#include "lib/db/db.h"

/* Ids of a table, from and including the first one up to the other; one id when both are the same. */
struct audit_erasure {
	const char *name; /* log.request ...; NULL in a record that names none */
	struct id from;
	struct id until;
};
/* Sorted, without overlaps. */
struct audit_erasure_list {
	struct audit_erasure *v;
	size_t n;
};

/* As role cairn_auditor, with audit_erasures_statement among the statements. waiting: also erasures whose own seal is on its way, seconds after
 * they were made. */
int audit_read_erasures(struct ctx *c, bool waiting, struct audit_erasure_list *ret) MUST_CHECK;

/* Those that are sealed, read when the first row is missing: there may be millions, and of what is new nothing is gone. */
struct audit_gone {
	struct audit_erasure_list list;
	bool known;
	struct ctx kept; /* has the list */
};
void audit_gone_init(struct audit_gone *gone);
void audit_gone_done(struct audit_gone *gone);
int audit_know_gone(struct ctx *c, struct audit_gone *gone) MUST_CHECK;

bool audit_is_erased(const struct audit_erasure_list *list, const char *table, struct id id);

/* Those of a table as a value of cairn.id_ranges. */
const char *audit_erased_ranges(struct arena *a, const struct audit_erasure_list *list, const char *table);

extern const struct statement audit_erasures_statement;

#endif
