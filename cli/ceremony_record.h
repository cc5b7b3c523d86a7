/* The transcript of ceremonies: a line of JSON for each object made, and one for each ceremony that began, each with the digest of
 * the line before (F-12). */
#ifndef CAIRN_CLI_CEREMONY_RECORD_H
#define CAIRN_CLI_CEREMONY_RECORD_H

#include "cli/ceremony.h"

/* Somebody's signature under the statement. */
struct ceremony_approval {
	const char *person;      /* subject of the certificate */
	const char *certificate; /* SHA-256 of its DER, hexadecimal */
	struct bytes cms;
};

struct ceremony_approval_list {
	struct ceremony_approval *v;
	size_t n;
};

/* A line. Members that an action has none of are absent. */
struct ceremony_entry {
	struct timestamp at;
	const char *software;
	const char *software_sha256; /* of this program */
	const char *action;          /* as in the plan; "begin" for a ceremony */
	const char *name;
	const char *subject;
	const char *issuer;
	const char *key;
	const char *spki_sha256;
	const char *serial;
	int64_t number;
	struct timestamp not_before;
	struct timestamp not_after;
	const char *sha256; /* of the DER; begin: of the plan */
	const char *file;
	int64_t lints;
	const char *mode;        /* begin: webpki, or NULL */
	struct text_list people; /* begin: SHA-256 of the certificates of the plan's people */
	struct ceremony_approval_list approvals;
	const char *previous; /* SHA-256 of the line before, without its end */
};

struct ceremony_entry_list {
	struct ceremony_entry *v;
	size_t n;
};

/* Adds the line, on disk when it returns; nothing when the plan has no transcript. */
int ceremony_record(struct ctx *c, const struct ceremony *plan, struct ceremony_entry entry) MUST_CHECK;

/* All lines. MALFORMED: a line that is none. ret_breaks: a sentence for each line that does not name the one before. */
int ceremony_records_read(struct ctx *c, const struct ceremony *plan, struct ceremony_entry_list *ret,
    struct text_list *ret_breaks) MUST_CHECK;

/* Whether a line tells of the certificate with this SHA-256: that it was made, or that people took it in as made elsewhere. */
bool ceremony_tells_of(const struct ceremony_entry_list *entries, const char *sha256);

/* The same where there may be no transcript yet: no entries. CONFLICT: a line does not follow, so that nothing may be made upon it. */
int ceremony_records_so_far(struct ctx *c, const struct ceremony *plan, struct ceremony_entry_list *ret) MUST_CHECK;

/* Before a key is made or destroyed in a token, which no file shows afterwards. */
#define CEREMONY_MAKING "making"
#define CEREMONY_DESTROYING "destroying"

/* Whether the last that is written down of the step is this announcement, under the octets of this very plan. */
int ceremony_announced(struct ctx *c, const struct ceremony *plan, const struct ceremony_step *step, const char *action,
    bool *ret_announced) MUST_CHECK;

/* What was last written down of the step, in a ceremony of the plan's title: an earlier line of the same name was cut off. NULL:
 * nothing. ret_begin: the line with which that ceremony began. */
const struct ceremony_entry *ceremony_last(const struct ceremony_entry_list *entries, const struct ceremony *plan,
    const struct ceremony_step *step, const struct ceremony_entry **ret_begin);

const char *ceremony_sha256(struct arena *a, struct bytes of);

#endif
