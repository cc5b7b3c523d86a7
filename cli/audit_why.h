/* cairn audit why: the story of one certificate, as claims that each have a proof or say why not, and its three forms. */
#ifndef CAIRN_CLI_AUDIT_WHY_H
#define CAIRN_CLI_AUDIT_WHY_H

#include "lib/seal/audit_tree.h"

/* One claim: what the records say, and what proves that they say so. */
struct why_claim {
	const char *section; /* certificate, account, order, policy, request, validation, issuance, revocation */
	const char *title;
	struct text_list lines;
	struct timestamp at;
	int64_t kind; /* enum leaf_kind of the row that proves it; 0: none does */
	struct id record;
	const char *state;  /* proved, waiting, erased, missing, changed, unproved, plain (nothing is to be proved) */
	const char *remark; /* a sentence about the state, or NULL */
	int64_t leaf;       /* -1: none */
	const char *proof;  /* C2SP tlog-proof */
	const char *gone;   /* table whose row is not there, with the row's id; NULL: none. For why_read alone */
	struct id gone_id;
};
struct why_claim_list {
	struct why_claim *v;
	size_t n;
};

struct why_story {
	const char *serial;
	int64_t size;    /* leaves of the checkpoint that all proofs lead to */
	const char *key; /* that signed it; NULL: there is no checkpoint yet */
	bool key_was_given;
	int64_t proved;
	int64_t faults; /* claims that are missing or changed */
	bool stopped;   /* by a signal: only the first claims are there */
	struct why_claim_list claims;
};
extern const struct fields why_story_fields;

/* Reads the claims and proves each, until it is stopped. NOT_FOUND: there is no such certificate. */
int why_read(struct ctx *c, struct bytes serial, struct audit_tree *tree, struct why_story *ret) MUST_CHECK;
extern const struct statement why_statement;

/* The three forms; whatever came from outside is made harmless. */
struct bytes why_text(struct arena *a, const struct why_story *story);
struct bytes why_html(struct arena *a, const struct why_story *story);

#endif
