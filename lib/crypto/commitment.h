/* Salted commitments: what the sealed log says of a personal field, so that the field can be erased later and every
 * proof still verifies (design 5). A row has one random salt of 32 octets that stands beside its fields and is erased
 * with them. For the field `name` with the octets `value`:
 *
 *     field_salt = HMAC-SHA-256(key = row_salt, message = name)
 *     commitment = SHA-256(0x01 || field_salt || u16 || name || value)
 *
 * where name is the column's name in ASCII, u16 the length of the name in two octets, high octet first, and value the
 * octets as stored: text in UTF-8; bytea as it is; a number in decimal ASCII; a moment as RFC 3339 in UTC with six
 * digits of fraction ("2026-11-21T08:09:10.123456Z"); an address as text; JSON as its stored text. NULL has no
 * commitment. */
#ifndef CAIRN_CRYPTO_COMMITMENT_H
#define CAIRN_CRYPTO_COMMITMENT_H

#include "lib/base/bytes.h"

#define COMMITMENT_SIZE 32
#define COMMITMENT_SALT_SIZE 32

/* A fresh salt for one row. */
void commitment_salt(uint8_t ret[COMMITMENT_SALT_SIZE]);

/* name has at most 65535 octets. */
void commitment_make(
    const uint8_t row_salt[COMMITMENT_SALT_SIZE], const char *name, struct bytes value, uint8_t ret[COMMITMENT_SIZE]);

/* Whether the commitment is the one of this field. */
bool commitment_verify(const uint8_t row_salt[COMMITMENT_SALT_SIZE], const char *name, struct bytes value,
    const uint8_t commitment[COMMITMENT_SIZE]);

#endif
