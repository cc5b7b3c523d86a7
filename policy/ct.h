/* Which SCTs a certificate needs, by dated rows, which logs may give them, and whether those at hand are enough (H-5..H-9, H-22).
 * Pure decisions. */
#ifndef CAIRN_POLICY_CT_H
#define CAIRN_POLICY_CT_H

#include "lib/ct/log_list.h"
#include "lib/ct/sct.h"

#define CT_LIST_OLD_S (INT64_C(14) * 86400)   /* warned of (H-8) */
#define CT_LIST_STALE_S (INT64_C(70) * 86400) /* not used any more, as Chrome does */
#define CT_AHEAD_S 60                         /* so far may a log's clock be ahead of ours */
#define CT_BEHIND_S 86400                     /* a log may give an SCT again that it gave before (RFC 6962 3); MMD */

struct ct_need {
	size_t scts;
	size_t operators;
	size_t rfc6962; /* from logs that are not tiled */
};

/* A certificate and the list by which it is judged. */
struct ct_case {
	const struct ct_log_list *logs;
	struct timestamp not_before;
	struct timestamp not_after;
	struct timestamp now; /* of the signing clock */
	struct ct_entry entry;
};

/* What the policies ask of a certificate that is signed then. */
struct ct_need ct_need_of(struct timestamp not_before, struct timestamp not_after, struct timestamp now);

/* NULL: the list may be used; else why not. */
const char *ct_list_refusal(const struct ct_log_list *logs, struct timestamp now);

/* H-11: the logs to which a certificate may be submitted, in the order in which to ask them: chance, but each operator comes before any
 * comes again, and a log that is not tiled comes first. ret has room for all logs; gives their number. names: descriptions of
 * those that may be asked; none: all. */
size_t ct_candidates(const struct ct_case *o, const struct text_list *names, const struct ct_log **ret);

/* NULL: the SCT is good for this certificate; else why not: an unknown log, a state that does not count, a shard for other ends,
 * a time that can't be, a signature that does not verify (H-3, H-5, H-9, H-10). */
const char *ct_sct_refusal(struct arena *a, const struct ct_case *o, const struct sct *sct);

/* Whether these SCTs, each good by ct_sct_refusal, satisfy the need. */
bool ct_is_enough(const struct ct_case *o, const struct sct *v, size_t n);

/* The first of them that are enough; no more than needed. -1: they are not. ret->v has room for n. */
int ct_choose(const struct ct_case *o, const struct sct *v, size_t n, struct sct_list *ret) MUST_CHECK;

/* SERVER_INTERNAL unless the list of SCTs is whole, each is good for this certificate, and they are enough. */
int ct_check_list(struct ctx *c, const struct ct_case *o, struct bytes sct_list) MUST_CHECK;

#endif
