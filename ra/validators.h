/* Which runs of cairn-va decided validations: they have no database, so each of their answers tells what runs there, and what was not known
 * becomes an event process.started of the sealed log (F-44, F-57). */
#ifndef CAIRN_RA_VALIDATORS_H
#define CAIRN_RA_VALIDATORS_H

#include "lib/db/db.h"
#include "lib/rpc/messages.h"

/* Of the first perspective and of those whose answers are with it; a statement for each run that is new to this process, else none. Remote
 * ones are told by the names that the configuration gives them. What the database does not take is tried again with the next answer. */
void validators_note(struct ctx *c, const struct validation_result *answer);

extern const struct statement validators_statement;

#endif
