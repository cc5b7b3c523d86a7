/* Which certificates `cairn revoke` is about: a serial, a file, a key, an account, a list or a condition. */
#ifndef CAIRN_CLI_REVOKE_SELECT_H
#define CAIRN_CLI_REVOKE_SELECT_H

#include "cli/revoke_rows.h"

/* As typed; one of them. */
struct revoke_typed {
	const char *serial;
	const char *certificate; /* file */
	const char *key;         /* SHA-256 in hexadecimal digits, or a file */
	const char *account;
	const char *serials; /* file */
	const char *where;
};

struct revoke_meant {
	struct incident_found found;
	const char *source; /* for the record */
	struct bytes spki_sha256;
	const char *evidence; /* of the key: what shows it; NULL: nothing does */
};

/* What is wrong with the words, or NULL. */
const char *revoke_typed_refusal(struct arena *a, const struct revoke_typed *typed);

/* The key alone, which needs no database. */
int revoke_select_key(struct ctx *c, const char *typed, struct revoke_meant *ret) MUST_CHECK;

/* NOT_FOUND: this CA has no such certificate; MALFORMED. */
int revoke_select(struct ctx *c, const struct revoke_typed *typed, struct revoke_meant *ret) MUST_CHECK;

#endif
