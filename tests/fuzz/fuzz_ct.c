/* What logs send, and what stands in certificates of SCTs (style 25; H-3, H-10). The first octet chooses the reader. */
#include <stdlib.h>

#include "lib/ct/leaf.h"
#include "lib/ct/log_list.h"
#include "lib/ct/precert.h"
#include "lib/ct/sct.h"
#include "lib/crypto/key.h"
#include "policy/log_head.h"

static void read_list(struct ctx *c, struct bytes in)
{
	struct sct_list list;
	if (sct_list_parse(c, in, &list) == 0 && !bytes_equal(sct_list_encode(c->arena, &list), in)) {
		abort();
	}
}

static void read_answer(struct ctx *c, struct bytes in)
{
	struct sct sct;
	struct sct again;
	if (sct_of_answer(c, in, &sct) == 0 && sct_parse(c, sct_encode(c->arena, &sct), &again) != 0) {
		abort();
	}
}

/* What was taken apart is put together to the same octets. */
static void read_tbs(struct ctx *c, struct bytes in)
{
	struct precert_parts parts;
	struct bytes again = in;
	if (precert_split(c, in, &parts) != 0) {
		return;
	}
	if ((parts.poisoned && precert_poison(c, parts.plain, &again) != 0) ||
	    (parts.sct_list.n > 0 && precert_embed(c, parts.plain, parts.sct_list, &again) != 0) ||
	    !bytes_equal(again, in)) {
		abort();
	}
}

static void read_logs(struct ctx *c, struct bytes in)
{
	struct ct_log_list list;
	(void) !ct_log_list_parse(c, in, &list);
}

/* What is under the hash is what an SCT with these members would have signed (H-17). */
static void check_leaves(struct ctx *c, const struct ct_leaf_list *list)
{
	for (size_t i = 0; i < list->n; i++) {
		const struct ct_leaf *leaf = &list->v[i];
		const struct sct sct = { .time_ms = leaf->time_ms, .extensions = leaf->extensions };
		uint64_t at = 0;
		(void) !ct_leaf_index(leaf->extensions, &at);
		if (!bytes_equal(sct_signed(c->arena, &sct, &leaf->entry), leaf->octets)) {
			abort();
		}
	}
}

static void read_entries(struct ctx *c, struct bytes in)
{
	struct ct_leaf_list list;
	if (ct_leaves_of_answer(c, in, 256, &list) == 0) {
		check_leaves(c, &list);
	}
}

static void read_tile(struct ctx *c, struct bytes in)
{
	struct ct_leaf_list list;
	if (in.n > 0 && ct_leaves_of_tile(c, (struct bytes) { in.p + 1, in.n - 1 }, in.p[0], &list) == 0) {
		check_leaves(c, &list);
	}
}

/* Nobody has signed it: the reader gets as far as that. */
static void read_head(struct ctx *c, struct bytes in)
{
	static const uint8_t id[32];
	struct ct_log log = { .url = "https://log.test/a/", .id = { id, sizeof(id) } };
	struct log_head head;
	if (key_generate(c, "p256", &log.key) != 0) {
		abort();
	}
	for (int tiled = 0; tiled <= 1; tiled++) {
		log.tiled = tiled == 1;
		ctx_forgive(c);
		if (log_head_open(c, &log, in, &head) == 0) {
			abort();
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const readers[])(struct ctx * c, struct bytes in) = { read_list, read_answer, read_tbs, read_logs,
		read_entries, read_tile, read_head };
	struct ctx c;
	if (size == 0) {
		return 0;
	}
	ctx_init(&c);
	readers[data[0] % COUNT_OF(readers)](&c, (struct bytes) { data + 1, size - 1 });
	ctx_done(&c);
	return 0;
}
