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

#define DEPTH_MAX 16

static bool looks_like_contact(const char *text)
{
	return strcasestr(text, "mailto:") != NULL || strncasecmp(text, "tel:", 4) == 0;
}

/* No member's name has "contact" in it, as those of accounts and of the extension do, and no value is the URL of one, at any depth. */
static bool is_free(json_t *value, int depth)
{
	const char *name = NULL;
	json_t *one = NULL;
	size_t i = 0;
	if (depth > DEPTH_MAX || (json_is_string(value) && looks_like_contact(json_string_value(value)))) {
		return false;
	}
	json_object_foreach(value, name, one)
	{
		if (strcasestr(name, "contact") != NULL || !is_free(one, depth + 1)) {
			return false;
		}
	}
	json_array_foreach(value, i, one)
	{
		if (!is_free(one, depth + 1)) {
			return false;
		}
	}
	return true;
}

/* A JWS that has more than it needs. */
static bool envelope_is_free(struct arena *a, struct bytes body)
{
	struct ctx scratch = { .arena = a };
	json_t *object = NULL;
	json_t *header = NULL;
	struct bytes text;
	if (json_parse(&scratch, body, &object) != 0) {
		return false;
	}
	const json_t *encoded = json_object_get(object, "protected");
	return base64url_decode(a,
	           (struct bytes) { (const uint8_t *) json_string_value(encoded), json_string_length(encoded) },
	           &text) == 0 &&
	       json_parse(&scratch, text, &header) == 0 && is_free(object, 0) && is_free(header, 0);
}

bool contact_free_url(const char *url)
{
	const char *query = strchr(url, '?');
	return strpbrk(url, "@%") == NULL && !looks_like_contact(url) &&
	       (query == NULL || strcasestr(query, "contact") == NULL);
}

bool contact_free(struct arena *a, const struct route *route, const struct jws *jws, struct bytes body)
{
	struct ctx scratch = { .arena = a };
	json_t *payload = NULL;
	if (body.n == 0) {
		return true;
	}
	if (jws == NULL || route == NULL || !contact_free_url(jws->url) ||
	    (jws->kid != NULL && !contact_free_url(jws->kid))) {
		return false;
	}
	if (jws->payload.n > 0 && (json_parse(&scratch, jws->payload, &payload) != 0 || !json_is_object(payload))) {
		return false;
	}
	if (route->may_hold_contact) {
		return jws->plain && (payload == NULL || all_known(payload));
	}
	return (jws->plain || envelope_is_free(a, body)) && (payload == NULL || is_free(payload, 0));
}
