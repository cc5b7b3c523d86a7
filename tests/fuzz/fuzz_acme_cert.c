/* link: va */
/* The certificate of a hostile tls-alpn-01 responder (style 25; B-3, B-4). Input: its DER. */
#include <stdlib.h>

#include "policy/acme_cert.h"

static void check(const char *refusal)
{
	for (const char *p = refusal; p != NULL && *p != '\0'; p++) {
		if (*p < ' ' || *p >= 0x7f) {
			abort(); /* */
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new();
	const struct bytes der = { data, size };
	const char *name = acme_cert_refusal(a, der, "a.example", "tok.thumbprint");
	const char *address = acme_cert_refusal(a, der, "192.0.2.1", "tok.thumbprint");
	check(name);
	check(address);
	if (name == NULL && address == NULL) {
		abort(); /* no certificate is for two */
	}
	arena_free(a);
	return 0;
}
