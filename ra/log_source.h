/* Reads the tree of one transparency log: of RFC 6962 by its calls, of static-ct-api by its tiles. Everything is bounded in time and size,
 * and nothing is followed to another place. A source belongs to one thread. */
#ifndef CAIRN_RA_LOG_SOURCE_H
#define CAIRN_RA_LOG_SOURCE_H

#include <curl/curl.h>

#include "lib/ct/leaf.h"
#include "policy/log_head.h"

#define LOG_LEAVES_MAX 256 /* asked for at once; a log may give fewer */

struct log_source {
	const struct ct_log *log;
	const char *ca_file; /* as in logs.h */
	CURL *easy;
};

/* All of these FAIL with UNAVAILABLE when the log does not answer as it should, for now, and with MALFORMED when what it says can't be. */

int log_source_head(struct ctx *c, const struct log_source *s, struct log_head *ret) MUST_CHECK;

/* Some leaves of the tree of that head, one at least, from number `from` on. */
int log_source_leaves(struct ctx *c, const struct log_source *s, const struct merkle_head *head, uint64_t from,
    struct ct_leaf_list *ret) MUST_CHECK;

/* The proof that a leaf is in the tree of that head. at: its number, where that is known; a tiled log can't be asked without.
 * NOT_FOUND: the log does not prove it. */
int log_source_prove(struct ctx *c, const struct log_source *s, const struct merkle_head *head,
    const struct merkle_hash *leaf, uint64_t *at, struct merkle_proof *ret) MUST_CHECK;

#endif
