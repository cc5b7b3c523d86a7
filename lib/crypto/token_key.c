/* Keys in a token: finding them, what they may do, and making them. */
#include <stdlib.h>
#include <string.h>

#include "lib/base/base64.h"
#include "lib/crypto/auto_openssl.h"
#include "lib/crypto/oid.h"
#include "lib/crypto/token_internal.h"

#define KEYS_MAX 64
#define ID_SIZE 20 /* of a new key */
#define ID_MAX 255

static int fault_of(struct ctx *c, const struct token *t, const char *what, CK_RV code)
{
	return ctx_fault(c, "%s %s (%s)", t->where, what, token_code_text(c->arena, code));
}

/* Private keys of this label and id. */
static int find_handles(struct ctx *c, const struct token *t, const char *label, struct bytes id,
    CK_OBJECT_HANDLE handles[KEYS_MAX], CK_ULONG *ret_n)
{
	CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
	CK_ATTRIBUTE wanted[3] = { { CKA_CLASS, &class, sizeof(class) } };
	CK_ULONG n = 1;
	if (label != NULL) {
		wanted[n++] = (CK_ATTRIBUTE) { CKA_LABEL, (void *) (uintptr_t) label, strlen(label) };
	}
	if (id.n > 0) {
		wanted[n++] = (CK_ATTRIBUTE) { CKA_ID, (void *) (uintptr_t) id.p, id.n };
	}
	CK_RV result = t->functions->C_FindObjectsInit(t->session, wanted, n);
	if (result == CKR_OK) {
		result = t->functions->C_FindObjects(t->session, handles, KEYS_MAX, ret_n);
		(void) t->functions->C_FindObjectsFinal(t->session);
	}
	return result == CKR_OK ? 0 : fault_of(c, t, "does not search its keys", result);
}

static bool has(const struct token *t, CK_OBJECT_HANDLE handle, CK_ATTRIBUTE_TYPE type)
{
	CK_BBOOL value = CK_FALSE;
	CK_ATTRIBUTE asked = { type, &value, sizeof(value) };
	return t->functions->C_GetAttributeValue(t->session, handle, &asked, 1) == CKR_OK && value == CK_TRUE;
}

/* F-1: it can't be read out, and where modules are certified it never could. */
static const char *loose(const struct token *t, CK_OBJECT_HANDLE handle, bool certified)
{
	if (!has(t, handle, CKA_SENSITIVE) || has(t, handle, CKA_EXTRACTABLE)) {
		return "may leave the token (CKA_SENSITIVE is false or CKA_EXTRACTABLE true). Make another one in it, by "
		       "cairn ceremony";
	}
	if (certified && (!has(t, handle, CKA_NEVER_EXTRACTABLE) || !has(t, handle, CKA_LOCAL))) {
		return "was not made in the token (CKA_NEVER_EXTRACTABLE or CKA_LOCAL is false), which mode webpki wants. Make "
		       "another one in it, by cairn ceremony";
	}
	return has(t, handle, CKA_SIGN) ? NULL : "may not sign (CKA_SIGN is false)";
}

static const char *called(struct arena *a, const char *label, const char *id)
{
	return arena_printf(a, "private key%s%s%s%s%s", label == NULL ? "" : " \"", label == NULL ? "" : label,
	    label == NULL ? "" : "\"", id == NULL ? "" : " with id ", id == NULL ? "" : id);
}

static int find_one(struct ctx *c, const struct token *t, const char *label, const char *id, CK_OBJECT_HANDLE *ret)
{
	CK_OBJECT_HANDLE handles[KEYS_MAX];
	CK_ULONG n = 0;
	uint8_t octets[ID_MAX];
	size_t size = 0;
	if (id != NULL && OPENSSL_hexstr2buf_ex(octets, sizeof(octets), &size, id, '\0') != 1) {
		ERR_clear_error();
		return ctx_fault(c, "the id %s is not hexadecimal", id);
	}
	TRY(find_handles(c, t, label, (struct bytes) { octets, size }, handles, &n));
	if (n == 0) {
		return ctx_fault(
		    c, "%s has no %s. Correct key_label or key_id of the issuer", t->where, called(c->arena, label, id));
	}
	if (n > 1) {
		return ctx_fault(c,
		    "%s has more than one %s: %lu. Tell them apart by key_id of the issuer (cairn token login shows them)",
		    t->where, called(c->arena, label, id), n);
	}
	*ret = handles[0];
	return 0;
}

/* The label and id that the object really has: libp11 does not tell handles. */
static int read_octets(
    struct ctx *c, const struct token *t, CK_OBJECT_HANDLE handle, CK_ATTRIBUTE_TYPE type, struct bytes *ret)
{
	uint8_t value[512];
	CK_ATTRIBUTE asked = { type, value, sizeof(value) };
	CK_RV result = t->functions->C_GetAttributeValue(t->session, handle, &asked, 1);
	if (result != CKR_OK) {
		return fault_of(c, t, "does not tell a key's label and id", result);
	}
	*ret = arena_bytes(c->arena, value, asked.ulValueLen);
	return 0;
}

static int find_p11(struct ctx *c, const struct token *t, CK_OBJECT_HANDLE handle, EVP_PKEY **ret)
{
	PKCS11_KEY *keys = NULL;
	unsigned n = 0;
	struct bytes label;
	struct bytes id;
	const PKCS11_KEY *found = NULL;
	TRY(read_octets(c, t, handle, CKA_LABEL, &label));
	TRY(read_octets(c, t, handle, CKA_ID, &id));
	if (PKCS11_enumerate_keys(t->slot->token, &keys, &n) != 0) {
		ERR_clear_error();
		return ctx_fault(c, "%s does not tell its keys", t->where);
	}
	for (unsigned i = 0; i < n; i++) {
		const char *name = keys[i].label == NULL ? "" : keys[i].label;
		if (bytes_equal_text(label, name) && bytes_equal(id, (struct bytes) { keys[i].id, keys[i].id_len })) {
			if (found != NULL) {
				return ctx_fault(
				    c, "%s has two private keys with label \"%s\" and the same id. Rename one", t->where, name);
			}
			found = &keys[i];
		}
	}
	EVP_PKEY *key = found == NULL ? NULL : PKCS11_get_private_key((PKCS11_KEY *) (uintptr_t) found);
	if (key == NULL) {
		ERR_clear_error();
		return ctx_fault(c, "%s has a private key without its public half", t->where);
	}
	*ret = key;
	return 0;
}

static int give(struct ctx *c, struct token *t, CK_OBJECT_HANDLE handle, EVP_PKEY **ret)
{
	for (size_t i = 0; i < t->n_given; i++) {
		if (t->given[i].handle == handle) {
			*ret = t->given[i].key;
			return 0;
		}
	}
	struct token_given *more = reallocarray(t->given, t->n_given + 1, sizeof(*more));
	if (more == NULL) {
		return ctx_fault(c, "no memory for a key of the %s", t->where);
	}
	t->given = more;
	more[t->n_given] = (struct token_given) { NULL, handle };
	TRY(find_p11(c, t, handle, &more[t->n_given].key));
	*ret = more[t->n_given++].key;
	return 0;
}

int token_key_any(struct ctx *c, struct token *t, const char *label, const char *id, struct token_key *ret)
{
	struct token_key found = { NULL, 0 };
	TRY(find_one(c, t, label, id, &found.handle));
	TRY(give(c, t, found.handle, &found.key));
	*ret = found;
	return 0;
}

int token_key(struct ctx *c, struct token *t, const char *label, const char *id, bool certified, struct token_key *ret)
{
	CK_OBJECT_HANDLE handle = 0;
	TRY(find_one(c, t, label, id, &handle));
	const char *fault = loose(t, handle, certified);
	if (fault != NULL) {
		return ctx_fault(c, "the %s in the %s %s", called(c->arena, label, id), t->where, fault);
	}
	return token_key_any(c, t, label, id, ret);
}

int token_count(struct ctx *c, const struct token *t, const char *label, size_t *ret)
{
	CK_OBJECT_HANDLE handles[KEYS_MAX];
	CK_ULONG n = 0;
	TRY(find_handles(c, t, label, (struct bytes) { NULL, 0 }, handles, &n));
	*ret = n;
	return 0;
}

int token_list(struct ctx *c, struct token *t, struct text_list *ret)
{
	PKCS11_KEY *keys = NULL;
	unsigned n = 0;
	if (PKCS11_enumerate_keys(t->slot->token, &keys, &n) != 0) {
		ERR_clear_error();
		return ctx_fault(c, "%s does not tell its keys", t->where);
	}
	struct text_list list = { ARENA_ARRAY(c->arena, n, const char *), n };
	for (unsigned i = 0; i < n; i++) {
		AUTO(EVP_PKEY) key = PKCS11_get_private_key(&keys[i]);
		list.v[i] =
		    arena_printf(c->arena, "private key \"%s\" with id %s, %s", keys[i].label == NULL ? "" : keys[i].label,
		        hex_encode(c->arena, (struct bytes) { keys[i].id, keys[i].id_len }), key_kind_name(key_kind_of(key)));
	}
	ERR_clear_error();
	*ret = list;
	return 0;
}

bool token_answers(const struct token *t, const struct token_key *key)
{
	return has(t, key->handle, CKA_SENSITIVE);
}

struct maker {
	const char *kind;
	CK_MECHANISM_TYPE mechanism;
	CK_ATTRIBUTE_TYPE what;
	struct bytes curve; /* its OBJECT IDENTIFIER */
	CK_ULONG bits;
};

static const struct maker makers[] = {
	{ "p256", CKM_EC_KEY_PAIR_GEN, CKA_EC_PARAMS, OCTETS(0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07),
	    0 },
	{ "p384", CKM_EC_KEY_PAIR_GEN, CKA_EC_PARAMS, OCTETS(0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22), 0 },
	{ "p521", CKM_EC_KEY_PAIR_GEN, CKA_EC_PARAMS, OCTETS(0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x23), 0 },
	{ "rsa2048", CKM_RSA_PKCS_KEY_PAIR_GEN, CKA_MODULUS_BITS, { NULL, 0 }, 2048 },
	{ "rsa3072", CKM_RSA_PKCS_KEY_PAIR_GEN, CKA_MODULUS_BITS, { NULL, 0 }, 3072 },
	{ "rsa4096", CKM_RSA_PKCS_KEY_PAIR_GEN, CKA_MODULUS_BITS, { NULL, 0 }, 4096 },
};

static CK_RV make(const struct token *t, CK_SESSION_HANDLE session, const struct maker *m, const char *label)
{
	CK_BBOOL yes = CK_TRUE;
	CK_BBOOL no = CK_FALSE;
	CK_ULONG bits = m->bits;
	uint8_t id[ID_SIZE];
	uint8_t exponent[] = { 1, 0, 1 };
	random_bytes(id, sizeof(id));
	CK_ATTRIBUTE name = { CKA_LABEL, (void *) (uintptr_t) label, strlen(label) };
	CK_ATTRIBUTE same = { CKA_ID, id, sizeof(id) };
	CK_ATTRIBUTE kept = { CKA_TOKEN, &yes, sizeof(yes) };
	CK_ATTRIBUTE shape = m->curve.n > 0 ? (CK_ATTRIBUTE) { m->what, (void *) (uintptr_t) m->curve.p, m->curve.n }
	                                    : (CK_ATTRIBUTE) { m->what, &bits, sizeof(bits) };
	CK_ATTRIBUTE public[] = { kept, name, same, { CKA_VERIFY, &yes, sizeof(yes) }, shape,
		{ CKA_PUBLIC_EXPONENT, exponent, sizeof(exponent) } };
	/* F-1, F-8 */
	CK_ATTRIBUTE private[] = { kept, name, same, { CKA_PRIVATE, &yes, sizeof(yes) }, { CKA_SIGN, &yes, sizeof(yes) },
		{ CKA_SENSITIVE, &yes, sizeof(yes) }, { CKA_EXTRACTABLE, &no, sizeof(no) }, { CKA_DECRYPT, &no, sizeof(no) },
		{ CKA_UNWRAP, &no, sizeof(no) } };
	CK_MECHANISM mechanism = { m->mechanism, NULL, 0 };
	CK_OBJECT_HANDLE made[2] = { 0, 0 };
	CK_ULONG n = COUNT_OF(public) - (m->curve.n > 0 ? 1 : 0);
	return t->functions->C_GenerateKeyPair(
	    session, &mechanism, public, n, private, COUNT_OF(private), &made[0], &made[1]);
}

static int make_in_session(struct ctx *c, const struct token *t, const struct maker *m, const char *label)
{
	CK_SESSION_HANDLE session = 0;
	CK_RV result = t->functions->C_OpenSession(
	    PKCS11_get_slotid_from_slot(t->slot), CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &session);
	if (result != CKR_OK) {
		return fault_of(c, t, "opens no session for a new key", result);
	}
	result = make(t, session, m, label);
	(void) t->functions->C_CloseSession(session);
	return result == CKR_OK ? 0 : fault_of(c, t, arena_printf(c->arena, "makes no %s key", m->kind), result);
}

int token_make_key(struct ctx *c, struct token *t, const char *kind, const char *label, struct token_key *ret)
{
	CK_OBJECT_HANDLE handles[KEYS_MAX];
	CK_ULONG n = 0;
	TRY(find_handles(c, t, label, (struct bytes) { NULL, 0 }, handles, &n));
	if (n > 0) {
		return ctx_fault(c, "%s has a private key \"%s\" already, which is not replaced", t->where, label);
	}
	for (size_t i = 0; i < COUNT_OF(makers); i++) {
		if (strcmp(makers[i].kind, kind) == 0) {
			TRY(make_in_session(c, t, &makers[i], label));
			return token_key(c, t, label, NULL, true, ret);
		}
	}
	return ctx_fault(c, "there is no kind of key \"%s\"", kind);
}

static CK_RV destroy_in(const struct token *t, CK_SESSION_HANDLE session, CK_ATTRIBUTE *wanted, CK_ULONG n_wanted)
{
	CK_OBJECT_HANDLE handles[KEYS_MAX];
	CK_ULONG n = 0;
	CK_RV result = t->functions->C_FindObjectsInit(session, wanted, n_wanted);
	if (result == CKR_OK) {
		result = t->functions->C_FindObjects(session, handles, KEYS_MAX, &n);
		(void) t->functions->C_FindObjectsFinal(session);
	}
	for (CK_ULONG i = 0; i < n && result == CKR_OK; i++) {
		result = t->functions->C_DestroyObject(session, handles[i]);
	}
	return result;
}

/* The number may be given to another key from now on. */
static void forget(struct token *t, CK_OBJECT_HANDLE handle)
{
	for (size_t i = 0; i < t->n_given; i++) {
		struct token_given *one = &t->given[i];
		one->handle = one->handle == handle ? CK_INVALID_HANDLE : one->handle;
	}
}

int token_destroy_key(struct ctx *c, struct token *t, const struct token_key *key)
{
	CK_OBJECT_CLASS class = CKO_PUBLIC_KEY;
	CK_SESSION_HANDLE session = 0;
	struct bytes label;
	struct bytes id;
	TRY(read_octets(c, t, key->handle, CKA_LABEL, &label));
	TRY(read_octets(c, t, key->handle, CKA_ID, &id));
	CK_RV result = t->functions->C_OpenSession(
	    PKCS11_get_slotid_from_slot(t->slot), CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &session);
	if (result != CKR_OK) {
		return fault_of(c, t, "opens no session to destroy a key", result);
	}
	CK_ATTRIBUTE public[] = { { CKA_CLASS, &class, sizeof(class) },
		{ CKA_LABEL, (void *) (uintptr_t) label.p, label.n }, { CKA_ID, (void *) (uintptr_t) id.p, id.n } };
	result = t->functions->C_DestroyObject(session, key->handle);
	if (result == CKR_OK) {
		forget(t, key->handle);
		result = destroy_in(t, session, public, COUNT_OF(public));
	}
	(void) t->functions->C_CloseSession(session);
	return result == CKR_OK ? 0 : fault_of(c, t, "does not destroy the key", result);
}
