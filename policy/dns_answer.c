#include "policy/dns_answer.h"

#include "policy/dns_wire.h"

#define TYPE_CNAME 5

static int take_head(struct wire *r, uint16_t type, int *ret_rcode, uint16_t *ret_n, struct wire_name *ret_name)
{
	uint16_t flags = 0;
	uint16_t questions = 0;
	uint16_t asked_type = 0;
	uint16_t asked_class = 0;
	if (r->packet.n < WIRE_HEADER_SIZE) {
		return -1;
	}
	r->at = 2;
	TRY(wire_take_u16(r, &flags));
	TRY(wire_take_u16(r, &questions));
	TRY(wire_take_u16(r, ret_n));
	r->at = WIRE_HEADER_SIZE;
	TRY(wire_take_name(r, ret_name));
	TRY(wire_take_u16(r, &asked_type));
	TRY(wire_take_u16(r, &asked_class));
	*ret_rcode = flags & 0xf;
	return questions == 1 && asked_type == type && asked_class == WIRE_CLASS_IN ? 0 : -1;
}

int dns_answer_parse(struct arena *a, struct bytes packet, uint16_t type, size_t most, struct dns_answer *ret)
{
	struct wire r = { packet, 0 };
	struct dns_answer answer = { 0 };
	struct wire_name asked;
	uint16_t n = 0;
	TRY(take_head(&r, type, &answer.rcode, &n, &asked));
	struct wire_name name = asked;
	size_t room = (packet.n - r.at) / WIRE_RECORD_MIN;
	room = room < n ? room : n;
	answer.rdata.v = ARENA_ARRAY(a, room < most ? room : most, struct bytes);
	for (size_t i = 0; i < n && answer.rdata.n < most; i++) {
		struct wire_record record;
		TRY(wire_take_record(&r, &record));
		if (record.class != WIRE_CLASS_IN || !wire_same_name(&record.owner, &name)) {
			continue;
		}
		if (record.type == type) {
			answer.rdata.v[answer.rdata.n++] = record.data;
		} else if (record.type == TYPE_CNAME && answer.rdata.n == 0) {
			TRY(wire_take_name(&(struct wire) { packet, record.at }, &name));
			answer.aliases++;
		}
	}
	answer.asked = wire_name_text(a, &asked);
	answer.canonical_name = wire_same_name(&name, &asked) ? NULL : wire_name_text(a, &name);
	*ret = answer;
	return 0;
}
