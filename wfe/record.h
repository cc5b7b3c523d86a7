/* What the spool's records hold: the facts and the personal fields of one request (begin) and of its answer (end), how
 * they are written, and how both become one row in log.request and one in log.request_private. */
#ifndef CAIRN_WFE_RECORD_H
#define CAIRN_WFE_RECORD_H

#include "lib/base/buffer.h"
#include "lib/base/clock.h"
#include "lib/base/id.h"

struct record_begin {
	struct timestamp received_at;
	const char *method;
	const char *route;
	const char *url; /* path and query as sent; of a page the path and a digest (wfe/page.h) */
	const char *remote_address;
	int64_t remote_port; /* 0: not known, behind a proxy */
	const char *user_agent;
	const char *accept_language;
	const char *headers; /* the others (wfe/headers.h) */
	bool has_body;       /* false: not kept, as it may carry a recovery contact (G-5) */
	struct bytes body;
	struct bytes body_sha256;
	int64_t body_octets;
};

struct record_end {
	struct id account_id;
	int64_t status; /* 0: not known, since the process died */
	const char *problem;
	const char *rule; /* of the policy, that refused */
	bool has_reply;   /* false: not kept, as a certificate stands elsewhere */
	struct bytes reply;
	struct bytes reply_sha256;
	int64_t reply_octets;
	int64_t duration_us;
};

/* A record is an octet with the version of its form, then the members of the struct in their order, each in the form of a
 * field of COPY (wfe/copy.h); a text has its NUL with it. Texts become UTF-8, which is all that the database takes. */
struct bytes record_encode_begin(struct arena *a, const struct record_begin *begin);
struct bytes record_encode_end(struct arena *a, const struct record_end *end);

/* The reverse; texts and octets point into `in`. -1: not a whole record of this version or of that before, whose begin has no
 * headers, or one that the tables would refuse. */
int record_parse_begin(struct bytes in, struct record_begin *ret) MUST_CHECK;
int record_parse_end(struct bytes in, struct record_end *ret) MUST_CHECK;

/* Commitments of one row: remote_address, remote_port, user_agent, accept_language, body, reply, headers, 32 octets each; zeros
 * where the field is NULL. Rows of before there were headers have six. */
#define RECORD_COMMITMENTS 7

/* Adds the rows in the binary format of COPY, whose columns are those of record_request_copy and record_private_copy.
 * The address is text that inet_pton reads; anything else is stored as "::". */
void record_add_rows(struct id request, const char *frontend, const struct record_begin *begin,
    const struct record_end *end, struct buffer rows[2]);

extern const char record_request_copy[];
extern const char record_private_copy[];

#endif
