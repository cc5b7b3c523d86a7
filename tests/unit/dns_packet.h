/* DNS answers for tests, put together record by record. */
#ifndef CAIRN_TESTS_DNS_PACKET_H
#define CAIRN_TESTS_DNS_PACKET_H

#include <string.h>

#include "lib/base/buffer.h"

enum { P_NS = 2, P_CNAME = 5, P_SOA = 6, P_DS = 43, P_NSEC = 47, P_NSEC3 = 50, P_CAA = 257 };

struct packet {
	struct buffer b;
	unsigned rcode;
	unsigned answers;
	unsigned authority;
	unsigned additional;
};

static void packet_u16(struct packet *p, unsigned value)
{
	buffer_add_char(&p->b, (char) (value >> 8));
	buffer_add_char(&p->b, (char) value);
}

static void packet_name(struct buffer *b, const char *name)
{
	while (*name != '\0') {
		size_t n = strcspn(name, ".");
		buffer_add_char(b, (char) n);
		buffer_add(b, name, n);
		name += n + (name[n] == '.');
	}
	buffer_add_char(b, 0);
}

static void packet_begin(struct packet *p, struct arena *a, const char *name, unsigned type, unsigned rcode)
{
	*p = (struct packet) { .rcode = rcode };
	buffer_init(&p->b, a, 512);
	for (int i = 0; i < 6; i++) {
		packet_u16(p, 0);
	}
	packet_name(&p->b, name);
	packet_u16(p, type);
	packet_u16(p, 1);
}

/* Answers first, then what stands in the section of authority; behind both packet_add_more. */
static void packet_add(struct packet *p, bool authority, const char *owner, unsigned type, struct bytes data)
{
	p->answers += !authority;
	p->authority += authority;
	packet_name(&p->b, owner);
	packet_u16(p, type);
	packet_u16(p, 1);
	packet_u16(p, 0);
	packet_u16(p, 60);
	packet_u16(p, (unsigned) data.n);
	buffer_add(&p->b, data.p, data.n);
}

/* In the additional section. */
static inline void packet_add_more(struct packet *p, const char *owner, unsigned type, struct bytes data)
{
	packet_add(p, true, owner, type, data);
	p->authority--;
	p->additional++;
}

static struct bytes packet_end(struct packet *p)
{
	struct bytes whole = buffer_bytes(&p->b);
	const uint8_t head[] = { 0, 0, 0x81, (uint8_t) (0x80 | p->rcode), 0, 1, 0, (uint8_t) p->answers, 0,
		(uint8_t) p->authority, 0, (uint8_t) p->additional };
	memcpy((uint8_t *) (uintptr_t) whole.p, head, sizeof(head));
	return whole;
}

/* The bitmap of the first window (RFC 4034 4.1.2) with these types, up to 63; 0 ends them. */
static void packet_bitmap(struct buffer *b, const unsigned *types)
{
	uint8_t bits[8] = { 0 };
	for (; *types != 0; types++) {
		bits[*types / 8] |= (uint8_t) (0x80 >> *types % 8);
	}
	buffer_add_char(b, 0);
	buffer_add_char(b, sizeof(bits));
	buffer_add(b, bits, sizeof(bits));
}

#endif
