#include "policy/dns_name.h"

#include <arpa/inet.h>
#include <string.h>

#include <idn2.h>

static bool is_digit(char ch)
{
	return ch >= '0' && ch <= '9';
}

static bool is_ldh(char ch)
{
	return is_digit(ch) || (ch >= 'a' && ch <= 'z') || ch == '-';
}

static bool is_ascii(const char *text)
{
	for (size_t i = 0; text[i] != '\0'; i++) {
		if ((unsigned char) text[i] >= 0x80) {
			return false;
		}
	}
	return true;
}

static bool is_address(const char *name)
{
	uint8_t octets[16];
	return name[0] == '[' || inet_pton(AF_INET, name, octets) == 1 || inet_pton(AF_INET6, name, octets) == 1;
}

/* the name is given back as it has to be ordered, where there is such a form. */
static struct ruling not_ascii(struct arena *a, const char *name)
{
	char *ascii = NULL;
	bool known = strlen(name) <= (size_t) 4 * DNS_NAME_MAX &&
	             idn2_to_ascii_8z(name, &ascii, IDN2_NONTRANSITIONAL | IDN2_NFC_INPUT) == IDN2_OK;
	struct ruling ruling =
	    known ? ruling_because(a, RULE_NAME_UNICODE, "%s: order \"%s\"", rule_info(RULE_NAME_UNICODE)->text, ascii)
	          : ruling_of(RULE_NAME_UNICODE);
	idn2_free(ascii);
	return ruling;
}

/* RFC 5890 2.3.2.1: an A-label is what its U-label, which IDNA2008 allows, is encoded to. */
static enum rule a_label_rule(const char *label, size_t n)
{
	char text[DNS_LABEL_MAX + 1] = { 0 };
	memcpy(text, label, n);
	char *u_label = NULL;
	uint8_t *again = NULL;
	enum rule rule = RULE_NONE;
	if (idn2_to_unicode_8z8z(text, &u_label, 0) != IDN2_OK || strcmp(u_label, text) == 0) {
		rule = RULE_NAME_FAKE_A_LABEL;
	} else if (idn2_lookup_u8((const uint8_t *) u_label, &again, IDN2_NO_TR46) != IDN2_OK ||
	           strcmp((const char *) again, text) != 0) {
		rule = RULE_NAME_IDNA;
	}
	idn2_free(u_label);
	idn2_free(again);
	return rule;
}

static enum rule label_rule(const char *label, size_t n)
{
	if (n == 0) {
		return RULE_NAME_EMPTY_LABEL;
	}
	if (n > DNS_LABEL_MAX) {
		return RULE_NAME_LABEL_LENGTH;
	}
	if (label[0] == '-' || label[n - 1] == '-') {
		return RULE_NAME_HYPHEN;
	}
	if (n < 4 || label[2] != '-' || label[3] != '-') {
		return RULE_NONE;
	}
	return strncmp(label, "xn", 2) == 0 ? a_label_rule(label, n) : RULE_NAME_RESERVED_LDH;
}

static struct ruling characters(struct arena *a, const char *name)
{
	for (size_t i = 0; name[i] != '\0'; i++) {
		if (name[i] == '_') {
			return ruling_of(RULE_NAME_UNDERSCORE);
		}
		if (name[i] != '.' && !is_ldh(name[i])) {
			return name[i] > ' ' && name[i] < 0x7f ? ruling_because(a, RULE_NAME_CHARACTER, "\"%c\" stands in it; %s",
			                                             name[i], rule_info(RULE_NAME_CHARACTER)->text)
			                                       : ruling_of(RULE_NAME_CHARACTER);
		}
	}
	return ACCEPTED;
}

/* Each label by itself; the name has something in it. */
static enum rule labels_rule(const char *name)
{
	if (name[strlen(name) - 1] == '.') {
		return RULE_NAME_TRAILING_DOT;
	}
	const char *label = name;
	for (;;) {
		size_t n = strcspn(label, ".");
		enum rule rule = label_rule(label, n);
		if (rule != RULE_NONE) {
			return rule;
		}
		if (label[n] == '\0') {
			break;
		}
		label += n + 1;
	}
	return strspn(label, "0123456789") == strlen(label) ? RULE_NAME_NUMERIC_TLD : RULE_NONE;
}

struct ruling dns_name_form(struct arena *a, const char *name)
{
	if (name[0] == '\0') {
		return ruling_of(RULE_NAME_EMPTY);
	}
	if (!is_ascii(name)) {
		return not_ascii(a, name);
	}
	if (is_address(name)) {
		return ruling_of(RULE_NAME_ADDRESS);
	}
	if (strlen(name) > DNS_NAME_MAX) {
		return ruling_of(RULE_NAME_LENGTH);
	}
	struct ruling ruling = characters(a, name);
	if (ruling.rule != RULE_NONE) {
		return ruling;
	}
	enum rule rule = labels_rule(name);
	return rule == RULE_NONE ? ACCEPTED : ruling_of(rule);
}

const char *dns_name_lower(struct arena *a, const char *name)
{
	char *copy = arena_alloc(a, strlen(name) + 1);
	for (size_t i = 0; name[i] != '\0'; i++) {
		copy[i] = name[i] >= 'A' && name[i] <= 'Z' ? (char) (name[i] + 32) : name[i];
	}
	return copy;
}

bool dns_name_is_below(const char *name, const char *domain)
{
	size_t n = strlen(name);
	size_t d = strlen(domain);
	return n >= d && strcmp(name + n - d, domain) == 0 && (n == d || name[n - d - 1] == '.');
}

bool dns_name_is_below_any(const char *name, const struct text_list *domains)
{
	for (size_t i = 0; i < domains->n; i++) {
		if (dns_name_is_below(name, domains->v[i])) {
			return true;
		}
	}
	return false;
}
