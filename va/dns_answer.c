#include "va/dns_answer.h"

#include <ctype.h>
#include <string.h>

#define HEADER_SIZE 12
#define NAME_MAX_OCTETS 255
#define LABEL_MAX 63
#define POINTER 0xc0
#define CLASS_IN 1
#define TYPE_CNAME 5
#define RECORD_MIN 11 /* of the root: name, type, class, TTL, length */

struct name {
	uint8_t octets[NAME_MAX_OCTETS]; /* labels with their lengths, the root's included */
	size_t n;
};

struct reader {
	struct bytes packet;
	size_t at;
};

struct record {
	struct name owner;
	uint16_t type;
	uint16_t class;
	size_t at; /* of the data */
	struct bytes data;
};

static int take_u16(struct reader *r, uint16_t *ret)
{
	if (r->packet.n - r->at < 2) {
		return -1;
	}
	*ret = (uint16_t) (r->packet.p[r->at] << 8 | r->packet.p[r->at + 1]);
	r->at += 2;
	return 0;
}

/* A pointer leads to what stands before the label that it replaces, so this ends (RFC 1035 4.1.4). */
static int take_name(struct reader *r, struct name *ret)
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
static bool same_name(const struct name *a, const struct name *b)
{
	bool same = a->n == b->n;
	for (size_t i = 0; same && i < a->n; i++) {
		same = tolower(a->octets[i]) == tolower(b->octets[i]);
	}
	return same;
}

/* What no host name has becomes '?'. */
static const char *name_text(struct arena *a, const struct name *name)
{
	char text[NAME_MAX_OCTETS + 1];
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

static int take_record(struct reader *r, struct record *ret)
{
	uint16_t ignored = 0;
	uint16_t length = 0;
	TRY(take_name(r, &ret->owner));
	TRY(take_u16(r, &ret->type));
	TRY(take_u16(r, &ret->class));
	TRY(take_u16(r, &ignored)); /* the TTL */
	TRY(take_u16(r, &ignored));
	TRY(take_u16(r, &length));
	if (r->packet.n - r->at < length) {
		return -1;
	}
	ret->at = r->at;
	ret->data = (struct bytes) { r->packet.p + r->at, length };
	r->at += length;
	return 0;
}

static int take_head(struct reader *r, uint16_t type, int *ret_rcode, uint16_t *ret_n, struct name *ret_name)
{
	uint16_t flags = 0;
	uint16_t questions = 0;
	uint16_t asked_type = 0;
	uint16_t asked_class = 0;
	if (r->packet.n < HEADER_SIZE) {
		return -1;
	}
	r->at = 2;
	TRY(take_u16(r, &flags));
	TRY(take_u16(r, &questions));
	TRY(take_u16(r, ret_n));
	r->at = HEADER_SIZE;
	TRY(take_name(r, ret_name));
	TRY(take_u16(r, &asked_type));
	TRY(take_u16(r, &asked_class));
	*ret_rcode = flags & 0xf;
	return questions == 1 && asked_type == type && asked_class == CLASS_IN ? 0 : -1;
}

int dns_answer_parse(struct arena *a, struct bytes packet, uint16_t type, size_t most, struct dns_answer *ret)
{
	struct reader r = { packet, 0 };
	struct dns_answer answer = { 0 };
	struct name asked;
	uint16_t n = 0;
	TRY(take_head(&r, type, &answer.rcode, &n, &asked));
	struct name name = asked;
	size_t room = (packet.n - r.at) / RECORD_MIN;
	room = room < n ? room : n;
	answer.rdata.v = ARENA_ARRAY(a, room < most ? room : most, struct bytes);
	for (size_t i = 0; i < n && answer.rdata.n < most; i++) {
		struct record record;
		TRY(take_record(&r, &record));
		if (record.class != CLASS_IN || !same_name(&record.owner, &name)) {
			continue;
		}
		if (record.type == type) {
			answer.rdata.v[answer.rdata.n++] = record.data;
		} else if (record.type == TYPE_CNAME && answer.rdata.n == 0) {
			TRY(take_name(&(struct reader) { packet, record.at }, &name));
		}
	}
	answer.asked = name_text(a, &asked);
	answer.canonical_name = same_name(&name, &asked) ? NULL : name_text(a, &name);
	*ret = answer;
	return 0;
}
