#include "lib/http/transfer.h"

#include <pthread.h>
#include <string.h>

#include "lib/base/die.h"

#define CONNECT_LIMIT_MS 3000
#define NO_DEADLINE_MS 60000 /* a call without a deadline still ends */
#define REPLY_FIRST 4096
/* Less than the servers' idle timeout, so that a kept connection is rarely used just when the server closes it. */
#define KEEP_S 20L

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void init(void)
{
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
		die("libcurl can't start");
	}
}

/* libcurl repeats a request by itself on a fresh connection when a kept one breaks. Here a request is never sent twice:
 * the second time that it is about to send, it is stopped. What it was about to send may have been received. */
/* NOLINTNEXTLINE(readability-non-const-parameter): libcurl prescribes the type */
static int before_sending(void *arg, char *remote, char *local, int remote_port, int local_port)
{
	struct http_transfer *t = arg;
	(void) remote;
	(void) local;
	(void) remote_port;
	(void) local_port;
	bool again = t->call->sent;
	t->call->sent = true;
	return again ? CURL_PREREQFUNC_ABORT : CURL_PREREQFUNC_OK;
}

static size_t take_reply(char *data, size_t size, size_t n, void *arg)
{
	struct http_transfer *t = arg;
	size_t more = size * n;
	struct bytes *reply = &t->call->reply;
	if (more > t->call->max_reply - reply->n) {
		t->too_large = true;
		return 0;
	}
	if (reply->n + more > t->reply_size) {
		size_t grown_size = t->reply_size == 0 ? REPLY_FIRST : t->reply_size * 2;
		grown_size = grown_size < reply->n + more ? reply->n + more : grown_size;
		uint8_t *grown = arena_alloc(t->c->arena, grown_size);
		if (reply->n > 0) {
			memcpy(grown, reply->p, reply->n);
		}
		reply->p = grown;
		t->reply_size = grown_size;
	}
	memcpy((uint8_t *) (uintptr_t) reply->p + reply->n, data, more);
	reply->n += more;
	return more;
}

#define SET(easy, option, value) \
	do { \
		if (curl_easy_setopt((easy), (option), (value)) != CURLE_OK) { \
			die("libcurl does not know " #option); \
		} \
	} while (0)

CURL *http_transfer_handle(const struct http_client_tls *tls)
{
	(void) pthread_once(&once, init);
	CURL *easy = curl_easy_init();
	if (easy == NULL) {
		die("out of memory");
	}
	SET(easy, CURLOPT_NOSIGNAL, 1L);
	SET(easy, CURLOPT_PROXY, "");
	SET(easy, CURLOPT_NOPROXY, "*");
	SET(easy, CURLOPT_FOLLOWLOCATION, 0L);
	SET(easy, CURLOPT_PROTOCOLS_STR, "https");
	SET(easy, CURLOPT_HTTP_VERSION, (long) CURL_HTTP_VERSION_1_1);
	SET(easy, CURLOPT_SSLVERSION, (long) CURL_SSLVERSION_TLSv1_3 | (long) CURL_SSLVERSION_MAX_TLSv1_3);
	SET(easy, CURLOPT_SSL_VERIFYPEER, 1L);
	SET(easy, CURLOPT_SSL_VERIFYHOST, 2L);
	SET(easy, CURLOPT_CAPATH, NULL);
	SET(easy, CURLOPT_CAINFO, tls->ca_file);
	SET(easy, CURLOPT_SSLCERT, tls->cert_file);
	SET(easy, CURLOPT_SSLKEY, tls->key_file);
	SET(easy, CURLOPT_MAXAGE_CONN, KEEP_S);
	SET(easy, CURLOPT_MAXCONNECTS, 16L);
	SET(easy, CURLOPT_TCP_NODELAY, 1L);
	SET(easy, CURLOPT_POST, 1L);
	SET(easy, CURLOPT_PREREQFUNCTION, before_sending);
	SET(easy, CURLOPT_WRITEFUNCTION, take_reply);
	return easy;
}

static struct curl_slist *add(struct curl_slist *list, const char *text)
{
	struct curl_slist *longer = curl_slist_append(list, text);
	if (longer == NULL) {
		die("out of memory");
	}
	return longer;
}

void http_transfer_begin(struct http_transfer *t, CURL *easy, struct ctx *c, struct http_call *call)
{
	*t = (struct http_transfer) { .easy = easy, .c = c, .call = call };
	call->status = 0;
	call->content_type = NULL;
	call->reply = (struct bytes) { NULL, 0 };
	call->sent = false;
	t->headers = add(NULL, "Expect:"); /* no round trip for 100-continue */
	for (size_t i = 0; call->headers != NULL && call->headers[i] != NULL; i++) {
		t->headers = add(t->headers, call->headers[i]);
	}
	if (call->address != NULL) {
		t->connect_to = add(NULL, arena_printf(c->arena, "::%s", call->address));
	}
	int64_t left_ms = ctx_left_ms(c, NO_DEADLINE_MS);
	SET(easy, CURLOPT_URL, call->url);
	SET(easy, CURLOPT_CONNECT_TO, t->connect_to);
	SET(easy, CURLOPT_HTTPHEADER, t->headers);
	SET(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t) call->body.n);
	/* In one piece with the head, so that both leave in one record and the server wakes once. */
	SET(easy, CURLOPT_POSTFIELDS, call->body.n == 0 ? "" : (const char *) call->body.p);
	SET(easy, CURLOPT_PREREQDATA, t);
	SET(easy, CURLOPT_WRITEDATA, t);
	SET(easy, CURLOPT_ERRORBUFFER, t->error);
	SET(easy, CURLOPT_TIMEOUT_MS, (long) (left_ms < 1 ? 1 : left_ms));
	SET(easy, CURLOPT_CONNECTTIMEOUT_MS, (long) CONNECT_LIMIT_MS);
}

static int judge(struct http_transfer *t, CURLcode code)
{
	struct ctx *c = t->c;
	if (code == CURLE_OK) {
		return 0;
	}
	const char *where = t->call->address != NULL ? t->call->address : t->call->url;
	ctx_cause(c, "%s: %s", where, t->error[0] != '\0' ? t->error : curl_easy_strerror(code));
	if (t->too_large) {
		return FAIL(c, SERVER_INTERNAL, "A service gave too long an answer");
	}
	/* A connection that can't be made in time is no sign that the time is over. */
	if (code == CURLE_OPERATION_TIMEDOUT && ctx_left_ms(c, NO_DEADLINE_MS) < 2) {
		return FAIL(c, DEADLINE, "A service did not answer in time");
	}
	return FAIL(c, UNAVAILABLE, "A service can't be reached");
}

int http_transfer_end(struct http_transfer *t, CURLcode code)
{
	long status = 0;
	const char *type = NULL;
	if (code == CURLE_OK && curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status) == CURLE_OK &&
	    curl_easy_getinfo(t->easy, CURLINFO_CONTENT_TYPE, &type) == CURLE_OK) {
		t->call->status = (unsigned) status;
		t->call->content_type = arena_text(t->c->arena, type);
	}
	int result = judge(t, code);
	SET(t->easy, CURLOPT_CONNECT_TO, NULL);
	SET(t->easy, CURLOPT_HTTPHEADER, NULL);
	SET(t->easy, CURLOPT_ERRORBUFFER, NULL);
	curl_slist_free_all(t->headers);
	curl_slist_free_all(t->connect_to);
	t->headers = NULL;
	t->connect_to = NULL;
	return result;
}
