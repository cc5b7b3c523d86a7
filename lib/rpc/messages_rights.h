/* Messages about what people hold and what is held about them; part of lib/rpc/messages.h. */
#ifndef CAIRN_RPC_MESSAGES_RIGHTS_H
#define CAIRN_RPC_MESSAGES_RIGHTS_H

#include "lib/base/fields.h"

/* A key whose private half somebody sent to the CA. */
struct block_key_request {
	struct bytes spki_sha256;
	struct bytes thumbprint; /* RFC 7638, by which an account would be found */
	const char *form;        /* in which it came: JWK, DER, PEM */
};

struct block_key_response {
	bool blocked;         /* false: it was before */
	int64_t certificates; /* that were revoked, as they have it */
};

/* A page of what is held about the account whose key signed. */
struct get_subject_data_request {
	struct id account_id;
	struct bytes thumbprint; /* of the key that signed */
	const char *part;        /* "": which parts there are */
	struct id after;         /* none: from the beginning */
};

struct subject_data {
	json_t *items;  /* of a part an array; of all an object (db/functions/log_subject.sql) */
	struct id next; /* none: that was all */
};

extern const struct fields get_subject_data_request_fields;
extern const struct fields subject_data_fields;
extern const struct fields block_key_request_fields;
extern const struct fields block_key_response_fields;

#endif
