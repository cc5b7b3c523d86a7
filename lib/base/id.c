#include "lib/base/id.h"

#include <string.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

struct id id_new(void)
{
	struct id id;
	random_bytes(id.b, sizeof(id.b));
	uint64_t ms = (uint64_t) (clock_now().us / 1000);
	for (size_t i = 0; i < 6; i++) {
		id.b[i] = (uint8_t) (ms >> (40 - 8 * i));
	}
	id.b[6] = (uint8_t) (0x70 | (id.b[6] & 0x0f)); /* RFC 9562 5.7: version and variant */
	id.b[8] = (uint8_t) (0x80 | (id.b[8] & 0x3f));
	return id;
}

struct timestamp id_time(struct id id)
{
	int64_t ms = 0;
	for (size_t i = 0; i < 6; i++) {
		ms = ms << 8 | id.b[i];
	}
	return (struct timestamp) { ms * 1000 };
}

bool id_is_none(struct id id)
{
	return id_equal(id, (struct id) { { 0 } });
}

bool id_equal(struct id a, struct id b)
{
	return memcmp(a.b, b.b, sizeof(a.b)) == 0;
}

void id_encode(struct id id, char text[ID_TEXT_SIZE])
{
	uint32_t bits = 0;
	unsigned held = 0;
	size_t out = 0;
	for (size_t i = 0; i < sizeof(id.b); i++) {
		bits = (bits << 8) | id.b[i];
		for (held += 8; held >= 6; held -= 6) {
			text[out++] = alphabet[(bits >> (held - 6)) & 63];
		}
	}
	text[out++] = alphabet[(bits << (6 - held)) & 63];
	text[out] = '\0';
}

int id_parse(struct bytes text, struct id *ret_id)
{
	if (text.n != ID_TEXT_SIZE - 1) {
		return -1;
	}
	struct id id = { { 0 } };
	uint32_t bits = 0;
	unsigned held = 0;
	size_t out = 0;
	for (size_t i = 0; i < text.n; i++) {
		const char *at = text.p[i] == '\0' ? NULL : strchr(alphabet, text.p[i]);
		if (at == NULL) {
			return -1;
		}
		bits = (bits << 6) | (uint32_t) (at - alphabet);
		held += 6;
		if (held >= 8) {
			held -= 8;
			id.b[out++] = (uint8_t) (bits >> held);
		}
	}
	if ((bits & ((1U << held) - 1)) != 0) {
		return -1; /* not the canonical form: one resource has one URL */
	}
	*ret_id = id;
	return 0;
}
