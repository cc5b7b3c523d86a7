#include "lib/base/contact.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/base/die.h"

#define ADDRESS_MAX 254 /* RFC 5321 4.5.3.1.3: a path of 256 octets with its brackets */
#define LOCAL_MAX 64    /* RFC 5321 4.5.3.1.1 */
#define LABEL_MAX 63
#define E164_MIN 7 /* shorter ones are of no use from abroad */
#define E164_MAX 15

/* RFC 6068 2: %XX in the place of an octet. NULL when an escape is none, or stands for what is no visible ASCII character. */
static char *unescape(struct arena *a, const char *text)
{
	char *to = arena_alloc(a, strlen(text) + 1);
	size_t n = 0;
	for (const char *at = text; *at != '\0'; at++) {
		unsigned char one = (unsigned char) *at;
		if (one == '%') {
			const char digits[] = { at[1], at[1] == '\0' ? '\0' : at[2], '\0' };
			if (!isxdigit((unsigned char) digits[0]) || !isxdigit((unsigned char) digits[1])) {
				return NULL;
			}
			one = (unsigned char) strtoul(digits, NULL, 16);
			at += 2;
		}
		if (one <= ' ' || one > '~') {
			return NULL;
		}
		to[n++] = (char) tolower(one);
	}
	return to;
}

/* RFC 5321 4.1.2, Dot-string: atoms with dots between them; quoted strings, which nobody has, are refused. */
static bool is_local(const char *text, size_t n)
{
	static const char atom[] = "abcdefghijklmnopqrstuvwxyz0123456789!#$%&'*+-/=?^_`{|}~";
	if (n == 0 || n > LOCAL_MAX || text[0] == '.' || text[n - 1] == '.') {
		return false;
	}
	for (size_t i = 0; i < n; i++) {
		bool dot = text[i] == '.';
		if (dot ? text[i - 1] == '.' : strchr(atom, text[i]) == NULL) {
			return false;
		}
	}
	return true;
}

static bool is_label(const char *text, size_t n)
{
	return n > 0 && n <= LABEL_MAX && text[0] != '-' && text[n - 1] != '-' &&
	       strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-") >= n;
}

/* Two labels at least, the last one no number: an address literal is no way to reach somebody years later. */
static bool is_domain(const char *text)
{
	size_t labels = 0;
	const char *last = text;
	for (const char *at = text;; at++) {
		size_t n = strcspn(at, ".");
		if (!is_label(at, n)) {
			return false;
		}
		labels++;
		last = at;
		at += n;
		if (*at == '\0') {
			return labels >= 2 && strspn(last, "0123456789") < n;
		}
	}
}

static const char *mailto_refusal(struct arena *a, const char *rest, const char **ret)
{
	if (strpbrk(rest, "?,") != NULL) {
		return "must be one address without header fields";
	}
	const char *address = unescape(a, rest);
	if (address == NULL) {
		return "holds a character that is not allowed";
	}
	const char *at = strchr(address, '@');
	if (strlen(address) > ADDRESS_MAX) {
		return "is too long";
	}
	if (at == NULL || !is_local(address, (size_t) (at - address)) || !is_domain(at + 1)) {
		return "is not an e-mail address";
	}
	*ret = arena_printf(a, "mailto:%s", address);
	return NULL;
}

/* RFC 3966 3: a global number; what a person writes between the digits is dropped, extensions and parameters are refused. */
static const char *tel_refusal(struct arena *a, const char *rest, const char **ret)
{
	char digits[E164_MAX + 1] = { 0 };
	size_t n = 0;
	if (rest[0] != '+') {
		return "must begin with + and the code of its country";
	}
	for (const char *at = rest + 1; *at != '\0'; at++) {
		if (strchr("-.()", *at) != NULL) {
			continue;
		}
		if (*at < '0' || *at > '9' || n == E164_MAX) {
			return "is not a telephone number of at most 15 digits";
		}
		digits[n++] = *at;
	}
	if (n < E164_MIN || digits[0] == '0') {
		return "is not an international telephone number";
	}
	*ret = arena_printf(a, "tel:+%s", digits);
	return NULL;
}

static const struct {
	const char *scheme;
	const char *(*refusal)(struct arena *a, const char *rest, const char **ret);
} schemes[] = {
	{ "mailto:", mailto_refusal },
	{ "tel:", tel_refusal },
};

int contact_parse(struct ctx *c, const char *url, size_t number, const char **ret)
{
	for (size_t i = 0; i < COUNT_OF(schemes); i++) {
		size_t n = strlen(schemes[i].scheme);
		if (strncasecmp(url, schemes[i].scheme, n) == 0) {
			const char *why = schemes[i].refusal(c->arena, url + n, ret);
			return why == NULL ? 0 : FAIL(c, INVALID_CONTACT, "Contact %zu %s", number, why);
		}
	}
	return FAIL(c, UNSUPPORTED_CONTACT, "Contact %zu is neither a mailto: nor a tel: URL", number);
}

static bool has(const struct text_list *list, const char *text)
{
	for (size_t i = 0; i < list->n; i++) {
		if (strcmp(list->v[i], text) == 0) {
			return true;
		}
	}
	return false;
}

int contacts_parse(struct ctx *c, const struct text_list *urls, struct text_list *ret)
{
	if (urls->n > CONTACTS_MAX) {
		return FAIL(c, INVALID_CONTACT, "There are more than %d contacts", CONTACTS_MAX);
	}
	struct text_list found = { ARENA_ARRAY(c->arena, urls->n + 1, const char *), 0 };
	for (size_t i = 0; i < urls->n; i++) {
		const char *one = NULL;
		TRY(contact_parse(c, urls->v[i], i + 1, &one));
		if (!has(&found, one)) {
			found.v[found.n++] = one;
		}
	}
	*ret = found;
	return 0;
}

static const struct field packed_contacts_field[] = {
	FIELD(struct packed_contacts, account, .flags = FIELD_REQUIRED),
	FIELD(struct packed_contacts, contacts, .flags = FIELD_REQUIRED, .min = 1, .max = CONTACTS_MAX),
	FIELD(struct packed_contacts, given_at, .flags = FIELD_REQUIRED),
};
static const struct fields packed_contacts_fields = FIELDS(struct packed_contacts, packed_contacts_field);

struct bytes contacts_pack(struct arena *a, const struct packed_contacts *contacts)
{
	struct bytes line = fields_to_json(a, &packed_contacts_fields, contacts);
	if (line.n > CONTACTS_PACKED_OCTETS) {
		die("contacts are longer than contacts_parse lets them be");
	}
	char *packed = arena_alloc(a, CONTACTS_PACKED_OCTETS);
	memset(packed, ' ', CONTACTS_PACKED_OCTETS);
	memcpy(packed, line.p, line.n);
	return (struct bytes) { (const uint8_t *) packed, CONTACTS_PACKED_OCTETS };
}

int contacts_unpack(struct ctx *c, struct bytes packed, struct id account, struct packed_contacts *ret)
{
	struct packed_contacts found;
	TRY(fields_parse_json(c, &packed_contacts_fields, packed, &found));
	if (!id_equal(found.account, account)) {
		return FAIL(c, CONFLICT, "The recovery contacts are those of another account");
	}
	*ret = found;
	return 0;
}
