#include "lib/crypto/crl.h"

#include <string.h>

#include "lib/crypto/der.h"
#include "lib/crypto/oid.h"

#define PIECE(x) ((struct bytes) x)
#define CRL_SIZE_MAX (64 * 1024 * 1024)
#define ENTRIES_MAX 1250000
#define SERIAL_MAX 20
#define ENTRY_MAX 56 /* a serial of 20 octets, a time of 17, a reason */
#define URL_MAX 512

/* E-10: none, keyCompromise, affiliationChanged, superseded, cessationOfOperation, privilegeWithdrawn. */
static bool reason_is_allowed(int64_t reason)
{
	return reason == 0 || reason == 1 || reason == 3 || reason == 4 || reason == 5 || reason == 9;
}

static struct bytes extension(struct arena *a, struct bytes oid, bool critical, struct bytes value)
{
	struct bytes yes = PIECE(OCTETS(0x01, 0x01, 0xff));
	struct bytes none = { NULL, 0 };
	return DER(a, DER_SEQUENCE, oid, critical ? yes : none, DER(a, DER_OCTET_STRING, value));
}

static int check_entry(struct ctx *c, const struct crl_entry *entry)
{
	if (entry->serial.n == 0 || entry->serial.n > SERIAL_MAX || (entry->serial.p[0] & 0x80) != 0 ||
	    entry->revoked_at.us <= 0 || !reason_is_allowed(entry->reason)) {
		return ctx_fault(c, "an entry of a CRL has no proper serial, time or reason");
	}
	return 0;
}

static uint8_t *put(uint8_t *to, struct bytes octets)
{
	memcpy(to, octets.p, octets.n);
	return to + octets.n;
}

/* Writes one entry, of at most ENTRY_MAX octets. E-11: unspecified is left out. */
static uint8_t *put_entry(uint8_t *to, const struct crl_entry *entry)
{
	static const uint8_t reason[] = { DER_SEQUENCE, 12, DER_SEQUENCE, 10, DER_OID, 3, 0x55, 0x1d, 0x15,
		DER_OCTET_STRING, 3, DER_ENUMERATED, 1 }; /* and the code */
	uint8_t *content = to + 2;
	*to++ = DER_SEQUENCE;
	to++; /* the length, when it is known */
	*to++ = DER_INTEGER;
	*to++ = (uint8_t) entry->serial.n;
	to = der_put_time(put(to, entry->serial), entry->revoked_at);
	if (entry->reason != 0) {
		to = put(to, (struct bytes) { reason, sizeof(reason) });
		*to++ = (uint8_t) entry->reason;
	}
	content[-1] = (uint8_t) (to - content);
	return to;
}

/* Empty when there is none: RFC 5280 5.1.2.6 wants the list absent then. The content only: a list may be large, and is copied once. */
static int build_entries(struct ctx *c, const struct crl_entries *entries, struct bytes *ret)
{
	if (entries->n > ENTRIES_MAX) {
		return ctx_fault(c, "a CRL of %zu entries", entries->n);
	}
	uint8_t *p = arena_array(c->arena, entries->n, ENTRY_MAX);
	uint8_t *to = p;
	for (size_t i = 0; i < entries->n; i++) {
		TRY(check_entry(c, &entries->v[i]));
		to = put_entry(to, &entries->v[i]);
	}
	*ret = (struct bytes) { p, (size_t) (to - p) };
	return 0;
}

static struct bytes number_der(struct arena *a, uint64_t number)
{
	uint8_t octets[8];
	for (size_t i = 0; i < sizeof(octets); i++) {
		octets[i] = (uint8_t) (number >> (56 - 8 * i));
	}
	return der_unsigned(a, (struct bytes) { octets, sizeof(octets) });
}

/* E-24: critical, one fullName, one of the two flags. */
static struct bytes issuing_distribution_point(struct arena *a, const struct crl_template *t)
{
	struct bytes yes = PIECE(OCTETS(0xff));
	struct bytes full_name = DER(a, DER_CONTEXT_CONSTRUCTED(0), DER(a, DER_CONTEXT(6), bytes_of_text(t->url)));
	struct bytes value = DER(a, DER_SEQUENCE, DER(a, DER_CONTEXT_CONSTRUCTED(0), full_name),
	    DER(a, DER_CONTEXT(t->only_ca_certs ? 2 : 1), yes));
	return extension(a, PIECE(OID_ISSUING_DISTRIBUTION_POINT), true, value);
}

static struct bytes build_extensions(struct arena *a, const struct crl_template *t)
{
	struct bytes none = { NULL, 0 };
	struct bytes key_id = DER(a, DER_SEQUENCE, DER(a, DER_CONTEXT(0), t->issuer_key_id));
	struct bytes list = DER(a, DER_SEQUENCE, extension(a, PIECE(OID_AUTHORITY_KEY_ID), false, key_id),
	    extension(a, PIECE(OID_CRL_NUMBER), false, number_der(a, t->number)),
	    t->url == NULL ? none : issuing_distribution_point(a, t));
	return DER(a, DER_CONTEXT_CONSTRUCTED(0), list);
}

static int check_template(struct ctx *c, const struct crl_template *t)
{
	if (t->sigalg == SIGALG_NONE || t->issuer_name.n == 0 || t->issuer_key_id.n == 0 || t->number == 0) {
		return ctx_fault(c, "a CRL's template without algorithm, issuer or number"); /* E-20 */
	}
	if (t->this_update.us <= 0 || t->next_update.us <= t->this_update.us || t->this_update.us % 1000000 != 0 ||
	    t->next_update.us % 1000000 != 0) {
		return ctx_fault(c, "a CRL's times are out of order or not in whole seconds");
	}
	if (t->url != NULL && (strncmp(t->url, "http://", 7) != 0 || strlen(t->url) > URL_MAX)) {
		return ctx_fault(c, "the URL of a CRL is not plain http"); /* D-15 */
	}
	return 0;
}

int crl_build_tbs(struct ctx *c, const struct crl_template *t, struct bytes *ret_tbs)
{
	struct arena *a = c->arena;
	struct bytes entries;
	TRY(check_template(c, t));
	TRY(build_entries(c, &t->entries, &entries));
	struct bytes version = PIECE(OCTETS(0x02, 0x01, 0x01)); /* v2 (E-20) */
	struct bytes head = entries.n == 0 ? (struct bytes) { NULL, 0 } : der_head(a, DER_SEQUENCE, entries.n);
	*ret_tbs = DER(a, DER_SEQUENCE, version, sigalg_der(t->sigalg), t->issuer_name, der_time(a, t->this_update),
	    der_time(a, t->next_update), head, entries, build_extensions(a, t));
	return 0;
}

/* ---- reading ---- */

static int broken(struct ctx *c, const char *what)
{
	ctx_cause(c, "the CRL has no proper %s", what);
	return FAIL(c, MALFORMED, "The CRL is not in DER of a form that this CA issues");
}

static int read_reason(struct ctx *c, struct der *r, struct crl_entry *entry)
{
	struct bytes extensions;
	struct bytes one;
	struct bytes oid;
	struct bytes value;
	struct bytes code;
	if (der_at_end(r)) {
		return 0;
	}
	if (der_take(r, DER_SEQUENCE, NULL, &extensions) != 0 || der_take_only(extensions, DER_SEQUENCE, &one) != 0) {
		return broken(c, "entry");
	}
	struct der inner = der_of(one);
	if (der_take(&inner, DER_OID, &oid, NULL) != 0 || !bytes_equal(oid, PIECE(OID_REASON_CODE)) ||
	    der_take(&inner, DER_OCTET_STRING, NULL, &value) != 0 || der_take_only(value, DER_ENUMERATED, &code) != 0 ||
	    code.n != 1 || code.p[0] == 0 || !reason_is_allowed(code.p[0])) {
		return broken(c, "reason code");
	}
	entry->reason = code.p[0];
	return 0;
}

static int read_entry(struct ctx *c, struct der *r, struct crl_entry *entry)
{
	struct bytes content;
	if (der_take(r, DER_SEQUENCE, NULL, &content) != 0) {
		return broken(c, "entry");
	}
	struct der inner = der_of(content);
	if (der_take(&inner, DER_INTEGER, NULL, &entry->serial) != 0 || entry->serial.n == 0 ||
	    der_take_time(&inner, &entry->revoked_at) != 0) {
		return broken(c, "entry");
	}
	TRY(read_reason(c, &inner, entry));
	return der_at_end(&inner) ? 0 : broken(c, "entry");
}

static int read_entries(struct ctx *c, struct der *r, struct crl_info *info)
{
	struct crl_entries *ret = &info->entries;
	struct bytes list;
	size_t n = 0;
	if (der_peek(r) != DER_SEQUENCE) {
		return 0;
	}
	if (der_take(r, DER_SEQUENCE, &info->list, &list) != 0) {
		return broken(c, "list of entries");
	}
	for (struct der at = der_of(list); !der_at_end(&at); n++) {
		if (n == ENTRIES_MAX || der_take(&at, DER_SEQUENCE, NULL, NULL) != 0) {
			return broken(c, "list of entries");
		}
	}
	ret->v = ARENA_ARRAY(c->arena, n, struct crl_entry);
	for (struct der at = der_of(list); !der_at_end(&at); ret->n++) {
		TRY(read_entry(c, &at, &ret->v[ret->n]));
	}
	return n > 0 ? 0 : broken(c, "list of entries");
}

static int read_key_id(struct ctx *c, struct bytes value, struct crl_info *info)
{
	struct bytes content;
	if (der_take_only(value, DER_SEQUENCE, &content) != 0 ||
	    der_take_only(content, DER_CONTEXT(0), &info->authority_key_id) != 0) {
		return broken(c, "AKI");
	}
	return 0;
}

static int read_number(struct ctx *c, struct bytes value, struct crl_info *info)
{
	struct bytes octets;
	if (der_take_only(value, DER_INTEGER, &octets) != 0 || octets.n == 0 || octets.n > 9 || (octets.p[0] & 0x80) != 0 ||
	    (octets.n == 9 && octets.p[0] != 0)) {
		return broken(c, "number");
	}
	for (size_t i = 0; i < octets.n; i++) {
		info->number = info->number << 8 | octets.p[i];
	}
	return 0;
}

static int read_url(struct ctx *c, struct bytes value, struct crl_info *info)
{
	struct bytes content;
	struct bytes name;
	if (der_take_only(value, DER_SEQUENCE, &content) != 0) {
		return broken(c, "IDP");
	}
	struct der r = der_of(content);
	if (der_take(&r, DER_CONTEXT_CONSTRUCTED(0), NULL, &name) != 0 ||
	    der_take_only(name, DER_CONTEXT_CONSTRUCTED(0), &name) != 0 ||
	    der_take_only(name, DER_CONTEXT(6), &name) != 0 || name.n == 0 || memchr(name.p, '\0', name.n) != NULL) {
		return broken(c, "IDP");
	}
	info->url = arena_text_n(c->arena, name.p, name.n);
	return 0;
}

static int read_extension(struct ctx *c, struct bytes content, struct crl_info *info)
{
	struct der r = der_of(content);
	struct bytes oid;
	struct bytes value;
	if (der_take(&r, DER_OID, &oid, NULL) != 0 ||
	    (der_peek(&r) == DER_BOOLEAN && der_take(&r, DER_BOOLEAN, NULL, NULL) != 0) ||
	    der_take(&r, DER_OCTET_STRING, NULL, &value) != 0 || !der_at_end(&r)) {
		return broken(c, "extension");
	}
	if (bytes_equal(oid, PIECE(OID_AUTHORITY_KEY_ID))) {
		return read_key_id(c, value, info);
	}
	if (bytes_equal(oid, PIECE(OID_CRL_NUMBER))) {
		return read_number(c, value, info);
	}
	return bytes_equal(oid, PIECE(OID_ISSUING_DISTRIBUTION_POINT)) ? read_url(c, value, info)
	                                                               : broken(c, "extension"); /* E-20 */
}

static int read_extensions(struct ctx *c, struct der *r, struct crl_info *info)
{
	struct bytes outer;
	struct bytes list;
	if (der_take(r, DER_CONTEXT_CONSTRUCTED(0), NULL, &outer) != 0 || !der_at_end(r) ||
	    der_take_only(outer, DER_SEQUENCE, &list) != 0) {
		return broken(c, "extensions");
	}
	for (struct der at = der_of(list); !der_at_end(&at);) {
		struct bytes one;
		if (der_take(&at, DER_SEQUENCE, NULL, &one) != 0) {
			return broken(c, "extension");
		}
		TRY(read_extension(c, one, info));
	}
	return info->authority_key_id.n > 0 && info->number > 0 ? 0 : broken(c, "extensions");
}

static int read_tbs(struct ctx *c, struct bytes content, struct bytes algorithm, struct crl_info *info)
{
	struct der r = der_of(content);
	struct bytes version;
	struct bytes inner;
	if (der_take(&r, DER_INTEGER, NULL, &version) != 0 || !bytes_equal(version, PIECE(OCTETS(0x01))) ||
	    der_take(&r, DER_SEQUENCE, &inner, NULL) != 0 || !bytes_equal(inner, algorithm) ||
	    der_take(&r, DER_SEQUENCE, &info->issuer, NULL) != 0) {
		return broken(c, "version, algorithm or issuer");
	}
	if (der_take_time(&r, &info->this_update) != 0 || der_take_time(&r, &info->next_update) != 0) {
		return broken(c, "times");
	}
	TRY(read_entries(c, &r, info));
	return read_extensions(c, &r, info);
}

/* What is signed, by which algorithm, and the signature. */
static int read_outer(
    struct ctx *c, struct bytes der, struct crl_info *info, struct bytes *tbs_content, struct bytes *algorithm)
{
	struct bytes content;
	struct bytes bits;
	if (der.n > CRL_SIZE_MAX || der_take_only(der, DER_SEQUENCE, &content) != 0) {
		return broken(c, "outer form");
	}
	struct der r = der_of(content);
	if (der_take(&r, DER_SEQUENCE, &info->tbs, tbs_content) != 0 || der_take(&r, DER_SEQUENCE, algorithm, NULL) != 0 ||
	    der_take(&r, DER_BIT_STRING, NULL, &bits) != 0 || !der_at_end(&r) || bits.n < 2 || bits.p[0] != 0) {
		return broken(c, "outer form");
	}
	info->der = der;
	info->sigalg = sigalg_of_der(*algorithm);
	info->signature = (struct bytes) { bits.p + 1, bits.n - 1 };
	return info->sigalg != SIGALG_NONE ? 0 : broken(c, "signature algorithm");
}

int crl_parse(struct ctx *c, struct bytes der, struct crl_info *ret)
{
	struct crl_info info = { 0 };
	struct bytes tbs_content;
	struct bytes algorithm;
	TRY(read_outer(c, der, &info, &tbs_content, &algorithm));
	TRY(read_tbs(c, tbs_content, algorithm, &info));
	*ret = info;
	return 0;
}

int crl_verify_signature(struct ctx *c, const struct crl_info *crl, EVP_PKEY *issuer_key)
{
	if (crl->sigalg != sigalg_of_key(issuer_key) || !key_verify(issuer_key, crl->tbs, crl->signature)) {
		return ctx_fault(c, "the signature of a CRL does not verify with its issuer's key");
	}
	return 0;
}

int crl_check_signed(struct ctx *c, struct bytes der, struct bytes tbs, EVP_PKEY *issuer_key)
{
	struct crl_info info = { 0 };
	struct bytes tbs_content;
	struct bytes algorithm;
	TRY(read_outer(c, der, &info, &tbs_content, &algorithm));
	if (!bytes_equal(info.tbs, tbs)) {
		return ctx_fault(c, "other octets of a CRL were signed");
	}
	return crl_verify_signature(c, &info, issuer_key);
}
