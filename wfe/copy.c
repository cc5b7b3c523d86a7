#include "wfe/copy.h"

#include <arpa/inet.h>
#include <string.h>

/* Microseconds from 1970 to 2000, where PostgreSQL's time starts. */
#define POSTGRES_EPOCH_US INT64_C(946684800000000)
/* First octet of an inet value (utils/inet.h of PostgreSQL). */
#define PGSQL_AF_INET 2
#define PGSQL_AF_INET6 3

static void add_number(struct buffer *b, uint64_t value, size_t octets)
{
	uint8_t text[8];
	for (size_t i = 0; i < octets; i++) {
		text[i] = (uint8_t) (value >> (8 * (octets - 1 - i)));
	}
	buffer_add(b, text, octets);
}

void copy_start(struct buffer *b)
{
	static const char signature[] = "PGCOPY\n\377\r\n";
	buffer_add(b, signature, sizeof(signature)); /* its NUL belongs to it */
	add_number(b, 0, 4);
	add_number(b, 0, 4);
}

void copy_end(struct buffer *b)
{
	add_number(b, UINT16_MAX, 2);
}

void copy_row(struct buffer *b, int16_t fields)
{
	add_number(b, (uint64_t) fields, 2);
}

void copy_null(struct buffer *b)
{
	add_number(b, UINT32_MAX, 4);
}

void copy_bytes(struct buffer *b, struct bytes value)
{
	add_number(b, value.n, 4);
	buffer_add(b, value.p, value.n);
}

int copy_take(struct bytes *in, struct bytes *ret)
{
	if (in->n < 4) {
		return -1;
	}
	const uint8_t *p = in->p;
	uint32_t n = (uint32_t) p[0] << 24 | (uint32_t) p[1] << 16 | (uint32_t) p[2] << 8 | p[3];
	size_t left = in->n - 4;
	if (n == UINT32_MAX) {
		*ret = (struct bytes) { NULL, 0 };
		*in = (struct bytes) { p + 4, left };
		return 0;
	}
	if (n > left) {
		return -1;
	}
	*ret = (struct bytes) { p + 4, n };
	*in = (struct bytes) { p + 4 + n, left - n };
	return 0;
}

void copy_uuid(struct buffer *b, struct id id)
{
	if (id_is_none(id)) {
		copy_null(b);
	} else {
		copy_bytes(b, (struct bytes) { id.b, sizeof(id.b) });
	}
}

void copy_text(struct buffer *b, const char *text)
{
	if (text == NULL) {
		copy_null(b);
	} else {
		copy_bytes(b, bytes_of_text(text));
	}
}

void copy_int4(struct buffer *b, int64_t value)
{
	add_number(b, 4, 4);
	add_number(b, (uint64_t) value, 4);
}

void copy_int8(struct buffer *b, int64_t value)
{
	add_number(b, 8, 4);
	add_number(b, (uint64_t) value, 8);
}

void copy_time(struct buffer *b, struct timestamp t)
{
	copy_int8(b, t.us - POSTGRES_EPOCH_US);
}

void copy_inet(struct buffer *b, const char *address)
{
	uint8_t value[4 + sizeof(struct in6_addr)] = { PGSQL_AF_INET6, 128, 0, 16 };
	size_t n = sizeof(value);
	struct in_addr v4;
	if (inet_pton(AF_INET, address, &v4) == 1) {
		const uint8_t head[] = { PGSQL_AF_INET, 32, 0, 4 };
		memcpy(value, head, sizeof(head));
		memcpy(value + 4, &v4, sizeof(v4));
		n = 4 + sizeof(v4);
	} else if (inet_pton(AF_INET6, address, value + 4) != 1) {
		memset(value + 4, 0, sizeof(struct in6_addr));
	}
	copy_bytes(b, (struct bytes) { value, n });
}
