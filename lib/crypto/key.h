/* Keys: kinds, SubjectPublicKeyInfo, files, signatures over to-be-signed objects. */
#ifndef CAIRN_CRYPTO_KEY_H
#define CAIRN_CRYPTO_KEY_H

#include <openssl/types.h>

#include "lib/base/ctx.h"
#include "lib/crypto/digest.h"

enum key_kind { KEY_OTHER, KEY_RSA, KEY_P256, KEY_P384, KEY_P521, KEY_ED25519 };

/* Signature algorithms of certificates and CRLs; the hash follows from the issuer's key (D-7). */
enum sigalg { SIGALG_NONE, SIGALG_RSA_SHA256, SIGALG_ECDSA_SHA256, SIGALG_ECDSA_SHA384, SIGALG_ECDSA_SHA512 };

/* KEY_OTHER for every key that this software does not handle. */
enum key_kind key_kind_of(const EVP_PKEY *key);

/* The same from the octets of a SubjectPublicKeyInfo; KEY_OTHER for every form but those of D-6. */
enum key_kind key_kind_of_spki(struct bytes spki);

/* "RSA", "P-256", "P-384", "P-521", "Ed25519"; "other". */
const char *key_kind_name(enum key_kind kind);

/* A new key: "rsa2048", "rsa3072", "rsa4096", "p256", "p384", "p521", "ed25519". The arena of c owns it.
 * SERVER_INTERNAL for another name. */
int key_generate(struct ctx *c, const char *kind, EVP_PKEY **ret_key) MUST_CHECK;

/* The public key (SubjectPublicKeyInfo) in a text of PEM. The arena owns it. MALFORMED: there is none. */
int key_read_public(struct ctx *c, struct bytes pem, EVP_PKEY **ret_key) MUST_CHECK;

/* The private key of a PEM file without pass phrase (regular file, not readable for the world). The arena owns it. */
int key_read_file(struct ctx *c, const char *path, EVP_PKEY **ret_key) MUST_CHECK;

struct secret;

/* The private key of a file that is encrypted by a passphrase, PKCS#8 in PEM. SERVER_INTERNAL for one that is not encrypted,
 * or not by AES under a key that scrypt or 2048 rounds of PBKDF2 with SHA-2 derived (F-2). */
int key_read_encrypted_file(
    struct ctx *c, const char *path, const struct secret *passphrase, EVP_PKEY **ret_key) MUST_CHECK;

/* Such a file's octets: AES-256 under a key derived by 600,000 rounds of PBKDF2. */
int key_to_encrypted_pem(
    struct ctx *c, const EVP_PKEY *key, const struct secret *passphrase, struct bytes *ret_pem) MUST_CHECK;

/* PKCS#8 PEM of the private key. */
int key_to_pem(struct ctx *c, const EVP_PKEY *key, struct bytes *ret_pem) MUST_CHECK;

/* DER of the SubjectPublicKeyInfo in the one form of D-6 (uncompressed points, named curves). */
int key_spki(struct ctx *c, const EVP_PKEY *key, struct bytes *ret_spki) MUST_CHECK;

/* The key of a SubjectPublicKeyInfo; the arena owns it and frees it. BAD_PUBLIC_KEY unless it is whole, of a known kind, its
 * point on the curve, and its octets those that key_spki gives. */
int key_of_spki(struct ctx *c, struct bytes spki, EVP_PKEY **ret_key) MUST_CHECK;

/* A context of OpenSSL in which there is no algorithm. The library decodes the key of whatever it reads at once, by
 * trying all its decoders, which takes many times longer than all the rest. An object that is read in this context
 * (X509_new_ex, ASN1_item_d2i_ex) has its structure and no key, which key_of_spki reads. */
OSSL_LIB_CTX *key_no_algorithms(void);

/* Key identifier: the leftmost 160 bits of the SHA-256 of the key's bit string (RFC 7093 2, method 1; D-14). */
#define KEY_ID_SIZE 20
int key_id(struct ctx *c, struct bytes spki, uint8_t ret_id[KEY_ID_SIZE]) MUST_CHECK;

/* The algorithm with which this key signs certificates; SIGALG_NONE for Ed25519 and unknown keys. */
enum sigalg sigalg_of_key(const EVP_PKEY *key);

/* DER of the AlgorithmIdentifier, the exact octets of D-7; empty for SIGALG_NONE. */
struct bytes sigalg_der(enum sigalg alg);

/* The reverse; SIGALG_NONE for other octets. */
enum sigalg sigalg_of_der(struct bytes der);

/* Signature octets as they stand in the BIT STRING. SERVER_INTERNAL when the key can't. */
int key_sign(struct ctx *c, EVP_PKEY *key, struct bytes message, struct bytes *ret_signature) MUST_CHECK;

/* True only when the signature of the message verifies by the algorithm that belongs to the key. */
bool key_verify(EVP_PKEY *key, struct bytes message, struct bytes signature);

/* The same with this hash, whatever belongs to the key; an Ed25519 key has one of its own. RSA is PKCS#1 v1.5. */
bool key_verify_hashed(EVP_PKEY *key, enum digest hash, struct bytes message, struct bytes signature);

/* ctx_fault with what OpenSSL has to say about its last failure; always -1. */
int key_fault(struct ctx *c, const char *what);

#endif
