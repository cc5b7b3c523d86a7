/* JSON without escapes, read from its octets: what readers without a tree share. Where the text is of another form they
 * leave it to the general way (lib/base/fields.h), so nothing here tells what is wrong with it. */
#ifndef CAIRN_BASE_SCAN_H
#define CAIRN_BASE_SCAN_H

#include "lib/base/bytes.h"

/* The rest of a text. */
struct scan {
	const uint8_t *p;
	const uint8_t *end;
};

/* Passes over what RFC 8259 2 calls whitespace. */
void scan_blanks(struct scan *s);

/* Takes this octet, and the whitespace before it; false, with the octet left, when another one or nothing stands there. */
bool scan_char(struct scan *s, uint8_t one);

/* An octet of a string that stands for itself: printable ASCII but for the quote and the backslash. */
bool scan_is_plain(uint8_t one);

/* Takes a string of plain octets, which are borrowed from the text; false for any other. */
bool scan_string(struct scan *s, struct bytes *ret);

#endif
