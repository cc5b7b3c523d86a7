/* The names of a CSR against those of an order. */
#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

#include "lib/crypto/csr.h"

static bool contains(const struct text_list *list, const char *name)
{
	for (size_t i = 0; i < list->n; i++) {
		if (strcasecmp(list->v[i], name) == 0) {
			return true;
		}
	}
	return false;
}

static bool is_address(const char *text)
{
	uint8_t octets[16];
	return inet_pton(AF_INET, text, octets) == 1 || inet_pton(AF_INET6, text, octets) == 1;
}

/* The first of `names` that is not in `in`, or NULL. */
static const char *first_missing(const struct text_list *names, const struct text_list *in)
{
	for (size_t i = 0; i < names->n; i++) {
		if (!contains(in, names->v[i])) {
			return names->v[i];
		}
	}
	return NULL;
}

/* As first_missing, with the common name of the CSR counted as one of its names when it is of this kind. */
static const char *first_missing_in_csr(const struct csr *csr, const struct text_list *ordered, bool addresses)
{
	const struct text_list *in = addresses ? &csr->ip_addresses : &csr->dns_names;
	for (size_t i = 0; i < ordered->n; i++) {
		bool is_common = csr->common_name != NULL && strcasecmp(csr->common_name, ordered->v[i]) == 0;
		if (!is_common && !contains(in, ordered->v[i])) {
			return ordered->v[i];
		}
	}
	return NULL;
}

static const char *first_too_much(
    const struct csr *csr, const struct text_list *dns_names, const struct text_list *ip_addresses)
{
	const char *name = first_missing(&csr->dns_names, dns_names);
	if (name == NULL) {
		name = first_missing(&csr->ip_addresses, ip_addresses);
	}
	if (name == NULL && csr->common_name != NULL) {
		const struct text_list *in = is_address(csr->common_name) ? ip_addresses : dns_names;
		name = contains(in, csr->common_name) ? NULL : csr->common_name;
	}
	return name;
}

static const char *first_not_asked(
    const struct csr *csr, const struct text_list *dns_names, const struct text_list *ip_addresses)
{
	const char *name = first_missing_in_csr(csr, dns_names, false);
	return name != NULL ? name : first_missing_in_csr(csr, ip_addresses, true);
}

int csr_names_check(
    struct ctx *c, const struct csr *csr, const struct text_list *dns_names, const struct text_list *ip_addresses)
{
	const char *name = first_too_much(csr, dns_names, ip_addresses);
	if (name != NULL) {
		return FAIL(c, BAD_CSR, "The CSR asks for %s, which is not in the order", name);
	}
	name = first_not_asked(csr, dns_names, ip_addresses);
	return name == NULL ? 0 : FAIL(c, BAD_CSR, "The CSR does not ask for %s, which is in the order", name);
}

/* Those of the SAN without repetition, then the common name if it is of this kind and not among them. */
static struct text_list of_kind(struct ctx *c, const struct csr *csr, const struct text_list *san, bool addresses)
{
	struct text_list list = { ARENA_ARRAY(c->arena, san->n + 1, const char *), 0 };
	for (size_t i = 0; i < san->n; i++) {
		if (!contains(&list, san->v[i])) {
			list.v[list.n++] = san->v[i];
		}
	}
	const char *common = csr->common_name;
	if (common != NULL && is_address(common) == addresses && !contains(&list, common)) {
		list.v[list.n++] = common;
	}
	return list;
}

struct text_list csr_names(struct ctx *c, const struct csr *csr)
{
	return of_kind(c, csr, &csr->dns_names, false);
}

struct text_list csr_addresses(struct ctx *c, const struct csr *csr)
{
	return of_kind(c, csr, &csr->ip_addresses, true);
}
