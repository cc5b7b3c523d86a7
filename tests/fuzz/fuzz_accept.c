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
	size_t chosen = accept_choose(header, offered, 3);
	/* What is liked better than the first is so whatever else there is. */
	if (chosen > 2 || (chosen > 0 && accept_choose(header, (const char *[]) { offered[0], offered[chosen] }, 2) != 1)) {
		abort();
	}
	free(header);
	return 0;
}
