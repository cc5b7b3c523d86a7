/* JSON objects whose members are all plain strings, which is what a JWS and its header mostly are: read without a tree.
 * What is not of this form is left to the general parser, which also says what is wrong with it. */
#ifndef CAIRN_CRYPTO_FLAT_H
#define CAIRN_CRYPTO_FLAT_H

#include "lib/base/bytes.h"

#define FLAT_MEMBERS 6

/* Names and values point into the text. */
struct flat {
	struct bytes names[FLAT_MEMBERS];
	struct bytes values[FLAT_MEMBERS];
	size_t n;
};

/* 0 for an object of at most FLAT_MEMBERS different members, each a string of printable ASCII without escapes; every text
 * that is taken is JSON and means the same to every parser. -1 for all else. */
int flat_parse(struct bytes text, struct flat *ret) MUST_CHECK;

/* The value of this name; p NULL: there is none. */
struct bytes flat_find(const struct flat *f, const char *name);

#endif
