/* The head of an HTTP answer between our processes (style 25). Input: what came from the connection. */
#include <stdlib.h>
#include <string.h>

#include "lib/http/head.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct http_head head;
	int result = http_head_parse((struct bytes) { data, size }, &head);
	if (result != 1) {
		return 0;
	}
	/* What was read lies within the input, and the same head is found whatever follows it. */
	struct http_head again;
	if (head.n > size || head.n > HTTP_HEAD_MAX || head.status < 200 || head.status > 599 ||
	    (head.content_type.n > 0 &&
	        (head.content_type.p < data || head.content_type.p + head.content_type.n > data + head.n)) ||
	    http_head_parse((struct bytes) { data, head.n }, &again) != 1 || again.n != head.n || again.body != head.body) {
		abort();
	}
	return 0;
}
