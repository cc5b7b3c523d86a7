/* What logs send, and what stands in certificates of SCTs (style 25; H-3, H-10). The first octet chooses the reader. */
#include <stdlib.h>

#include "lib/ct/log_list.h"
#include "lib/ct/precert.h"
#include "lib/ct/sct.h"

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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const readers[])(struct ctx * c, struct bytes in) = { read_list, read_answer, read_tbs, read_logs };
	struct ctx c;
	if (size == 0) {
		return 0;
	}
	ctx_init(&c);
	readers[data[0] % COUNT_OF(readers)](&c, (struct bytes) { data + 1, size - 1 });
	ctx_done(&c);
	return 0;
}
