#include "lib/crypto/commitment.h"

#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/die.h"
#include "lib/crypto/digest.h"

void commitment_salt(uint8_t ret[COMMITMENT_SALT_SIZE])
{
	random_bytes(ret, COMMITMENT_SALT_SIZE);
}

void commitment_make(
    const uint8_t row_salt[COMMITMENT_SALT_SIZE], const char *name, struct bytes value, uint8_t ret[COMMITMENT_SIZE])
{
	struct bytes field = bytes_of_text(name);
	if (field.n > UINT16_MAX) {
		die("the name of a committed field has %zu octets", field.n);
	}
	/* A salt of its own for each field, so that opening one field of a row helps to guess no other. */
	uint8_t salt[SHA256_SIZE];
	hmac_sha256((struct bytes) { row_salt, COMMITMENT_SALT_SIZE }, &field, 1, salt);
	const uint8_t version[] = { 0x01 };
	const uint8_t length[] = { (uint8_t) (field.n >> 8), (uint8_t) field.n };
	const struct bytes pieces[] = {
		{ version, sizeof(version) },
		{ salt, sizeof(salt) },
		{ length, sizeof(length) },
		field,
		value,
	};
	sha256(pieces, COUNT_OF(pieces), ret);
}

bool commitment_verify(const uint8_t row_salt[COMMITMENT_SALT_SIZE], const char *name, struct bytes value,
    const uint8_t commitment[COMMITMENT_SIZE])
{
	uint8_t made[COMMITMENT_SIZE];
	commitment_make(row_salt, name, value, made);
	return memcmp(made, commitment, sizeof(made)) == 0;
}
