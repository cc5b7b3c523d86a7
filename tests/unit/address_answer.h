/* A lookup that gave a name one address, with the answer as it stands in a record. */
#ifndef CAIRN_TESTS_ADDRESS_ANSWER_H
#define CAIRN_TESTS_ADDRESS_ANSWER_H

#include <string.h>

#include "lib/base/buffer.h"
#include "lib/base/die.h"
#include "lib/base/ip.h"
#include "lib/rpc/messages.h"

static inline struct resolution address_answer(struct arena *a, const char *name, const char *address)
{
	struct ip ip;
	struct buffer b;
	const uint8_t head[] = { 0, 0, 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0 };
	if (ip_parse(address, &ip) != 0) {
		die("%s is no address", address);
	}
	const char type = ip.v6 ? 28 : 1;
	const char size = ip.v6 ? 16 : 4;
	const char question[] = { 0, 0, type, 0, 1 };
	const char record[] = { (char) 0xc0, 12, 0, type, 0, 1, 0, 0, 0, 60, 0, size };
	buffer_init(&b, a, 512);
	buffer_add(&b, head, sizeof(head));
	for (const char *at = name; *at != '\0';) {
		size_t n = strcspn(at, ".");
		buffer_add_char(&b, (char) n);
		buffer_add(&b, at, n);
		at += n + (at[n] == '.');
	}
	buffer_add(&b, question, sizeof(question));
	buffer_add(&b, record, sizeof(record));
	buffer_add(&b, ip.b, (size_t) size);
	return (struct resolution) { .name = name,
		.type = ip.v6 ? "AAAA" : "A",
		.resolver = "recursive",
		.dnssec = "insecure",
		.raw = buffer_bytes(&b) };
}

#endif
