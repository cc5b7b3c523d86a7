/* Nonces from the world (style 25; ). Input: what a client sends as its nonce; the same octets also spoil a nonce
 * that was made here. */
#include <stdlib.h>
#include <string.h>

#include "lib/crypto/nonce.h"

static const uint8_t here[NONCE_INSTANCE_SIZE] = "wfe-1";

/* Nobody can write a nonce that was not made; whose it claims to be is read the same way twice. */
static void try_foreign(struct nonce_box *box, struct bytes text)
{
	uint8_t instance[NONCE_INSTANCE_SIZE];
	bool formed = nonce_instance(text, instance) == 0;
	bool ours = formed && memcmp(instance, here, sizeof(here)) == 0;
	if (nonce_redeem(box, text) != (formed && !ours ? NONCE_FOREIGN : NONCE_BAD)) {
		abort();
	}
}

/* Changed in any way it is no nonce, and that costs the true one nothing. */
static void try_spoiled(struct nonce_box *box, const uint8_t *data, size_t size)
{
	char text[NONCE_TEXT_SIZE];
	char spoiled[NONCE_TEXT_SIZE];
	nonce_make(box, text);
	memcpy(spoiled, text, sizeof(text));
	for (size_t i = 0; i + 1 < size; i += 2) {
		spoiled[data[i] % (NONCE_TEXT_SIZE - 1)] = (char) data[i + 1];
	}
	/* an older one may have come of it: a fuzzer sees what is compared here */
	if (memcmp(spoiled, text, sizeof(text)) != 0 && nonce_redeem(box, bytes_of_text(spoiled)) == NONCE_GOOD) {
		abort();
	}
	enum nonce_verdict first = nonce_redeem(box, bytes_of_text(text));
	if (first != NONCE_GOOD || nonce_redeem(box, bytes_of_text(text)) != NONCE_USED) {
		abort();
	}
}

static struct nonce_box *box_new(void)
{
	struct ctx c;
	struct nonce_box *box = NULL;
	ctx_init(&c);
	if (nonce_box_open(&c, NULL, here, &box) != 0) {
		abort();
	}
	ctx_done(&c);
	return box;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct nonce_box *unused; /* has made none */
	static struct nonce_box *box;
	if (box == NULL) {
		unused = box_new();
		box = box_new();
	}
	try_foreign(unused, (struct bytes) { data, size });
	try_spoiled(box, data, size);
	return 0;
}
