/* The act of `cairn revoke`, batch by batch: Ctrl-C ends it behind the batch under way, and what is run again goes on from there. */
#ifndef CAIRN_CLI_REVOKE_RUN_H
#define CAIRN_CLI_REVOKE_RUN_H

#include "cli/revoke_rows.h"

struct revoke_done {
	int64_t revoked;
	bool stopped; /* by Ctrl-C */
};

/* From here on Ctrl-C is heard between batches only. */
void revoke_catch_interrupt(void);

/* All of them, with an event before and one behind when there is more than one. */
int revoke_run_batches(struct ctx *c, const struct id_list *certificates, int64_t reason,
    const struct revoke_facts *facts, struct revoke_done *ret) MUST_CHECK;

/* A key that is compromised, with all its certificates. */
int revoke_run_key(
    struct ctx *c, struct bytes spki_sha256, const struct revoke_facts *facts, struct revoke_done *ret) MUST_CHECK;

/* Before the first wave of a compromise: every key of theirs is blocked (E-13). */
int revoke_run_blocks(struct ctx *c, const struct id_list *certificates, struct timestamp until,
    const struct revoke_facts *facts) MUST_CHECK;

/* The waves that have ended; with `wait` also those that end later, until Ctrl-C. */
int revoke_run_waves(
    struct ctx *c, struct id id, bool wait, struct revoke_done *ret, struct revoke_state *ret_state) MUST_CHECK;

#endif
