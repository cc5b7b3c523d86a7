#include "ra/monitor_entries.h"

#include "lib/base/base64.h"
#include "lib/base/log.h"
#include "lib/crypto/cert.h"
#include "lib/crypto/der.h"
#include "lib/ct/precert.h"

struct entry_issuer {
	const char *name;
	struct bytes subject;
	struct bytes key_hash;
	EVP_PKEY *key;
};

/* A leaf under a key of ours. */
struct own_leaf {
	const struct ct_leaf *leaf;
	const struct entry_issuer *issuer;
	struct bytes serial;
	uint64_t index;
};

int entries_begin(struct ctx *c, const struct ct_log *log, const char *process, struct entries *ret)
{
	struct monitor_issuer *rows = NULL;
	size_t n = 0;
	TRY(monitor_issuers(c, &rows, &n));
	*ret = (struct entries) { log, process, ARENA_ARRAY(c->arena, n, struct entry_issuer), n, false };
	for (size_t i = 0; i < n; i++) {
		struct cert_info info;
		struct entry_issuer *one = &ret->issuers[i];
		uint8_t *hash = arena_alloc(c->arena, SHA256_SIZE);
		if (cert_parse(c, rows[i].certificate, &info) != 0 || key_of_spki(c, info.spki, &one->key) != 0) {
			return ctx_fault(c, "the certificate of issuer %s is broken", rows[i].name);
		}
		sha256_of(info.spki, hash);
		one->name = rows[i].name;
		one->subject = info.subject;
		one->key_hash = (struct bytes) { hash, SHA256_SIZE };
	}
	return 0;
}

/* Serial and issuer of a certificate or TBSCertificate; -1: it is none. */
static int read_front(const struct ct_entry *entry, struct bytes *ret_serial, struct bytes *ret_issuer)
{
	struct bytes content;
	TRY(der_take_only(entry->body, DER_SEQUENCE, &content));
	struct der r = der_of(content);
	if (!entry->precertificate) {
		TRY(der_take(&r, DER_SEQUENCE, NULL, &content));
		r = der_of(content);
	}
	if (der_peek(&r) == DER_CONTEXT_CONSTRUCTED(0)) { /* version */
		TRY(der_take(&r, DER_CONTEXT_CONSTRUCTED(0), NULL, NULL));
	}
	TRY(der_take(&r, DER_INTEGER, NULL, ret_serial));
	TRY(der_take(&r, DER_SEQUENCE, NULL, NULL));
	return der_take(&r, DER_SEQUENCE, ret_issuer, NULL);
}

/* A certificate that names our issuer may be of somebody else of that name. Whatever else is in it, and by whatever hash. */
static bool is_signed_by(const struct entry_issuer *issuer, struct bytes der)
{
	struct bytes content;
	struct bytes tbs;
	struct bytes bits;
	if (der_take_only(der, DER_SEQUENCE, &content) != 0) {
		return false;
	}
	struct der r = der_of(content);
	if (der_take(&r, DER_SEQUENCE, &tbs, NULL) != 0 || der_take(&r, DER_SEQUENCE, NULL, NULL) != 0 ||
	    der_take(&r, DER_BIT_STRING, NULL, &bits) != 0 || bits.n < 2) {
		return false;
	}
	const struct bytes signature = { bits.p + 1, bits.n - 1 };
	bool holds = false;
	for (enum digest hash = DIGEST_SHA256; hash < DIGEST_COUNT && !holds; hash++) {
		holds = key_verify_hashed(issuer->key, hash, tbs, signature);
	}
	return holds;
}

/* The issuer of ours that the leaf is under, or NULL. Of a precertificate the log says by which key it is. */
static const struct entry_issuer *issuer_of(const struct entries *e, const struct ct_entry *entry, struct bytes name)
{
	for (size_t i = 0; i < e->n; i++) {
		const struct entry_issuer *one = &e->issuers[i];
		if (entry->precertificate ? bytes_equal(one->key_hash, entry->issuer_key_hash)
		                          : bytes_equal(one->subject, name) && is_signed_by(one, entry->body)) {
			return one;
		}
	}
	return NULL;
}

/* What is signed in a certificate: of its signature anybody can make another one that holds (ECDSA). Empty: it is none. */
static struct bytes tbs_of(struct bytes der)
{
	struct bytes content;
	struct bytes tbs = { NULL, 0 };
	if (der_take_only(der, DER_SEQUENCE, &content) == 0) {
		struct der r = der_of(content);
		if (der_take(&r, DER_SEQUENCE, &tbs, NULL) != 0) {
			tbs = (struct bytes) { NULL, 0 };
		}
	}
	return tbs;
}

/* The octets are those that this CA signed, or had signed as a precertificate (D-52). */
static bool is_ours(struct ctx *c, const struct known_entry *known, const struct ct_entry *entry)
{
	struct cert_info info;
	struct precert_parts parts;
	if (!entry->precertificate) {
		return known->der.n > 0 && bytes_equal(tbs_of(known->der), tbs_of(entry->body));
	}
	bool ours = known->precertificate.n > 0 && cert_parse(c, known->precertificate, &info) == 0 &&
	            precert_split(c, info.tbs, &parts) == 0 && bytes_equal(parts.plain, entry->body);
	ctx_forgive(c);
	return ours;
}

/* The SCT of that log among those of a certificate; -1: there is none. */
static int find_sct(struct ctx *c, struct bytes sct_list, const struct ct_log *log, struct sct *ret)
{
	struct sct_list list;
	if (sct_list.n == 0 || sct_list_parse(c, sct_list, &list) != 0) {
		ctx_forgive(c);
		return -1;
	}
	for (size_t i = 0; i < list.n; i++) {
		if (bytes_equal(list.v[i].log_id, log->id)) {
			*ret = list.v[i];
			return 0;
		}
	}
	return -1;
}

/* An entry of a precertificate has no signature: what the log shows beside it may have one by our key. It has to be of the same serial,
 * as the log could show a precertificate of ours there. */
static bool is_proved(const struct own_leaf *own, const struct known_entry *known)
{
	const struct ct_leaf *leaf = own->leaf;
	const struct ct_entry shown = { .body = leaf->precertificate };
	struct bytes serial;
	struct bytes name;
	if (!leaf->entry.precertificate) {
		return true; /* issuer_of looked at it */
	}
	if (own->serial.n == 0 || read_front(&shown, &serial, &name) != 0 || !bytes_equal(serial, own->serial) ||
	    !is_signed_by(own->issuer, leaf->precertificate)) {
		return false;
	}
	const struct bytes tbs = tbs_of(leaf->precertificate);
	return known == NULL || (!bytes_equal(tbs, tbs_of(known->precertificate)) && !bytes_equal(tbs, tbs_of(known->der)));
}

static int tell_foreign(struct ctx *c, struct entries *e, const struct own_leaf *own, const struct known_entry *known)
{
	const struct ct_leaf *leaf = own->leaf;
	struct foreign f = { e->log->id, (int64_t) own->index, own->issuer->name, own->serial, leaf->entry.body,
		is_proved(own, known), e->process };
	bool told = false;
	if (f.proved && leaf->entry.precertificate) {
		f.entry = leaf->precertificate;
	}
	TRY(monitor_foreign(c, &f, &told));
	e->told = e->told || told;
	if (told) {
		log_event(c, f.proved ? LOG_ERROR : LOG_WARN,
		    f.proved ? "a transparency log has a certificate under a key of ours that is not ours"
		             : "a transparency log has an entry under a key of ours without a signature by that",
		    "log", e->log->description, "issuer", own->issuer->name, "serial", hex_encode(c->arena, own->serial),
		    "index", arena_printf(c->arena, "%llu", (unsigned long long) own->index), NULL);
	}
	return 0;
}

static int judge(struct ctx *c, struct entries *e, const struct own_leaf *own, const struct known_entry *known,
    struct merged *merged)
{
	struct sct sct;
	if (known == NULL || !is_ours(c, known, &own->leaf->entry)) {
		return tell_foreign(c, e, own, known);
	}
	if (own->leaf->entry.precertificate && find_sct(c, known->sct_list, e->log, &sct) == 0 &&
	    bytes_equal(sct_signed(c->arena, &sct, &own->leaf->entry), own->leaf->octets)) {
		merged->ids.v[merged->ids.n++] = known->certificate_id;
		merged->indexes.v[merged->indexes.n++] = (int64_t) own->index;
	}
	return 0;
}

static int judge_all(struct ctx *c, struct entries *e, const struct own_leaf *own, size_t n)
{
	struct bytes_list serials = { ARENA_ARRAY(c->arena, n, struct bytes), n };
	struct merged merged = { e->log->id, { ARENA_ARRAY(c->arena, n, struct id), 0 },
		{ ARENA_ARRAY(c->arena, n, int64_t), 0 } };
	struct known_entry *rows = NULL;
	size_t n_rows = 0;
	bool found = false;
	for (size_t i = 0; i < n; i++) {
		serials.v[i] = own[i].serial;
	}
	TRY(monitor_known(c, &serials, &rows, &n_rows));
	for (size_t i = 0; i < n; i++) {
		const struct known_entry *known = NULL;
		for (size_t k = 0; k < n_rows && known == NULL; k++) {
			known = bytes_equal(rows[k].serial, own[i].serial) ? &rows[k] : NULL;
		}
		TRY(judge(c, e, &own[i], known, &merged));
	}
	merged.indexes.n = merged.ids.n;
	TRY(monitor_merged(c, &merged, &found));
	e->told = e->told || found;
	return 0;
}

int entries_look(struct ctx *c, struct entries *e, uint64_t from, const struct ct_leaf_list *leaves)
{
	struct own_leaf *own = ARENA_ARRAY(c->arena, leaves->n, struct own_leaf);
	size_t n = 0;
	for (size_t i = 0; i < leaves->n; i++) {
		const struct ct_leaf *leaf = &leaves->v[i];
		struct bytes serial = { NULL, 0 };
		struct bytes name = { NULL, 0 };
		bool read = read_front(&leaf->entry, &serial, &name) == 0;
		const struct entry_issuer *issuer =
		    read || leaf->entry.precertificate ? issuer_of(e, &leaf->entry, name) : NULL;
		if (issuer != NULL) {
			own[n++] = (struct own_leaf) { leaf, issuer, serial.p == NULL ? bytes_of_text("") : serial, from + i };
		}
	}
	return n == 0 ? 0 : judge_all(c, e, own, n);
}

int entries_due_leaf(
    struct ctx *c, const struct sct_due *due, const struct ct_log *log, struct merkle_hash *ret, uint64_t *ret_at)
{
	struct cert_info info;
	struct cert_info issuer;
	struct precert_parts parts;
	struct sct sct;
	uint8_t key_hash[SHA256_SIZE];
	if (cert_parse(c, due->precertificate, &info) != 0 || cert_parse(c, due->issuer, &issuer) != 0 ||
	    precert_split(c, info.tbs, &parts) != 0 || find_sct(c, due->sct_list, log, &sct) != 0) {
		ctx_forgive(c);
		return ctx_fault(c, "a precertificate on record is broken");
	}
	sha256_of(issuer.spki, key_hash);
	const struct ct_entry entry = { true, parts.plain, { key_hash, sizeof(key_hash) } };
	merkle_leaf(sct_signed(c->arena, &sct, &entry), ret);
	*ret_at = UINT64_MAX;
	return log->tiled && ct_leaf_index(sct.extensions, ret_at) != 0
	           ? FAIL(c, MALFORMED, "An SCT does not say where its entry is")
	           : 0;
}
