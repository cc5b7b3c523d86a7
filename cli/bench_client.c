#include "cli/bench_client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/base64.h"
#include "lib/base/clock.h"
#include "lib/base/die.h"
#include "lib/base/fields.h"

#define REPLY_MAX ((size_t) 1024 * 1024)
#define NONCE_TRIES 10
#define RETRY_AFTER_MAX_S 3600
#define SECOND_US ((int64_t) 1000000)

static size_t take_body(char *p, size_t size, size_t count, void *arg)
{
	struct reply_buffer *b = arg;
	size_t n = size * count;
	if (n > REPLY_MAX - b->n) {
		return 0; /* libcurl ends the transfer */
	}
	if (b->n + n > b->size) {
		b->size = 2 * (b->n + n);
		b->p = realloc(b->p, b->size);
		if (b->p == NULL) {
			die("out of memory");
		}
	}
	memcpy(b->p + b->n, p, n);
	b->n += n;
	return n;
}

static int watch(void *arg, curl_off_t down_total, curl_off_t down, curl_off_t up_total, curl_off_t up)
{
	(void) down_total, (void) down, (void) up_total, (void) up;
	const struct bench_client *a = arg;
	return bench_halt_level(a->halt) >= BENCH_BREAK;
}

void bench_client_init(
    struct bench_client *a, const struct bench_options *options, struct bench_halt *halt, struct bench_stats *stats)
{
	*a = (struct bench_client) { .options = options, .halt = halt, .stats = stats, .curl = curl_easy_init() };
	a->headers = curl_slist_append(NULL, "Content-Type: application/jose+json");
	if (a->curl == NULL || a->headers == NULL) {
		die("out of memory");
	}
	curl_easy_setopt(a->curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(a->curl, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(a->curl, CURLOPT_HTTP_VERSION, (long) CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(a->curl, CURLOPT_USERAGENT, "cairn-bench/" CAIRN_VERSION);
	curl_easy_setopt(a->curl, CURLOPT_PROXY, "");
	curl_easy_setopt(a->curl, CURLOPT_ERRORBUFFER, a->curl_error);
	curl_easy_setopt(a->curl, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(a->curl, CURLOPT_WRITEDATA, &a->buffer);
	curl_easy_setopt(a->curl, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(a->curl, CURLOPT_XFERINFOFUNCTION, watch);
	curl_easy_setopt(a->curl, CURLOPT_XFERINFODATA, a);
	if (options->ca_file != NULL) {
		curl_easy_setopt(a->curl, CURLOPT_CAINFO, options->ca_file);
	}
}

void bench_client_done(struct bench_client *a)
{
	curl_easy_cleanup(a->curl);
	curl_slist_free_all(a->headers);
	free(a->buffer.p);
	*a = (struct bench_client) { 0 };
}

void bench_client_begin(struct bench_client *a, struct arena *arena, bool recorded)
{
	a->arena = arena;
	a->failure = (struct bench_failure) { .retry_after_us = -1 };
	a->deadline_us = clock_monotonic_us() + a->options->timeout_us;
	a->recorded = recorded;
}

int bench_client_fail(struct bench_client *a, enum bench_step step, const char *type, const char *format, ...)
{
	if (a->failure.type != NULL) {
		return -1;
	}
	va_list ap;
	va_start(ap, format);
	a->failure.detail = arena_vprintf(a->arena, format, ap);
	va_end(ap);
	a->failure.step = step;
	a->failure.type = arena_text(a->arena, type);
	return -1;
}

void bench_client_record(struct bench_client *a, enum bench_step step, int64_t start_us)
{
	if (a->recorded) {
		histogram_add(&a->stats->step[step], clock_monotonic_us() - start_us);
	}
}

/* Text that may stand in a JSON string as it is: what is not is no URL and no nonce. */
static bool is_plain(const char *text)
{
	for (const char *p = text; *p != '\0'; p++) {
		if (*p <= ' ' || *p > '~' || *p == '"' || *p == '\\') {
			return false;
		}
	}
	return true;
}

const char *acme_text(const json_t *object, const char *member)
{
	const char *text = json_string_value(json_object_get(object, member));
	return text != NULL && is_plain(text) ? text : NULL;
}

int64_t acme_retry_after_us(const char *value, int64_t now_s)
{
	char *end = NULL;
	long long s = strtoll(value, &end, 10);
	if (end == value || *end != '\0') {
		time_t moment = curl_getdate(value, NULL);
		if (moment == (time_t) -1) {
			return -1;
		}
		s = (int64_t) moment > now_s ? (int64_t) moment - now_s : 0;
	}
	if (s < 0) {
		return -1;
	}
	return (s < RETRY_AFTER_MAX_S ? s : RETRY_AFTER_MAX_S) * SECOND_US;
}

static const char *header(const struct bench_client *a, const char *name)
{
	struct curl_header *h = NULL;
	return curl_easy_header(a->curl, name, 0, CURLH_HEADER, -1, &h) == CURLHE_OK ? h->value : NULL;
}

static void read_reply(struct bench_client *a, struct acme_reply *reply)
{
	*reply = (struct acme_reply) { .body = { (const uint8_t *) a->buffer.p, a->buffer.n }, .retry_after_us = -1 };
	reply->received_us = clock_monotonic_us();
	curl_easy_getinfo(a->curl, CURLINFO_RESPONSE_CODE, &reply->status);
	const char *nonce = header(a, "Replay-Nonce");
	if (nonce != NULL && strlen(nonce) < sizeof(a->nonce) && is_plain(nonce)) {
		memcpy(a->nonce, nonce, strlen(nonce) + 1);
	}
	const char *location = header(a, "Location");
	if (location != NULL && is_plain(location)) {
		reply->location = arena_text(a->arena, location);
	}
	const char *retry_after = header(a, "Retry-After");
	if (retry_after != NULL) {
		reply->retry_after_us = acme_retry_after_us(retry_after, clock_now().us / SECOND_US);
	}
	const char *type = header(a, "Content-Type");
	if (type != NULL && strstr(type, "json") != NULL) {
		json_t *json = json_loadb(a->buffer.p, a->buffer.n, JSON_REJECT_DUPLICATES, NULL);
		reply->json = json == NULL ? NULL : arena_json(a->arena, json);
	}
}

/* One exchange of any kind; -1 when there is no HTTP answer. */
static int exchange(struct bench_client *a, enum bench_step step, const char *url, struct acme_reply *ret)
{
	int64_t left_ms = (a->deadline_us - clock_monotonic_us()) / 1000;
	if (left_ms <= 0) {
		return bench_client_fail(a, step, "timeout", "the order took longer than --timeout");
	}
	curl_easy_setopt(a->curl, CURLOPT_URL, url);
	curl_easy_setopt(a->curl, CURLOPT_TIMEOUT_MS, (long) left_ms);
	a->buffer.n = 0;
	a->curl_error[0] = '\0';
	CURLcode code = curl_easy_perform(a->curl);
	a->stats->requests++;
	if (code != CURLE_OK) {
		const char *text = a->curl_error[0] != '\0' ? a->curl_error : curl_easy_strerror(code);
		return bench_client_fail(a, step, code == CURLE_OPERATION_TIMEDOUT ? "timeout" : "connection", "%s", text);
	}
	read_reply(a, ret);
	return 0;
}

static const char *problem_type(struct bench_client *a, const struct acme_reply *reply)
{
	static const char urn[] = "urn:ietf:params:acme:error:";
	const char *type = acme_text(reply->json, "type");
	if (type == NULL || strncmp(type, urn, sizeof(urn) - 1) != 0) {
		return arena_printf(a->arena, "HTTP %ld", reply->status);
	}
	return type + sizeof(urn) - 1;
}

static int refuse_status(struct bench_client *a, enum bench_step step, const struct acme_reply *reply)
{
	const char *detail = json_string_value(json_object_get(reply->json, "detail"));
	bench_client_fail(a, step, problem_type(a, reply), "%s", detail == NULL ? "" : detail);
	a->failure.retry_after_us = reply->retry_after_us;
	return -1;
}

int acme_get(struct bench_client *a, enum bench_step step, const char *url, struct acme_reply *ret)
{
	int64_t start_us = clock_monotonic_us();
	curl_easy_setopt(a->curl, CURLOPT_HTTPGET, 1L);
	curl_easy_setopt(a->curl, CURLOPT_HTTPHEADER, NULL);
	if (exchange(a, step, url, ret) != 0) {
		return -1;
	}
	bench_client_record(a, step, start_us);
	return ret->status == 200 ? 0 : refuse_status(a, step, ret);
}

static const char *keep_url(const struct bench_client *a, struct arena *keep, const json_t *directory, const char *name)
{
	(void) a;
	return arena_text(keep, acme_text(directory, name));
}

int acme_directory(struct bench_client *a, struct arena *keep)
{
	struct acme_reply reply = { 0 };
	if (acme_get(a, BENCH_DIRECTORY, a->options->directory, &reply) != 0) {
		return -1;
	}
	a->urls = (struct bench_urls) {
		.new_nonce = keep_url(a, keep, reply.json, "newNonce"),
		.new_account = keep_url(a, keep, reply.json, "newAccount"),
		.new_order = keep_url(a, keep, reply.json, "newOrder"),
		.revoke_cert = keep_url(a, keep, reply.json, "revokeCert"),
		.renewal_info = keep_url(a, keep, reply.json, "renewalInfo"),
	};
	if (a->urls.new_nonce == NULL || a->urls.new_account == NULL || a->urls.new_order == NULL) {
		return bench_client_fail(a, BENCH_DIRECTORY, "not a directory", "newNonce, newAccount or newOrder is missing");
	}
	return 0;
}

static int fetch_nonce(struct bench_client *a)
{
	int64_t start_us = clock_monotonic_us();
	struct acme_reply reply = { 0 };
	curl_easy_setopt(a->curl, CURLOPT_HTTPHEADER, NULL);
	curl_easy_setopt(a->curl, CURLOPT_NOBODY, 1L);
	int failed = exchange(a, BENCH_NEW_NONCE, a->urls.new_nonce, &reply);
	curl_easy_setopt(a->curl, CURLOPT_NOBODY, 0L);
	if (failed != 0) {
		return -1;
	}
	bench_client_record(a, BENCH_NEW_NONCE, start_us);
	if (reply.status != 200 && reply.status != 204) {
		return refuse_status(a, BENCH_NEW_NONCE, &reply);
	}
	return a->nonce[0] != '\0' ? 0 : bench_client_fail(a, BENCH_NEW_NONCE, "no nonce", "no Replay-Nonce in the answer");
}

static const char *encode(struct bench_client *a, const char *text)
{
	return base64url_encode(a->arena, bytes_of_text(text));
}

/* Uses the nonce up (RFC 8555 6.2, 6.5). */
static const char *sign(struct bench_client *a, const char *url, const char *payload)
{
	const char *who = a->kid != NULL ? arena_printf(a->arena, "\"kid\":\"%s\"", a->kid)
	                                 : arena_printf(a->arena, "\"jwk\":%s", a->key->jwk);
	const char *protected = encode(a, arena_printf(a->arena, "{\"alg\":\"%s\",%s,\"nonce\":\"%s\",\"url\":\"%s\"}",
	                                      a->key->rsa ? "RS256" : "ES256", who, a->nonce, url));
	a->nonce[0] = '\0';
	const char *body = encode(a, payload == NULL ? "" : payload);
	const char *input = arena_printf(a->arena, "%s.%s", protected, body);
	const char *signature = bench_key_sign(a->arena, a->key, bytes_of_text(input));
	return arena_printf(
	    a->arena, "{\"protected\":\"%s\",\"payload\":\"%s\",\"signature\":\"%s\"}", protected, body, signature);
}

int acme_post(
    struct bench_client *a, enum bench_step step, const char *url, const char *payload, struct acme_reply *ret)
{
	if (a->nonce[0] == '\0' && fetch_nonce(a) != 0) {
		return -1;
	}
	int64_t start_us = clock_monotonic_us();
	for (int try = 1;; try++) {
		const char *body = sign(a, url, payload);
		curl_easy_setopt(a->curl, CURLOPT_HTTPHEADER, a->headers);
		curl_easy_setopt(a->curl, CURLOPT_POSTFIELDSIZE, (long) strlen(body));
		curl_easy_setopt(a->curl, CURLOPT_POSTFIELDS, body);
		if (exchange(a, step, url, ret) != 0) {
			return -1;
		}
		/* RFC 8555 6.5: a badNonce brings a fresh nonce; the client tries again. */
		bool bad_nonce = ret->status == 400 && strcmp(problem_type(a, ret), "badNonce") == 0;
		if (!bad_nonce || try == NONCE_TRIES || a->nonce[0] == '\0') {
			break;
		}
		a->stats->bad_nonces++;
	}
	bench_client_record(a, step, start_us);
	return ret->status / 100 == 2 ? 0 : refuse_status(a, step, ret);
}
