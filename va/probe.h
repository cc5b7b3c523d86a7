/* Whether DNSSEC is really validated (C-25): a name whose signatures are broken on purpose is looked up from time to time, and an answer that
 * counts as good is an alarm. Everything is called in the loop thread. */
#ifndef CAIRN_VA_PROBE_H
#define CAIRN_VA_PROBE_H

#include "va/resolve.h"

struct probe;

/* NULL when the configuration names no such name. config must outlive it. */
struct probe *probe_new(const struct config_va *config);
/* Once the resolver asks nothing any more. NULL is fine, here and below. */
void probe_free(struct probe *p);

/* When probe_run wants to be called, by clock_monotonic_us; INT64_MAX: not. */
int64_t probe_due_us(const struct probe *p);
void probe_run(struct probe *p, struct resolver *r, int64_t now_us);

/* What an answer about such a name shows: 1: it was refused, as it must be; 0: it counted as good; -1: nothing. */
int probe_judge(const struct resolution *record);

#endif
