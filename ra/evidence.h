/* What a validation found becomes rows of log.validation, in the transaction that acts on it (F-41..F-43, G-3). */
#ifndef CAIRN_RA_EVIDENCE_H
#define CAIRN_RA_EVIDENCE_H

#include "ra/jobs.h"

/* Records the evidence and what follows from it. retry_s: a failed validation is tried again after so many seconds;
 * negative: it is final. */
int evidence_record(struct ctx *c, const struct job *job, const struct validation_result *result, int64_t retry_s,
    struct job_end *ret_end) MUST_CHECK;

/* Records a CAA check that was made alone for an authorization. */
int evidence_record_caa(struct ctx *c, struct id authz_id, const struct validation_result *result) MUST_CHECK;

/* Nothing was found out: the job is due again after retry_s seconds. */
int evidence_postpone(struct ctx *c, const struct job *job, int64_t retry_s) MUST_CHECK;

/* The weakest DNSSEC state of all lookups: bogus, insecure, off, secure. */
const char *evidence_dnssec(const struct resolution_list *resolutions);

#endif
