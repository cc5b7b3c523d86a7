/* Identifiers of rows and resources: RFC 9562 UUID version 7 (48 bits of milliseconds, 74 random bits), written in URLs
 * and JSON as 22 characters of base64url. They can't be guessed and they sort by time, so that tables can be
 * partitioned by them. */
#ifndef CAIRN_BASE_ID_H
#define CAIRN_BASE_ID_H

#include "lib/base/clock.h"

#define ID_TEXT_SIZE 23 /* 22 characters and a NUL */

struct id {
	uint8_t b[16];
};

/* A fresh id at the present time. */
struct id id_new(void);

/* When the id was made, in whole milliseconds. */
struct timestamp id_time(struct id id);

/* All zero: no id. */
bool id_is_none(struct id id);
bool id_equal(struct id a, struct id b);

/* 22 characters into text. */
void id_encode(struct id id, char text[ID_TEXT_SIZE]);

/* -1 unless it is exactly 22 characters of canonical base64url. */
int id_parse(struct bytes text, struct id *ret_id) MUST_CHECK;

#endif
