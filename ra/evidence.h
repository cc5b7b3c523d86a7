/* What a validation found becomes rows of log.validation, in the transaction that acts on it (F-41..F-43, G-3). */
#ifndef CAIRN_RA_EVIDENCE_H
#define CAIRN_RA_EVIDENCE_H

#include "ra/jobs.h"

/* What a perspective is asked for a job; its validation_id is the caller's to fill in. Borrows from the job. */
struct validate_request job_request(struct arena *a, const struct job *job);

/* Records the evidence and what follows from it. retry_s: a failed validation is tried again after so many seconds;
 * negative: it is final. */
int evidence_record(struct ctx *c, const struct job *job, const struct validation_result *result, int64_t retry_s,
    struct job_end *ret_end) MUST_CHECK;

/* For a record that the database could not take: it waits on disk, changes nothing later than its evidence, and the job is done again. */
void evidence_keep(const struct job *job, const struct validation_result *result);

/* Records a CAA check that was made alone for an authorization. */
int evidence_record_caa(struct ctx *c, struct id authz_id, const struct validate_request *asked,
    const struct validation_result *result) MUST_CHECK;

/* What is on record of a question that was asked since then and not answered: whether hosts were contacted is not known. */
struct validation_result evidence_no_answer(
    struct arena *a, const struct validate_request *asked, struct timestamp started_at, const struct err *why);

/* In place of a result whose record the database refuses, whatever it says: acme.record_validation counts these. */
struct validation_result evidence_refused(const struct validation_result *result);

/* The weakest DNSSEC state of all lookups: bogus, insecure, off, secure. */
const char *evidence_dnssec(const struct resolution_list *resolutions);

#endif
