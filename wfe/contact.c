#include "wfe/contact.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/base/base64.h"

#define CONTACT_MAX 320

/* RFC 6068 2: an octet written as %XX must be a character that an address may have as well. */
static bool escapes_are_fine(const char *address)
{
	for (const char *at = strchr(address, '%'); at != NULL; at = strchr(at + 1, '%')) {
		if (!isxdigit((unsigned char) at[1]) || !isxdigit((unsigned char) at[2])) {
			return false;
		}
		const char digits[] = { at[1], at[2], '\0' };
		if (!isgraph((int) strtoul(digits, NULL, 16)) || strcasecmp(digits, "2c") == 0) {
			return false;
		}
	}
	return true;
}

/* One address without header fields: RFC 8555 7.3 refuses `hfields` and more than one `addr-spec`. */
static const char *mailto_refusal(const char *address)
{
	size_t n = strlen(address);
	const char *at = strchr(address, '@');
	for (size_t i = 0; i < n; i++) {
		if (!isgraph((unsigned char) address[i])) {
			return "holds a character that is not allowed";
		}
	}
	if (n > CONTACT_MAX) {
		return "is too long";
	}
	if (!escapes_are_fine(address) || strpbrk(address, "<>\"#") != NULL) {
		return "holds a character that is not allowed";
	}
	if (strpbrk(address, "?,") != NULL) {
		return "must be one address without header fields";
	}
	if (at == NULL || at == address || at[1] == '\0' || strchr(at + 1, '@') != NULL) {
		return "is not an e-mail address";
	}
	return NULL;
}

int contacts_check(struct ctx *c, const struct text_list *contacts)
{
	static const char scheme[] = "mailto:";
	if (contacts->n > CONTACTS_MAX) {
		return FAIL(c, INVALID_CONTACT, "There are more than %d contacts", CONTACTS_MAX);
	}
	for (size_t i = 0; i < contacts->n; i++) {
		if (strncasecmp(contacts->v[i], scheme, sizeof(scheme) - 1) != 0) {
			return FAIL(c, UNSUPPORTED_CONTACT, "Contact %zu is not a mailto: URL", i + 1);
		}
		const char *why = mailto_refusal(contacts->v[i] + sizeof(scheme) - 1);
		if (why != NULL) {
			return FAIL(c, INVALID_CONTACT, "Contact %zu %s", i + 1, why);
		}
	}
	return 0;
}

static bool is_flag(const json_t *value)
{
	return json_is_boolean(value);
}

static bool is_status(const json_t *value)
{
	const char *text = json_string_value(value);
	return text != NULL &&
	       (strcmp(text, "deactivated") == 0 || strcmp(text, "valid") == 0 || strcmp(text, "revoked") == 0);
}

/* What an account payload may say and be kept. */
static const struct {
	const char *name;
	bool (*is_harmless)(const json_t *value);
} known_members[] = {
	{ "termsOfServiceAgreed", is_flag },
	{ "onlyReturnExisting", is_flag },
	{ "status", is_status },
};

static bool is_known(const char *name, const json_t *value)
{
	for (size_t i = 0; i < COUNT_OF(known_members); i++) {
		if (strcmp(known_members[i].name, name) == 0) {
			return known_members[i].is_harmless(value);
		}
	}
	return false;
}

/* All members of the object are among the n names. */
static bool has_only(const json_t *object, const char *const *names, size_t n)
{
	size_t known = 0;
	for (size_t i = 0; i < n; i++) {
		known += json_object_get(object, names[i]) != NULL ? 1 : 0;
	}
	return known == json_object_size(object);
}

/* The protected header holds nothing but what RFC 8555 6.2 names, and its key nothing but the key. */
static bool header_is_plain(struct arena *a, struct bytes body)
{
	static const char *const plain[] = { "alg", "jwk", "kid", "nonce", "url" };
	static const char *const plain_key[] = { "crv", "e", "kty", "n", "x", "y" };
	struct ctx scratch = { .arena = a };
	json_t *object = NULL;
	json_t *header = NULL;
	struct bytes text;
	if (json_parse(&scratch, body, &object) != 0) {
		return false;
	}
	const json_t *encoded = json_object_get(object, "protected");
	if (base64url_decode(a,
	        (struct bytes) { (const uint8_t *) json_string_value(encoded), json_string_length(encoded) }, &text) != 0 ||
	    json_parse(&scratch, text, &header) != 0) {
		return false;
	}
	return has_only(header, plain, COUNT_OF(plain)) &&
	       has_only(json_object_get(header, "jwk"), plain_key, COUNT_OF(plain_key));
}

static bool all_known(json_t *payload)
{
	const char *name = NULL;
	json_t *value = NULL;
	json_object_foreach(payload, name, value)
	{
		if (!is_known(name, value)) {
			return false;
		}
	}
	return json_is_object(payload);
}

/* "contact" of accounts, "contacts" of the extension. */
static bool has_contact(json_t *payload)
{
	static const char contact[] = "contact";
	const char *name = NULL;
	json_t *value = NULL;
	json_object_foreach(payload, name, value)
	{
		if (strncasecmp(name, contact, sizeof(contact) - 1) == 0) {
			return true;
		}
	}
	return false;
}

bool contact_free(struct arena *a, const struct route *route, const struct jws *jws, struct bytes body)
{
	struct ctx scratch = { .arena = a };
	json_t *payload = NULL;
	if (body.n == 0) {
		return true;
	}
	if (jws == NULL || route == NULL) {
		return route != NULL && !route->may_hold_contact;
	}
	if (jws->payload.n > 0 && json_parse(&scratch, jws->payload, &payload) != 0) {
		return !route->may_hold_contact;
	}
	if (route->may_hold_contact) {
		return (jws->payload.n == 0 || all_known(payload)) && header_is_plain(a, body);
	}
	return payload == NULL || !has_contact(payload);
}
