#include "policy/issued.h"

#include <string.h>

#include "lib/crypto/digest.h"
#include "lib/ct/precert.h"
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
	FIELD(struct issued, precertificate),
	FIELD(struct issued, promised_sha256),
	FIELD(struct issued, crl_url),
};
const struct fields issued_fields = FIELDS(struct issued, issued_field);

/* A row with what was read of it: of the certificate, or of its precertificate. */
struct comparison {
	struct arena *a;
	const struct issued *row;
	const struct cert_info *info;
	const struct cert_info *issuer;
	const char *told_sha256; /* what the record of its signature says */
	enum cert_kind kind;
	struct bytes promise; /* LEAF: the TBSCertificate of its precertificate; empty: none is on record */
};

static bool has_sha256(struct bytes octets, struct bytes expected)
{
	uint8_t digest[SHA256_SIZE];
	sha256_of(octets, digest);
	return bytes_equal((struct bytes) { digest, sizeof(digest) }, expected);
}

/* Those of a precertificate were fixed too, and are kept by itself alone. */
static bool octets_differ(const struct comparison *x)
{
	return x->kind == CERT_LEAF && x->row->tbs_sha256.n > 0 && !has_sha256(x->info->tbs, x->row->tbs_sha256);
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
	return x->told_sha256 == NULL || strcmp(x->told_sha256, cert_fingerprint(x->a, x->info->der)) != 0;
}

static bool issuer_differs(const struct comparison *x)
{
	return !bytes_equal(x->info->issuer, x->issuer->subject) ||
	       !bytes_equal(x->info->authority_key_id, x->issuer->subject_key_id);
}

/* Revoked, it would be listed where nobody looks. */
static bool crl_differs(const struct comparison *x)
{
	return x->info->crl_url != NULL && (x->row->crl_url == NULL || strcmp(x->info->crl_url, x->row->crl_url) != 0);
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
	{ "no order of its account and profile has it", order_differs },
	{ "its validity is another one, or not the one ordered", validity_differs },
	{ "the record of its signature is missing, or of another certificate", signed_other },
	{ "it names another issuer", issuer_differs },
	{ "it names another CRL than the one on record", crl_differs },
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
		.precertificate = x->promise,
		.ocsp_url = x->info->ocsp_url, /* what it was then, nobody knows any more */
	};
	return lint_certificate(c, x->kind, x->info->tbs, &options);
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

/* All that is compared of one of the two. */
static const char *compare(struct ctx *c, const struct comparison *x, enum policy_mode mode)
{
	const char *found = NULL;
	for (size_t i = 0; i < COUNT_OF(comparisons); i++) {
		if (comparisons[i].differs(x)) {
			found = joined(c->arena, found, comparisons[i].sentence);
		}
	}
	if (verify(c, x) != 0) {
		found = joined(c->arena, found, why(c));
	}
	return lint(c, x, mode) == 0 ? found : joined(c->arena, found, why(c));
}

/* Whose SCTs stand in it, if any do, was promised. */
static bool has_scts(struct ctx *c, struct bytes tbs)
{
	struct precert_parts parts;
	bool has = precert_split(c, tbs, &parts) == 0 && parts.sct_list.n > 0;
	ctx_forgive(c); /* what it can't be read for, the lints say */
	return has;
}

/* What both are compared with. */
struct sources {
	const struct issued *row;
	struct cert_info issuer;
	enum policy_mode mode;
};

/* ret_tbs: of the precertificate, empty when there is none. */
static const char *compare_promise(struct ctx *c, const struct sources *from, struct bytes *ret_tbs)
{
	const struct issued *row = from->row;
	struct cert_info info;
	*ret_tbs = (struct bytes) { NULL, 0 };
	if (row->precertificate.n == 0) {
		return row->promised_sha256 == NULL ? NULL : "its precertificate was signed, and is not on record itself";
	}
	if (cert_parse(c, row->precertificate, &info) != 0) {
		return arena_printf(c->arena, "its precertificate: %s", why(c));
	}
	*ret_tbs = info.tbs;
	const struct comparison x = { c->arena, row, &info, &from->issuer, row->promised_sha256, CERT_PRECERTIFICATE,
		{ NULL, 0 } };
	const char *found = compare(c, &x, from->mode);
	return found == NULL ? NULL : arena_printf(c->arena, "its precertificate: %s", found);
}

static const char *compare_certificate(struct ctx *c, const struct sources *from, struct bytes promise)
{
	const struct issued *row = from->row;
	struct cert_info info;
	if (row->der.n == 0) {
		return row->signed_sha256 == NULL ? NULL : "it was signed, and is not on record itself";
	}
	if (cert_parse(c, row->der, &info) != 0) {
		return why(c);
	}
	const struct comparison x = { c->arena, row, &info, &from->issuer, row->signed_sha256, CERT_LEAF, promise };
	const char *found = compare(c, &x, from->mode);
	return row->precertificate.n == 0 && row->promised_sha256 == NULL && has_scts(c, info.tbs)
	           ? joined(c->arena, found, "its precertificate is not on record")
	           : found;
}

const char *issued_differs(struct ctx *c, const struct issued *row, enum policy_mode mode)
{
	struct sources from = { .row = row, .mode = mode };
	struct bytes promise = { NULL, 0 };
	const char *found = NULL;
	if (row->der.n + row->precertificate.n > 0 && (row->issuer_certificate.n == 0 || row->issuer_chain == NULL ||
	                                                  cert_parse(c, row->issuer_certificate, &from.issuer) != 0)) {
		ctx_forgive(c);
		return "its issuer is not on record";
	}
	found = compare_promise(c, &from, &promise);
	const char *more = compare_certificate(c, &from, promise);
	return more == NULL ? found : joined(c->arena, found, more);
}
