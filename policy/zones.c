#include "policy/zones.h"

#include <stdio.h>
#include <string.h>

#include "policy/dns_name.h"

#define WEBPKI_LABELS_MAX 10

/* IANA's registry of special-use domain names. The first row that has the name counts. Names like example.com are not in
 * it: they are in the public DNS, and their owner can be asked. */
static const struct {
	const char *domain;
	const char *source;
	enum rule rule;
	bool never; /* else: in private mode the operator may let them */
} special[] = {
	{ "invalid", "RFC 6761", RULE_NAME_NOWHERE, true },
	{ "alt", "RFC 9476", RULE_NAME_NOWHERE, true }, /* never in the DNS */
	{ "onion", "RFC 7686", RULE_NAME_ONION, true }, /* but for policy/names.c, where they can be validated (B-36) */
	{ "home.arpa", "RFC 8375", RULE_NAME_RESERVED, false },
	{ "arpa", "RFC 3172", RULE_NAME_REVERSE_ZONE, false },
	{ "example", "RFC 6761", RULE_NAME_RESERVED, false },
	{ "internal", "ICANN resolution 2024.07.29.06", RULE_NAME_RESERVED, false },
	{ "local", "RFC 6762", RULE_NAME_RESERVED, false },
	{ "localhost", "RFC 6761", RULE_NAME_RESERVED, false },
	{ "test", "RFC 6761", RULE_NAME_RESERVED, false },
};

static void free_suffixes(void *psl)
{
	psl_free(psl);
}

/* libpsl takes any lines for rules: what is not the list, or only its beginning, must not pass for it. */
static bool is_whole(const psl_ctx_t *psl, struct bytes text)
{
	static const char *const marks[] = { "===BEGIN ICANN DOMAINS===", "===END ICANN DOMAINS===",
		"===BEGIN PRIVATE DOMAINS===", "===END PRIVATE DOMAINS===" };
	for (size_t i = 0; i < COUNT_OF(marks); i++) {
		if (memmem(text.p, text.n, marks[i], strlen(marks[i])) == NULL) {
			return false;
		}
	}
	return psl_suffix_count(psl) > 1000 && zones_is_public_suffix(psl, "com");
}

int zones_suffixes_parse(struct ctx *c, struct arena *a, const char *name, struct bytes text, const psl_ctx_t **ret)
{
	/* only read: the mode says so */
	FILE *f = text.n == 0 ? NULL : fmemopen((void *) (uintptr_t) text.p, text.n, "r");
	psl_ctx_t *psl = f == NULL ? NULL : psl_load_fp(f);
	if (f != NULL) {
		(void) fclose(f);
	}
	if (psl == NULL || !is_whole(psl, text)) {
		psl_free(psl);
		return FAIL(c, MALFORMED, "%s: is not the whole public suffix list as publicsuffix.org has it", name);
	}
	arena_on_free(a, free_suffixes, psl);
	*ret = psl;
	return 0;
}

/* C-7: the ICANN part alone. */
bool zones_is_public_suffix(const psl_ctx_t *psl, const char *name)
{
	return psl_is_public_suffix2(psl, name, PSL_TYPE_ICANN | PSL_TYPE_NO_STAR_RULE) == 1;
}

/* The last label is a top-level domain of the public DNS: it stands in the list, or names below it do (*.ck). */
static bool has_public_tld(const psl_ctx_t *psl, const char *name)
{
	const char *dot = strrchr(name, '.');
	const char *tld = dot == NULL ? name : dot + 1;
	char below[DNS_NAME_MAX + 3];
	(void) snprintf(below, sizeof(below), "x.%s", tld);
	return zones_is_public_suffix(psl, tld) || zones_is_public_suffix(psl, below);
}

static size_t count_labels(const char *name)
{
	size_t n = 1;
	for (const char *at = name; *at != '\0'; at++) {
		n += *at == '.' ? 1 : 0;
	}
	return n;
}

/* What the table has of the name; false: nothing. */
static bool look_special(struct arena *a, const char *name, struct zone_view *view)
{
	for (size_t i = 0; i < COUNT_OF(special); i++) {
		if (!dns_name_is_below(name, special[i].domain)) {
			continue;
		}
		struct ruling ruling = ruling_because(
		    a, special[i].rule, "%s (%s, %s)", rule_info(special[i].rule)->text, special[i].domain, special[i].source);
		*view = (struct zone_view) {
			.never = special[i].never ? ruling : ACCEPTED,
			.webpki = ruling,
			.internal = true,
		};
		return true;
	}
	return false;
}

struct zone_view zones_look(struct arena *a, const psl_ctx_t *psl, const char *name)
{
	struct zone_view view = { ACCEPTED, ACCEPTED, false };
	if (look_special(a, name, &view)) {
		return view;
	}
	if (!has_public_tld(psl, name)) {
		view.webpki = ruling_of(RULE_NAME_INTERNAL);
		view.internal = true;
	} else if (zones_is_public_suffix(psl, name)) {
		view.webpki = ruling_of(RULE_NAME_PUBLIC_SUFFIX);
	} else if (count_labels(name) > WEBPKI_LABELS_MAX) {
		view.webpki = ruling_of(RULE_NAME_LABELS);
	}
	return view;
}
