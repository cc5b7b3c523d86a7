/* Whether transparency logs can be asked, and whether they have what was issued. */
#ifndef CAIRN_CLI_DOCTOR_LOGS_H
#define CAIRN_CLI_DOCTOR_LOGS_H

#include "lib/base/config.h"
#include "lib/ct/log_list.h"
#include "policy/diagnose.h"

/* What is to be said of the list of that file (H-8). */
struct finding doctor_log_list(struct arena *a, const char *path, const struct ct_log_list *list, struct timestamp now);

/* What is to be said of so many certificates that no log has, so many of them for a day, the first for so long (H-13). */
struct finding doctor_unlogged(struct arena *a, const char *unlogged, const char *overdue, int64_t oldest_s);

/* What is to be said of so many logs at fault, SCTs whose entries are missing, and certificates that are not ours (H-17). */
struct finding doctor_monitored(struct arena *a, const char *faults, const char *missing, const char *strangers);

/* Adds what was found of the list of the configuration. */
void doctor_logs(struct ctx *c, const struct diagnosing *d, const struct config *config);

/* Adds what was found in the database; nothing where no log was ever asked. */
void doctor_logged(struct arena *a, const struct diagnosing *d, const struct config *config, const char *database);

#endif
