#include "cli/bench_client.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/base64.h"
#include "lib/base/buffer.h"
#include "lib/base/clock.h"
#include "lib/base/fields.h"

#define NONCE_TRIES 10
#define RETRY_AFTER_MAX_S 3600
#define SECOND_US ((int64_t) 1000000)

void bench_client_init(
    struct bench_client *a, const struct bench_options *options, struct bench_halt *halt, struct bench_stats *stats)
{
	*a = (struct bench_client) {
		.options = options, .halt = halt, .stats = stats, .http = bench_http_new(options->ca_file, halt)
	};
}

void bench_client_done(struct bench_client *a)
{
	bench_http_free(a->http);
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

static void read_reply(struct bench_client *a, const struct bench_http_answer *answer, struct acme_reply *reply)
{
	const struct bytes head = answer->head;
	*reply = (struct acme_reply) { .status = answer->status, .body = answer->body, .retry_after_us = -1 };
	reply->received_us = clock_monotonic_us();
	const char *nonce = bench_http_header(a->arena, head, "Replay-Nonce");
	if (nonce != NULL && strlen(nonce) < sizeof(a->nonce) && is_plain(nonce)) {
		memcpy(a->nonce, nonce, strlen(nonce) + 1);
	}
	const char *location = bench_http_header(a->arena, head, "Location");
	reply->location = location != NULL && is_plain(location) ? location : NULL;
	const char *retry_after = bench_http_header(a->arena, head, "Retry-After");
	if (retry_after != NULL) {
		reply->retry_after_us = acme_retry_after_us(retry_after, clock_now().us / SECOND_US);
	}
	const char *type = bench_http_header(a->arena, head, "Content-Type");
	if (type != NULL && strstr(type, "json") != NULL) {
		json_t *json = json_loadb((const char *) answer->body.p, answer->body.n, JSON_REJECT_DUPLICATES, NULL);
		reply->json = json == NULL ? NULL : arena_json(a->arena, json);
	}
}

/* One exchange of any kind; -1 when there is no HTTP answer. */
static int exchange(
    struct bench_client *a, enum bench_step step, const struct bench_http_request *request, struct acme_reply *ret)
{
	struct bench_http_answer answer;
	struct bench_http_error error;
	if (a->deadline_us - clock_monotonic_us() < 1000) {
		return bench_client_fail(a, step, "timeout", "the order took longer than --timeout");
	}
	int failed = bench_http_exchange(a->http, a->arena, request, a->deadline_us, &answer, &error);
	a->stats->requests++;
	if (failed != 0) {
		return bench_client_fail(a, step, error.timeout ? "timeout" : "connection", "%s", error.text);
	}
	read_reply(a, &answer, ret);
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
	const struct bench_http_request request = { .method = "GET", .url = url };
	if (exchange(a, step, &request, ret) != 0) {
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
	const struct bench_http_request request = { .method = "HEAD", .url = a->urls.new_nonce };
	if (exchange(a, BENCH_NEW_NONCE, &request, &reply) != 0) {
		return -1;
	}
	bench_client_record(a, BENCH_NEW_NONCE, start_us);
	if (reply.status != 200 && reply.status != 204) {
		return refuse_status(a, BENCH_NEW_NONCE, &reply);
	}
	return a->nonce[0] != '\0' ? 0 : bench_client_fail(a, BENCH_NEW_NONCE, "no nonce", "no Replay-Nonce in the answer");
}

static void add_encoded(struct buffer *b, struct arena *a, struct bytes in)
{
	buffer_add_text(b, base64url_encode(a, in));
}

static struct bytes protected_header(struct bench_client *a, const char *url)
{
	struct buffer b;
	buffer_init(&b, a->arena, 512);
	buffer_add_text(&b, a->key->rsa ? "{\"alg\":\"RS256\"," : "{\"alg\":\"ES256\",");
	buffer_add_text(&b, a->kid != NULL ? "\"kid\":\"" : "\"jwk\":");
	buffer_add_text(&b, a->kid != NULL ? a->kid : a->key->jwk);
	buffer_add_text(&b, a->kid != NULL ? "\",\"nonce\":\"" : ",\"nonce\":\"");
	buffer_add_text(&b, a->nonce);
	buffer_add_text(&b, "\",\"url\":\"");
	buffer_add_text(&b, url);
	buffer_add_text(&b, "\"}");
	return buffer_bytes(&b);
}

/* Uses the nonce up (RFC 8555 6.2, 6.5). */
static struct bytes sign(struct bench_client *a, const char *url, const char *payload)
{
	struct buffer input;
	struct buffer body;
	buffer_init(&input, a->arena, 2048);
	buffer_init(&body, a->arena, 2048);
	add_encoded(&input, a->arena, protected_header(a, url));
	a->nonce[0] = '\0';
	size_t n = buffer_bytes(&input).n;
	buffer_add_char(&input, '.');
	add_encoded(&input, a->arena, bytes_of_text(payload == NULL ? "" : payload));
	const struct bytes signed_input = buffer_bytes(&input);
	buffer_add_text(&body, "{\"protected\":\"");
	buffer_add(&body, signed_input.p, n);
	buffer_add_text(&body, "\",\"payload\":\"");
	buffer_add(&body, signed_input.p + n + 1, signed_input.n - n - 1);
	buffer_add_text(&body, "\",\"signature\":\"");
	buffer_add_text(&body, bench_key_sign(a->arena, a->key, signed_input));
	buffer_add_text(&body, "\"}");
	return buffer_bytes(&body);
}

int acme_post(
    struct bench_client *a, enum bench_step step, const char *url, const char *payload, struct acme_reply *ret)
{
	if (a->nonce[0] == '\0' && fetch_nonce(a) != 0) {
		return -1;
	}
	int64_t start_us = clock_monotonic_us();
	for (int try = 1;; try++) {
		const struct bench_http_request request = { .method = "POST", .url = url, .body = sign(a, url, payload) };
		if (exchange(a, step, &request, ret) != 0) {
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
