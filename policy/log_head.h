/* What a transparency log signs of its tree: signed tree heads (RFC 6962 4.3) and checkpoints (static-ct-api). Pure. */
#ifndef CAIRN_POLICY_LOG_HEAD_H
#define CAIRN_POLICY_LOG_HEAD_H

#include "lib/ct/log_list.h"
#include "lib/seal/merkle.h"

#define LOG_SIZE_MAX (UINT64_C(1) << 48) /* entries of a tree; more is no log */

struct log_head {
	struct merkle_head tree;
	struct timestamp at;
	struct bytes said; /* as it came, with the signature */
};

/* The answer of a log to get-sth, or its checkpoint if it is tiled. MALFORMED: it is none that this log signed. said is borrowed. */
int log_head_open(struct ctx *c, const struct ct_log *log, struct bytes said, struct log_head *ret) MUST_CHECK;

#endif
