#include "lib/crypto/onion.h"

#include <string.h>

#include "lib/base/die.h"
#include "lib/crypto/auto_openssl.h"

#define LABEL_SIZE 56
#define LABEL_V2_SIZE 16
#define CHECKSUM_SIZE 2
#define VERSION 3
#define DECODED_SIZE (ONION_KEY_SIZE + CHECKSUM_SIZE + 1)
#define SHA3_256_SIZE 32

static const char tld[] = ".onion";
#define TLD_SIZE (sizeof(tld) - 1)

bool onion_is(const char *name)
{
	size_t n = strlen(name);
	return strcmp(name, tld + 1) == 0 || (n > TLD_SIZE && strcmp(name + n - TLD_SIZE, tld) == 0);
}

/* RFC 4648 6 in lower case, without padding: 56 characters are 35 octets. -1: another character. */
static int decode(const char *label, uint8_t ret[DECODED_SIZE])
{
	static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz234567";
	unsigned bits = 0;
	unsigned kept = 0;
	size_t n = 0;
	for (size_t i = 0; i < LABEL_SIZE; i++) {
		const char *at = strchr(alphabet, label[i]);
		if (at == NULL || *at == '\0') {
			return -1;
		}
		kept = (kept << 5 | (unsigned) (at - alphabet)) & 0xfff;
		bits += 5;
		if (bits >= 8) {
			bits -= 8;
			ret[n++] = (uint8_t) (kept >> bits);
		}
	}
	return 0;
}

/* Tor's rendezvous specification, version 3, "Encoding onion addresses": the first two octets of this digest. */
static bool checksum_fits(const uint8_t decoded[DECODED_SIZE])
{
	static const char prefix[] = ".onion checksum";
	uint8_t message[sizeof(prefix) - 1 + ONION_KEY_SIZE + 1];
	uint8_t digest[SHA3_256_SIZE];
	size_t n = 0;
	memcpy(message, prefix, sizeof(prefix) - 1);
	memcpy(message + sizeof(prefix) - 1, decoded, ONION_KEY_SIZE);
	message[sizeof(message) - 1] = decoded[DECODED_SIZE - 1];
	if (EVP_Q_digest(NULL, "SHA3-256", NULL, message, sizeof(message), digest, &n) != 1 || n != sizeof(digest)) {
		die("OpenSSL has no SHA3-256");
	}
	return memcmp(digest, decoded + ONION_KEY_SIZE, CHECKSUM_SIZE) == 0;
}

const char *onion_parse(const char *name, struct onion *ret)
{
	uint8_t decoded[DECODED_SIZE];
	size_t n = strlen(name);
	if (!onion_is(name) || n <= TLD_SIZE) {
		return "it has no label of an onion service";
	}
	const char *end = name + n - TLD_SIZE;
	const char *label = end;
	while (label > name && label[-1] != '.') {
		label--;
	}
	if (end - label == LABEL_V2_SIZE) {
		return "it is of version 2 of onion services, which is not secure any more";
	}
	if (end - label != LABEL_SIZE || decode(label, decoded) != 0) {
		return "the label before .onion is not 56 characters of base32 (a-z, 2-7)";
	}
	if (decoded[DECODED_SIZE - 1] != VERSION) {
		return "it is not of version 3 of onion services";
	}
	if (!checksum_fits(decoded)) {
		return "the checksum in it is wrong: a character was mistyped";
	}
	ret->service = label;
	memcpy(ret->key, decoded, ONION_KEY_SIZE);
	return NULL;
}

bool onion_verify(const struct onion *onion, struct bytes message, struct bytes signature)
{
	AUTO(EVP_PKEY) key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, onion->key, ONION_KEY_SIZE);
	AUTO(EVP_MD_CTX) md = EVP_MD_CTX_new();
	bool good = key != NULL && md != NULL && EVP_DigestVerifyInit(md, NULL, NULL, NULL, key) == 1 &&
	            EVP_DigestVerify(md, signature.p, signature.n, message.p, message.n) == 1;
	ERR_clear_error();
	return good;
}
