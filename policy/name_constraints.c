#include "policy/name_constraints.h"

#include <string.h>

#include "lib/crypto/auto_openssl.h"
#include "policy/dns_name.h"

static int unreadable(struct ctx *c)
{
	return FAIL(c, MALFORMED, "the name constraints of an issuer are broken, or of a form that is not understood");
}

static int add_name(struct ctx *c, struct arena *a, const ASN1_STRING *value, struct text_list *to)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789-_.";
	size_t n = (size_t) ASN1_STRING_length(value);
	const char *text = dns_name_lower(a, arena_text_n(a, (const char *) ASN1_STRING_get0_data(value), n));
	if (strspn(text, allowed) != n) {
		return unreadable(c);
	}
	to->v[to->n++] = text;
	return 0;
}

/* The leading ones of a mask; -1 when there are others behind them. */
static int mask_bits(const uint8_t *mask, size_t n)
{
	unsigned bits = 0;
	while (bits < n * 8 && (mask[bits / 8] >> (7 - bits % 8) & 1) != 0) {
		bits++;
	}
	for (unsigned i = bits; i < n * 8; i++) {
		if ((mask[i / 8] >> (7 - i % 8) & 1) != 0) {
			return -1;
		}
	}
	return (int) bits;
}

/* An address and a mask of the same length. */
static int add_network(struct ctx *c, const ASN1_STRING *value, struct network_list *to)
{
	size_t half = (size_t) ASN1_STRING_length(value) / 2;
	const uint8_t *octets = ASN1_STRING_get0_data(value);
	struct network net;
	if (ASN1_STRING_length(value) % 2 != 0 || ip_of_bytes((struct bytes) { octets, half }, &net.first) != 0 ||
	    mask_bits(octets + half, half) < 0) {
		return unreadable(c);
	}
	net.bits = (unsigned) mask_bits(octets + half, half);
	to->v[to->n++] = net;
	return 0;
}

/* Kinds of names that stand in no certificate of ours are passed over. */
static int add_tree(struct ctx *c, struct arena *a, const GENERAL_SUBTREE *tree, struct name_subtrees *to)
{
	if (tree->maximum != NULL || (tree->minimum != NULL && ASN1_INTEGER_get(tree->minimum) != 0)) {
		return unreadable(c);
	}
	if (tree->base->type == GEN_DNS) {
		return add_name(c, a, tree->base->d.dNSName, &to->dns);
	}
	if (tree->base->type == GEN_IPADD) {
		return add_network(c, tree->base->d.iPAddress, &to->ip);
	}
	return tree->base->type != GEN_DIRNAME
	           ? 0
	           : FAIL(c, MALFORMED,
	                 "the name constraints of an issuer limit the names of directories, which "
	                 "this CA does not weigh");
}

static int read_trees(
    struct ctx *c, struct arena *a, const STACK_OF(GENERAL_SUBTREE) * trees, struct name_subtrees *ret)
{
	int n = trees == NULL ? 0 : sk_GENERAL_SUBTREE_num(trees);
	ret->dns = (struct text_list) { ARENA_ARRAY(a, (size_t) n, const char *), 0 };
	ret->ip = (struct network_list) { ARENA_ARRAY(a, (size_t) n, struct network), 0 };
	for (int i = 0; i < n; i++) {
		TRY(add_tree(c, a, sk_GENERAL_SUBTREE_value(trees, i), ret));
	}
	return 0;
}

static int read_one(struct ctx *c, struct arena *a, struct bytes der, struct name_constraints_list *list)
{
	const uint8_t *at = der.p;
	int critical = 0;
	AUTO(X509) cert = d2i_X509(NULL, &at, (long) der.n);
	AUTO(NAME_CONSTRAINTS)
	found = cert == NULL ? NULL : X509_get_ext_d2i(cert, NID_name_constraints, &critical, NULL);
	if (found == NULL) {
		return cert != NULL && critical == -1 ? 0 : unreadable(c);
	}
	struct name_constraints *one = &list->v[list->n++];
	TRY(read_trees(c, a, found->permittedSubtrees, &one->permitted));
	return read_trees(c, a, found->excludedSubtrees, &one->excluded);
}

int name_constraints_read(
    struct ctx *c, struct arena *a, const struct bytes_list *certificates, struct name_constraints_list *ret)
{
	struct name_constraints_list list = { ARENA_ARRAY(a, certificates->n, struct name_constraints), 0 };
	for (size_t i = 0; i < certificates->n; i++) {
		TRY(read_one(c, a, certificates->v[i], &list));
	}
	*ret = list;
	return 0;
}

static bool tree_has(const char *tree, const char *name)
{
	size_t t = strlen(tree);
	size_t n = strlen(name);
	if (t > n || strcmp(name + n - t, tree) != 0) {
		return false;
	}
	return t == 0 || (tree[0] == '.' ? n > t : n == t || name[n - t - 1] == '.');
}

static bool any_has(const struct text_list *trees, const char *name)
{
	for (size_t i = 0; i < trees->n; i++) {
		if (tree_has(trees->v[i], name)) {
			return true;
		}
	}
	return false;
}

/* A wildcard stands for each name one label below its base, so that a tree there is touched as well. */
static bool any_is_covered(const struct text_list *trees, const char *name)
{
	for (size_t i = 0; i < trees->n && strncmp(name, "*.", 2) == 0; i++) {
		const char *tree = trees->v[i] + (trees->v[i][0] == '.' ? 1 : 0);
		const char *parent = strchr(tree, '.');
		if (parent != NULL && strcmp(parent, name + 1) == 0) {
			return true;
		}
	}
	return false;
}

bool name_constraints_allow_name(const struct name_constraints_list *list, const char *name)
{
	for (size_t i = 0; i < list->n; i++) {
		const struct name_constraints *one = &list->v[i];
		bool permitted = one->permitted.dns.n == 0 || any_has(&one->permitted.dns, name);
		if (!permitted || any_has(&one->excluded.dns, name) || any_is_covered(&one->excluded.dns, name)) {
			return false;
		}
	}
	return true;
}

bool name_constraints_allow_address(const struct name_constraints_list *list, const struct ip *ip)
{
	for (size_t i = 0; i < list->n; i++) {
		const struct name_constraints *one = &list->v[i];
		bool permitted = one->permitted.ip.n == 0 || networks_have(&one->permitted.ip, ip);
		if (!permitted || networks_have(&one->excluded.ip, ip)) {
			return false;
		}
	}
	return true;
}
