#include "subscriber/post.h"

#include <curl/curl.h>
#include <string.h>

#include "lib/base/auto.h"
#include "lib/base/buffer.h"

#define REPLY_MAX 65536
#define TIMEOUT_MS 10000

AUTO_DEFINE(CURL, curl_easy_cleanup)

/* Less than what came ends the transfer. */
static size_t take(const char *p, size_t one, size_t n, void *arg)
{
	struct buffer *b = arg;
	if (b->n + one * n > REPLY_MAX) {
		return 0;
	}
	buffer_add(b, p, one * n);
	return one * n;
}

static struct curl_slist *headers_of(struct arena *a, const char *type)
{
	struct curl_slist *list = curl_slist_append(NULL, arena_printf(a, "Content-Type: %s", type));
	struct curl_slist *both = list == NULL ? NULL : curl_slist_append(list, "Expect:");
	return both == NULL ? list : both;
}

int post(struct ctx *c, const struct post_to *to, struct bytes body, long *ret_status, struct bytes *ret_reply)
{
	int64_t left_ms = ctx_left_ms(c, TIMEOUT_MS);
	if (left_ms < 1) { /* for libcurl 0 is no limit */
		return FAIL(c, DEADLINE, "The time for this is over");
	}
	AUTO(CURL) curl = curl_easy_init();
	struct curl_slist *headers = headers_of(c->arena, to->type);
	struct buffer b;
	struct curl_blob blob = { arena_alloc(c->arena, to->ca.n + 1), to->ca.n, CURL_BLOB_COPY };
	buffer_init(&b, c->arena, 1024);
	if (to->ca.n > 0) {
		memcpy(blob.data, to->ca.p, to->ca.n);
	}
	bool set = curl != NULL && headers != NULL && curl_easy_setopt(curl, CURLOPT_URL, to->url) == CURLE_OK &&
	           curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK &&
	           curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
	           curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long) left_ms) == CURLE_OK &&
	           curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers) == CURLE_OK &&
	           curl_easy_setopt(curl, CURLOPT_PROXY, "") == CURLE_OK &&
	           curl_easy_setopt(curl, CURLOPT_POSTFIELDS, (const char *) body.p) == CURLE_OK &&
	           curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t) body.n) == CURLE_OK &&
	           curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take) == CURLE_OK &&
	           curl_easy_setopt(curl, CURLOPT_WRITEDATA, &b) == CURLE_OK &&
	           (to->ca.n == 0 || curl_easy_setopt(curl, CURLOPT_CAINFO_BLOB, &blob) == CURLE_OK);
	CURLcode result = set ? curl_easy_perform(curl) : CURLE_FAILED_INIT;
	if (result == CURLE_OK) {
		result = curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, ret_status);
	}
	curl_slist_free_all(headers);
	if (result != CURLE_OK) {
		return FAIL(c, UNAVAILABLE, "%s: %s", to->who, curl_easy_strerror(result));
	}
	*ret_reply = buffer_bytes(&b);
	return 0;
}
