/* The parts of DNS messages (RFC 1035 4.1): names and records, read one behind the other from a packet that may be hostile. Pure. */
#ifndef CAIRN_POLICY_DNS_WIRE_H
#define CAIRN_POLICY_DNS_WIRE_H

#include "lib/base/ctx.h"

#define WIRE_HEADER_SIZE 12
#define WIRE_NAME_MAX 255
#define WIRE_CLASS_IN 1
#define WIRE_RECORD_MIN 11 /* of the root: name, type, class, TTL, length */

struct wire_name {
	uint8_t octets[WIRE_NAME_MAX]; /* labels with their lengths, the root's included */
	size_t n;
};

/* Where reading goes on; at is never behind the packet's end. */
struct wire {
	struct bytes packet;
	size_t at;
};

struct wire_record {
	struct wire_name owner;
	uint16_t type;
	uint16_t class;
	size_t at; /* of the data */
	struct bytes data;
};

/* -1: it is cut off; a name also when its labels are too long, of another kind, or lead nowhere. */
int wire_take_u16(struct wire *r, uint16_t *ret) MUST_CHECK;
int wire_take_name(struct wire *r, struct wire_name *ret) MUST_CHECK;
int wire_take_record(struct wire *r, struct wire_record *ret) MUST_CHECK;

/* Small and capital letters are the same. */
bool wire_same_name(const struct wire_name *a, const struct wire_name *b);

/* With a dot at its end. What no host name has becomes '?'. */
const char *wire_name_text(struct arena *a, const struct wire_name *name);

#endif
