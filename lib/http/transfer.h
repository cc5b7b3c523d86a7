/* One POST as a libcurl easy handle, for the blocking client (client.c) and for the loop of lib/rpc. */
#ifndef CAIRN_HTTP_TRANSFER_H
#define CAIRN_HTTP_TRANSFER_H

#include <curl/curl.h>

#include "lib/http/client.h"

struct http_transfer {
	CURL *easy;
	struct ctx *c;
	struct http_call *call;
	struct curl_slist *headers;
	struct curl_slist *connect_to;
	size_t reply_size;
	bool too_large;
	char error[CURL_ERROR_SIZE];
};

/* A handle with all that is the same for each call. */
CURL *http_transfer_handle(const struct http_client_tls *tls);

/* Prepares the handle for one call within the deadline of c; t stays where it is until http_transfer_end. */
void http_transfer_begin(struct http_transfer *t, CURL *easy, struct ctx *c, struct http_call *call);

/* Fills in the outcome. 0 for any HTTP answer; FAIL as http_client_post says. */
int http_transfer_end(struct http_transfer *t, CURLcode code) MUST_CHECK;

#endif
