/* A validation's record decided again by the code of today (design 5): pure, but for the memory of c. */
#ifndef CAIRN_CLI_REPLAY_H
#define CAIRN_CLI_REPLAY_H

#include "lib/rpc/messages.h"

/* Both halves of the record, as cli/audit_rows.c reads them. */
struct replay_record {
	struct id id;
	struct id authorization_id;
	struct id account_id;
	const char *identifier_type;
	const char *identifier_value;
	bool wildcard;
	const char *method;
	const char *perspective;
	bool passed;
	const char *problem;
	const char *detail;
	struct caa_result caa; /* not checked: NULL */
	struct bytes token_sha256;
	struct bytes answer_sha256;
	const char *proof;
	struct timestamp ended_at;
	struct bytes commitments;
	struct bytes salt; /* empty: the private half is not there */
	const char *resolutions;
	const char *attempts;
	const char *quorum; /* of the first perspective, when it asked others */
	int64_t asked;      /* so many were */
	int64_t agree;      /* by their records, of those that were not late */
	int64_t regions;    /* of registries, in which these are */
};

/* Where the record and what is decided of it now do not agree. */
struct replay_difference {
	const char *what; /* evidence, asked, verdict, problem, detail, caa, token, answer, quorum */
	const char *recorded;
	const char *now;
};

struct replay_difference_list {
	struct replay_difference *v;
	size_t n;
};

enum replay_outcome {
	REPLAY_SAME,
	REPLAY_DIFFERENT,
	REPLAY_GRANTED, /* the policy gave it without a challenge: there is nothing to decide */
};

/* ret_list: why it is different. */
enum replay_outcome replay_record(
    struct ctx *c, const struct replay_record *record, struct replay_difference_list *ret_list);

#endif
