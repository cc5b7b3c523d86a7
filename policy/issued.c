#include "policy/issued.h"

#include <string.h>

#include "lib/crypto/digest.h"
#include "policy/lints.h"

static const struct field issued_field[] = {
	FIELD(struct issued, id, .flags = FIELD_REQUIRED),
	FIELD(struct issued, serial),
	FIELD(struct issued, der),
	FIELD(struct issued, tbs_sha256),
	FIELD(struct issued, spki_sha256),
	FIELD(struct issued, names),
	FIELD(struct issued, profile),
	FIELD(struct issued, not_before),
	FIELD(struct issued, not_after),
	FIELD(struct issued, begun_at),
	FIELD(struct issued, serial_of),
	FIELD(struct issued, order_names),
	FIELD(struct issued, order_profile),
	FIELD(struct issued, asked_from),
	FIELD(struct issued, asked_to),
	FIELD(struct issued, signed_sha256),
	FIELD(struct issued, issuer),
	FIELD(struct issued, issuer_certificate),
	FIELD(struct issued, issuer_chain),
};
const struct fields issued_fields = FIELDS(struct issued, issued_field);

/* A row with what was read of it. */
struct comparison {
	struct arena *a;
	const struct issued *row;
	const struct cert_info *info;
	const struct cert_info *issuer;
};

static bool has_sha256(struct bytes octets, struct bytes expected)
{
	uint8_t digest[SHA256_SIZE];
	sha256_of(octets, digest);
	return bytes_equal((struct bytes) { digest, sizeof(digest) }, expected);
}

static bool octets_differ(const struct comparison *x)
{
	return x->row->tbs_sha256.n > 0 && !has_sha256(x->info->tbs, x->row->tbs_sha256);
}

static bool serial_differs(const struct comparison *x)
{
	return !bytes_equal(x->info->serial, x->row->serial) || !id_equal(x->row->serial_of, x->row->id);
}

static bool key_differs(const struct comparison *x)
{
	return !has_sha256(x->info->spki, x->row->spki_sha256);
}

/* In the order of the certificate: DNS names, then addresses. */
static bool names_differ(const struct comparison *x)
{
	const struct text_list *dns = &x->info->dns_names;
	const struct text_list *ip = &x->info->ip_addresses;
	bool same = x->row->names.n == dns->n + ip->n;
	for (size_t i = 0; same && i < x->row->names.n; i++) {
		same = strcmp(x->row->names.v[i], i < dns->n ? dns->v[i] : ip->v[i - dns->n]) == 0;
	}
	return !same;
}

static bool has_text(const struct text_list *list, const char *text)
{
	for (size_t i = 0; i < list->n; i++) {
		if (strcmp(list->v[i], text) == 0) {
			return true;
		}
	}
	return false;
}

/* As sets: neither has a name twice. */
static bool order_names_differ(const struct comparison *x)
{
	const struct text_list *ordered = &x->row->order_names;
	bool same = ordered->n == x->row->names.n;
	for (size_t i = 0; same && i < ordered->n; i++) {
		same = has_text(&x->row->names, ordered->v[i]);
	}
	return !same;
}

static bool order_differs(const struct comparison *x)
{
	return x->row->order_profile == NULL || x->row->profile == NULL ||
	       strcmp(x->row->order_profile, x->row->profile) != 0;
}

static bool validity_differs(const struct comparison *x)
{
	const struct issued *row = x->row;
	return x->info->not_before.us != row->not_before.us || x->info->not_after.us != row->not_after.us ||
	       (row->asked_from.us != 0 && row->asked_from.us != row->not_before.us) ||
	       (row->asked_to.us != 0 && row->asked_to.us != row->not_after.us);
}

static bool signed_other(const struct comparison *x)
{
	return x->row->signed_sha256 == NULL || strcmp(x->row->signed_sha256, cert_fingerprint(x->a, x->row->der)) != 0;
}

static bool issuer_differs(const struct comparison *x)
{
	return !bytes_equal(x->info->issuer, x->issuer->subject) ||
	       !bytes_equal(x->info->authority_key_id, x->issuer->subject_key_id);
}

static const struct {
	const char *sentence;
	bool (*differs)(const struct comparison *x);
} comparisons[] = {
	{ "its octets are not those that were fixed to be signed", octets_differ },
	{ "its serial is another one than was taken for it", serial_differs },
	{ "its key is another one", key_differs },
	{ "its names are others than on record", names_differ },
	{ "its names are not those of the order", order_names_differ },
	{ "no order of its profile has it", order_differs },
	{ "its validity is another one, or not the one ordered", validity_differs },
	{ "the record of its signature is missing, or of another certificate", signed_other },
	{ "it names another issuer", issuer_differs },
};

static int verify(struct ctx *c, const struct comparison *x)
{
	EVP_PKEY *key = NULL;
	TRY(key_of_spki(c, x->issuer->spki, &key));
	return cert_verify_signature(c, x->info, key);
}

static int lint(struct ctx *c, const struct comparison *x, enum policy_mode mode)
{
	struct bytes_list chain;
	struct name_constraints_list constraints;
	TRY(cert_chain_of_pem(c, bytes_of_text(x->row->issuer_chain), &chain));
	TRY(name_constraints_read(c, c->arena, &chain, &constraints));
	const struct lint_options options = {
		.mode = mode,
		.now = x->row->begun_at,
		.issuer = x->issuer,
		.constraints = &constraints,
		.ocsp_url = x->info->ocsp_url, /* what it was then, nobody knows any more */
	};
	return lint_certificate(c, CERT_LEAF, x->info->tbs, &options);
}

static const char *joined(struct arena *a, const char *before, const char *more)
{
	return before == NULL ? more : arena_printf(a, "%s; %s", before, more);
}

/* Why the last call failed, which is then forgotten. */
static const char *why(struct ctx *c)
{
	const char *text = arena_text(c->arena, c->err.cause == NULL ? c->err.detail : c->err.cause);
	ctx_forgive(c);
	return text;
}

const char *issued_differs(struct ctx *c, const struct issued *row, enum policy_mode mode)
{
	struct cert_info info;
	struct cert_info issuer;
	const char *found = NULL;
	if (row->der.n == 0) {
		return "it was signed, and is not on record itself";
	}
	if (cert_parse(c, row->der, &info) != 0) {
		return why(c);
	}
	if (row->issuer_certificate.n == 0 || row->issuer_chain == NULL ||
	    cert_parse(c, row->issuer_certificate, &issuer) != 0) {
		ctx_forgive(c);
		return "its issuer is not on record";
	}
	const struct comparison x = { c->arena, row, &info, &issuer };
	for (size_t i = 0; i < COUNT_OF(comparisons); i++) {
		if (comparisons[i].differs(&x)) {
			found = joined(c->arena, found, comparisons[i].sentence);
		}
	}
	if (verify(c, &x) != 0) {
		found = joined(c->arena, found, why(c));
	}
	return lint(c, &x, mode) == 0 ? found : joined(c->arena, found, why(c));
}
