/* What mails about a recovery say. */
#ifndef CAIRN_SUBSCRIBER_LETTER_H
#define CAIRN_SUBSCRIBER_LETTER_H

#include "lib/base/ctx.h"

struct letter {
	struct id recovery_id;
	struct id account_id;
	const char *kind;  /* token, begun, done, stopped */
	const char *token; /* of kind token */
	struct timestamp asked_at;
	struct timestamp token_until;
	struct timestamp ends_at;
	const char *because; /* of one that has ended */
};

/* Subject and text, plain ASCII with lines of at most 998 octets. */
void letter_write(struct arena *a, const struct letter *letter, const char **ret_subject, const char **ret_text);

#endif
