#include "policy/dns_wire.h"

#include <ctype.h>
#include <string.h>

#define LABEL_MAX 63
#define POINTER 0xc0

int wire_take_u16(struct wire *r, uint16_t *ret)
{
	if (r->packet.n - r->at < 2) {
		return -1;
	}
	*ret = (uint16_t) (r->packet.p[r->at] << 8 | r->packet.p[r->at + 1]);
	r->at += 2;
	return 0;
}

/* A pointer leads to what stands before the label that it replaces, so this ends (RFC 1035 4.1.4). */
int wire_take_name(struct wire *r, struct wire_name *ret)
{
	const struct bytes packet = r->packet;
	size_t at = r->at;
	size_t before = at;
	bool jumped = false;
	ret->n = 0;
	while (at < packet.n) {
		uint8_t length = packet.p[at];
		if (length >= POINTER) {
			size_t to = at + 1 < packet.n ? (size_t) (length & ~POINTER) << 8 | packet.p[at + 1] : before;
			r->at = jumped ? r->at : at + 2;
			if (to >= before) {
				return -1;
			}
			jumped = true;
			at = before = to;
			continue;
		}
		if (length > LABEL_MAX || packet.n - at <= length || sizeof(ret->octets) - ret->n <= length) {
			return -1;
		}
		memcpy(ret->octets + ret->n, packet.p + at, 1U + length);
		ret->n += 1U + length;
		at += 1U + length;
		if (length == 0) {
			r->at = jumped ? r->at : at;
			return 0;
		}
	}
	return -1;
}

/* Lengths of labels are no letters. */
bool wire_same_name(const struct wire_name *a, const struct wire_name *b)
{
	bool same = a->n == b->n;
	for (size_t i = 0; same && i < a->n; i++) {
		same = tolower(a->octets[i]) == tolower(b->octets[i]);
	}
	return same;
}

/* What no host name has becomes '?'. */
const char *wire_name_text(struct arena *a, const struct wire_name *name)
{
	char text[WIRE_NAME_MAX + 1];
	size_t n = 0;
	for (size_t at = 0; name->octets[at] != 0; at += 1U + name->octets[at]) {
		for (size_t i = 1; i <= name->octets[at]; i++) {
			uint8_t o = name->octets[at + i];
			bool plain = o < 0x80 && (isalnum(o) || o == '-' || o == '_' || o == '*');
			text[n++] = plain ? (char) o : '?';
		}
		text[n++] = '.';
	}
	return n == 0 ? "." : arena_text_n(a, text, n);
}

int wire_take_record(struct wire *r, struct wire_record *ret)
{
	uint16_t ignored = 0;
	uint16_t length = 0;
	TRY(wire_take_name(r, &ret->owner));
	TRY(wire_take_u16(r, &ret->type));
	TRY(wire_take_u16(r, &ret->class));
	TRY(wire_take_u16(r, &ignored)); /* the TTL */
	TRY(wire_take_u16(r, &ignored));
	TRY(wire_take_u16(r, &length));
	if (r->packet.n - r->at < length) {
		return -1;
	}
	ret->at = r->at;
	ret->data = (struct bytes) { r->packet.p + r->at, length };
	r->at += length;
	return 0;
}
