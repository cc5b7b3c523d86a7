/* Who agreed to a ceremony: two different people of those whom the plan names (F-3). */
#ifndef CAIRN_CLI_CEREMONY_APPROVE_H
#define CAIRN_CLI_CEREMONY_APPROVE_H

#include "cli/ceremony_record.h"

#define CEREMONY_PEOPLE 2

/* Reads the signatures under the plan's statement. UNAUTHORIZED: the plan names people, and fewer than two of them signed. */
int ceremony_approvals(struct ctx *c, const struct ceremony *plan, const struct text_list *files,
    struct ceremony_approval_list *ret) MUST_CHECK;

/* The same of what a transcript has kept of this plan's ceremony, whose line must also name the people who signed, and those of the plan. */
int ceremony_approvals_kept(struct ctx *c, const struct ceremony *plan, const struct ceremony_entry *begin) MUST_CHECK;

/* SHA-256 of the certificates of the plan's people. */
int ceremony_people(struct ctx *c, const struct ceremony *plan, struct text_list *ret) MUST_CHECK;

/* Who is asked is not for a plan alone to say: after a ceremony in mode webpki all in the same transcript are, and two of the people whom
 * the one before named have to agree, to other people too. UNAUTHORIZED. */
int ceremony_people_stay(struct ctx *c, bool webpki, const struct ceremony_entry_list *entries,
    const struct ceremony_approval_list *agreed) MUST_CHECK;

/* Signs the statement with somebody's key; the CMS goes into the new file. */
int ceremony_sign(struct ctx *c, const struct ceremony *plan, const char *cert_path, const char *key_path,
    const char *out_path) MUST_CHECK;

#endif
