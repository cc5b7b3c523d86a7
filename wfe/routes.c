#include "wfe/routes.h"

#include <string.h>

#include "lib/base/buffer.h"
#include "wfe/doctor.h"
#include "wfe/stop_recovery.h"
#include "wfe/terms.h"
#include "wfe/unpause.h"

#define READ (METHOD_GET | METHOD_HEAD | METHOD_POST) /* directory and newNonce are POST-as-GET too */

static const struct route routes[] = {
	{ "directory", "/directory", READ, .payload = PAYLOAD_EMPTY, .serve = directory_serve },
	{ "new-nonce", "/acme/new-nonce", READ, .payload = PAYLOAD_EMPTY, .serve = new_nonce_serve },
	{ "new-account", "/acme/new-account", METHOD_POST, SIGNER_NEW_KEY, PAYLOAD_OBJECT, .may_hold_contact = true,
	    .serve = new_account_serve },
	{ "account", "/acme/account/ID", METHOD_POST, .payload = PAYLOAD_EITHER, .may_hold_contact = true,
	    .serve = account_serve },
	{ "account-orders", "/acme/account/ID/orders", METHOD_POST, .payload = PAYLOAD_EMPTY,
	    .serve = account_orders_serve },
	/* What is told stands in the records that it is told from. */
	{ "account-data", "/acme/account/ID/data", METHOD_POST, .payload = PAYLOAD_EMPTY, .reply_kept_elsewhere = true,
	    .serve = account_data_serve },
	{ "recovery-contacts", RECOVERY_PATH, METHOD_POST, .payload = PAYLOAD_EITHER, .may_hold_contact = true,
	    .serve = recovery_serve },
	{ "recover-account", RECOVER_PATH, METHOD_POST, SIGNER_NEW_KEY, PAYLOAD_OBJECT, .may_hold_contact = true,
	    .serve = recover_account_serve },
	{ "key-change", "/acme/key-change", METHOD_POST, .payload = PAYLOAD_OBJECT, .serve = key_change_serve },
	{ "new-authz", "/acme/new-authz", METHOD_POST, .payload = PAYLOAD_EITHER, .serve = new_authz_serve },
	{ "new-order", "/acme/new-order", METHOD_POST, .payload = PAYLOAD_OBJECT, .serve = new_order_serve },
	{ "order", "/acme/order/ID", METHOD_POST, .payload = PAYLOAD_EMPTY, .serve = order_serve },
	{ "finalize", "/acme/order/ID/finalize", METHOD_POST, .payload = PAYLOAD_OBJECT, .serve = finalize_serve },
	{ "authz", "/acme/authz/ID", METHOD_POST, .payload = PAYLOAD_EITHER, .serve = authz_serve },
	{ "challenge", "/acme/challenge/ID", METHOD_POST, .payload = PAYLOAD_EITHER, .serve = challenge_serve },
	{ "certificate", "/acme/cert/ID", METHOD_POST, .payload = PAYLOAD_EMPTY, .reply_kept_elsewhere = true,
	    .serve = certificate_serve },
	{ "renewal-info", RENEWAL_INFO_PATH "/", METHOD_GET | METHOD_HEAD, .serve = renewal_info_serve },
	{ "certificate-alternate", "/acme/cert/ID/N", METHOD_POST, .payload = PAYLOAD_EMPTY, .reply_kept_elsewhere = true,
	    .serve = certificate_serve },
	{ "terms", TERMS_PATH, READ, .page = true, .serve = terms_serve },
	{ "revoke-cert", "/acme/revoke-cert", METHOD_POST, SIGNER_EITHER, PAYLOAD_OBJECT, .serve = revoke_serve },
	{ "doctor", DOCTOR_PATH, READ, .page = true, .serve = doctor_serve },
	{ "stop-recovery", STOP_RECOVERY_PATH, READ, .page = true, .serve = stop_recovery_serve },
	{ "unpause", UNPAUSE_PATH, READ, .page = true, .serve = unpause_serve },
};

static const struct {
	const char *name;
	unsigned bit;
} methods[] = {
	{ "GET", METHOD_GET },
	{ "HEAD", METHOD_HEAD },
	{ "POST", METHOD_POST },
	{ "OPTIONS", METHOD_OPTIONS },
};

/* Whether the end of a path is that of the pattern, where N is one digit from 1. */
static bool ends_as(const char *pattern, const char *tail)
{
	if (strcmp(pattern, "/N") == 0) {
		return tail[0] == '/' && tail[1] >= '1' && tail[1] <= '9' && tail[2] == '\0';
	}
	return strcmp(pattern, tail) == 0;
}

/* Whether the path has the form of the pattern; the id in it goes to *id. */
static bool matches(const char *pattern, const char *path, struct id *id)
{
	const char *place = strstr(pattern, "ID");
	size_t whole = strlen(pattern);
	if (pattern[whole - 1] == '/') {
		return strncmp(pattern, path, whole) == 0;
	}
	if (place == NULL) {
		return strcmp(pattern, path) == 0;
	}
	size_t before = (size_t) (place - pattern);
	size_t n = strlen(path);
	const size_t text = ID_TEXT_SIZE - 1;
	return n >= before + text && memcmp(path, pattern, before) == 0 && ends_as(place + 2, path + before + text) &&
	       id_parse((struct bytes) { (const uint8_t *) path + before, text }, id) == 0 && !id_is_none(*id);
}

const struct route *route_find(const char *path, struct id *ret_id)
{
	for (size_t i = 0; i < COUNT_OF(routes); i++) {
		struct id id = { { 0 } };
		if (matches(routes[i].path, path, &id)) {
			*ret_id = id;
			return &routes[i];
		}
	}
	return NULL;
}

unsigned route_method(const char *method)
{
	for (size_t i = 0; i < COUNT_OF(methods); i++) {
		if (strcmp(methods[i].name, method) == 0) {
			return methods[i].bit;
		}
	}
	return 0;
}

const char *route_allow(struct arena *a, const struct route *route)
{
	struct buffer b;
	buffer_init(&b, a, 64);
	for (size_t i = 0; i < COUNT_OF(methods); i++) {
		if (((route->methods | METHOD_OPTIONS) & methods[i].bit) != 0) {
			buffer_add_text(&b, b.n == 0 ? "" : ", ");
			buffer_add_text(&b, methods[i].name);
		}
	}
	return (const char *) buffer_bytes(&b).p;
}
