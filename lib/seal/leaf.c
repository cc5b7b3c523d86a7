#include "lib/seal/leaf.h"

#include <string.h>

#include "lib/base/base64.h"
#include "lib/crypto/digest.h"

static const struct {
	const char *name;
	const char *table;
} kinds[LEAF_KINDS + 1] = {
	[LEAF_REQUEST] = { "request", "log.request" },
	[LEAF_VALIDATION] = { "validation", "log.validation" },
	[LEAF_EVENT] = { "event", "log.event" },
};

const char *leaf_kind_name(int64_t kind)
{
	return kind < 1 || kind > LEAF_KINDS ? NULL : kinds[kind].name;
}

const char *leaf_table(int64_t kind)
{
	return kind < 1 || kind > LEAF_KINDS ? NULL : kinds[kind].table;
}

int64_t leaf_kind_of(const char *name)
{
	int64_t kind = LEAF_KINDS;
	while (kind > 0 && strcmp(kinds[kind].name, name) != 0) {
		kind--;
	}
	return kind;
}

const char *leaf_id_text(struct arena *a, struct id id)
{
	const char *hex = hex_encode(a, (struct bytes) { id.b, sizeof(id.b) });
	return arena_printf(a, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16, hex + 20);
}

struct bytes leaf_entry(struct arena *a, int64_t kind, struct id id, const char *line)
{
	const char *name = leaf_kind_name(kind);
	struct bytes entry = bytes_of_text(line);
	if (line == NULL) {
		return bytes_of_text(
		    arena_printf(a, "{\"leaf\":\"missing\",\"of\":\"%s\",\"id\":\"%s\"}", name, leaf_id_text(a, id)));
	}
	if (entry.n > LEAF_ENTRY_MAX) {
		uint8_t digest[SHA256_SIZE];
		sha256_of(entry, digest);
		return bytes_of_text(arena_printf(a, "{\"leaf\":\"%s\",\"id\":\"%s\",\"octets\":%zu,\"sha256\":\"%s\"}", name,
		    leaf_id_text(a, id), entry.n, hex_encode(a, (struct bytes) { digest, sizeof(digest) })));
	}
	return entry;
}
