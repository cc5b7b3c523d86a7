/* link: wfe */
/* The Accept header of a download (style 25). Input: the header. */
#include <stdlib.h>
#include <string.h>

#include "wfe/accept.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const offered[] = { "application/pem-certificate-chain", "application/pkcs7-mime",
		"application/pkix-cert" };
	char *header = malloc(size + 1); /* of its exact size, so that a sanitizer sees who reads behind it */
	if (header == NULL) {
		return 0;
	}
	memcpy(header, data, size);
	header[size] = '\0';
	int chosen = accept_choose(header, offered, 3);
	/* Whoever takes one of them takes it when it is all there is. */
	if (chosen < -1 || chosen > 2 || (chosen >= 0 && accept_choose(header, offered + chosen, 1) != 0)) {
		abort();
	}
	free(header);
	return 0;
}
