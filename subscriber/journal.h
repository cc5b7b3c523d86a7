/* What the supervisor tells of services and logins (deploy/journal.h) becomes events of the sealed log: service.started, service.ended,
 * access.refused, access.session, journal.lost (F-44, F-50 (3)). The file is removed once its lines are on record, and a file that is met
 * again, as the removal was cut off, is recorded no second time. Lines that can't be read are counted in the event journal.unread. */
#ifndef CAIRN_SUBSCRIBER_JOURNAL_H
#define CAIRN_SUBSCRIBER_JOURNAL_H

#include "lib/base/config.h"
#include "lib/db/db.h"

/* Nothing is done without subscriber.journal_dir. instance: holder of the lease, borrowed as the configuration is. */
int journal_start(struct ctx *c, const struct config *config, const char *instance) MUST_CHECK;
void journal_stop(void);

/* One look into the folder, for the thread and for tests. FAIL: what is there could not be recorded and stays. */
int journal_round(struct ctx *c, const char *folder, const char *instance) MUST_CHECK;

extern const struct statement *const journal_statements[];
extern const size_t journal_n_statements;

#endif
