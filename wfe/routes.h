/* The resources of the API: which path, which methods, who has to sign, what the payload is, and who serves it. */
#ifndef CAIRN_WFE_ROUTES_H
#define CAIRN_WFE_ROUTES_H

#include "wfe/front.h"

enum route_method { METHOD_GET = 1, METHOD_HEAD = 2, METHOD_POST = 4, METHOD_OPTIONS = 8 };

#define RENEWAL_INFO_PATH "/acme/renewal-info"
#define RECOVERY_PATH "/acme/recovery-contacts"
#define RECOVER_PATH "/acme/recover-account"

/* Which key a POST has to be signed with. */
enum route_signer { SIGNER_ACCOUNT, SIGNER_NEW_KEY, SIGNER_EITHER };

enum route_payload { PAYLOAD_EMPTY, PAYLOAD_OBJECT, PAYLOAD_EITHER }; /* empty: POST-as-GET only */

struct route {
	const char *name; /* in log.request and in metrics */
	/* ID stands for an id, N at the end for one digit from 1; behind a / at the end anything may stand, for `serve` to
	 * read */
	const char *path;
	unsigned methods; /* OPTIONS is allowed everywhere */
	enum route_signer signer;
	enum route_payload payload;
	bool may_hold_contact; /* a payload that is not known to be without one is not kept (G-5) */
	bool reply_kept_elsewhere;
	bool page; /* for a person's browser (wfe/page.h): nothing is signed, what is sent and answered is a secret */
	int (*serve)(struct acme *q); /* fills in the answer, or FAIL */
};

/* The route of a path without its query, byte for byte; NULL: none. ret_id: the id in it, or none. */
const struct route *route_find(const char *path, struct id *ret_id);

/* The bit of the method; 0 for one that no resource has. */
unsigned route_method(const char *method);

/* "GET, HEAD, OPTIONS" */
const char *route_allow(struct arena *a, const struct route *route);

/* NOT_FOUND or UNAUTHORIZED unless the account in the path is the one that signed. */
int account_check_own(struct acme *q) MUST_CHECK;

/* The account object with this status, as the database has its binding. */
int account_answer(struct acme *q, unsigned status, struct id id, const char *state, bool terms_agreed) MUST_CHECK;

int directory_serve(struct acme *q) MUST_CHECK;
int new_nonce_serve(struct acme *q) MUST_CHECK;
int new_account_serve(struct acme *q) MUST_CHECK;
int account_serve(struct acme *q) MUST_CHECK;
int account_orders_serve(struct acme *q) MUST_CHECK;
int account_data_serve(struct acme *q) MUST_CHECK;
int recovery_serve(struct acme *q) MUST_CHECK;
int recover_account_serve(struct acme *q) MUST_CHECK;
int key_change_serve(struct acme *q) MUST_CHECK;
int new_authz_serve(struct acme *q) MUST_CHECK;
int new_order_serve(struct acme *q) MUST_CHECK;
int order_serve(struct acme *q) MUST_CHECK;
int finalize_serve(struct acme *q) MUST_CHECK;
int authz_serve(struct acme *q) MUST_CHECK;
int challenge_serve(struct acme *q) MUST_CHECK;
int certificate_serve(struct acme *q) MUST_CHECK;
int renewal_info_serve(struct acme *q) MUST_CHECK;
int terms_serve(struct acme *q) MUST_CHECK;
int revoke_serve(struct acme *q) MUST_CHECK;
int doctor_serve(struct acme *q) MUST_CHECK;
int unpause_serve(struct acme *q) MUST_CHECK;
int stop_recovery_serve(struct acme *q) MUST_CHECK;

#endif
